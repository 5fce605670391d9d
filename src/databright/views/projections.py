"""Read models: what the page, the command line and the SDK show, read from stored rows.

Every row carries its tag: seen, safe or final. A row may change again with every new block; only
what is final stays what it was, so money is to be acted upon when its row is final.
"""

from __future__ import annotations

from dataclasses import dataclass

from databright.units import Address, Amount, Shares
from databright.views.batches import IndexedBlock
from databright.views.book import Row
from databright.views.folds.compute_market import JOBS, JobRow
from databright.views.folds.data_market import DATASETS, PROPOSALS, DatasetRow, ProposalRow
from databright.views.folds.model_market import MODELS, ModelRow
from databright.views.folds.money import ACCOUNTS, CONTRACTS
from databright.views.index import Index
from databright.views.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class BalanceRow(Row):
    """What one account holds.

    Attributes:
        account: its address.
        contract: the market contract that it is, empty for people.
        amount: market token.
        shares: shares of all tranches.
    """

    account: Address
    contract: str
    amount: Amount
    shares: Shares


@dataclass(frozen=True)
class Dashboard:
    """Everything that the page shows, as of one block.

    Attributes:
        head: that block, None before the first.
        safe: height up to which blocks are safe, -1 for none.
        final: height up to which blocks are final, -1 for none.
        datasets: by id.
        proposals: by id.
        jobs: by id.
        models: by id.
        balances: contracts first, then people, by address.
    """

    head: IndexedBlock | None
    safe: int
    final: int
    datasets: tuple[DatasetRow, ...]
    proposals: tuple[ProposalRow, ...]
    jobs: tuple[JobRow, ...]
    models: tuple[ModelRow, ...]
    balances: tuple[BalanceRow, ...]


def read_dashboard(index: Index) -> Dashboard:
    """Read everything at one block.

    Args:
        index: the index.

    Returns:
        Rows that agree with one another.
    """
    with index.snapshot() as snapshot:
        return Dashboard(
            head=snapshot.head,
            safe=snapshot.safe,
            final=snapshot.final,
            datasets=snapshot.rows(DATASETS),
            proposals=snapshot.rows(PROPOSALS),
            jobs=snapshot.rows(JOBS),
            models=snapshot.rows(MODELS),
            balances=balances(snapshot),
        )


def balances(snapshot: Snapshot) -> tuple[BalanceRow, ...]:
    """What every account holds, by the tokens' own transfers.

    Args:
        snapshot: the rows as of one block.

    Returns:
        Accounts that hold money or shares; the market's contracts first, then by address.
    """
    names = {row.address: row.name for row in snapshot.rows(CONTRACTS)}
    rows = [
        BalanceRow(
            account=row.account,
            contract=names.get(row.account, ""),
            amount=row.amount,
            shares=row.shares,
            block=row.block,
            tag=row.tag,
        )
        for row in snapshot.rows(ACCOUNTS)
    ]
    return tuple(sorted(rows, key=lambda row: (row.contract == "", row.contract, row.account)))
