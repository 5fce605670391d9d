"""What a proposal commits to on chain, and the entries of a dataset's snapshots.

The chain keeps one word of a proposal: keccak256 of the ABI encoding of its terms. Whoever acts on
the proposal hands the terms in again. A snapshot's root is no word of the chain: anybody computes
it from the entries that the chain lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from eth_utils.crypto import keccak

from databright.errors import BadInputError
from databright.records.merkle import MerkleTree, leaf_hashes
from databright.records.words import (
    MAX_UINT256,
    address_bytes,
    check_uint256,
    check_word,
    encode_words,
)
from databright.units import Address, Amount, Shares

PROPOSALS_PER_DATASET: Final = 1_000_000
"""A proposal's id is its dataset times this plus its number."""


def proposal_id(dataset: int, number: int) -> int:
    """Id of a proposal.

    Args:
        dataset: its dataset, from 1.
        number: its number in the dataset, 1 to 999,999.

    Returns:
        dataset * 1,000,000 + number.

    Raises:
        BadInputError: a number out of its range.
    """
    if not 1 <= number < PROPOSALS_PER_DATASET:
        raise BadInputError(
            f"number {number} of a proposal: use 1 to {PROPOSALS_PER_DATASET - 1} in one dataset"
        )
    found = dataset * PROPOSALS_PER_DATASET + number
    if dataset < 1 or found > MAX_UINT256:
        raise BadInputError(f"dataset {dataset} has no proposals: datasets are numbered from 1")
    return found


def split_proposal_id(proposal: int) -> tuple[int, int]:
    """Dataset and number of a proposal.

    Args:
        proposal: its id.

    Returns:
        (dataset, number in the dataset), both from 1.

    Raises:
        BadInputError: no proposal has this id.
    """
    dataset, number = divmod(proposal, PROPOSALS_PER_DATASET)
    if dataset < 1 or number < 1 or proposal > MAX_UINT256:
        raise BadInputError(
            f"no proposal has the id {proposal}: ids are dataset * {PROPOSALS_PER_DATASET} +"
            " number, both from 1"
        )
    return dataset, number


@dataclass(frozen=True)
class Terms:
    """What a proposal commits to, in the order of the encoding; numbers are below 2**256.

    Attributes:
        proposal: its id, see `proposal_id`.
        request: the request that it answers, 0 without one.
        proposer: who proposed it.
        payee: who receives its shares.
        root: root of the tree of its points (`records.points`), 32 bytes.
        ref: digest of its sealed data, 32 bytes.
        manifest: digest of its manifest, 32 bytes.
        num_rows: its points.
        revises: the proposal that it replaces, 0 without one.
        bond: base units of money.
        fee: fee of its evaluation, base units of money.
        electorate: number of the electorate that votes on it.
    """

    proposal: int
    request: int
    proposer: Address
    payee: Address
    root: bytes
    ref: bytes
    manifest: bytes
    num_rows: int
    revises: int
    bond: Amount
    fee: Amount
    electorate: int

    def __post_init__(self) -> None:
        """Refuse what has no encoding.

        Raises:
            BadInputError: a field is out of its range.
        """
        for name in ("proposal", "request", "num_rows", "revises", "bond", "fee", "electorate"):
            check_uint256(name, getattr(self, name))
        split_proposal_id(self.proposal)
        for name in ("proposer", "payee"):
            address_bytes(name, getattr(self, name))
        for name in ("root", "ref", "manifest"):
            check_word(name, getattr(self, name))

    def encode(self) -> bytes:
        """The terms as the contracts' ABI encodes them.

        Returns:
            12 words of 32 bytes.
        """
        return encode_words(
            (
                self.proposal,
                self.request,
                address_bytes("proposer", self.proposer),
                address_bytes("payee", self.payee),
                self.root,
                self.ref,
                self.manifest,
                self.num_rows,
                self.revises,
                self.bond,
                self.fee,
                self.electorate,
            )
        )

    def commitment(self) -> bytes:
        """The word that the chain keeps of the proposal.

        Returns:
            keccak256 of `encode`, 32 bytes.
        """
        return keccak(self.encode())


@dataclass(frozen=True)
class SnapshotEntry:
    """One accepted proposal as a snapshot lists it.

    Attributes:
        proposal: its id.
        commitment: the word that the chain keeps of it, 32 bytes.
        shares: of its tranche.
        born: the first snapshot that holds it, from 1.
    """

    proposal: int
    commitment: bytes
    shares: Shares
    born: int

    def __post_init__(self) -> None:
        """Refuse what has no encoding.

        Raises:
            BadInputError: a field is out of its range.
        """
        for name in ("proposal", "shares", "born"):
            check_uint256(name, getattr(self, name))
        check_word("commitment", self.commitment)

    def content(self) -> bytes:
        """What the entry's leaf is the hash of.

        Returns:
            4 words of 32 bytes, as the contracts' ABI encodes them.
        """
        return encode_words((self.proposal, self.commitment, self.shares, self.born))


def snapshot_tree(entries: Sequence[SnapshotEntry]) -> MerkleTree:
    """The tree of a snapshot.

    Args:
        entries: its entries in order of registration, 1 to 2**20.

    Returns:
        The tree; its root names the snapshot's content.

    Raises:
        BadInputError: no entries or too many.
    """
    if not entries:
        raise BadInputError("a snapshot has at least one entry, got none")
    contents = np.frombuffer(b"".join(entry.content() for entry in entries), dtype=np.uint8)
    return MerkleTree(leaf_hashes(contents.reshape(len(entries), -1)))
