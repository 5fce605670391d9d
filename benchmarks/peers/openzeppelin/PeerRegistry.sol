// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {PeerShares} from "./PeerShares.sol";

/// Accepted entries of one dataset, with what our own registry keeps of one, packed into three words.
contract PeerRegistry {
    struct Entry {
        bytes32 ref;
        bytes32 manifest;
        address contributor;
        uint32 numRows;
        uint64 shares;
    }

    address public immutable governor;
    PeerShares public immutable shares;
    Entry[] public entries;

    event Registered(
        uint256 indexed id,
        address indexed contributor,
        bytes32 ref,
        bytes32 manifest,
        uint32 numRows,
        uint64 shares
    );

    error OnlyGovernor(address caller);

    constructor(address governor_, PeerShares shares_) {
        governor = governor_;
        shares = shares_;
    }

    function register(
        bytes32 ref,
        bytes32 manifest,
        address contributor,
        uint32 numRows,
        uint64 amount
    ) external {
        if (msg.sender != governor) revert OnlyGovernor(msg.sender);
        emit Registered(entries.length, contributor, ref, manifest, numRows, amount);
        entries.push(Entry(ref, manifest, contributor, numRows, amount));
        shares.mint(contributor, amount);
    }
}
