"""Shares beyond who holds them: tranches, dividends taken, earned votes and lent weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, Shares
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table


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
        root: root of the snapshot, hex.
        income: income paid into this tranche alone.
        claimed: dividends that its holders have taken.
    """

    id: int
    dataset: int
    snapshot: int
    contributor: Address
    num_rows: int
    shares: Shares
    root: str
    income: Amount = Amount(0)
    claimed: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class DividendRow(Row):
    """What one holder has taken of one tranche's income.

    Attributes:
        tranche: the tranche.
        holder: who took it.
        claimed: sum of the claims.
    """

    tranche: int
    holder: Address
    claimed: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class VoterRow(Row):
    """Weight that an account has earned in a dataset.

    Attributes:
        dataset: where.
        account: whose.
        earned: votes minted to it; they do not move.
    """

    dataset: int
    account: Address
    earned: int = 0


@dataclass(frozen=True, kw_only=True)
class LoanRow(Row):
    """Weight lent to an oracle; there is no row once it was taken back.

    Attributes:
        dataset: where.
        lender: whose weight.
        oracle: who may cast it.
        cap: most of it.
        expiry: chain time at which the loan ends.
    """

    dataset: int
    lender: Address
    oracle: Address
    cap: int
    expiry: int


TRANCHES = Table("tranches", TrancheRow, ("id",))
DIVIDENDS = Table("dividends", DividendRow, ("tranche", "holder"))
VOTERS = Table("voters", VoterRow, ("dataset", "account"))
LOANS = Table("loans", LoanRow, ("dataset", "lender"))
TABLES: Sequence[AnyTable] = (TRANCHES, DIVIDENDS, VOTERS, LOANS)


def _registered(book: Book, event: IndexedEvent) -> None:
    row = TrancheRow(
        id=event.number("proposal"),
        dataset=event.number("dataset"),
        snapshot=event.number("snapshot"),
        contributor=event.address_of("contributor"),
        num_rows=event.number("num_rows"),
        shares=Shares(event.number("shares")),
        root=event.text("root"),
    )
    book.put(TRANCHES, row)


def _tranche_funded(book: Book, event: IndexedEvent) -> None:
    row = book.get(TRANCHES, event.number("tranche"))
    book.put(TRANCHES, replace(row, income=Amount(row.income + event.number("amount"))))


def _claimed(book: Book, event: IndexedEvent) -> None:
    amount, holder = event.number("amount"), event.address_of("holder")
    tranche = book.get(TRANCHES, event.number("tranche"))
    book.put(TRANCHES, replace(tranche, claimed=Amount(tranche.claimed + amount)))
    row = book.find(DIVIDENDS, tranche.id, holder) or DividendRow(tranche=tranche.id, holder=holder)
    book.put(DIVIDENDS, replace(row, claimed=Amount(row.claimed + amount)))


def _minted(book: Book, event: IndexedEvent) -> None:
    dataset, account = event.number("dataset"), event.address_of("to")
    row = book.find(VOTERS, dataset, account) or VoterRow(dataset=dataset, account=account)
    book.put(VOTERS, replace(row, earned=row.earned + event.number("amount")))


def _lent(book: Book, event: IndexedEvent) -> None:
    row = LoanRow(
        dataset=event.number("dataset"),
        lender=event.address_of("lender"),
        oracle=event.address_of("oracle"),
        cap=event.number("cap"),
        expiry=event.number("expiry"),
    )
    book.put(LOANS, row)


def _taken_back(book: Book, event: IndexedEvent) -> None:
    book.drop(LOANS, event.number("dataset"), event.address_of("lender"))


FOLDS: Mapping[str, Fold] = {
    "Database.Registered": _registered,
    "Database.TrancheFunded": _tranche_funded,
    "Database.Claimed": _claimed,
    "CuratorToken.Minted": _minted,
    "CuratorToken.Lent": _lent,
    "CuratorToken.TakenBack": _taken_back,
}
