"""Tranches that curators took down: what is erased, who says so, and what was trained on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from databright.chain.bindings import Event, Signer
from databright.custody.blobs import read_blob, sha256
from databright.custody.erasure import Deletion, SignedDeletion, erase
from databright.data_market.archive import Archive
from databright.data_market.journal import Journal
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError, DatabrightError
from databright.records.datasets import MAX_CARD_BYTES
from databright.records.signatures import Domain, SignsMessages
from databright.units import Address, Cid, Digest, Seconds

_LOG = logging.getLogger(__name__)
_ENDED_AT = 160


@dataclass(frozen=True)
class Erasure:
    """What a node said of its copy of a tranche.

    Attributes:
        node: who erased it.
        log: digest of its signed deletion log.
        is_signed: whether the store has that log, with the node's signature on it.
        num_erased: contents that the log names; 0 where there is none.
    """

    node: Address
    log: Digest
    is_signed: bool
    num_erased: int


@dataclass(frozen=True)
class Tombstone:
    """What is left of a tranche that was taken down.

    Attributes:
        dataset: id of the dataset.
        tranche: id of the tranche.
        to: who gets its income.
        born: the snapshot that it was born in.
        ended: the snapshot from which on it is out.
        erasures: what the nodes said, in order.
    """

    dataset: int
    tranche: int
    to: Address
    born: int
    ended: int
    erasures: tuple[Erasure, ...]

    def is_in(self, snapshot: int) -> bool:
        """Whether a snapshot consisted of it.

        Args:
            snapshot: its number, from 1.

        Returns:
            True from its birth until its end.
        """
        return self.born <= snapshot < self.ended


def tombstones(registry: DataRegistry, dataset: int | None = None) -> list[Tombstone]:
    """Tranches that were taken down.

    Args:
        registry: the data market.
        dataset: one dataset's; None for all.

    Returns:
        In order of their takedown.

    Raises:
        UnknownEntityError: no such dataset.
    """
    if dataset is not None:
        registry.contracts.database(dataset)
    contracts = registry.contracts
    _, events = Journal(contracts, (contracts.charter, contracts.association)).read()
    wanted = [event for event in events if event.name == "TakenDown"]
    chosen = [e for e in wanted if dataset is None or int(e.args["dataset"]) == dataset]
    return [_tombstone(registry, event, events) for event in chosen]


def _tombstone(registry: DataRegistry, event: Event, events: list[Event]) -> Tombstone:
    dataset, tranche = int(event.args["dataset"]), int(event.args["tranche"])
    endings = registry.contracts.database(dataset).call("endings", tranche)
    born = [
        int(other.args["snapshot"])
        for other in events
        if other.name == "Settled" and int(other.args["proposal"]) == tranche
    ]
    return Tombstone(
        dataset=dataset,
        tranche=tranche,
        to=Address(str(event.args["to"])),
        born=born[0],
        ended=int(endings) >> _ENDED_AT,
        erasures=tuple(
            _erasure(registry, other)
            for other in events
            if other.name == "Erased" and int(other.args["tranche"]) == tranche
        ),
    )


def _erasure(registry: DataRegistry, event: Event) -> Erasure:
    node, digest = Address(str(event.args["node"])), Digest(bytes(event.args["log_digest"]))
    log = read_deletion(registry, digest)
    fits = log is not None and (log.deletion.node, log.deletion.tranche) == (
        node,
        int(event.args["tranche"]),
    )
    if log is None or not fits:
        return Erasure(node, digest, is_signed=False, num_erased=0)
    deletion = log.deletion
    return Erasure(node, digest, True, len(deletion.erased) + len(deletion.missing))


def read_deletion(registry: DataRegistry, digest: Digest) -> SignedDeletion | None:
    """A node's deletion log, if it is signed.

    Args:
        registry: the data market.
        digest: of the log.

    Returns:
        The log; None where it is not in the store, malformed, or not signed by its node.
    """
    try:
        log = SignedDeletion.from_json(read_blob(registry.store, digest, MAX_CARD_BYTES))
        log.check(_domain(registry))
    except DatabrightError as error:
        _LOG.debug("the deletion log %s cannot be read: %s", digest.hex(), error)
        return None
    return log


def taints(registry: DataRegistry, dataset: int, snapshot: int) -> list[int]:
    """Taken-down tranches that a snapshot consisted of; what was trained on it knows them.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        snapshot: its version.

    Returns:
        Ids of the tranches.
    """
    return [stone.tranche for stone in tombstones(registry, dataset) if stone.is_in(snapshot)]


def check_whole(registry: DataRegistry, dataset: int, snapshot: int) -> None:
    """Refuse a snapshot whose rows are not all there any more, before anybody pays for a job on it.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        snapshot: its version.

    Raises:
        BadInputError: it held a tranche that was taken down.
    """
    gone = taints(registry, dataset, snapshot)
    if gone:
        raise BadInputError(
            f"snapshot {snapshot} of dataset {dataset} held "
            f"{', '.join(f'proposal {tranche}' for tranche in gone)}, taken down since: its rows "
            "are erased, so nothing can be trained on it. Take a newer snapshot, or name none for "
            "the newest"
        )


def _domain(registry: DataRegistry) -> Domain:
    contracts = registry.contracts
    return Domain(contracts.deployment.chain_id, contracts.charter.address)


def sealed_cids(archive: Archive, ref: Digest, manifest: Digest) -> list[Cid]:
    """Addresses of everything that holds rows of a proposal, sealed or shown.

    Args:
        archive: what lies behind the digests.
        ref: digest of the reference of its sealed rows.
        manifest: digest of its public manifest.

    Returns:
        Ciphertexts, envelopes and shown samples, in order; the documents that name them stay.

    Raises:
        StorageError: the reference is missing or corrupt.
        MalformedDataError: it is another document.
    """
    found: list[Cid] = []
    for part in archive.sealed_parts(ref).parts:
        found += [part.ref.ciphertext, part.ref.envelopes]
    shown = archive.manifest(manifest).samples
    cid = archive.store.cid_of_sha256(shown) if shown is not None else None
    if cid is not None:
        found.append(cid)
    return list(dict.fromkeys(found))


class Eraser:
    """One trusted node's part in takedowns, a pass at a time; what it has done is on the chain.

    Args:
        registry: the data market.
        signer: the node's operator.
        key: signs deletion logs.
        forget: drops rows from the node's memory, by the digests of their references.
    """

    def __init__(
        self,
        registry: DataRegistry,
        signer: Signer,
        key: SignsMessages,
        forget: Callable[[Collection[Digest]], None],
    ) -> None:
        self._registry = registry
        self._signer = signer
        self._key = key
        self._forget = forget
        contracts = registry.contracts
        self._journal = Journal(contracts, (contracts.charter,))
        self._due: list[tuple[int, int]] = []
        self._said: set[int] = set()

    def step(self) -> bool:
        """Erase what was taken down and not erased here yet.

        Returns:
            Whether something was erased.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self._look()
        done = False
        for dataset, tranche in list(self._due):
            if not self._registry.contracts.charter.call("is_node", dataset, self._signer.address):
                continue
            try:
                self._erase(dataset, tranche)
            except DatabrightError as error:
                self._say(tranche, error)
                continue
            self._due.remove((dataset, tranche))
            done = True
        return done

    def _look(self) -> None:
        anew, events = self._journal.read()
        if anew:
            self._due = []
        for event in events:
            if event.name == "TakenDown":
                self._due.append((int(event.args["dataset"]), int(event.args["tranche"])))
            elif event.name == "Erased" and event.args["node"] == self._signer.address:
                done = (int(event.args["dataset"]), int(event.args["tranche"]))
                self._due = [item for item in self._due if item != done]

    def _erase(self, dataset: int, tranche: int) -> None:
        registry = self._registry
        terms = registry.proposal(tranche).terms
        refs = [Digest(terms.ref)]
        cids = sealed_cids(registry, Digest(terms.ref), Digest(terms.manifest))
        for earlier in self._earlier_versions(tranche):
            refs.append(earlier[0])
            cids += sealed_cids(registry, *earlier)
        self._forget(refs)
        erased, missing = erase(dict.fromkeys(cids), registry.store)
        now = Seconds(registry.contracts.chain.head().timestamp)
        node = self._signer.address
        deletion = Deletion(dataset, tranche, node, now, tuple(erased), tuple(missing))
        blob = SignedDeletion.make(deletion, self._key, _domain(registry)).to_json()
        registry.store.put(blob)
        registry.contracts.charter.transact(
            self._signer, "log_erasure", dataset, tranche, sha256(blob)
        )
        _LOG.info(
            "tranche %d was taken down: %d contents erased, %d were gone",
            tranche,
            len(erased),
            len(missing),
        )

    def _earlier_versions(self, tranche: int) -> list[tuple[Digest, Digest]]:
        """What the tranche revised holds much of the same rows."""
        thread = self._registry.thread(tranche)
        return [(item.ref, item.manifest) for item in thread if item.id != tranche]

    def _say(self, tranche: int, error: DatabrightError) -> None:
        if tranche not in self._said:
            self._said.add(tranche)
            _LOG.warning("tranche %d cannot be erased yet: %s", tranche, error)
