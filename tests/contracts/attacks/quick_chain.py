"""One EVM in this process (revm), contracts bound by their ABI, and what they refuse."""

# A contract bound at run time has no static type.
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyrevm
import vyper
from eth_abi.abi import decode, encode
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from vyper.compiler.settings import OptimizationLevel, Settings

from databright.contracts import artifact_path

CHAIN_ID = 31_337
START = 1_800_000_000
GAS = 30_000_000
_ERROR = bytes.fromhex("08c379a0")
_OUTPUT = re.compile(r"output: 0x([0-9a-f]*)")


class RefusedError(Exception):
    """A call reverted; its text is the contract's reason."""


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """Expect a revert with exactly this reason."""
    found = None
    try:
        yield
    except RefusedError as error:
        found = str(error)
    assert found == reason, f"expected {reason!r}, got {found or 'a call that went through'!r}"


@lru_cache(maxsize=64)
def artifact(name: str) -> Mapping[str, Any]:
    """ABI and creation code of one of the market's contracts."""
    found: Mapping[str, Any] = json.loads(artifact_path(name).read_text())
    return found


@lru_cache(maxsize=16)
def compiled(path: Path) -> Mapping[str, Any]:
    """ABI and creation code of a test's own contract."""
    made: Mapping[str, Any] = vyper.compile_code(
        path.read_text(),
        contract_path=str(path),
        output_formats=("abi", "bytecode"),
        settings=Settings(optimize=OptimizationLevel.GAS, evm_version="prague"),
    )
    return made


def kind(item: Mapping[str, Any]) -> str:
    """The ABI type of a field, tuples spelled out."""
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    inner = ",".join(kind(part) for part in item["components"])
    return f"({inner}){item['type'].removeprefix('tuple')}"


class Chain:
    """A chain whose clock the test moves. Every call is a transaction of its own."""

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.chain_id = chain_id
        self.now = START
        self.gas = 0
        """Of the last transaction."""
        self.logs: list[tuple[str, list[bytes], bytes]] = []
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id), block=self._block())
        self.evm = pyrevm.EVM(env, gas_limit=GAS, spec_id="PRAGUE")

    def _block(self) -> pyrevm.BlockEnv:
        return pyrevm.BlockEnv(number=self.now, timestamp=self.now, basefee=0)

    def wait(self, seconds: int) -> None:
        assert seconds >= 0
        self.now += seconds
        self.evm.set_block_env(self._block())

    def wait_until(self, time: int) -> None:
        self.wait(max(0, time - self.now))

    def send(self, sender: str, to: str, data: bytes, is_static: bool = False) -> bytes:
        self.evm.reset_transient_storage()
        try:
            output = self.evm.message_call(sender, to, calldata=data, is_static=is_static)
        except RuntimeError as error:
            found = _OUTPUT.search(str(error))
            raw = bytes.fromhex(found[1]) if found else b""
            raise RefusedError(
                decode(["string"], raw[4:])[0] if raw[:4] == _ERROR else raw.hex()
            ) from error
        result = self.evm.result
        if result is None:
            raise RuntimeError("the EVM tells no result")
        self.gas = result.gas_used
        if not is_static:
            self.logs = [
                (log.address.lower(), list(log.data[0]), bytes(log.data[1])) for log in result.logs
            ]
        return bytes(output)

    def deploy(self, sender: str, code: bytes) -> str:
        return str(self.evm.deploy(sender, code))

    def keep(self) -> None:
        """Forget how to undo what happened until now: long runs stay quick."""
        self.evm.snapshot()
        self.evm.commit()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside never happened afterwards."""
        now, place = self.now, self.evm.snapshot()
        try:
            yield
        finally:
            self.evm.revert(place)
            self.now = now
            self.evm.set_block_env(self._block())


@dataclass(frozen=True)
class Method:
    """One function of an ABI, looked up once."""

    selector: bytes
    takes: list[str]
    gives: list[str]
    is_view: bool


_METHODS: dict[tuple[int, str], Method] = {}
"""(identity of an ABI, which the caches above keep alive; name) -> its function."""


@dataclass
class Bound:
    """A contract on a chain: its methods are those of its ABI, the sender a keyword."""

    chain: Chain
    address: str
    abi: Sequence[Mapping[str, Any]] = field(repr=False)

    def entry(self, name: str, kind_of: str = "function") -> Mapping[str, Any]:
        for item in self.abi:
            if item["type"] == kind_of and item.get("name") == name:
                return item
        raise AttributeError(name)

    def _method(self, name: str) -> Method:
        place = (id(self.abi), name)
        if place not in _METHODS:
            item = self.entry(name)
            _METHODS[place] = Method(
                bytes(function_abi_to_4byte_selector(item)),  # type: ignore[arg-type]
                [kind(part) for part in item["inputs"]],
                [kind(part) for part in item["outputs"]],
                item["stateMutability"] in {"view", "pure"},
            )
        return _METHODS[place]

    def encoded(self, name: str, *args: Any) -> bytes:
        method = self._method(name)
        return method.selector + encode(method.takes, list(args))

    def __getattr__(self, name: str) -> Any:
        method = self._method(name)

        def call(*args: Any, sender: str = "0x" + "99" * 20) -> Any:
            data = method.selector + encode(method.takes, list(args))
            output = self.chain.send(str(sender), self.address, data, method.is_view)
            values = decode(method.gives, output)
            return values[0] if len(values) == 1 else (values or None)

        return call

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of one kind that this contract emitted in the last transaction."""
        item = self.entry(name, "event")
        topic = bytes(event_abi_to_log_topic(item))  # type: ignore[arg-type]
        found = []
        for address, topics, data in self.chain.logs:
            if address != self.address.lower() or bytes(topics[0]) != topic:
                continue
            indexed = [part for part in item["inputs"] if part["indexed"]]
            plain = [part for part in item["inputs"] if not part["indexed"]]
            values = {
                part["name"]: decode([kind(part)], bytes(raw))[0]
                for part, raw in zip(indexed, topics[1:], strict=True)
            }
            decoded = decode([kind(part) for part in plain], data)
            values |= {part["name"]: value for part, value in zip(plain, decoded, strict=True)}
            found.append(values)
        return found


def creation(found: Mapping[str, Any], args: Sequence[Any]) -> bytes:
    """Creation code with its constructor's arguments."""
    types = [
        kind(part)
        for item in found["abi"]
        if item["type"] == "constructor"
        for part in item["inputs"]
    ]
    return bytes.fromhex(str(found["bytecode"]).removeprefix("0x")) + encode(types, list(args))


def deploy_own(chain: Chain, path: Path, sender: str, *args: Any) -> Bound:
    """Deploy a test's own contract."""
    found = compiled(path)
    return Bound(chain, chain.deploy(sender, creation(found, args)), found["abi"])
