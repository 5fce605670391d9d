# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaiveAssociation: a data market as one writes it first
@notice Shares are votes and move freely; weight is read when votes are counted; there is no deadline; whoever
    proposes names what is minted; an admin may change everything; fees are pushed in loops.
    Only the tests use it: every attack must succeed against it.
"""
from ethereum.ercs import IERC20

interface Borrower:
    def on_loan(amount: uint256): nonpayable

struct Proposal:
    proposer: address
    payee: address
    root: bytes32
    amount: uint256
    is_done: bool

MOST: constant(uint256) = 20_000

TOKEN: immutable(IERC20)

admin: public(address)
quorum_bps: public(uint256)
balanceOf: public(HashMap[address, uint256])
totalSupply: public(uint256)
delegated: public(HashMap[address, uint256])
holders: DynArray[address, MOST]
proposals: public(DynArray[Proposal, MOST])
voters: HashMap[uint256, DynArray[address, MOST]]
sides: HashMap[uint256, HashMap[address, bool]]
reviews: public(HashMap[address, uint256])


@deploy
def __init__(token: address, founders: DynArray[address, 16], weights: DynArray[uint256, 16]):
    TOKEN = IERC20(token)
    self.admin = msg.sender
    self.quorum_bps = 5_000
    for i: uint256 in range(len(founders), bound=16):
        self._mint(founders[i], weights[i])


@internal
def _mint(to: address, amount: uint256):
    if self.balanceOf[to] == 0:
        self.holders.append(to)
    self.balanceOf[to] += amount
    self.totalSupply += amount


@external
def propose(payee: address, root: bytes32, amount: uint256) -> uint256:
    self.proposals.append(
        Proposal(proposer=msg.sender, payee=payee, root=root, amount=amount, is_done=False)
    )
    return len(self.proposals) - 1


@external
def vote(id: uint256, support: bool):
    self.voters[id].append(msg.sender)
    self.sides[id][msg.sender] = support


@external
def execute(id: uint256):
    assert not self.proposals[id].is_done, "naive: done"
    yes: uint256 = 0
    no: uint256 = 0
    for voter: address in self.voters[id]:
        weight: uint256 = self.balanceOf[voter] + self.delegated[voter]
        if self.sides[id][voter]:
            yes += weight
        else:
            no += weight
    assert yes > no, "naive: defeated"
    assert yes * 10_000 > self.quorum_bps * self.totalSupply, "naive: no quorum"
    self.proposals[id].is_done = True
    self._mint(self.proposals[id].payee, self.proposals[id].amount)


@external
def delegate(to: address):
    # What was delegated before goes along, and nobody counts it off again.
    self.delegated[to] += self.balanceOf[msg.sender] + self.delegated[msg.sender]


@external
def transfer(to: address, amount: uint256):
    self.balanceOf[msg.sender] -= amount
    if self.balanceOf[to] == 0:
        self.holders.append(to)
    self.balanceOf[to] += amount


@external
def flash(amount: uint256, whose: address):
    self.balanceOf[whose] -= amount
    self.balanceOf[msg.sender] += amount
    extcall Borrower(msg.sender).on_loan(amount)
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[whose] += amount


@external
def set_quorum(quorum_bps: uint256):
    assert msg.sender == self.admin, "naive: not the admin"
    self.quorum_bps = quorum_bps


@external
def sweep(to: address):
    assert msg.sender == self.admin, "naive: not the admin"
    extcall TOKEN.transfer(to, staticcall TOKEN.balanceOf(self))


@external
def measured(id: uint256, amount: uint256):
    # One evaluator, anybody, says what data is worth.
    self.proposals[id].amount = amount
    self.reviews[msg.sender] += 1


@external
def pay_all(amount: uint256):
    # Income is pushed to every holder.
    extcall TOKEN.transferFrom(msg.sender, self, amount)
    for holder: address in self.holders:
        extcall TOKEN.transfer(holder, amount * self.balanceOf[holder] // self.totalSupply)


@external
@view
def num_holders() -> uint256:
    return len(self.holders)
