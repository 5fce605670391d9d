# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title DiscussionAnchor: roots of logs of signed discussions
@notice Whoever publishes a log writes the Merkle root of each batch of its entries here, batch after
        batch without a gap. What is anchored can neither be changed nor left out later.
@dev No owner, no money. A publisher speaks for its own log alone.
"""

event Anchored:
    publisher: indexed(address)
    first: uint256
    count: uint256
    root: bytes32


MAX_COUNT: constant(uint256) = 2**20

# the number of the first entry that a publisher has not anchored yet
next_of: public(HashMap[address, uint256])


@external
def anchor(first: uint256, count: uint256, root: bytes32):
    """
    @notice Anchor the sender's next batch.
    @param first Number of its first entry; entries count from 0.
    @param count Entries in it, 1 to 2**20.
    @param root Merkle root over them (leaf 0x00, inner node 0x01, keccak-256, in order).
    """
    assert count > 0, "discussion: empty batch"
    assert count <= MAX_COUNT, "discussion: batch too large"
    assert root != empty(bytes32), "discussion: no root"
    assert first == self.next_of[msg.sender], "discussion: not the next entry"
    self.next_of[msg.sender] = first + count
    log Anchored(publisher=msg.sender, first=first, count=count, root=root)
