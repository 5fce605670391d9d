"""What a write would do, before it is done: blobs to store and transactions to send.

A room checks everything first and then hands back a `WritePlan`. The caller shows it
(`preview`) or carries it out (`send`): blobs go to the store before the first transaction, so a
transaction never names bytes that nobody holds, and a refused plan leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from databright.chain.base import Receipt
from databright.chain.bindings import Contract, Signer
from databright.errors import BadInputError, ChainError, TransactionFailedError
from databright.units import Address, in_tokens


@dataclass(frozen=True)
class CallPreview:
    """What one transaction of a plan would be.

    Attributes:
        to: address of the contract.
        contract: its name.
        function: name of the function.
        arguments: the values, as text.
        purpose: what it is for.
        gas: estimated gas; None where it depends on an earlier transaction of the same plan.
    """

    to: Address
    contract: str
    function: str
    arguments: tuple[str, ...]
    purpose: str
    gas: int | None


@dataclass(frozen=True)
class Call:
    """One transaction of a plan.

    Attributes:
        contract: the contract that is called.
        function: name of its function.
        arguments: values in the order of the function's inputs.
        purpose: what it is for, a phrase for people.
    """

    contract: Contract
    function: str
    arguments: tuple[object, ...]
    purpose: str

    def described(self, gas: int | None = None) -> CallPreview:
        """The call as people read it.

        Args:
            gas: estimated gas, if known.

        Returns:
            The description.
        """
        return CallPreview(
            to=self.contract.address,
            contract=self.contract.artifact.name,
            function=self.function,
            arguments=tuple(_text(value) for value in self.arguments),
            purpose=self.purpose,
            gas=gas,
        )


@dataclass(frozen=True)
class WritePlan:
    """Blobs and transactions that together make one write.

    Attributes:
        calls: transactions, in order.
        blobs: contents for the store, put before the first transaction.
    """

    calls: tuple[Call, ...]
    blobs: tuple[bytes, ...] = ()

    def preview(self, sender: Address) -> list[CallPreview]:
        """Describe the transactions and estimate their gas; nothing is sent or stored.

        Args:
            sender: address that would sign.

        Returns:
            One preview for each call.

        Raises:
            TransactionFailedError: the first transaction would revert.
        """
        previews: list[CallPreview] = []
        for index, call in enumerate(self.calls):
            gas: int | None
            try:
                gas = call.contract.estimate_gas(sender, call.function, *call.arguments)
            except TransactionFailedError:
                if index == 0:
                    raise
                gas = None
            previews.append(call.described(gas))
        return previews

    def send(self, signer: Signer, put: Callable[[bytes], object]) -> list[Receipt]:
        """Store the blobs, then send the transactions one after the other.

        Args:
            signer: who signs and pays the gas.
            put: stores one content.

        Returns:
            Receipts in the order of the calls.

        Raises:
            TransactionFailedError: a transaction reverted; those before it stand.
            ChainError: the plan is empty.
        """
        if not self.calls:
            raise ChainError("this write holds no transaction: there is nothing to send")
        for blob in self.blobs:
            put(blob)
        return [
            call.contract.transact(signer, call.function, *call.arguments) for call in self.calls
        ]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, Sequence):
        return "(" + ", ".join(_text(item) for item in value) + ")"
    return str(value)


def check_money(token: Contract, payer: Address, amount: int, what: str) -> None:
    """Refuse a payment that the payer cannot make.

    Args:
        token: the market's token.
        payer: who pays.
        amount: base units needed.
        what: what the message calls the payment.

    Raises:
        BadInputError: the balance is too low.
    """
    balance = int(token.call("balanceOf", payer))
    if balance < amount:
        raise BadInputError(
            f"{what} needs {in_tokens(amount)} market tokens, {payer} has {in_tokens(balance)}: "
            f"transfer at least {in_tokens(amount - balance)} more to it (on a development market: "
            "databright chain fund)"
        )


def approval(token: Contract, payer: Address, spender: Contract, amount: int) -> tuple[Call, ...]:
    """The approval that a payment to a contract needs, if any.

    Args:
        token: the market's token.
        payer: who pays.
        spender: the contract that pulls the money.
        amount: base units.

    Returns:
        One call, or none where nothing is paid or the allowance is high enough.
    """
    if amount == 0 or int(token.call("allowance", payer, spender.address)) >= amount:
        return ()
    purpose = f"let {spender.artifact.name} take {in_tokens(amount)}"
    return (Call(token, "approve", (spender.address, amount), purpose),)
