"""Balances: what an actor has, what waits for it, and taking it."""

from __future__ import annotations

from dataclasses import dataclass

from databright.chain.bindings import Contract
from databright.chain.writes import Call, WritePlan
from databright.client.writing import Desk, Written
from databright.data_market.dividends import claimable
from databright.errors import BadInputError
from databright.units import Address, Amount, in_tokens


@dataclass(frozen=True)
class Balance:
    """What an account has.

    Attributes:
        address: the account.
        tokens: base units of the market's token.
        credits: contract -> base units that wait to be withdrawn from it.
        dividends: base units of dividends that wait to be claimed.
        native: wei for gas.
    """

    address: Address
    tokens: Amount
    credits: dict[str, int]
    dividends: Amount
    native: int


class WalletView:
    """Balances, credits and withdrawals.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _payers(self) -> list[tuple[str, Contract]]:
        contracts = self._desk.market.contracts
        databases = [
            (f"Database {number}", contracts.database(number))
            for number in range(1, self._desk.market.registry.num_datasets() + 1)
        ]
        return [
            ("DataAssociation", contracts.association),
            ("JobEscrow", contracts.escrow),
            ("PredictionMarket", contracts.predictions),
            ("WorkerRegistry", contracts.workers),
            *databases,
        ]

    def balance(self, address: Address | None = None) -> Balance:
        """What an account has.

        Args:
            address: the account; the actor's own when None.

        Returns:
            Tokens, credits, dividends and gas money.
        """
        who = address or self._desk.actor.address
        contracts = self._desk.market.contracts
        waiting = {name: int(contract.call("credit_of", who)) for name, contract in self._payers()}
        return Balance(
            address=who,
            tokens=Amount(int(contracts.token.call("balanceOf", who))),
            credits={name: amount for name, amount in waiting.items() if amount},
            dividends=claimable(self._desk.market.registry, who),
            native=contracts.chain.balance(who),
        )

    def withdraw(self, *, dry_run: bool = False) -> Written:
        """Take every credit that waits.

        Args:
            dry_run: show only.

        Returns:
            What was done.

        Raises:
            BadInputError: nothing waits.
        """
        who = self._desk.actor.address
        calls = [
            Call(contract, "withdraw", (), f"withdraw {in_tokens(amount)} from {name}")
            for name, contract in self._payers()
            if (amount := int(contract.call("credit_of", who)))
        ]
        if not calls:
            raise BadInputError(f"no credit waits for {who}: nothing to withdraw")
        return self._desk.write(WritePlan(tuple(calls)), dry_run=dry_run)

    def transfer(self, to: Address, amount: Amount, *, dry_run: bool = False) -> Written:
        """Send tokens.

        Args:
            to: who gets them.
            amount: base units, > 0.
            dry_run: show only.

        Returns:
            What was done.

        Raises:
            BadInputError: nothing to send, or more than there is.
        """
        token = self._desk.market.contracts.token
        has = int(token.call("balanceOf", self._desk.actor.address))
        if not 0 < amount <= has:
            raise BadInputError(f"{amount} cannot be sent: {self._desk.actor.address} has {has}")
        call = Call(token, "transfer", (to, amount), f"send {amount} to {to}")
        return self._desk.write(WritePlan((call,)), dry_run=dry_run)
