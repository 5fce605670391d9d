"""The data market's contracts on any of the EVMs, called by name, and the keys of its people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from coincurve import PrivateKey
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from databright.contracts import create_address, deployment_plan
from databright.units import Address
from tests.contracts.stateful.evm import CHAIN_ID, Evm, Outcome, Revm

ARTIFACTS = Path(__file__).resolve().parents[3] / "src" / "databright" / "contracts" / "artifacts"
WEALTH: Final = 100_000
"""Base units that everybody has at first: never the limit of a long run."""
NUM_PEOPLE: Final = 5
NUM_EVALUATORS: Final = 4
CONTRACTS: Final = (
    "MarketToken",
    "CuratorToken",
    "DatabaseBlueprint",
    "DataAssociation",
    "Verdicts",
    "Challenges",
    "ValuePools",
    "Charter",
    "Motions",
    "DataRequests",
)
PAID_INTO: Final = ("DataAssociation", "Challenges", "Motions", "DataRequests")
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
VERDICT_TYPE = (
    b"Verdict(uint256 proposal,bytes32 commitment,uint256 base,uint256 holdout_epoch,"
    b"uint256 outcome,uint256 copy_of,uint256 amount,bytes32 evidence)"
)
BALLOT_TYPE = (
    b"Ballot(address voter,uint256 proposal,bytes32 commitment,bool support,uint256 nonce,"
    b"uint256 deadline)"
)
RECEIVE_TYPE = (
    b"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    b"uint256 validBefore,bytes32 nonce)"
)


class Function(NamedTuple):
    """How a function is called."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def _type_of(item: Mapping[str, Any]) -> str:
    """An ABI type with its tuples written out."""
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type_of(part) for part in item["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


@cache
def artifact(name: str) -> dict[str, Any]:
    """The committed artifact of a contract."""
    found: dict[str, Any] = json.loads((ARTIFACTS / f"{name}.json").read_text())
    return found


@cache
def functions_of(name: str) -> dict[str, Function]:
    """Every function of a contract by its name."""
    found = {}
    for item in artifact(name)["abi"]:
        if item["type"] == "function":
            inputs = tuple(_type_of(part) for part in item["inputs"])
            selector = keccak(text=f"{item['name']}({','.join(inputs)})")[:4]
            found[item["name"]] = Function(
                selector, inputs, tuple(_type_of(part) for part in item["outputs"])
            )
    return found


@dataclass(frozen=True)
class Key:
    """Somebody who signs."""

    key: PrivateKey
    address: str

    @classmethod
    def named(cls, name: str) -> Key:
        """A key made from a name alone."""
        key = PrivateKey(keccak(text=name))
        return cls(key, "0x" + keccak(key.public_key.format(compressed=False)[1:])[-20:].hex())

    def sign(self, digest: bytes) -> bytes:
        """r, s and v, 65 bytes."""
        raw = self.key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])


def _in_order(names: Sequence[str]) -> list[Key]:
    return sorted((Key.named(name) for name in names), key=lambda key: int(key.address, 16))


