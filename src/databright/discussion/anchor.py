"""Anchoring: each batch's root goes to the chain exactly once, whenever this process is killed.

The contract takes a publisher's batches in order alone, so a second transaction for the same batch
reverts; the stored bytes of the first are sent again instead of new ones (docs/design/chain.md,
"Sending exactly once").
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from databright.chain.base import Receipt
from databright.chain.bindings import Contract, Event, Signer
from databright.discussion.batches import Batch, Batches
from databright.errors import ConfigError, TransactionFailedError
from databright.units import Address

EVENT: Final = "Anchored"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Anchored:
    """A batch as the chain shows it.

    Attributes:
        first: number of its first entry.
        count: entries.
        root: Merkle root, 32 bytes.
        tx: hash of the transaction.
        block: number of its block.
    """

    first: int
    count: int
    root: bytes
    tx: str
    block: int


def read_anchored(contract: Contract, publisher: Address, from_block: int) -> list[Anchored]:
    """All batches that a publisher anchored.

    Args:
        contract: DiscussionAnchor.
        publisher: whose.
        from_block: the market's first block.

    Returns:
        Batches in order of the chain.
    """
    head = contract.chain.head().number
    logs = contract.chain.logs(from_block, head, [contract.address])
    return [_anchored(one) for one in contract.events(logs) if one.args["publisher"] == publisher]


def _anchored(event: Event) -> Anchored:
    return Anchored(
        first=int(event.args["first"]),
        count=int(event.args["count"]),
        root=bytes(event.args["root"]),
        tx=event.tx_hash,
        block=event.block_number,
    )


class Anchorer:
    """Anchors a log's batches with one key.

    Args:
        batches: of the log.
        contract: DiscussionAnchor.
        signer: the publisher's key, which pays the gas.
        from_block: the market's first block.
        every_s: longest time that an entry waits.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        batches: Batches,
        contract: Contract,
        signer: Signer,
        *,
        from_block: int,
        every_s: int,
        clock: Callable[[], float],
    ) -> None:
        self._batches = batches
        self._contract = contract
        self._signer = signer
        self._from_block = from_block
        self._every_s = every_s
        self._clock = clock

    def step(self) -> bool:
        """Do what is to be done now: plan, send, or note that it is done.

        Returns:
            True when a batch was anchored.

        Raises:
            ConfigError: the chain holds what this log does not.
            ChainError: the chain does not answer; the next step goes on where this one stopped.
            TransactionFailedError: the transaction reverted; the next step looks again.
        """
        on_chain = int(self._contract.call("next_of", self._signer.address))
        reopened = self._batches.reopen_from(on_chain)
        if reopened:
            _LOG.warning("the chain took back %d anchored batches: anchoring them again", reopened)
        batch = self._batches.oldest_open()
        if batch is None:
            self._check_whole(on_chain)
            batch = self._batches.plan(int(self._clock()), self._every_s)
        if batch is None:
            return False
        if on_chain == batch.first:
            self._send(batch)
        self._settle(batch)
        return True

    def _check_whole(self, on_chain: int) -> None:
        known = self._batches.all()
        end = known[-1].end if known else 0
        if on_chain > end:
            raise ConfigError(
                f"{self._signer.address} has anchored {on_chain} entries, but this log's batches "
                f"end at {end}: the database is older than the chain; bring back its newest copy, "
                "or publish with another key"
            )

    def _send(self, batch: Batch) -> None:
        receipt = self._send_stored(batch) if batch.raw else None
        if receipt is None:
            receipt = self._contract.transact(
                self._signer,
                "anchor",
                batch.first,
                batch.count,
                batch.root,
                on_signed=lambda raw, tx: self._batches.store_signed(batch, raw, tx),
            )
        if receipt.status != 1:
            self._batches.store_signed(batch, b"", "")
            raise TransactionFailedError(f"{receipt.tx_hash} did not anchor entry {batch.first}")

    def _send_stored(self, batch: Batch) -> Receipt | None:
        """Send the stored bytes again; None when they can never get in any more."""
        chain = self._contract.chain
        found = chain.receipt(batch.tx)
        if found is not None:
            return found
        nonce = int(TypedTransaction.from_bytes(HexBytes(batch.raw)).as_dict()["nonce"])
        if nonce < chain.nonce(self._signer.address):
            # The nonce may have been used by these very bytes a moment ago.
            return chain.receipt(batch.tx)
        return chain.wait(chain.send(batch.raw))

    def _settle(self, batch: Batch) -> None:
        # Only once the chain shows the very same batch.
        found = read_anchored(self._contract, self._signer.address, self._from_block)
        same = [one for one in found if one.first == batch.first]
        if not same or (same[-1].count, same[-1].root) != (batch.count, batch.root):
            raise ConfigError(
                f"the chain anchors other entries from {batch.first} on for "
                f"{self._signer.address}: somebody else publishes with this key; use a key of "
                "this log alone"
            )
        self._batches.settle(batch, same[-1].tx, same[-1].block)
        _LOG.info(
            "anchored entries %d to %d in block %d", batch.first, batch.end - 1, same[-1].block
        )
