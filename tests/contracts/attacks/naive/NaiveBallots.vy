# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title NaiveBallots: signed ballots that name the voter and the side, and nothing else
"""
weight: public(HashMap[address, uint256])
yes: public(HashMap[uint256, uint256])
num_proposals: public(uint256)
titles: public(HashMap[uint256, bytes32])
has_voted: public(HashMap[uint256, HashMap[address, bool]])


@deploy
def __init__(voter: address, weight: uint256):
    self.weight[voter] = weight


@external
def propose(title: bytes32) -> uint256:
    self.num_proposals += 1
    self.titles[self.num_proposals] = title
    return self.num_proposals


@external
def cancel():
    # A note only: nothing looks at it.
    log Cancelled(voter=msg.sender)


@external
@view
def digest(voter: address, support: bool) -> bytes32:
    return keccak256(abi_encode(voter, support))


@external
def vote_signed(id: uint256, voter: address, support: bool, v: uint256, r: uint256, s: uint256):
    assert not self.has_voted[id][voter], "naive: voted"
    assert ecrecover(keccak256(abi_encode(voter, support)), v, r, s) == voter, "naive: not signed"
    self.has_voted[id][voter] = True
    if support:
        self.yes[id] += self.weight[voter]


event Cancelled:
    voter: indexed(address)
