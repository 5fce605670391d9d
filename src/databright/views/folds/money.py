"""Money and shares: who holds what, and what has moved between whom, by the tokens' own events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, Shares
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table

ZERO_ADDRESS = Address("0x" + "0" * 40)


@dataclass(frozen=True, kw_only=True)
class ContractRow(Row):
    """A contract of the market that has emitted events.

    Attributes:
        address: its address.
        name: its name.
    """

    address: Address
    name: str


@dataclass(frozen=True, kw_only=True)
class AccountRow(Row):
    """What one account holds; there is no row for nothing.

    Attributes:
        account: its address.
        amount: market token.
        shares: shares of all tranches.
    """

    account: Address
    amount: Amount = Amount(0)
    shares: Shares = Shares(0)


@dataclass(frozen=True, kw_only=True)
class HoldingRow(Row):
    """What one account holds of one tranche; there is no row for nothing.

    Attributes:
        tranche: the tranche.
        holder: who holds it.
        shares: how much.
    """

    tranche: int
    holder: Address
    shares: Shares


@dataclass(frozen=True, kw_only=True)
class FlowRow(Row):
    """All market tokens that went from one account to another.

    Attributes:
        sender: who paid; the zero address for the first supply.
        receiver: who was paid; the zero address for what was burnt.
        amount: sum of the transfers.
        transfers: their number.
    """

    sender: Address
    receiver: Address
    amount: Amount = Amount(0)
    transfers: int = 0


@dataclass(frozen=True, kw_only=True)
class SupplyRow(Row):
    """What exists of a token.

    Attributes:
        contract: MarketToken, or Database for shares.
        id: the tranche, 0 for market tokens.
        amount: base units or shares.
    """

    contract: str
    id: int
    amount: int = 0


@dataclass(frozen=True, kw_only=True)
class WithdrawalRow(Row):
    """What an account has taken out of its credit with a contract.

    Attributes:
        contract: the contract's address.
        account: whose credit.
        amount: sum of the withdrawals.
    """

    contract: Address
    account: Address
    amount: Amount = Amount(0)


CONTRACTS = Table("contracts", ContractRow, ("address",))
ACCOUNTS = Table("accounts", AccountRow, ("account",))
HOLDINGS = Table("holdings", HoldingRow, ("tranche", "holder"))
FLOWS = Table("flows", FlowRow, ("sender", "receiver"))
SUPPLIES = Table("supplies", SupplyRow, ("contract", "id"))
WITHDRAWALS = Table("withdrawals", WithdrawalRow, ("contract", "account"))
TABLES: Sequence[AnyTable] = (CONTRACTS, ACCOUNTS, HOLDINGS, FLOWS, SUPPLIES, WITHDRAWALS)


def _emitted(book: Book, event: IndexedEvent) -> None:
    address = Address(event.address)
    if book.find(CONTRACTS, address) is None:
        book.put(CONTRACTS, ContractRow(address=address, name=event.contract))


def _move(book: Book, account: Address, amount: int, shares: int) -> None:
    if account == ZERO_ADDRESS:
        return
    row = book.find(ACCOUNTS, account) or AccountRow(account=account)
    held = Amount(row.amount + amount), Shares(row.shares + shares)
    if held == (0, 0):
        book.drop(ACCOUNTS, account)
    else:
        book.put(ACCOUNTS, replace(row, amount=held[0], shares=held[1]))


def _supply(book: Book, contract: str, number: int, change: int) -> None:
    row = book.find(SUPPLIES, contract, number) or SupplyRow(contract=contract, id=number)
    book.put(SUPPLIES, replace(row, amount=row.amount + change))


def _made(sender: Address, receiver: Address, amount: int) -> int:
    """By how much a transfer changes what exists."""
    return amount * ((sender == ZERO_ADDRESS) - (receiver == ZERO_ADDRESS))


def _money_moved(book: Book, event: IndexedEvent) -> None:
    sender, receiver = event.address_of("sender"), event.address_of("receiver")
    amount = event.number("value")
    _move(book, sender, -amount, 0)
    _move(book, receiver, amount, 0)
    _supply(book, "MarketToken", 0, _made(sender, receiver, amount))
    row = book.find(FLOWS, sender, receiver) or FlowRow(sender=sender, receiver=receiver)
    more = replace(row, amount=Amount(row.amount + amount), transfers=row.transfers + 1)
    book.put(FLOWS, more)


def _shares_moved(book: Book, event: IndexedEvent) -> None:
    sender, receiver = event.address_of("sender"), event.address_of("receiver")
    tranche, amount = event.number("id"), event.number("amount")
    _move(book, sender, 0, -amount)
    _move(book, receiver, 0, amount)
    _supply(book, "Database", tranche, _made(sender, receiver, amount))
    for account, change in ((sender, -amount), (receiver, amount)):
        if account == ZERO_ADDRESS:
            continue
        row = book.find(HOLDINGS, tranche, account)
        held = Shares((0 if row is None else row.shares) + change)
        if held == 0:
            book.drop(HOLDINGS, tranche, account)
        else:
            book.put(HOLDINGS, HoldingRow(tranche=tranche, holder=account, shares=held))


def _withdrawn(book: Book, event: IndexedEvent) -> None:
    contract, account = Address(event.address), event.address_of("account")
    row = book.find(WITHDRAWALS, contract, account) or WithdrawalRow(
        contract=contract, account=account
    )
    book.put(WITHDRAWALS, replace(row, amount=Amount(row.amount + event.number("amount"))))


FOLDS: Mapping[str, Fold] = {
    "*": _emitted,
    "MarketToken.Transfer": _money_moved,
    "Database.Transfer": _shares_moved,
    "Database.Withdrawn": _withdrawn,
    "DataAssociation.Withdrawn": _withdrawn,
    "DataRequests.Withdrawn": _withdrawn,
    "Challenges.Withdrawn": _withdrawn,
    "Motions.Withdrawn": _withdrawn,
    "WorkerRegistry.Withdrawn": _withdrawn,
    "JobEscrow.Withdrawn": _withdrawn,
    "PredictionMarket.Withdrawn": _withdrawn,
}
