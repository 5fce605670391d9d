"""Reading the data market: datasets, requests, proposals, snapshots, and the rows behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import digest_of, fields_of, int_of, values_of
from databright.custody.blobs import read_blob
from databright.custody.references import (
    reference_from_json,
    rows_label,
    seal_context,
)
from databright.custody.sealing import SealedRef, open_from_store
from databright.data_market.entities import (
    ACCEPTED,
    EXPIRED,
    OPEN,
    REJECTED,
    STATUSES,
    Dataset,
    Entry,
    Proposal,
    Reader,
    Request,
    Snapshot,
)
from databright.errors import BadInputError, UnknownEntityError
from databright.records.datasets import DatasetCard, Rules
from databright.records.rows import Rows, Schema, rows_from_blob
from databright.storage.base import Store
from databright.units import Address, Amount, Digest, Seconds, Shares

__all__ = [
    "ACCEPTED",
    "EXPIRED",
    "OPEN",
    "REJECTED",
    "STATUSES",
    "DataRegistry",
    "Dataset",
    "Entry",
    "Proposal",
    "Reader",
    "Request",
    "Snapshot",
    "concatenate",
    "seal_context",
    "snapshot_rows",
]
PAGE: Final = 50
"""Most entries that one call of a Database returns."""
MAX_REF_BYTES: Final = 64 * 1024
_NO_DIGEST = bytes(32)
_KEY_BYTES = 64 * 1024


class DataRegistry:
    """The data market as the chain and the store show it.

    Args:
        contracts: the market's contracts.
        store: the content store.
    """

    def __init__(self, contracts: MarketContracts, store: Store) -> None:
        self.contracts = contracts
        self.store = store

    def num_datasets(self) -> int:
        """Number of datasets; ids are 1 to this.

        Returns:
            The count.
        """
        return int(self.contracts.association.call("num_datasets"))

    def dataset(self, dataset: int) -> Dataset:
        """One dataset.

        Args:
            dataset: id, from 1.

        Returns:
            Its rules and state.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        database = self.contracts.database(dataset)
        rules = self.contracts.association.call("rules_of", dataset)
        return Dataset(
            id=dataset,
            creator=Address(str(self.contracts.association.call("creator_of", dataset))),
            database=database.address,
            rules=Rules.from_struct(values_of(rules, _RULES)),
            num_snapshots=int(database.call("num_snapshots")),
        )

    def card(self, rules: Rules) -> DatasetCard:
        """The card that a dataset's rules name.

        Args:
            rules: the rules.

        Returns:
            The card.
        """
        return DatasetCard.from_json(read_blob(self.store, rules.metadata, MAX_REF_BYTES))

    def schema(self, rules: Rules) -> Schema:
        """The schema that a dataset's rules name.

        Args:
            rules: the rules.

        Returns:
            The schema.
        """
        return Schema.from_json(read_blob(self.store, rules.schema, MAX_REF_BYTES))

    def num_requests(self) -> int:
        """Number of requests over all datasets.

        Returns:
            The count.
        """
        return int(self.contracts.association.call("num_requests"))

    def request(self, request: int) -> Request:
        """One request.

        Args:
            request: id, from 1.

        Returns:
            Its state.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        count = self.num_requests()
        if not 1 <= request <= count:
            raise UnknownEntityError(
                f"there is no request {request}: this market has {count}; "
                "'databright request list' shows them"
            )
        raw = self.contracts.association.call("request", request)
        values = fields_of(raw, _REQUEST)
        retired = digest_of(values["reveal"])
        return Request(
            id=request,
            dataset=int_of(values["dataset"]),
            initiator=Address(str(values["initiator"])),
            escrow=Amount(int_of(values["escrow"])),
            award_rate=Amount(int_of(values["award_rate"])),
            deadline=Seconds(int_of(values["deadline"])),
            holdout=digest_of(values["holdout"]),
            holdout_ref=digest_of(values["holdout_ref"]),
            program=digest_of(values["program"]),
            open_proposals=int_of(values["open_proposals"]),
            closed=int_of(values["status"]) != OPEN,
            retired=None if retired == _NO_DIGEST else retired,
        )

    def num_proposals(self) -> int:
        """Number of proposals over all datasets.

        Returns:
            The count.
        """
        return int(self.contracts.association.call("num_proposals"))

    def proposal(self, proposal: int) -> Proposal:
        """One proposal.

        Args:
            proposal: id, from 1.

        Returns:
            Its state.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        count = self.num_proposals()
        if not 1 <= proposal <= count:
            raise UnknownEntityError(
                f"there is no proposal {proposal}: this market has {count}; "
                "'databright proposal list' shows them"
            )
        raw = self.contracts.association.call("proposal", proposal)
        values = fields_of(raw, _PROPOSAL)
        return Proposal(
            id=proposal,
            dataset=int_of(values["dataset"]),
            request=int_of(values["request"]),
            proposer=Address(str(values["proposer"])),
            payee=Address(str(values["payee"])),
            ref=digest_of(values["ref"]),
            manifest=digest_of(values["manifest"]),
            num_rows=int_of(values["num_rows"]),
            opened_at=Seconds(int_of(values["opened_at"])),
            deadline=Seconds(int_of(values["deadline"])),
            yes=int_of(values["yes"]),
            no=int_of(values["no"]),
            status=int_of(values["status"]),
            bond=Amount(int_of(values["bond"])),
            fee=Amount(int_of(values["fee"])),
        )

    def snapshot(self, dataset: int, number: int) -> Snapshot:
        """One snapshot.

        Args:
            dataset: id of the dataset.
            number: from 1.

        Returns:
            The snapshot.

        Raises:
            UnknownEntityError: the dataset has no such snapshot.
        """
        database = self.contracts.database(dataset)
        count = int(database.call("num_snapshots"))
        if not 1 <= number <= count:
            raise UnknownEntityError(
                f"dataset {dataset} has no snapshot {number}: it has {count}"
                + ("; accept a proposal first" if count == 0 else "")
            )
        values = values_of(database.call("snapshot", number), _SNAPSHOT)
        root = values[3]
        return Snapshot(
            number=number,
            num_entries=int_of(values[0]),
            num_rows=int_of(values[1]),
            total_shares=Shares(int_of(values[2])),
            root=root if isinstance(root, bytes) else b"",
            created_at=Seconds(int_of(values[4])),
        )

    def entries(self, dataset: int, num_entries: int | None = None) -> list[Entry]:
        """Accepted proposals of a dataset in order, read page by page.

        Args:
            dataset: id of the dataset.
            num_entries: how many; all of them when None.

        Returns:
            The first `num_entries` entries.
        """
        database = self.contracts.database(dataset)
        found: list[Entry] = []
        while num_entries is None or len(found) < num_entries:
            wanted = PAGE if num_entries is None else min(PAGE, num_entries - len(found))
            page = list(database.call("entries", len(found), wanted))
            found.extend(_entry(raw) for raw in page)
            if len(page) < wanted:
                break
        return found

    def sealed_ref(self, digest: Digest) -> SealedRef:
        """The sealed reference that a proposal or request names.

        Args:
            digest: its hash.

        Returns:
            Where ciphertext and envelopes are.
        """
        return reference_from_json(read_blob(self.store, digest, MAX_REF_BYTES))

    def open_rows(self, dataset: int, ref: Digest, label: str, reader: Reader) -> Rows:
        """Open sealed rows and hold them against the dataset's schema.

        Args:
            dataset: id of the dataset.
            ref: digest of the sealed reference.
            label: `LABEL_HOLDOUT`, or `rows_label` of the proposer.
            reader: an admitted node with its key.

        Returns:
            The rows.

        Raises:
            CustodyError: the reader has no envelope, or the seal is broken.
            StorageError: a blob is missing or corrupt.
            MalformedDataError: what was sealed does not follow the schema.
        """
        context = seal_context(self.contracts.deployment, dataset, label)
        sealed = self.sealed_ref(ref)
        plain = open_from_store(sealed, reader.address, reader.private_key, context, self.store)
        return rows_from_blob(plain, self.schema(self.dataset(dataset).rules))

    def node_keys(self, nodes: Sequence[Address]) -> dict[Address, bytes]:
        """HPKE public keys of trusted nodes, from the registry and the store.

        Args:
            nodes: the dataset's admitted nodes.

        Returns:
            Node -> public key; nodes that never registered are left out.

        Raises:
            BadInputError: none of them is registered, so nobody could open the data.
        """
        keys: dict[Address, bytes] = {}
        for node in nodes:
            record = values_of(self.contracts.workers.call("node", node), _NODE)
            digest = digest_of(record[1])
            if digest != _NO_DIGEST:
                keys[node] = read_blob(self.store, digest, _KEY_BYTES)
        if not keys:
            raise BadInputError(
                "none of the dataset's trusted nodes is registered, so nobody could open the "
                "data: wait until one is running ('databright node list')"
            )
        return keys


