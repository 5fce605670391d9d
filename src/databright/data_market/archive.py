"""What lies behind the chain's digests: rules, cards, schemas, sealed rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import digest_of, values_of
from databright.custody.blobs import read_blob
from databright.custody.references import (
    LABEL_HOLDOUT,
    MAX_REF_BYTES,
    reference_from_json,
    rows_label,
    seal_context,
)
from databright.custody.sealed_rows import OpenedPart, SealedParts, open_parts, point_tree
from databright.custody.sealing import SealedRef, open_from_store
from databright.data_market.entities import Reader
from databright.errors import BadInputError, MalformedDataError, UnknownEntityError
from databright.records.datasets import DatasetCard
from databright.records.manifest import MAX_SAMPLE_BYTES, Manifest, Samples
from databright.records.rows import Rows, Schema, rows_from_blob
from databright.records.rules import FIELDS, Rules
from databright.records.terms import Terms, split_proposal_id
from databright.storage.base import Store
from databright.units import Address, Digest

_NO_DIGEST = bytes(32)
_KEY_BYTES = 64 * 1024


class Archive:
    """Documents and sealed contents that the chain's digests name.

    Args:
        contracts: the market's contracts.
        store: the content store.
    """

    def __init__(self, contracts: MarketContracts, store: Store) -> None:
        self.contracts = contracts
        self.store = store

    def rules_at(self, dataset: int, version: int) -> Rules:
        """The rules of one version; proposals, snapshots and jobs keep those they began under.

        Args:
            dataset: id of the dataset.
            version: from 1.

        Returns:
            The rules.

        Raises:
            UnknownEntityError: no such dataset or version.
        """
        self.contracts.database(dataset)
        newest = int(self.contracts.charter.call("version_of", dataset))
        if not 1 <= version <= newest:
            raise UnknownEntityError(
                f"dataset {dataset} has no rules of version {version}: it has {newest} versions"
            )
        raw = self.contracts.charter.call("rules_at", dataset, version)
        return Rules.from_struct(values_of(raw, FIELDS))

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

    def _newest_rules(self, dataset: int) -> Rules:
        self.contracts.database(dataset)
        return Rules.from_struct(
            values_of(self.contracts.charter.call("rules_of", dataset), FIELDS)
        )

    def manifest(self, digest: Digest) -> Manifest:
        """The public manifest of a proposal.

        Args:
            digest: its hash.

        Returns:
            The manifest.

        Raises:
            StorageError: it is missing or corrupt.
            MalformedDataError: it is another document.
        """
        return Manifest.from_json(read_blob(self.store, digest, MAX_REF_BYTES))

    def samples(self, manifest: Manifest) -> Samples | None:
        """The rows that a contributor shows.

        Args:
            manifest: of the proposal.

        Returns:
            The samples; None where there are none.

        Raises:
            StorageError: they are missing or corrupt.
            MalformedDataError: they are no samples.
        """
        if manifest.samples is None:
            return None
        return Samples.from_blob(read_blob(self.store, manifest.samples, MAX_SAMPLE_BYTES))

    def sealed_ref(self, digest: Digest) -> SealedRef:
        """The sealed reference of a request's holdout.

        Args:
            digest: its hash.

        Returns:
            Where ciphertext and envelopes are.
        """
        return reference_from_json(read_blob(self.store, digest, MAX_REF_BYTES))

    def sealed_parts(self, digest: Digest) -> SealedParts:
        """The reference of a proposal's sealed rows.

        Args:
            digest: its hash.

        Returns:
            Its parts.
        """
        return SealedParts.from_json(read_blob(self.store, digest, MAX_REF_BYTES))

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
        if label != LABEL_HOLDOUT:
            return concatenate([part.rows for part in self.open_parts(dataset, ref, label, reader)])
        context = seal_context(self.contracts.deployment, dataset, label)
        sealed = self.sealed_ref(ref)
        plain = open_from_store(sealed, reader.address, reader.private_key, context, self.store)
        return rows_from_blob(plain, self.schema(self._newest_rules(dataset)))

    def open_parts(self, dataset: int, ref: Digest, label: str, reader: Reader) -> list[OpenedPart]:
        """Open the parts of a proposal's sealed rows.

        Args:
            dataset: id of the dataset.
            ref: digest of the reference.
            label: `rows_label` of the proposer.
            reader: an admitted node with its key.

        Returns:
            Owner, secret and rows of each, in order.

        Raises:
            CustodyError: the reader has no envelope, or a seal is broken.
            StorageError: a blob is missing or corrupt.
            MalformedDataError: what was sealed does not follow the schema.
        """
        return open_parts(
            self.sealed_parts(ref),
            (reader.address, reader.private_key),
            seal_context(self.contracts.deployment, dataset, label),
            self.store,
            self.schema(self._newest_rules(dataset)),
        )

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

    def open_proposal(self, terms: Terms, reader: Reader) -> list[OpenedPart]:
        """Open the rows of a proposal and hold them against everything that it committed to.

        Args:
            terms: of the proposal.
            reader: an admitted node with its key.

        Returns:
            The parts; their tree has the root of the terms.

        Raises:
            CustodyError: the reader has no envelope, or a seal is broken.
            StorageError: a blob is missing or corrupt.
            MalformedDataError: rows, manifest, samples and terms do not agree.
        """
        try:
            return self._open_proposal(terms, reader)
        except MalformedDataError:
            raise
        except BadInputError as error:
            # Whatever a stranger stored, it is their data that is wrong, not a caller's argument.
            raise MalformedDataError(str(error)) from error

    def _open_proposal(self, terms: Terms, reader: Reader) -> list[OpenedPart]:
        dataset, _ = split_proposal_id(terms.proposal)
        manifest = self.manifest(Digest(terms.manifest))
        samples = self.samples(manifest)
        label = rows_label(terms.proposer)
        parts = self.open_parts(dataset, Digest(terms.ref), label, reader)
        count = sum(len(part.rows) for part in parts)
        if not count == manifest.num_rows == terms.num_rows:
            raise MalformedDataError(
                f"{count} rows were sealed, the manifest says {manifest.num_rows} and the terms "
                f"{terms.num_rows}"
            )
        root = point_tree(parts).root
        if not root == manifest.root == terms.root:
            raise MalformedDataError(
                f"the sealed rows lead to the root {root.hex()}, the manifest says "
                f"{manifest.root.hex()} and the terms {terms.root.hex()}"
            )
        if samples is not None:
            _check_samples(samples, concatenate([part.rows for part in parts]))
        return parts


def _check_samples(samples: Samples, rows: Rows) -> None:
    taken = np.asarray(samples.indices, dtype=np.int64)
    if taken[-1] >= len(rows) or not (
        np.array_equal(rows.y_N[taken], samples.rows.y_N)
        and np.array_equal(rows.x_NF[taken], samples.rows.x_NF)
    ):
        raise MalformedDataError("the shown sample rows are not those that were sealed")


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


_NODE = ("tls_pin", "hpke_key", "endpoint")
