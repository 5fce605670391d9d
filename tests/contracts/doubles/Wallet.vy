# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title Wallet: a contract that signs by ERC-1271, honestly or not
@notice Modes: 0 answers for its owner's signatures, 1 burns all gas, 2 answers something else, 3 answers too
    little, 4 refuses by reverting, 5 says yes to everything, 6 answers with more than a word.
"""

owner: public(address)
mode: public(uint256)


@external
def set_up(owner: address, mode: uint256):
    self.owner = owner
    self.mode = mode


@external
@view
@raw_return
def isValidSignature(digest: bytes32, signature: Bytes[65]) -> Bytes[64]:
    assert self.mode != 4, "no"
    if self.mode == 1:
        spent: bytes32 = digest
        for _: uint256 in range(1_000_000):
            spent = keccak256(spent)
        return b""
    good: Bytes[32] = concat(0x1626ba7e, empty(bytes28))
    if self.mode == 2:
        return concat(0xffffffff, empty(bytes28))
    if self.mode == 3:
        return slice(good, 0, 4)
    if self.mode == 5:
        return good
    if self.mode == 6:
        return concat(good, empty(bytes32))
    r: uint256 = convert(extract32(signature, 0), uint256)
    s: uint256 = convert(extract32(signature, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if ecrecover(digest, v, r, s) == self.owner:
        return good
    return concat(0xffffffff, empty(bytes28))
