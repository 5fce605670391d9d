# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaiveNumbers: ballots and measurements signed for chain, contract and the number of a proposal
"""
struct Proposal:
    proposer: address
    root: bytes32
    yes: uint256
    is_done: bool

VOTER: immutable(address)
EVALUATOR: immutable(address)

num_proposals: public(uint256)
proposals: public(HashMap[uint256, Proposal])
shares: public(HashMap[address, uint256])


@deploy
def __init__(voter: address, evaluator: address):
    VOTER = voter
    EVALUATOR = evaluator


@external
def propose(root: bytes32) -> uint256:
    self.num_proposals += 1
    self.proposals[self.num_proposals] = Proposal(
        proposer=msg.sender, root=root, yes=0, is_done=False
    )
    return self.num_proposals


@external
@view
def digest(id: uint256, said: uint256) -> bytes32:
    return keccak256(abi_encode(chain.id, self, id, said))


@external
def vote_signed(id: uint256, v: uint256, r: uint256, s: uint256):
    signer: address = ecrecover(keccak256(abi_encode(chain.id, self, id, convert(1, uint256))), v, r, s)
    assert signer == VOTER, "naive: not signed"
    self.proposals[id].yes = 1


@external
def execute(id: uint256, amount: uint256, v: uint256, r: uint256, s: uint256):
    signer: address = ecrecover(keccak256(abi_encode(chain.id, self, id, amount)), v, r, s)
    assert signer == EVALUATOR, "naive: not measured"
    assert self.proposals[id].yes == 1 and not self.proposals[id].is_done, "naive: not carried"
    self.proposals[id].is_done = True
    self.shares[self.proposals[id].proposer] += amount
