"""Contracts as Python objects: artifacts, calls, signed transactions, decoded events."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, cast

from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector

from databright.chain.abi import Entry, decode_results, encode_arguments, event_arguments
from databright.chain.base import Chain, Log, Receipt
from databright.chain.refusals import told
from databright.chain.signing import SignedHook, Signer
from databright.errors import BadInputError, ChainError, TransactionFailedError
from databright.units import Address

__all__ = ["Artifact", "Contract", "Event", "SignedHook", "Signer", "deploy"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}\Z")


@dataclass(frozen=True)
class Artifact:
    """A compiled contract, as it lies in the package.

    Attributes:
        name: the contract's name.
        abi: its interface.
        bytecode: what a deployment sends, constructor arguments not included.
        compiler: version of the Vyper compiler that made it.
        evm_version: name of the EVM's rules that it needs.
    """

    name: str
    abi: tuple[Entry, ...]
    bytecode: bytes
    compiler: str
    evm_version: str

    @staticmethod
    def load(name: str) -> Artifact:
        """Read an artifact of the package.

        Args:
            name: the contract's name, e.g. "JobEscrow".

        Returns:
            The artifact.

        Raises:
            BadInputError: there is none of that name.
        """
        if not _NAME.match(name):
            raise BadInputError(f"{name[:80]!r} is not a contract's name")
        return _load(name)

    @property
    def constructor_inputs(self) -> tuple[Entry, ...]:
        """ABI inputs of the constructor; none where it has no constructor."""
        found = [entry for entry in self.abi if entry["type"] == "constructor"]
        return tuple(found[0]["inputs"]) if found else ()

    def creation_code(self, args: Sequence[object]) -> bytes:
        """What a deployment sends.

        Args:
            args: the constructor's arguments.

        Returns:
            Creation code and encoded arguments.

        Raises:
            BadInputError: the arguments do not fit.
        """
        inputs = self.constructor_inputs
        if len(inputs) != len(args):
            raise BadInputError(
                f"the constructor of {self.name} takes {len(inputs)} arguments, not {len(args)}"
            )
        return self.bytecode + encode_arguments(f"{self.name}.constructor", inputs, args)

    def entry(self, kind: str, name: str, num_arguments: int) -> Entry:
        """Find an interface entry.

        Args:
            kind: "function", "event" or "constructor".
            name: its name; ignored for a constructor.
            num_arguments: number of its inputs.

        Returns:
            The ABI entry.

        Raises:
            BadInputError: the interface holds none such.
        """
        named = [
            entry
            for entry in self.abi
            if entry["type"] == kind and (kind == "constructor" or entry.get("name") == name)
        ]
        for entry in named:
            if len(entry["inputs"]) == num_arguments:
                return entry
        takes = ", ".join(str(len(entry["inputs"])) for entry in named) or "no such function"
        raise BadInputError(
            f"{self.name}.{name} cannot take {num_arguments} arguments (it takes: {takes})"
        )


@lru_cache(maxsize=64)
def _load(name: str) -> Artifact:
    file = resources.files("databright") / "contracts" / "artifacts" / f"{name}.json"
    if not file.is_file():
        raise BadInputError(
            f"this release has no contract {name!r}: install databright again, or compile the "
            "contracts in a checkout"
        )
    record = json.loads(file.read_text(encoding="utf-8"))
    return Artifact(
        str(record["name"]),
        tuple(record["abi"]),
        bytes.fromhex(str(record["bytecode"]).removeprefix("0x")),
        str(record["compiler"]),
        str(record["evm_version"]),
    )


@dataclass(frozen=True)
class Event:
    """One decoded event.

    Attributes:
        name: the event's name.
        args: parameter name -> value; bytes as bytes, addresses in EIP-55.
        address: contract that emitted it.
        block_number: height of its block.
        block_hash: hash of its block.
        tx_hash: hash of its transaction.
        log_index: place in the block.
    """

    name: str
    args: dict[str, Any]
    address: Address
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


class Contract:
    """A contract at an address.

    Args:
        chain: where it is.
        address: its address.
        artifact: its interface.
    """

    def __init__(self, chain: Chain, address: Address, artifact: Artifact) -> None:
        self.chain = chain
        self.address = address
        self.artifact = artifact
        self._topics: dict[bytes, Entry] = {
            bytes(event_abi_to_log_topic(cast(Any, entry))): entry
            for entry in artifact.abi
            if entry["type"] == "event"
        }

    def topic(self, event: str) -> bytes:
        """First topic of an event's logs.

        Args:
            event: its name.

        Returns:
            32 bytes.

        Raises:
            BadInputError: the interface holds no such event.
        """
        for topic, entry in self._topics.items():
            if entry["name"] == event:
                return topic
        raise BadInputError(f"{self.artifact.name} has no event {event!r}")

    def encode(self, fn: str, *args: object) -> bytes:
        """Call data of a function.

        Args:
            fn: its name.
            args: its arguments.

        Returns:
            Selector and arguments.
        """
        entry = self.artifact.entry("function", fn, len(args))
        selector = bytes(function_abi_to_4byte_selector(cast(Any, entry)))
        return selector + encode_arguments(f"{self.artifact.name}.{fn}", entry["inputs"], args)

    def call(
        self, fn: str, *args: object, block: int | None = None, sender: Address | None = None
    ) -> Any:  # noqa: ANN401 (what the interface says)
        """Read a function's result.

        Args:
            fn: its name.
            args: its arguments.
            block: height whose state is read; the head when None.
            sender: who seems to call.

        Returns:
            The value; a tuple where the function returns several. Structs are named tuples.

        Raises:
            TransactionFailedError: the function reverted.
            ChainError: there is no such contract at the address.
        """
        entry = self.artifact.entry("function", fn, len(args))
        returned = self.chain.call(self.address, self.encode(fn, *args), block, sender)
        outputs = entry["outputs"]
        if outputs and not returned:
            raise ChainError(
                f"{self.artifact.name}.{fn} at {self.address} returned nothing: there is no such "
                "contract on this chain"
            )
        values = decode_results(outputs, returned)
        return values[0] if len(values) == 1 else tuple(values)

    def estimate_gas(self, sender: Address, fn: str, *args: object) -> int:
        """Gas that a transaction would take.

        Args:
            sender: who would send it.
            fn: the function's name.
            args: its arguments.

        Returns:
            Units of gas.

        Raises:
            TransactionFailedError: it would revert.
        """
        return self.chain.estimate_gas(
            {"from": sender, "to": self.address, "data": "0x" + self.encode(fn, *args).hex()}
        )

    def transact(
        self, signer: Signer, fn: str, *args: object, on_signed: SignedHook | None = None
    ) -> Receipt:
        """Call a function by a transaction and wait until it is in a block.

        Args:
            signer: who sends it.
            fn: the function's name.
            args: its arguments.
            on_signed: called with (raw, hash) before it is sent.

        Returns:
            The receipt.

        Raises:
            TransactionFailedError: it reverted, or would; carries the contract's reason.
        """
        data = self.encode(fn, *args)
        try:
            return signer.send(self.chain, self.address, data, on_signed=on_signed)
        except TransactionFailedError as error:
            why = told(error.reason) if error.reason else str(error)
            raise TransactionFailedError(
                f"{self.artifact.name}.{fn} failed: {why}", error.reason
            ) from error

    def events(self, logs: Sequence[Log]) -> list[Event]:
        """Decode the events that this contract emitted.

        Args:
            logs: events of any contracts.

        Returns:
            Those of this address that its interface knows, in the given order.
        """
        found = []
        for log in logs:
            entry = self._topics.get(log.topics[0]) if log.topics else None
            if entry is None or log.address != self.address:
                continue
            found.append(
                Event(
                    name=str(entry["name"]),
                    args=event_arguments(entry["inputs"], log),
                    address=log.address,
                    block_number=log.block_number,
                    block_hash=log.block_hash,
                    tx_hash=log.tx_hash,
                    log_index=log.log_index,
                )
            )
        return found


def deploy(
    chain: Chain,
    signer: Signer,
    artifact: Artifact,
    *args: object,
    on_signed: SignedHook | None = None,
) -> tuple[Address, Receipt]:
    """Deploy a contract and wait until it is in a block.

    Args:
        chain: where.
        signer: who pays the gas.
        artifact: what.
        args: the constructor's arguments.
        on_signed: called with (raw, hash) before it is sent.

    Returns:
        Its address and the receipt.

    Raises:
        TransactionFailedError: the constructor reverted, or would.
        ChainError: the chain made no contract.
    """
    receipt = signer.send(chain, None, artifact.creation_code(args), on_signed=on_signed)
    if receipt.contract_address is None:
        raise ChainError(f"the deployment of {artifact.name} left no contract: {receipt.tx_hash}")
    return receipt.contract_address, receipt
