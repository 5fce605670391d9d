"""Proofs of points: made by who holds the secrets, and compared with the chain by anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from databright.chain.snapshots import Entry
from databright.custody.sealed_rows import point_tree
from databright.data_market.entities import Reader
from databright.data_market.registry import DataRegistry
from databright.data_market.shares import Owner, owners
from databright.errors import BadInputError, TransactionFailedError, UnknownEntityError
from databright.records.point_proof import (
    Finding,
    ModelUse,
    PointProof,
    Status,
    prove_point,
    verify,
)
from databright.records.points import PointTree
from databright.records.terms import snapshot_tree, split_proposal_id
from databright.units import Digest


def accepted_entry(registry: DataRegistry, proposal: int) -> Entry:
    """The entry of an accepted proposal, in the dataset still or not.

    Args:
        registry: the data market.
        proposal: its id.

    Returns:
        The entry.

    Raises:
        UnknownEntityError: no such dataset, or the proposal is not accepted.
    """
    dataset, _ = split_proposal_id(proposal)
    for entry in registry.all_entries(dataset):
        if entry.proposal == proposal:
            return entry
    raise UnknownEntityError(
        f"proposal {proposal} is no accepted one of dataset {dataset}, so no snapshot holds its "
        "points; 'databright proposal show' says what became of it"
    )


def opened_tree(registry: DataRegistry, entry: Entry, reader: Reader) -> PointTree:
    """The tree of a proposal's points, from its sealed rows.

    Args:
        registry: the data market.
        entry: the accepted proposal.
        reader: an admitted node with its key.

    Returns:
        The tree.

    Raises:
        CustodyError: the reader cannot open the rows.
        StorageError: they are missing or corrupt.
        MalformedDataError: they are not what the proposal committed to.
    """
    return point_tree(registry.open_proposal(entry.terms, reader))


def prove(
    registry: DataRegistry,
    tree: PointTree,
    entry: Entry,
    index: int,
    *,
    snapshot: int | None = None,
    uses: Sequence[ModelUse] = (),
) -> PointProof:
    """Make the proof of one point.

    Args:
        registry: the data market.
        tree: of the proposal's points.
        entry: the accepted proposal.
        index: of the point in the proposal, 0-based.
        snapshot: a snapshot that holds it; the newest of these when None.
        uses: the models that used it.

    Returns:
        The proof.

    Raises:
        BadInputError: no such point, a snapshot without it, or a tree of other points.
    """
    dataset, _ = split_proposal_id(entry.proposal)
    if tree.root != entry.terms.root:
        raise BadInputError(
            f"these secrets lead to the root {tree.root.hex()}, proposal {entry.proposal} has "
            f"{entry.terms.root.hex()}: use those of this proposal"
        )
    newest = registry.dataset(dataset).num_snapshots
    chosen = (entry.ended - 1 if entry.ended else newest) if snapshot is None else snapshot
    if not 1 <= chosen <= newest or not entry.is_in(chosen):
        last = f"to {entry.ended - 1}" if entry.ended else "on"
        raise BadInputError(
            f"snapshot {chosen} does not hold proposal {entry.proposal}: it is in from snapshot "
            f"{entry.born} {last}"
        )
    manifest = registry.manifest(entry.manifest)
    return prove_point(
        tree,
        index,
        entry.terms,
        entries=[one.listed() for one in registry.entries(dataset, chosen)],
        snapshot=chosen,
        licence=manifest.licence_text,
        uses=uses,
    )


@dataclass(frozen=True)
class Checked:
    """A proof after it was followed.

    Attributes:
        findings: statement by statement.
        owners: who owns the shares of its proposal now; empty where no chain was asked.
    """

    findings: tuple[Finding, ...]
    owners: tuple[Owner, ...] = ()


def check_on_chain(registry: DataRegistry, proof: PointProof) -> Checked:
    """Follow a proof and compare it with the chain.

    Args:
        registry: the data market of the chain.
        proof: the proof.

    Returns:
        The findings, with that of the Database's own check; models are left open.
    """
    dataset, _ = split_proposal_id(proof.terms.proposal)
    word = bytes(registry.contracts.association.call("commitment", proof.terms.proposal))
    root, count = b"", 0
    try:
        entries = registry.entries(dataset, proof.snapshot.number)
        count = len(entries)
        root = snapshot_tree([one.listed() for one in entries]).root if entries else bytes(32)
    except UnknownEntityError:
        root = bytes(32)
    findings = verify(proof, commitment_on_chain=word, snapshot_root=root, num_entries=count)
    findings = [_licence(registry, proof) if f.about == "licence" else f for f in findings]
    own = () if count == 0 else tuple(owners(registry, proof.terms.proposal))
    return Checked((*findings, _asked(registry, proof)), own)


def _licence(registry: DataRegistry, proof: PointProof) -> Finding:
    dataset, _ = split_proposal_id(proof.terms.proposal)
    try:
        version = registry.proposal(proof.terms.proposal).version
        offered = registry.rules_at(dataset, version).licence
    except UnknownEntityError:
        return Finding("licence", Status.FAILS, "the chain has no rules for this proposal")
    short = f"0x{proof.licence[:6].hex()}…"
    if offered == Digest(proof.licence):
        return Finding("licence", Status.HOLDS, f"licence {short} is that of the dataset's rules")
    return Finding(
        "licence", Status.FAILS, f"licence {short} is not 0x{offered[:6].hex()}…, of the rules"
    )


def _asked(registry: DataRegistry, proof: PointProof) -> Finding:
    """What the dataset's Database says of the proof."""
    dataset, _ = split_proposal_id(proof.terms.proposal)
    point = proof.point
    arguments = (
        astuple(proof.terms),
        (
            point.index,
            proof.path.num_leaves,
            point.salt,
            point.row_digest,
            point.owner,
            point.cid_digest,
        ),
        list(proof.path.siblings),
        proof.snapshot.number,
        proof.born,
    )
    try:
        registry.contracts.database(dataset).call("verify_point", *arguments)
    except UnknownEntityError as error:
        return Finding("database", Status.FAILS, str(error))
    except TransactionFailedError as error:
        return Finding("database", Status.FAILS, f"the Database refuses it: {error.reason}")
    return Finding("database", Status.HOLDS, "the dataset's Database confirms it (verify_point)")
