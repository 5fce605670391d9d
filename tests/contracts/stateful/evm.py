"""Three EVMs behind one small protocol: raw calls in, output and logs out.

`Revm` is the quick one that machines and mutants run on. `Boa` (py-evm) and anvil take the
same calls where the three are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pyrevm
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

CHAIN_ID = 31_337
GENESIS_TIME = 1_800_000_000
GAS = 30_000_000
NOBODY = "0x" + "00" * 19 + "99"
"""Who looks at views."""
ERROR_SELECTOR = bytes.fromhex("08c379a0")
_REVERTED = re.compile(r"output: 0x([0-9a-f]*)")


@dataclass(frozen=True)
class Log:
    """One event as the EVM gives it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Outcome:
    """What a call brought."""

    ok: bool
    output: bytes
    logs: tuple[Log, ...] = ()

    @property
    def reason(self) -> str:
        """Why it was refused; empty where the contract gave no reason."""
        if self.ok or self.output[:4] != ERROR_SELECTOR:
            return ""
        try:
            (reason,) = decode(["string"], self.output[4:])
        except DecodingError:
            return ""
        return str(reason)


class Evm(Protocol):
    """What the world asks of an EVM."""

    def create(self, sender: str, code: bytes, expected: str) -> None:
        """Deploy code, which must come to lie at the expected address."""

    def send(self, sender: str, to: str, data: bytes) -> Outcome:
        """Call and keep what it changed."""

    def look(self, to: str, data: bytes) -> Outcome:
        """Call without changing anything."""

    def set_time(self, time: int) -> None:
        """Chain time of the calls to come, in seconds."""

    def storage(self, address: str, slot: int) -> int:
        """A raw word of storage."""


class Revm:
    """revm in this process."""

    def __init__(self) -> None:
        cfg = pyrevm.CfgEnv(chain_id=CHAIN_ID)
        self._number = 1
        env = pyrevm.Env(cfg=cfg, block=self._block(GENESIS_TIME))
        self._evm = pyrevm.EVM(env, gas_limit=GAS, spec_id="PRAGUE")

    def _block(self, time: int) -> pyrevm.BlockEnv:
        return pyrevm.BlockEnv(number=self._number, timestamp=time, basefee=0)

    def create(self, sender: str, code: bytes, expected: str) -> None:
        address = self._evm.deploy(sender, code)
        if address.lower() != expected.lower():
            raise RuntimeError(f"deployed at {address}, not at {expected}")

    def send(self, sender: str, to: str, data: bytes) -> Outcome:
        self._evm.reset_transient_storage()
        outcome = self._call(sender, to, data, False)
        result = self._evm.result
        if not outcome.ok or result is None:
            return outcome
        logs = tuple(
            Log(log.address.lower(), tuple(log.data[0]), bytes(log.data[1])) for log in result.logs
        )
        return Outcome(True, outcome.output, logs)

    def look(self, to: str, data: bytes) -> Outcome:
        return self._call(NOBODY, to, data, True)

    def _call(self, sender: str, to: str, data: bytes, is_static: bool) -> Outcome:
        try:
            output = self._evm.message_call(sender, to, calldata=data, is_static=is_static)
        except RuntimeError as error:
            found = _REVERTED.search(str(error))
            return Outcome(False, bytes.fromhex(found[1]) if found else b"")
        return Outcome(True, bytes(output))

    def set_time(self, time: int) -> None:
        self._number += 1
        self._evm.set_block_env(self._block(time))

    def storage(self, address: str, slot: int) -> int:
        return int(self._evm.storage(address, slot) or 0)

    def snapshot(self) -> Callable[[], None]:
        """A call that brings the present state back, once."""
        place = self._evm.snapshot()
        return lambda: self._evm.revert(place)


class Boa:
    """titanoboa's py-evm in this process; the caller anchors what it does."""

    def __init__(self) -> None:
        import boa
        from boa.util.abi import Address

        self._address: Any = Address
        self._env: Any = boa.env
        self.set_time(GENESIS_TIME)
        self._env.evm.patch.chain_id = CHAIN_ID

    def create(self, sender: str, code: bytes, expected: str) -> None:
        _, runtime = self._env.deploy_code(
            sender=sender, bytecode=code, override_address=self._address(expected)
        )
        if not runtime:
            raise RuntimeError(f"nothing was deployed at {expected}")

    def send(self, sender: str, to: str, data: bytes) -> Outcome:
        return self._call(sender, to, data, True)

    def look(self, to: str, data: bytes) -> Outcome:
        return self._call(NOBODY, to, data, False)

    def _call(self, sender: str, to: str, data: bytes, modifies: bool) -> Outcome:
        computation = self._env.execute_code(
            to_address=to, sender=sender, data=data, gas=GAS, is_modifying=modifies
        )
        logs = tuple(
            Log(
                "0x" + address.hex(),
                tuple(topic.to_bytes(32, "big") for topic in topics),
                bytes(content),
            )
            for address, topics, content in (
                () if computation.is_error else computation.get_log_entries()
            )
        )
        return Outcome(not computation.is_error, bytes(computation.output), logs)

    def set_time(self, time: int) -> None:
        self._env.evm.patch.timestamp = time

    def storage(self, address: str, slot: int) -> int:
        raw = bytes.fromhex(address.removeprefix("0x"))
        return int(self._env.evm.vm.state.get_storage(raw, slot))
