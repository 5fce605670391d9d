"""Keys that send transactions, each transaction at most once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import TypeAlias

from eth_account.signers.local import LocalAccount
from eth_typing.encoding import HexStr

from databright.chain.base import Chain, Receipt
from databright.chain.refusals import told
from databright.errors import ChainError, NonceSpentError, TransactionFailedError
from databright.units import Address

SignedHook: TypeAlias = Callable[[bytes, str], None]
"""Called with (raw transaction, its hash) before it is sent, e.g. to store it first."""

_GAS_MARGIN = (5, 4)
_SALT_BITS = 20
_MOST_RESIGNS = 8
_STALE_NONCE = ("nonce too low", "nonce gap", "nonce too high", "replacement transaction")


class Signer:
    """A key that sends transactions, one after the other.

    The nonce is taken from the chain each time, so several processes may use one key.

    Args:
        account: the key.
    """

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self._lock = threading.Lock()

    @property
    def address(self) -> Address:
        """Address of the key."""
        return Address(str(self._account.address))

    @property
    def account(self) -> LocalAccount:
        """The key itself, for signing messages."""
        return self._account

    def send(
        self,
        chain: Chain,
        to: Address | None,
        data: bytes,
        *,
        value: int = 0,
        gas: int | None = None,
        nonce: int | None = None,
        on_signed: SignedHook | None = None,
    ) -> Receipt:
        """Sign a type-2 transaction, send it and wait until it is in a block.

        Another process with the same key may take the nonce first. Then the transaction is
        signed again with a fresh nonce, but only when the first one cannot get in any more: its
        nonce is used up by a block and no receipt of its hash exists.

        Args:
            chain: where to send it.
            to: receiver, or None for a deployment.
            data: call data or deployment code.
            value: native coin, in wei.
            gas: limit; the estimate plus a quarter when None.
            nonce: the only one to use, for a contract whose address it fixes; the chain's next one
                when None.
            on_signed: called with the raw bytes and hash before each sending.

        Returns:
            The receipt of a transaction that did not revert.

        Raises:
            TransactionFailedError: it reverted, or would.
            NonceSpentError: the given nonce is used up by another transaction.
            ChainError: it could not be sent.
        """
        with self._lock:
            for _ in range(_MOST_RESIGNS):
                receipt = self._attempt(chain, to, data, value, gas, nonce, on_signed)
                if receipt is not None:
                    break
                if nonce is not None:
                    raise NonceSpentError(
                        f"nonce {nonce} of {self.address} is used up by another transaction; "
                        "nothing was sent. Let nothing else use this key meanwhile"
                    )
            else:
                raise ChainError(
                    f"other processes used the nonces of {self.address} {_MOST_RESIGNS} times in "
                    "a row; nothing was sent. Stop one of the processes with this key"
                )
        if receipt.status != 1:
            reason = self._reason(chain, to, data, receipt)
            raise TransactionFailedError(
                f"transaction {receipt.tx_hash} reverted in block {receipt.block_number}: "
                f"{told(reason)}",
                reason,
            )
        return receipt

    def _attempt(
        self,
        chain: Chain,
        to: Address | None,
        data: bytes,
        value: int,
        gas: int | None,
        only_nonce: int | None,
        on_signed: SignedHook | None,
    ) -> Receipt | None:
        request: dict[str, object] = {
            "from": self.address,
            "data": "0x" + data.hex(),
            "value": hex(value),
        }
        if to is not None:
            request["to"] = to
        nonce = chain.nonce(self.address)
        if only_nonce is not None:
            if nonce > only_nonce:
                return None
            nonce = only_nonce
        limit = gas
        if limit is None:
            limit = chain.estimate_gas(request) * _GAS_MARGIN[0] // _GAS_MARGIN[1]
        fees = chain.fees()
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": chain.chain_id,
                "nonce": nonce,
                "value": value,
                "data": data,
                "gas": limit,
                # Two processes that send the same thing with one key must not sign the same
                # bytes: they would share one transaction, and each take it for its own.
                "maxFeePerGas": fees.max_fee + secrets.randbits(_SALT_BITS),
                "maxPriorityFeePerGas": fees.priority_fee,
                **({} if to is None else {"to": HexStr(to)}),
            }
        )
        raw, tx_hash = bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()
        if on_signed is not None:
            on_signed(raw, tx_hash)
        try:
            chain.send(raw)
        except ChainError as error:
            if not any(sign in str(error).lower() for sign in _STALE_NONCE):
                raise
            if chain.nonce(self.address) <= nonce:
                raise
            # The nonce is spent by a block: either by these bytes, or they never can get in.
            return chain.receipt(tx_hash)
        return chain.wait(tx_hash)

    def _reason(self, chain: Chain, to: Address | None, data: bytes, receipt: Receipt) -> str:
        # The text is not in the receipt: run it again on the state before its block.
        if to is None:
            return ""
        for block in (max(0, receipt.block_number - 1), None):
            try:
                chain.call(to, data, block, self.address)
            except TransactionFailedError as error:
                return error.reason
            except ChainError:
                continue  # a chain may have forgotten that state; the head's is near it
            return "out of gas, or the state has changed since"
        return ""
