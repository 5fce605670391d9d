"""Snapshots of a dataset: which accepted proposals each consists of, and which rows.

A Database lists an entry for each acceptance. An entry is part of a snapshot from its birth until a
removal or a takedown ends it. Rows have numbers that last: the rows of all entries, ended ones too,
in order of acceptance.

Shapes: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from databright.chain.bindings import Contract
from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import digest_of, int_of, values_of
from databright.errors import UnknownEntityError
from databright.records.terms import SnapshotEntry, Terms, snapshot_tree
from databright.units import Address, Digest, Shares

PAGE: Final = 50
"""Most snapshots that one call of a Database looks at."""
KINDS: Final = ("accepted", "removed", "taken down")
"""How a snapshot came about: names of the contract's codes."""


@dataclass(frozen=True)
class Entry:
    """One accepted proposal in a Database.

    Attributes:
        terms: its terms, verified against the commitment.
        commitment: the word that the chain keeps of it, 32 bytes.
        shares: shares of its tranche.
        born: number of the snapshot that it made.
        ended: snapshot from which on it is no part of the dataset; 0 = it is.
    """

    terms: Terms
    commitment: bytes
    shares: Shares
    born: int
    ended: int

    @property
    def proposal(self) -> int:
        """Id of the proposal, and of its tranche."""
        return self.terms.proposal

    @property
    def contributor(self) -> Address:
        """Who was minted its shares."""
        return self.terms.payee

    @property
    def ref(self) -> Digest:
        """Digest of the reference of its sealed rows."""
        return Digest(self.terms.ref)

    @property
    def manifest(self) -> Digest:
        """Digest of its public manifest."""
        return Digest(self.terms.manifest)

    @property
    def num_rows(self) -> int:
        """Its rows."""
        return self.terms.num_rows

    def is_in(self, snapshot: int) -> bool:
        """Whether a snapshot consists of it.

        Args:
            snapshot: number, from 1.

        Returns:
            True from its birth until its end.
        """
        return self.born <= snapshot and (self.ended == 0 or snapshot < self.ended)

    def listed(self) -> SnapshotEntry:
        """The entry as a snapshot's tree holds it.

        Returns:
            What its leaf is made of.
        """
        return SnapshotEntry(self.proposal, self.commitment, self.shares, self.born)


@dataclass(frozen=True)
class Snapshot:
    """One version of a dataset.

    Attributes:
        number: from 1.
        num_entries: accepted proposals that it consists of.
        num_rows: rows of them.
        total_shares: shares of them.
        kind: how it came about, of `KINDS`.
        tranche: the tranche that came or went.
        pool_percent: percent of its income that goes by measured values.
        root: root of the tree of its entries, 32 bytes; zero where it has none.
    """

    number: int
    num_entries: int
    num_rows: int
    total_shares: Shares
    kind: str
    tranche: int
    pool_percent: int
    root: bytes


def all_entries(contracts: MarketContracts, dataset: int) -> list[Entry]:
    """Every entry that a dataset ever had, in order of acceptance.

    Args:
        contracts: the market.
        dataset: id of the dataset.

    Returns:
        The entries, ended ones too.

    Raises:
        UnknownEntityError: no such dataset.
        ChainError: the chain's events do not hold the terms of one.
    """
    database = contracts.database(dataset)
    count = int(database.call("num_snapshots"))
    listed: list[list[object]] = []
    for offset in range(0, count, PAGE):
        page = database.call("entries", offset, min(PAGE, count - offset))
        listed.extend(values_of(raw, _ENTRY) for raw in page)
    words: dict[int, bytes | None] = {int_of(one[0]): digest_of(one[1]) for one in listed}
    known = contracts.terms.of_many(words)
    return [
        Entry(
            terms=known[int_of(one[0])].terms,
            commitment=digest_of(one[1]),
            shares=Shares(int_of(one[2])),
            born=int_of(one[3]),
            ended=int_of(one[4]),
        )
        for one in listed
    ]


def entries_in(contracts: MarketContracts, dataset: int, snapshot: int) -> list[Entry]:
    """The entries that a snapshot consists of, in order of acceptance.

    Args:
        contracts: the market.
        dataset: id of the dataset.
        snapshot: number, from 1.

    Returns:
        The entries.

    Raises:
        UnknownEntityError: no such dataset or snapshot.
    """
    check_snapshot(contracts.database(dataset), dataset, snapshot)
    return [one for one in all_entries(contracts, dataset) if one.is_in(snapshot)]


def row_numbers(contracts: MarketContracts, dataset: int, snapshot: int) -> NDArray[np.int64]:
    """Lasting numbers of a snapshot's rows, in the order of the snapshot.

    Args:
        contracts: the market.
        dataset: id of the dataset.
        snapshot: number, from 1.

    Returns:
        int64 [N], ascending: places among the rows of all entries that the dataset ever had.

    Raises:
        UnknownEntityError: no such dataset or snapshot.
    """
    check_snapshot(contracts.database(dataset), dataset, snapshot)
    found, start = [np.zeros(0, dtype=np.int64)], 0
    for entry in all_entries(contracts, dataset):
        if entry.is_in(snapshot):
            found.append(np.arange(start, start + entry.num_rows, dtype=np.int64))
        start += entry.num_rows
    return np.concatenate(found)


def read_snapshot(contracts: MarketContracts, dataset: int, number: int) -> Snapshot:
    """One snapshot.

    Args:
        contracts: the market.
        dataset: id of the dataset.
        number: from 1.

    Returns:
        The snapshot, its root recomputed from its entries.

    Raises:
        UnknownEntityError: no such dataset or snapshot.
    """
    database = contracts.database(dataset)
    entries = entries_in(contracts, dataset, number)
    shares, tranche, kind, percent = database.call("snapshot", number)
    root = snapshot_tree([one.listed() for one in entries]).root if entries else bytes(32)
    return Snapshot(
        number=number,
        num_entries=len(entries),
        num_rows=sum(one.num_rows for one in entries),
        total_shares=Shares(int_of(shares)),
        kind=KINDS[int_of(kind)],
        tranche=int_of(tranche),
        pool_percent=int_of(percent),
        root=root,
    )


def check_snapshot(database: Contract, dataset: int, snapshot: int) -> None:
    """Refuse a snapshot that a dataset does not have.

    Args:
        database: the dataset's Database.
        dataset: id of the dataset.
        snapshot: the number.

    Raises:
        UnknownEntityError: there is none.
    """
    count = int(database.call("num_snapshots"))
    if not 1 <= snapshot <= count:
        raise UnknownEntityError(
            f"dataset {dataset} has no snapshot {snapshot}: it has {count}"
            + ("; accept a proposal first" if count == 0 else "")
        )


_ENTRY = ("proposal", "commitment", "shares", "born", "ended")
