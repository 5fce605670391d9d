"""Proof of one point: that a row is in a named snapshot, who gave it, and what used it.

The proof stands alone. `verify` follows leaf -> root of the proposal -> commitment -> root of the
snapshot without a chain, and says which of its statements hold, which fail, and which are open
until somebody compares them with the chain. The present owner of the shares is no part of it: that
changes, and the chain knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from databright.errors import BadInputError
from databright.records.merkle import MerklePath
from databright.records.points import Point, PointTree
from databright.records.terms import SnapshotEntry, Terms, snapshot_tree
from databright.records.words import check_uint256, check_word
from databright.units import Digest, Shares

MAX_USES: Final = 64
"""Most models that one proof names."""
_VALUE_LIMIT = 2**255


@dataclass(frozen=True)
class ModelUse:
    """A model that was trained on the point.

    Attributes:
        model: its id; 0 where nobody has listed it.
        job: id of the job that trained it.
        snapshot: number of the snapshot that the job used, from 1.
        weights: sha256 of its weights.
    """

    model: int
    job: int
    snapshot: int
    weights: Digest

    def __post_init__(self) -> None:
        """Refuse what no proof can hold.

        Raises:
            BadInputError: a field is out of its range.
        """
        for name in ("model", "job", "snapshot"):
            check_uint256(name, getattr(self, name))
        check_word("weights", self.weights)


@dataclass(frozen=True)
class InSnapshot:
    """Where a snapshot lists the proposal.

    Attributes:
        number: of the snapshot, from 1.
        root: of the snapshot, 32 bytes.
        path: from the proposal's entry to it.
    """

    number: int
    root: bytes
    path: MerklePath

    def __post_init__(self) -> None:
        """Refuse what no proof can hold.

        Raises:
            BadInputError: a field is out of its range.
        """
        check_uint256("number", self.number)
        check_word("root", self.root)


@dataclass(frozen=True)
class PointProof:
    """Everything that is said of one point.

    Attributes:
        point: the point.
        path: from it to the root of its proposal; its index is the point's.
        terms: of the proposal.
        commitment: the word that the chain keeps of the proposal, 32 bytes.
        shares: of the proposal's tranche.
        born: the first snapshot that holds it, from 1.
        snapshot: the snapshot that the proof is about.
        licence: sha256 of the licence under which the data was offered.
        value: of the point in the unit of its dataset's values, of magnitude below 2**255;
            None while there are no values.
        uses: the models that used it, at most 64.
    """

    point: Point
    path: MerklePath
    terms: Terms
    commitment: bytes
    shares: Shares
    born: int
    snapshot: InSnapshot
    licence: Digest
    value: int | None = None
    uses: tuple[ModelUse, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no proof can hold.

        Raises:
            BadInputError: a field is out of its range, or the path is another point's.
        """
        if self.path.index != self.point.index:
            raise BadInputError(
                f"the path is of point {self.path.index}, the proof of {self.point.index}"
            )
        for name in ("commitment", "licence"):
            check_word(name, getattr(self, name))
        for name in ("shares", "born"):
            check_uint256(name, getattr(self, name))
        value = self.value
        if value is not None and (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not -_VALUE_LIMIT < value < _VALUE_LIMIT
        ):
            raise BadInputError(f"value {str(value)[:90]}: use whole numbers below 2**255, or none")
        if len(self.uses) > MAX_USES:
            raise BadInputError(f"{len(self.uses)} models in a proof: at most {MAX_USES} go in one")

    def entry(self) -> SnapshotEntry:
        """The entry of the snapshot that the proof speaks of.

        Returns:
            The entry.
        """
        return SnapshotEntry(self.terms.proposal, self.commitment, self.shares, self.born)


def prove_point(
    tree: PointTree,
    index: int,
    terms: Terms,
    *,
    entries: Sequence[SnapshotEntry],
    snapshot: int,
    licence: Digest,
    value: int | None = None,
    uses: Sequence[ModelUse] = (),
) -> PointProof:
    """Make the proof of one point.

    Args:
        tree: of its proposal.
        index: of the point in the proposal, 0-based.
        terms: of the proposal.
        entries: of the snapshot, in order of registration.
        snapshot: number of the snapshot, from 1.
        licence: sha256 of the licence.
        value: of the point, None while there are no values.
        uses: the models that used it.

    Returns:
        The proof. It holds what was handed in: `verify` says whether that is consistent.

    Raises:
        BadInputError: the snapshot does not list the proposal, or there is no such point.
    """
    places = [at for at, entry in enumerate(entries) if entry.proposal == terms.proposal]
    if len(places) != 1:
        raise BadInputError(
            f"snapshot {snapshot} lists proposal {terms.proposal} {len(places)} times, not once:"
            " name a snapshot that holds it"
        )
    above = snapshot_tree(entries)
    entry = entries[places[0]]
    return PointProof(
        point=tree.point(index),
        path=tree.path(index),
        terms=terms,
        commitment=entry.commitment,
        shares=entry.shares,
        born=entry.born,
        snapshot=InSnapshot(snapshot, above.root, above.path(places[0])),
        licence=licence,
        value=value,
        uses=tuple(uses),
    )


