"""Proofs that anybody checks without this program's database: one comment's, or the whole log's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak
from sqlalchemy import Connection

from databright.database.connection import reading
from databright.discussion.actions import LOGGED, Draft, Link
from databright.discussion.anchor import Anchored
from databright.discussion.batches import Batches, leaf_content, leaf_of
from databright.discussion.entries import Entry, read_entries
from databright.discussion.fields import parse_word
from databright.discussion.log import Log
from databright.discussion.merkle import leaf_hash, merkle_path, merkle_root, root_from
from databright.discussion.signed import check_signed, signed_of
from databright.discussion.subjects import parse_subject
from databright.discussion.threads import link_of
from databright.errors import BadInputError, DatabrightError
from databright.records.signatures import Domain
from databright.records.strict_json import JsonValue
from databright.units import Address

PROOF_KIND: Final = "databright/discussion-proof/v1"
PAGE: Final = 200
"""Most entries of one page of the log."""


@dataclass(frozen=True)
class Item:
    """A log entry as it is handed to everybody.

    Attributes:
        seq: its number, from 0.
        received_at: when it came in.
        digest: the action's id, 0x-prefixed.
        signature_hash: keccak-256 of its signature, 0x-prefixed.
        record: type, message and signature; None for what only invited readers see.
    """

    seq: int
    received_at: int
    digest: str
    signature_hash: str
    record: Mapping[str, JsonValue] | None

    @property
    def leaf(self) -> bytes:
        """Hash of its leaf.

        Raises:
            BadInputError: a number or digest that no entry has.
        """
        if not (0 <= self.seq < 2**63 and 0 <= self.received_at < 2**63):
            raise BadInputError(f"entry {self.seq} received at {self.received_at}: out of range")
        digest = parse_word(self.digest)
        signature = parse_word(self.signature_hash, "signature_hash")
        return leaf_hash(leaf_content(self.seq, self.received_at, digest, signature))


@dataclass(frozen=True)
class Proof:
    """That an entry is in an anchored batch.

    Attributes:
        kind: always `PROOF_KIND`.
        chain_id: of the market's chain.
        contract: address of its DiscussionAnchor.
        publisher: who anchored.
        item: the entry.
        first: number of the batch's first entry.
        count: its entries.
        root: its root, 0x-prefixed: the one that the chain shows.
        path: siblings from the bottom up, 0x-prefixed.
        tx: hash of the transaction that anchored it.
        block: number of its block.
    """

    kind: str
    chain_id: int
    contract: str
    publisher: str
    item: Item
    first: int
    count: int
    root: str
    path: tuple[str, ...]
    tx: str
    block: int


@dataclass(frozen=True)
class LogReport:
    """What a check of the whole log found.

    Attributes:
        entries: entries seen.
        batches: anchored batches that agree with them.
        anchored: entries in these batches.
        sealed: entries whose text was not shown to the checker; their hashes were checked.
        problems: what is wrong, one line each; empty when nothing is.
    """

    entries: int
    batches: int
    anchored: int
    sealed: int
    problems: tuple[str, ...]


def read_items(log: Log, first: int, count: int) -> list[Item]:
    """A page of the log for everybody.

    Args:
        log: the log.
        first: number of the first entry.
        count: at most so many, at most 200.

    Returns:
        Entries in order; those of unlinked drafts, and drafts themselves, without their text.
    """
    with reading(log.engine) as connection:
        entries = read_entries(connection, first, min(count, PAGE))
        return [_item(connection, entry) for entry in entries]


def _item(connection: Connection, entry: Entry) -> Item:
    subject = parse_subject(entry.subject)
    shown = not subject.is_draft or (
        not isinstance(entry.action, Draft)
        and (isinstance(entry.action, Link) or link_of(connection, subject) != "")
    )
    return Item(
        seq=entry.seq,
        received_at=entry.received_at,
        digest=entry.digest,
        signature_hash="0x" + keccak(entry.signed.signature).hex(),
        record=entry.signed.to_plain() if shown else None,
    )


def prove(log: Log, digest: str, domain: Domain, publisher: Address) -> Proof:
    """Make the proof of an entry.

    Args:
        log: the log.
        digest: the action's id, 0x-prefixed.
        domain: the market.
        publisher: who anchors this log.

    Returns:
        The proof.

    Raises:
        UnknownEntityError: the log holds none of that id.
        BadInputError: it is not anchored yet.
    """
    entry = log.entry(digest)
    batch = Batches(log.engine).containing(entry.seq)
    if batch is None or batch.block is None:
        raise BadInputError(f"{digest} is not anchored yet: try again in a minute")
    leaves = [leaf_of(one) for one in log.entries(batch.first, batch.count)]
    (item,) = read_items(log, entry.seq, 1)
    return Proof(
        kind=PROOF_KIND,
        chain_id=domain.chain_id,
        contract=domain.contract,
        publisher=publisher,
        item=item,
        first=batch.first,
        count=batch.count,
        root="0x" + batch.root.hex(),
        path=tuple("0x" + one.hex() for one in merkle_path(leaves, entry.seq - batch.first)),
        tx=batch.tx,
        block=batch.block,
    )


def check_proof(proof: Proof) -> None:
    """Check a proof without any connection.

    What is left to the reader: that the chain's `Anchored(publisher, first, count, root)` event of
    that contract is the proof's.

    Args:
        proof: as a stranger handed it in.

    Raises:
        BadInputError: the entry is not in the batch, or its text is not what its id names.
        NotAuthorisedError: its author did not sign it.
    """
    if proof.kind != PROOF_KIND:
        raise BadInputError(f"expected a {PROOF_KIND}, got {proof.kind[:60]!r}")
    domain = Domain(proof.chain_id, Address(proof.contract))
    _check_item(proof.item, domain)
    path = [parse_word(one, "a sibling") for one in proof.path]
    root = root_from(proof.item.leaf, proof.item.seq - proof.first, proof.count, path)
    if root != parse_word(proof.root, "root"):
        raise BadInputError(
            f"entry {proof.item.seq} leads to the root 0x{root.hex()}, not to {proof.root}: it is "
            "not in that batch"
        )


def _check_item(item: Item, domain: Domain) -> None:
    if item.record is None:
        return
    signed = signed_of(item.record, LOGGED)
    digest = check_signed(signed, domain)
    if digest != parse_word(item.digest):
        raise BadInputError(f"entry {item.seq} holds 0x{digest.hex()} under the id {item.digest}")
    if keccak(signed.signature) != parse_word(item.signature_hash, "signature_hash"):
        raise BadInputError(f"entry {item.seq} holds another signature than its hash names")


def check_log(items: Iterable[Item], anchored: Sequence[Anchored], domain: Domain) -> LogReport:
    """Check a whole log against what the chain anchors.

    Args:
        items: all entries, in order.
        anchored: the publisher's batches, in order of the chain.
        domain: the market.

    Returns:
        What was found.
    """
    leaves: list[bytes] = []
    problems: list[str] = []
    sealed = 0
    for place, item in enumerate(items):
        sealed += item.record is None
        if item.seq != place:
            problems.append(f"entry {place} is missing: number {item.seq} is in its place")
        try:
            _check_item(item, domain)
            leaves.append(item.leaf)
        except DatabrightError as error:
            problems.append(f"entry {item.seq}: {error}")
            leaves.append(bytes(32))
    good, end = 0, 0
    for batch in anchored:
        found = leaves[batch.first : batch.first + batch.count]
        if batch.first != end:
            problems.append(f"block {batch.block} anchors from {batch.first} on, not from {end}")
        elif len(found) < batch.count:
            problems.append(
                f"block {batch.block} anchors entries up to {batch.first + batch.count - 1}, the "
                f"log ends at {len(leaves) - 1}"
            )
        elif merkle_root(found) != batch.root:
            problems.append(
                f"entries {batch.first} to {batch.first + batch.count - 1} were altered since "
                f"block {batch.block} anchored them"
            )
        else:
            good += 1
        end = batch.first + batch.count
    return LogReport(len(leaves), good, min(end, len(leaves)), sealed, tuple(problems))
