"""The index against the chain: what rows say and what contracts answer at the same block.

Events tell what happened, a contract's state tells what came of it; the two are written by
different lines of the contracts and read by different lines here. What is compared is listed in
`checks.py`; sums over rows are compared here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from databright.chain.bindings import Artifact, Contract
from databright.chain.market_contracts import MarketContracts
from databright.errors import ChainError, TransactionFailedError
from databright.units import Address
from databright.views.batches import IndexedBlock, json_safe
from databright.views.checks import CHECKS, Answer, Check, Pairs
from databright.views.folds.data_market import DATASETS, PROPOSALS
from databright.views.folds.money import ACCOUNTS, HOLDINGS
from databright.views.folds.shares import TRANCHES
from databright.views.folds.votes import MOTIONS, VOTES
from databright.views.index import Index
from databright.views.snapshot import Snapshot


@dataclass(frozen=True)
class Difference:
    """Where index and chain disagree.

    Attributes:
        table: the table.
        id: the row's key, its parts joined by "/".
        field: what differs.
        index: what the index says.
        chain: what the chain says.
    """

    table: str
    id: str
    field: str
    index: object
    chain: object


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        block: the block that it was made at.
        block_hash: its hash.
        rows: rows compared.
        values: values compared.
        differences: where the two disagree; empty for a sound index.
    """

    block: int
    block_hash: str
    rows: int
    values: int
    differences: tuple[Difference, ...]


def audit(index: Index, contracts: MarketContracts) -> AuditReport:
    """Compare the index with the chain at the index's newest block.

    Args:
        index: the index, fed up to a block whose state the chain still has.
        contracts: the market.

    Returns:
        What differs.

    Raises:
        ChainError: the index is empty, or the chain was reorganised below its newest block.
    """
    with index.snapshot() as snapshot:
        head = snapshot.head
        if head is None:
            raise ChainError("the index holds no block yet: run: databright index rebuild")
        _require_block(contracts, head)
        tally = _Tally(contracts, snapshot, head.number)
        for check in CHECKS:
            tally.run(check)
        tally.add_up()
        _require_block(contracts, head)
    return AuditReport(head.number, head.hash, tally.rows, tally.values, tuple(tally.found))


def _require_block(contracts: MarketContracts, head: IndexedBlock) -> None:
    header = contracts.chain.header(head.number)
    if header is None or header.hash != head.hash:
        raise ChainError(
            f"the chain has taken block {head.number} ({head.hash}) back: run the audit again"
        )


class _Tally:
    def __init__(self, contracts: MarketContracts, snapshot: Snapshot, block: int) -> None:
        self._market = contracts
        self._snapshot = snapshot
        self._block = block
        self._databases = {row.id: row.database for row in snapshot.rows(DATASETS)}
        self.rows = self.values = 0
        self.found: list[Difference] = []

    def _answer(self, name: str, address: Address | None = None) -> Answer:
        place = self._market.deployment.addresses[name] if address is None else address
        contract = Contract(self._market.chain, place, Artifact.load(name))

        def answer(fn: str, *args: object) -> Any:  # noqa: ANN401 - the interface's
            return contract.call(fn, *args, block=self._block)

        return answer

    def run(self, check: Check) -> None:
        """Compare a table's rows one by one, and their number."""
        name = check.table.name
        rows = self._snapshot.rows(check.table)
        if check.counted_by:
            count = self._answer(check.contract)
            self._compare(name, "all", {"rows": (len(rows), count(check.counted_by))})
        for row in rows:
            self.rows += 1
            key = "/".join(str(part) for part in check.table.order(row))
            address = None if check.dataset is None else self._databases.get(check.dataset(row))
            if check.dataset is not None and address is None:
                self.found.append(Difference(name, key, "dataset", "no row of it", "unknown"))
                continue
            answer = self._answer(check.contract, address)
            try:
                self._compare(name, key, check.pairs(row, answer))
            except TransactionFailedError as error:
                # The contract refuses the question: it knows no such thing.
                self.found.append(Difference(name, key, "row", "is there", f"refused: {error}"))

    def add_up(self) -> None:
        """Compare sums of rows with supplies: a holder that the index lacks shows here."""
        token = self._answer("MarketToken")
        held = sum(row.amount for row in self._snapshot.rows(ACCOUNTS))
        self._compare("accounts", "all", {"sum of amount": (held, token("totalSupply"))})
        for tranche in self._snapshot.rows(TRANCHES):
            holders = self._snapshot.rows(HOLDINGS, of=tranche.id)
            sums: Pairs = {"sum of shares": (sum(row.shares for row in holders), tranche.shares)}
            self._compare("holdings", f"{tranche.id}/all", sums)
        tallies = [(one.id, one.yes, one.no) for one in self._snapshot.rows(PROPOSALS)]
        tallies += [(one.id, one.yes, one.no) for one in self._snapshot.rows(MOTIONS)]
        for number, yes, no in tallies:
            cast = self._snapshot.rows(VOTES, of=number)
            sides: Pairs = {
                "sum of yes": (sum(vote.weight for vote in cast if vote.support), yes),
                "sum of no": (sum(vote.weight for vote in cast if not vote.support), no),
            }
            self._compare("votes", f"{number}/all", sides)
        self._count_by_dataset()

    def _count_by_dataset(self) -> None:
        proposals = [row.dataset for row in self._snapshot.rows(PROPOSALS)]
        motions = [row.dataset for row in self._snapshot.rows(MOTIONS)]
        association, mover = self._answer("DataAssociation"), self._answer("Motions")
        for dataset in self._databases:
            counts: Pairs = {
                # Its word holds the number of proposals in bits 136 to 155.
                "proposals": (
                    proposals.count(dataset),
                    (association("datasets", dataset) >> 136) % 2**20,
                ),
                "motions": (motions.count(dataset), mover("num_motions", dataset)),
            }
            self._compare("datasets", str(dataset), counts)

    def _compare(self, table: str, key: str, pairs: Pairs) -> None:
        for field, (ours, raw) in pairs.items():
            self.values += 1
            theirs = json_safe(raw)
            if ours != theirs:
                self.found.append(Difference(table, key, field, ours, theirs))
