"""Proposals, snapshots and proofs drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from databright.records.point_proof import ModelUse, PointProof, prove_point
from databright.records.points import Part, PointTree
from databright.records.terms import SnapshotEntry, Terms, proposal_id
from databright.records.words import address_of
from databright.units import Address, Amount, Digest, Shares


@dataclass(frozen=True)
class World:
    """One proposal in one snapshot.

    Attributes:
        parts: of the proposal.
        tree: of its points.
        terms: of the proposal.
        entries: of the snapshot.
        at: the proposal's entry.
    """

    parts: tuple[Part, ...]
    tree: PointTree
    terms: Terms
    entries: tuple[SnapshotEntry, ...]
    at: int

    def proof(self, index: int, num_models: int = 0, value: int | None = None) -> PointProof:
        """The proof of one point in the newest snapshot."""
        draw = random.Random(index)
        newest = len(self.entries)
        return prove_point(
            self.tree,
            index,
            self.terms,
            entries=self.entries,
            snapshot=newest,
            licence=Digest(draw.randbytes(32)),
            value=value,
            uses=[
                ModelUse(10**9 + k, 10**12 + k, newest, Digest(draw.randbytes(32)))
                for k in range(num_models)
            ],
        )


def address(draw: random.Random) -> Address:
    return address_of(draw.randbytes(20))


def world(sizes: list[int], num_entries: int, at: int, seed: int = 1) -> World:
    """A proposal of parts of these sizes as entry `at` of a snapshot."""
    draw = random.Random(seed)
    parts = tuple(
        Part(
            address(draw),
            Digest(draw.randbytes(32)),
            draw.randbytes(32),
            [draw.randbytes(32) for _ in range(size)],
        )
        for size in sizes
    )
    tree = PointTree(parts)
    terms = Terms(
        proposal=proposal_id(4321, 1 + at),
        request=98_765,
        proposer=parts[0].owner,
        payee=address(draw),
        root=tree.root,
        ref=draw.randbytes(32),
        manifest=draw.randbytes(32),
        num_rows=len(tree),
        revises=0,
        bond=Amount(25 * 10**18),
        fee=Amount(3 * 10**18),
        electorate=10**9,
    )
    entries = [
        SnapshotEntry(proposal_id(4321, 1 + k), draw.randbytes(32), Shares(10**9 + k), 1 + k)
        for k in range(num_entries)
    ]
    entries[at] = SnapshotEntry(
        terms.proposal, terms.commitment(), entries[at].shares, entries[at].born
    )
    return World(parts, tree, terms, tuple(entries), at)
