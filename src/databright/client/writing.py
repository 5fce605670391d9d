"""Carrying out planned writes and saying what they did."""

from __future__ import annotations

from dataclasses import dataclass

from databright.chain.bindings import Contract
from databright.chain.writes import CallPreview, WritePlan
from databright.wiring.session import Actor, OpenMarket


@dataclass(frozen=True)
class Transaction:
    """One mined transaction.

    Attributes:
        tx: its hash, 0x-prefixed.
        block: number of its block.
        gas: gas used.
    """

    tx: str
    block: int
    gas: int


@dataclass(frozen=True)
class Written:
    """What a write did, or would do.

    Attributes:
        id: id of what it made (dataset, request, proposal, job, model, prediction), if any.
        calls: its transactions described, with estimated gas where it was a dry run.
        transactions: what was mined; empty after a dry run.
        num_blobs: contents that went, or would go, to the store.
    """

    id: int | None
    calls: tuple[CallPreview, ...]
    transactions: tuple[Transaction, ...]
    num_blobs: int


@dataclass(frozen=True)
class Made:
    """Where the id of a new thing is found.

    Attributes:
        contract: the contract whose event tells it.
        event: the event's name.
        field: the event's field.
    """

    contract: Contract
    event: str
    field: str


class Desk:
    """One actor at one market: sends planned writes or shows them.

    Args:
        market: the market.
        actor: who signs; None for a reader.
    """

    def __init__(self, market: OpenMarket, actor: Actor) -> None:
        self.market = market
        self.actor = actor

    def write(self, plan: WritePlan, made: Made | None = None, *, dry_run: bool) -> Written:
        """Carry out a plan, or show it.

        Args:
            plan: blobs and transactions, already checked.
            made: where to find the id of what it makes.
            dry_run: show only.

        Returns:
            What was done, or what would be.

        Raises:
            TransactionFailedError: a transaction reverted.
        """
        if dry_run:
            previews = tuple(plan.preview(self.actor.address))
            return Written(None, previews, (), len(plan.blobs))
        receipts = plan.send(self.actor.signer, self.market.store.put)
        number = None
        if made is not None:
            events = made.contract.events(receipts[-1].logs)
            numbers = [int(event.args[made.field]) for event in events if event.name == made.event]
            number = numbers[0] if numbers else None
        return Written(
            id=number,
            calls=tuple(call.described() for call in plan.calls),
            transactions=tuple(
                Transaction(receipt.tx_hash, receipt.block_number, receipt.gas_used)
                for receipt in receipts
            ),
            num_blobs=len(plan.blobs),
        )
