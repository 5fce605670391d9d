"""Shares beyond who holds them: tranches, dividends, value pools, and evaluators' stakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, Shares
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table
from databright.views.folds.data_market import DATASETS, PROPOSALS, dataset_at
from databright.views.folds.money import ZERO_ADDRESS

_ACCEPTED = 2


@dataclass(frozen=True, kw_only=True)
class TrancheRow(Row):
    """The shares of one accepted proposal.

    Attributes:
        id: the proposal's id.
        dataset: its dataset.
        snapshot: the first one that holds its rows.
        contributor: who was given the shares.
        num_rows: rows accepted.
        shares: shares minted.
        root: Merkle root of its points, hex.
        state: in, removed (by its holder) or taken down.
        ended: the first snapshot without it, 0 while it is in.
        redirected_to: who is paid after a takedown, empty otherwise.
        erasures: how often nodes have logged that keys and ciphertext are erased.
        income: income paid into this tranche alone.
        claimed: dividends that its holders have taken, or that were credited to them.
        redirected: what was credited to others after a takedown.
    """

    id: int
    dataset: int
    snapshot: int
    contributor: Address
    num_rows: int
    shares: Shares
    root: str
    state: str = "in"
    ended: int = 0
    redirected_to: str = ""
    erasures: int = 0
    income: Amount = Amount(0)
    claimed: Amount = Amount(0)
    redirected: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class DividendRow(Row):
    """What one account has got of one tranche's income.

    Attributes:
        tranche: the tranche.
        holder: who got it.
        claimed: paid out.
        credited: credited at transfers of shares.
    """

    tranche: int
    holder: Address
    claimed: Amount = Amount(0)
    credited: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class PoolRow(Row):
    """Income of a snapshot that is divided by measured values.

    Attributes:
        dataset: its dataset.
        snapshot: its snapshot.
        amount: money that came in; 0 once it fell to the shares.
        paid: what owners of points were paid.
        root: root of the values, hex; empty while none stands.
        total: sum of the values.
        state: open, posted or released (it fell to the shares).
    """

    dataset: int
    snapshot: int
    amount: Amount = Amount(0)
    paid: Amount = Amount(0)
    root: str = ""
    total: int = 0
    state: str = "open"


@dataclass(frozen=True, kw_only=True)
class EvaluatorRow(Row):
    """An evaluator of a dataset.

    Attributes:
        dataset: where.
        evaluator: who.
        counts: whether its signatures count.
        stake: money at stake.
        slashed: stake that it lost.
    """

    dataset: int
    evaluator: Address
    counts: bool = False
    stake: Amount = Amount(0)
    slashed: Amount = Amount(0)


TRANCHES = Table("tranches", TrancheRow, ("id",))
DIVIDENDS = Table("dividends", DividendRow, ("tranche", "holder"))
POOLS = Table("pools", PoolRow, ("dataset", "snapshot"))
EVALUATORS = Table("evaluators", EvaluatorRow, ("dataset", "evaluator"))
TABLES: Sequence[AnyTable] = (TRANCHES, DIVIDENDS, POOLS, EVALUATORS)


# ------------------------------------------------------------------ tranches


def _settled(book: Book, event: IndexedEvent) -> None:
    if event.number("status") != _ACCEPTED:
        return
    proposal = book.get(PROPOSALS, event.number("proposal"))
    row = TrancheRow(
        id=proposal.id,
        dataset=proposal.dataset,
        snapshot=event.number("snapshot"),
        contributor=proposal.payee,
        num_rows=proposal.num_rows,
        shares=Shares(event.number("shares")),
        root=proposal.root,
    )
    book.put(TRANCHES, row)


def _ended(book: Book, event: IndexedEvent) -> None:
    row = book.get(TRANCHES, event.number("tranche"))
    to = event.text("redirected_to")
    is_takedown = to != ZERO_ADDRESS
    changed = replace(
        row,
        state="taken down" if is_takedown else "removed",
        redirected_to=to if is_takedown else "",
    )
    if row.ended == 0:
        snapshot = event.number("snapshot")
        changed = replace(changed, ended=snapshot)
        dataset = dataset_at(book, event.address)
        fewer = replace(
            dataset,
            snapshot=snapshot,
            num_rows=dataset.num_rows - row.num_rows,
            shares=Shares(dataset.shares - row.shares),
        )
        book.put(DATASETS, fewer)
    book.put(TRANCHES, changed)


def _erased(book: Book, event: IndexedEvent) -> None:
    row = book.get(TRANCHES, event.number("tranche"))
    book.put(TRANCHES, replace(row, erasures=row.erasures + 1))


def _tranche_funded(book: Book, event: IndexedEvent) -> None:
    row = book.get(TRANCHES, event.number("tranche"))
    book.put(TRANCHES, replace(row, income=Amount(row.income + event.number("amount"))))


# ------------------------------------------------------------------ dividends


def _got(book: Book, event: IndexedEvent) -> DividendRow:
    """Count income taken from a tranche; the row of who got it."""
    row = book.get(TRANCHES, event.number("tranche"))
    book.put(TRANCHES, replace(row, claimed=Amount(row.claimed + event.number("amount"))))
    holder = event.address_of("holder")
    return book.find(DIVIDENDS, row.id, holder) or DividendRow(tranche=row.id, holder=holder)


def _claimed(book: Book, event: IndexedEvent) -> None:
    row = _got(book, event)
    book.put(DIVIDENDS, replace(row, claimed=Amount(row.claimed + event.number("amount"))))


def _credited(book: Book, event: IndexedEvent) -> None:
    row = _got(book, event)
    book.put(DIVIDENDS, replace(row, credited=Amount(row.credited + event.number("amount"))))


def _redirected(book: Book, event: IndexedEvent) -> None:
    row = book.get(TRANCHES, event.number("tranche"))
    book.put(TRANCHES, replace(row, redirected=Amount(row.redirected + event.number("amount"))))


# ------------------------------------------------------------------ value pools


def _pool(book: Book, event: IndexedEvent) -> PoolRow:
    dataset, snapshot = event.number("dataset"), event.number("snapshot")
    return book.find(POOLS, dataset, snapshot) or PoolRow(dataset=dataset, snapshot=snapshot)


def _pool_funded(book: Book, event: IndexedEvent) -> None:
    row = _pool(book, event)
    book.put(POOLS, replace(row, amount=Amount(row.amount + event.number("amount"))))


def _values_posted(book: Book, event: IndexedEvent) -> None:
    row = _pool(book, event)
    posted = replace(row, root=event.text("root"), total=event.number("total"), state="posted")
    book.put(POOLS, posted)


def _pool_released(book: Book, event: IndexedEvent) -> None:
    # Also after a veto, which brings this event with it.
    row = PoolRow(dataset=event.number("dataset"), snapshot=event.number("snapshot"))
    book.put(POOLS, replace(row, state="released"))


def _value_claimed(book: Book, event: IndexedEvent) -> None:
    row = _pool(book, event)
    book.put(POOLS, replace(row, paid=Amount(row.paid + event.number("amount"))))


# ------------------------------------------------------------------ evaluators


def _evaluator(book: Book, event: IndexedEvent) -> EvaluatorRow:
    dataset, evaluator = event.number("dataset"), event.address_of("evaluator")
    return book.find(EVALUATORS, dataset, evaluator) or EvaluatorRow(
        dataset=dataset, evaluator=evaluator
    )


def _evaluator_set(book: Book, event: IndexedEvent) -> None:
    row = _evaluator(book, event)
    book.put(EVALUATORS, replace(row, counts=bool(event.args["counts"])))


def _staked(book: Book, event: IndexedEvent) -> None:
    row = _evaluator(book, event)
    book.put(EVALUATORS, replace(row, stake=Amount(row.stake + event.number("amount"))))


def _stake_returned(book: Book, event: IndexedEvent) -> None:
    book.put(EVALUATORS, replace(_evaluator(book, event), stake=Amount(0)))


def _slashed(book: Book, event: IndexedEvent) -> None:
    row = _evaluator(book, event)
    lost = Amount(row.slashed + event.number("amount"))
    book.put(EVALUATORS, replace(row, stake=Amount(0), slashed=lost))


FOLDS: Mapping[str, Fold] = {
    "DataAssociation.Settled": _settled,
    "Database.Ended": _ended,
    "Charter.Erased": _erased,
    "Database.TrancheFunded": _tranche_funded,
    "Database.Claimed": _claimed,
    "Database.Credited": _credited,
    "Database.Redirected": _redirected,
    "ValuePools.PoolFunded": _pool_funded,
    "ValuePools.ValuesPosted": _values_posted,
    "ValuePools.PoolReleased": _pool_released,
    "ValuePools.ValueClaimed": _value_claimed,
    "Verdicts.EvaluatorSet": _evaluator_set,
    "Challenges.Staked": _staked,
    "Challenges.StakeReturned": _stake_returned,
    "Challenges.EvaluatorSlashed": _slashed,
}
