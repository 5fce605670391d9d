# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaiveOrder: proposals settle strictly one after another, each by whoever opened it
@notice Bonds are flat, an earlier open proposal holds up all later ones for ever, and a challenge waits for an
    answer that nobody must give. Copies are told by who is accepted first.
"""
from ethereum.ercs import IERC20

TOKEN: immutable(IERC20)
BOND: constant(uint256) = 5

struct Proposal:
    proposer: address
    root: bytes32
    is_open: bool
    is_challenged: bool

proposals: public(DynArray[Proposal, 20_000])
next_up: public(uint256)
owner_of: public(HashMap[bytes32, address])


@deploy
def __init__(token: address):
    TOKEN = IERC20(token)


@external
def propose(root: bytes32) -> uint256:
    extcall TOKEN.transferFrom(msg.sender, self, BOND)
    self.proposals.append(
        Proposal(proposer=msg.sender, root=root, is_open=True, is_challenged=False)
    )
    return len(self.proposals) - 1


@external
def challenge(id: uint256):
    self.proposals[id].is_challenged = True


@external
def settle(id: uint256):
    assert self.proposals[id].proposer == msg.sender, "naive: not the proposer"
    assert not self.proposals[id].is_challenged, "naive: is challenged"
    assert self.next_up == id, "naive: earlier is open"
    self._accept(id)
    self.next_up += 1


@external
def accept(id: uint256):
    # The order does not matter here: who is accepted first owns the data.
    self._accept(id)


@internal
def _accept(id: uint256):
    root: bytes32 = self.proposals[id].root
    assert self.owner_of[root] == empty(address), "naive: is a copy"
    self.owner_of[root] = self.proposals[id].proposer
    self.proposals[id].is_open = False
    extcall TOKEN.transfer(self.proposals[id].proposer, BOND)
