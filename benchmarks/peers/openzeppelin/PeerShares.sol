// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// Shares with votes, read at a second before the proposal. Only the registry mints after the start.
contract PeerShares is ERC20, ERC20Votes {
    address public immutable registry;

    error OnlyRegistry(address caller);

    constructor(address registry_, address[] memory holders, uint256 each)
        ERC20("Peer Shares", "PEER")
        EIP712("Peer Shares", "1")
    {
        registry = registry_;
        for (uint256 i = 0; i < holders.length; ++i) {
            _mint(holders[i], each);
        }
    }

    function mint(address to, uint256 amount) external {
        if (msg.sender != registry) revert OnlyRegistry(msg.sender);
        _mint(to, amount);
    }

    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
