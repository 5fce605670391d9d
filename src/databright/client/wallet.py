"""Balances: what an actor has, what waits for it, and taking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.bindings import Contract
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.client.writing import Desk, Written
from databright.data_market.dividends import claimable
from databright.errors import BadInputError
from databright.units import Address, Amount, in_tokens

_ASSOCIATION: Final = "DataAssociation"


@dataclass(frozen=True)
class Balance:
    """What an account has.

    Attributes:
        address: the account.
        tokens: base units of the market's token.
        credits: contract -> base units that wait to be withdrawn from it.
        deposit: base units that pay bonds and fees of proposals to come.
        locked: proposals of the account that are open and hold a bond and a fee.
        dividends: base units of dividends that wait to be claimed.
        native: wei for gas.
    """

    address: Address
    tokens: Amount
    credits: dict[str, int]
    deposit: Amount
    locked: int
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
            (_ASSOCIATION, contracts.association),
            ("DataRequests", contracts.requests),
            ("Motions", contracts.motions),
            ("Challenges", contracts.challenges),
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
            deposit=Amount(int(contracts.association.call("deposit_of", who))),
            locked=int(contracts.association.call("open_of", who)),
            dividends=claimable(self._desk.market.registry, who),
            native=contracts.chain.balance(who),
        )

    def pay_in(self, amount: Amount, *, dry_run: bool = False) -> Written:
        """Add to the deposit that pays bonds and fees.

        Args:
            amount: base units, > 0.
            dry_run: show only.

        Returns:
            What was done.

        Raises:
            BadInputError: nothing to pay, or more than there is.
        """
        contracts, who = self._desk.market.contracts, self._desk.actor.address
        if amount <= 0:
            raise BadInputError(f"a deposit of {amount} base units: pay in at least 1")
        check_money(contracts.token, who, amount, "the deposit")
        allow = approval(contracts.token, who, contracts.association, amount)
        purpose = f"deposit {in_tokens(amount)} for bonds and fees"
        call = Call(contracts.association, "deposit", (amount,), purpose)
        return self._desk.write(WritePlan((*allow, call)), dry_run=dry_run)

    def withdraw(self, *, with_deposit: bool = True, dry_run: bool = False) -> Written:
        """Take every credit that waits.

        Args:
            with_deposit: whether to take the deposit too, which pays bonds and fees.
            dry_run: show only.

        Returns:
            What was done.

        Raises:
            BadInputError: nothing waits.
        """
        calls = self._withdrawals(with_deposit=with_deposit)
        if not calls:
            raise BadInputError(
                f"nothing waits for {self._desk.actor.address}: there is nothing to withdraw"
            )
        return self._desk.write(WritePlan(tuple(calls)), dry_run=dry_run)

    def _withdrawals(self, *, with_deposit: bool) -> list[Call]:
        who, calls = self._desk.actor.address, []
        for name, contract in self._payers():
            amount = int(contract.call("credit_of", who))
            if name == _ASSOCIATION and with_deposit:
                amount += int(contract.call("deposit_of", who))
            if amount == 0:
                continue
            purpose = f"withdraw {in_tokens(amount)} from {name}"
            if name == _ASSOCIATION and not with_deposit:
                # This push leaves the deposit where it is.
                calls.append(Call(contract, "withdraw_for", (who,), purpose))
            else:
                calls.append(Call(contract, "withdraw", (), purpose))
        return calls

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
