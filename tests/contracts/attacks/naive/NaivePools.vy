# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaivePools: payment by a Merkle path whose nodes look like leaves
@notice A leaf is keccak(worth | owner), 64 bytes as an inner node is; pairs are sorted; nothing keeps the
    values' sum to what the pool holds; anybody may be paid who brings a path.
"""
from ethereum.ercs import IERC20

TOKEN: immutable(IERC20)

struct Pool:
    amount: uint256
    total: uint256
    root: bytes32

pools: public(DynArray[Pool, 16])
is_paid: HashMap[bytes32, bool]


@deploy
def __init__(token: address):
    TOKEN = IERC20(token)


@external
def open(amount: uint256, total: uint256, root: bytes32) -> uint256:
    extcall TOKEN.transferFrom(msg.sender, self, amount)
    self.pools.append(Pool(amount=amount, total=total, root=root))
    return len(self.pools) - 1


@external
def claim(id: uint256, worth: bytes32, owner: bytes32, path: DynArray[bytes32, 20]) -> uint256:
    node: bytes32 = keccak256(concat(worth, owner))
    assert not self.is_paid[node], "naive: paid"
    self.is_paid[node] = True
    for sibling: bytes32 in path:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
    assert node == self.pools[id].root, "naive: wrong path"
    due: uint256 = unsafe_mul(self.pools[id].amount, convert(worth, uint256)) // self.pools[id].total
    due = min(due, staticcall TOKEN.balanceOf(self))
    extcall TOKEN.transfer(convert(convert(owner, uint256) & (2**160 - 1), address), due)
    return due