@dataclass
class World:
    """The deployed contracts.

    Attributes:
        evm: where they lie.
        people: those who propose, vote and buy, in ascending order of address.
        evaluators: those who measure, in ascending order of address.
        at: contract's name -> address; a dataset's Database is "Database:<dataset>".
    """

    evm: Evm
    people: list[Key] = field(default_factory=list)
    evaluators: list[Key] = field(default_factory=list)
    at: dict[str, str] = field(default_factory=dict)
    separators: dict[str, bytes] = field(default_factory=dict)

    def call(self, contract: str, name: str, args: Sequence[Any], sender: str) -> Outcome:
        """Send a call."""
        function = functions_of(contract.split(":")[0])[name]
        data = function.selector + encode(function.inputs, args)
        return self.evm.send(sender, self.at[contract], data)

    def value(self, contract: str, name: str, output: bytes) -> Any:
        """What a call returned: one value or a tuple; None for nothing."""
        function = functions_of(contract.split(":")[0])[name]
        if not function.outputs:
            return None
        values = decode(function.outputs, output)
        return values[0] if len(values) == 1 else values

    def read(self, contract: str, name: str, *args: Any) -> Any:
        """Ask a view."""
        function = functions_of(contract.split(":")[0])[name]
        data = function.selector + encode(function.inputs, args)
        outcome = self.evm.look(self.at[contract], data)
        if not outcome.ok:
            raise AssertionError(f"{contract}.{name}{args} reverted: {outcome.reason!r}")
        return self.value(contract, name, outcome.output)

    def number(self, contract: str, name: str, *args: Any) -> int:
        """Ask a view that returns one whole number; quicker than `read`."""
        (word,) = self.words(contract, name, *args)
        return word

    def words(self, contract: str, name: str, *args: Any) -> tuple[int, ...]:
        """Ask a view that returns words alone; quicker than `read`."""
        function = functions_of(contract.split(":")[0])[name]
        data = function.selector + b"".join(
            bytes.fromhex(arg[2:]).rjust(32, b"\0") if isinstance(arg, str) else arg.to_bytes(32)
            for arg in args
        )
        outcome = self.evm.look(self.at[contract], data)
        if not outcome.ok:
            raise AssertionError(f"{contract}.{name}{args} reverted: {outcome.reason!r}")
        found = outcome.output
        return tuple(int.from_bytes(found[at : at + 32]) for at in range(0, len(found), 32))

    def everybody(self) -> list[str]:
        """Addresses of all people and evaluators."""
        return [key.address for key in (*self.people, *self.evaluators)]

    def key_of(self, address: str) -> Key:
        """The key of one of them."""
        return next(key for key in (*self.people, *self.evaluators) if key.address == address)

    def meet(self, dataset: int) -> str:
        """Learn a new dataset's Database; everybody lets it pull money."""
        name = f"Database:{dataset}"
        self.at[name] = self.read("Charter", "database_of", dataset)
        for account in self.everybody():
            self.call("MarketToken", "approve", (self.at[name], 2**256 - 1), account)
        return self.at[name]

    def domain(self, contract: str) -> bytes:
        """EIP-712 domain separator of a contract."""
        if contract not in self.separators:
            if contract == "MarketToken":
                self.separators[contract] = self.read(contract, "DOMAIN_SEPARATOR")
            else:
                parts = (keccak(DOMAIN_TYPE), keccak(b"DataBright"), keccak(b"1"), CHAIN_ID)
                types = ("bytes32", "bytes32", "bytes32", "uint256", "address")
                self.separators[contract] = keccak(encode(types, (*parts, self.at[contract])))
        return self.separators[contract]

    def typed(self, contract: str, head: bytes, types: Sequence[str], values: Any) -> bytes:
        """EIP-712 digest of a message."""
        inner = keccak(encode(("bytes32", *types), (keccak(head), *values)))
        return keccak(b"\x19\x01" + self.domain(contract) + inner)

    def verdict_digest(self, proposal: int, commitment: bytes, verdict: Sequence[Any]) -> bytes:
        """What evaluators sign of a verdict."""
        types = ("uint256", "bytes32", *("uint256",) * 5, "bytes32")
        values = (proposal, commitment, *verdict)
        return self.typed("Verdicts", VERDICT_TYPE, types, values)

    def commitment(self, proposal: int) -> bytes:
        """What the chain commits to under the number of a proposal or a motion."""
        opener = "Motions" if proposal % 1_000_000 > 500_000 else "DataAssociation"
        return self.number(opener, "commitment", proposal).to_bytes(32)

    def ballot(
        self, voter: str, proposal: int, support: bool, nonce: int, deadline: int
    ) -> tuple[int, bytes, bytes]:
        """A signed ballot as `vote_signed` takes it."""
        types = ("address", "uint256", "bytes32", "bool", "uint256", "uint256")
        values = (voter, proposal, self.commitment(proposal), support, nonce, deadline)
        digest = self.typed("CuratorToken", BALLOT_TYPE, types, values)
        raw = self.key_of(voter).sign(digest)
        what = int(voter, 16) | deadline << 160 | int(support) << 200 | proposal << 201
        parity = raw[64] - 27
        second = int.from_bytes(raw[32:64], "big") | parity << 255
        return (what, raw[:32], second.to_bytes(32))

    def authorization(
        self, payer: str, to: str, amount: int, before: int, nonce: bytes
    ) -> tuple[Any, ...]:
        """A signed EIP-3009 authorization: amount, valid after and before, nonce, v, r, s."""
        types = ("address", "address", "uint256", "uint256", "uint256", "bytes32")
        values = (payer, to, amount, 0, before, nonce)
        raw = self.key_of(payer).sign(self.typed("MarketToken", RECEIVE_TYPE, types, values))
        return (amount, 0, before, nonce, raw[64], raw[:32], raw[32:64])

    def values_digest(
        self, dataset: int, snapshot: int, root: bytes, total: int, purpose: int
    ) -> bytes:
        """What evaluators sign of values (purpose 1) and of their veto (2)."""
        types = ("address", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256")
        values = (self.at["ValuePools"], CHAIN_ID, dataset, snapshot, root, total, purpose)
        return keccak(encode(types, values))


def build_world(evm: Evm, codes: Mapping[str, bytes] | None = None) -> World:
    """Deploy the data market.

    Args:
        evm: where.
        codes: creation code of contracts that are not the committed ones.
    """
    world = World(
        evm,
        _in_order([f"person {index}" for index in range(NUM_PEOPLE)]),
        _in_order([f"evaluator {index}" for index in range(NUM_EVALUATORS)]),
    )
    deployer = Key.named("deployer").address
    holders = [Address(address) for address in world.everybody()]
    plan = deployment_plan(Address(deployer), 0, holders, [WEALTH] * len(holders), 1)
    for nonce, (name, arguments) in enumerate(plan[: len(CONTRACTS)]):
        if name != CONTRACTS[nonce]:
            raise RuntimeError(f"contract {nonce} is {name}: the order of deployment has changed")
        world.at[name] = create_address(Address(deployer), nonce).lower()
        evm.create(deployer, creation_code(name, arguments, codes or {}), world.at[name])
    for account in world.everybody():
        for name in PAID_INTO:
            world.call("MarketToken", "approve", (world.at[name], 2**256 - 1), account)
    return world


def creation_code(name: str, arguments: Sequence[object], codes: Mapping[str, bytes]) -> bytes:
    """A contract's creation code with its constructor's arguments."""
    found = artifact(name)
    constructor = [item for item in found["abi"] if item["type"] == "constructor"]
    types = [_type_of(part) for item in constructor for part in item["inputs"]]
    code = codes.get(name) or bytes.fromhex(found["bytecode"].removeprefix("0x"))
    return code + encode(types, list(arguments))


@dataclass
class Stage:
    """One deployment that can be played on again and again, on revm."""

    world: World
    evm: Revm
    _back: Callable[[], None] | None = None

    @classmethod
    def build(cls, codes: Mapping[str, bytes] | None = None) -> Stage:
        """Deploy."""
        evm = Revm()
        return cls(build_world(evm, codes), evm)

    def clear(self) -> World:
        """The world as it was when it was deployed."""
        if self._back is not None:
            self._back()
        self._back = self.evm.snapshot()
        for name in [name for name in self.world.at if ":" in name]:
            del self.world.at[name]
        return self.world