class Status(Enum):
    """What is known of a statement."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"
    """Stated, and to be compared with the chain."""


@dataclass(frozen=True)
class Finding:
    """One statement of a proof.

    Attributes:
        about: what it is about, e.g. "point", "contributor"; each at most once but "model".
        status: what is known of it.
        text: for people.
    """

    about: str
    status: Status
    text: str


def verify(
    proof: PointProof,
    *,
    commitment_on_chain: bytes | None = None,
    snapshot_root: bytes | None = None,
    num_entries: int | None = None,
) -> list[Finding]:
    """Follow a proof, offline.

    Args:
        proof: the proof.
        commitment_on_chain: the word that the chain keeps of the proposal, if it was read.
        snapshot_root: the snapshot's root as computed from the chain, if it was.
        num_entries: entries of the snapshot on the chain, if they were counted.

    Returns:
        The findings, always in the same order; the proof is wrong if one of them fails. Nothing
        that a proof may hold makes this raise.
    """
    point_holds = proof.path.root_of(proof.point.content()) == proof.terms.root
    terms_hold = proof.terms.commitment() == proof.commitment
    given = Status.HOLDS if terms_hold else Status.FAILS
    return [
        _checked(
            "point",
            point_holds,
            f"point {proof.point.index} leads to the proposal's root {_short(proof.terms.root)}",
        ),
        _checked(
            "count",
            proof.path.num_leaves == proof.terms.num_rows,
            f"the tree has {proof.path.num_leaves} points, the terms say {proof.terms.num_rows}",
        ),
        _checked(
            "terms",
            terms_hold,
            f"the terms hash to the commitment {_short(proof.commitment)}",
        ),
        _compared(
            "commitment",
            proof.commitment,
            commitment_on_chain,
            f"of proposal {proof.terms.proposal} on chain",
        ),
        *_snapshot_findings(proof, snapshot_root, num_entries),
        _checked(
            "contributor",
            point_holds and terms_hold,
            f"{proof.point.owner} contributed the point",
        ),
        Finding("proposer", given, f"{proof.terms.proposer} made proposal {proof.terms.proposal}"),
        Finding("payee", given, f"{proof.terms.payee} received its {proof.shares} shares at first"),
        Finding("licence", Status.OPEN, f"offered under licence {_short(proof.licence)}"),
        Finding(
            "value",
            Status.OPEN,
            "no value yet" if proof.value is None else f"value {proof.value}",
        ),
        *(_use_finding(proof, use) for use in proof.uses),
    ]


def is_sound(findings: Sequence[Finding]) -> bool:
    """Whether nothing in a proof is wrong.

    Args:
        findings: of `verify`.

    Returns:
        True if none fails; some may still be open.
    """
    return all(finding.status is not Status.FAILS for finding in findings)


def _snapshot_findings(
    proof: PointProof, root: bytes | None, num_entries: int | None
) -> list[Finding]:
    place = proof.snapshot
    count = place.path.num_leaves
    return [
        _checked(
            "entry",
            place.path.root_of(proof.entry().content()) == place.root,
            f"the proposal is entry {place.path.index} of {count} in snapshot {place.number}",
        ),
        _checked(
            "born",
            1 <= proof.born <= place.number,
            f"the proposal is in from snapshot {proof.born} on, the proof is of {place.number}",
        ),
        _compared("snapshot", place.root, root, f"of snapshot {place.number} from the chain"),
        Finding("entries", Status.OPEN, f"{count} entries; not compared with the chain")
        if num_entries is None
        else _checked("entries", count == num_entries, f"{count} entries, {num_entries} on chain"),
    ]


def _use_finding(proof: PointProof, use: ModelUse) -> Finding:
    listed = f"model {use.model}" if use.model else "an unlisted model"
    text = f"{listed} of job {use.job} with weights {_short(use.weights)} used snapshot"
    if use.snapshot < proof.born:
        return Finding(
            "model", Status.FAILS, f"{text} {use.snapshot}, older than the point ({proof.born})"
        )
    return Finding("model", Status.OPEN, f"{text} {use.snapshot}")


def _checked(about: str, holds: bool, text: str) -> Finding:
    return Finding(about, Status.HOLDS if holds else Status.FAILS, text)


def _compared(about: str, stated: bytes, found: bytes | None, what: str) -> Finding:
    if found is None:
        return Finding(about, Status.OPEN, f"{_short(stated)} is not compared with that {what}")
    if stated == found:
        return Finding(about, Status.HOLDS, f"{_short(stated)} is that {what}")
    return Finding(about, Status.FAILS, f"{_short(stated)} is not {_short(found)}, that {what}")


def _short(digest: bytes) -> str:
    return f"0x{digest[:6].hex()}…"