def snapshot_rows(
    registry: DataRegistry, dataset: int, number: int, reader: Reader
) -> tuple[Rows, list[tuple[int, int]]]:
    """The training rows of a snapshot: its entries in order, concatenated.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        number: the snapshot, from 1.
        reader: an admitted node with its key.

    Returns:
        All rows, and for each row its identity (proposal id, row number within the proposal).
    """
    snapshot = registry.snapshot(dataset, number)
    parts: list[Rows] = []
    identities: list[tuple[int, int]] = []
    for entry in registry.entries(dataset, snapshot.num_entries):
        label = rows_label(registry.proposal(entry.proposal).proposer)
        rows = registry.open_rows(dataset, entry.ref, label, reader)
        parts.append(rows)
        identities.extend((entry.proposal, index) for index in range(len(rows)))
    return concatenate(parts), identities


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Rows of several sets, one after the other.

    Args:
        parts: at least one set, all with the same number of features.

    Returns:
        One set.

    Raises:
        BadInputError: there is none.
    """
    if not parts:
        raise BadInputError("there are no rows yet: accept a proposal first")
    return Rows(
        np.concatenate([part.x_NF for part in parts]), np.concatenate([part.y_N for part in parts])
    )


def _entry(raw: object) -> Entry:
    values = values_of(raw, _ENTRY)
    return Entry(
        proposal=int_of(values[0]),
        contributor=Address(str(values[1])),
        ref=digest_of(values[2]),
        manifest=digest_of(values[3]),
        num_rows=int_of(values[4]),
        shares=Shares(int_of(values[5])),
        born=int_of(values[6]),
    )


_RULES = (
    "metadata", "schema", "licence", "closes_at", "quorum_bps", "voting_period", "bond",
    "evaluation_fee", "mint_cap", "epoch_length", "price_per_use", "prediction_bps",
    "max_exposure_bps", "a_bps", "threshold", "evaluators", "nodes", "curators", "weights",
    "programs",
)  # fmt: skip
_REQUEST = (
    "dataset", "initiator", "escrow", "award_rate", "deadline", "holdout", "holdout_ref",
    "program", "open_proposals", "status", "reveal",
)  # fmt: skip
_PROPOSAL = (
    "dataset", "request", "proposer", "payee", "ref", "manifest", "num_rows", "opened_at",
    "deadline", "yes", "no", "status", "bond", "fee",
)  # fmt: skip
_SNAPSHOT = ("num_entries", "num_rows", "total_shares", "root", "created_at")
_ENTRY = ("proposal", "contributor", "ref", "manifest", "num_rows", "shares", "born")
_NODE = ("tls_pin", "hpke_key", "endpoint")
