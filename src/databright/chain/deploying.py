"""Putting a market's contracts on a chain: each created once, at addresses known beforehand.

An account's nonce fixes the address of what it creates, so the whole market is known before the
first transaction. Each creation is signed for its planned nonce alone and its bytes are handed to
the caller before they leave. Whoever goes on after a crash hands the same bytes in again, and looks
at the planned address: the chain holds there either nothing or exactly this contract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from databright import __version__
from databright.chain.base import Chain, Receipt
from databright.chain.bindings import Artifact, Signer
from databright.chain.jsonrpc import RpcError
from databright.contracts import DEPLOY_ORDER, create_address, deployment_plan
from databright.errors import ChainError, ConfigError, NonceSpentError
from databright.records.deployment import CONTRACTS, Creation, Deployment
from databright.records.strict_json import JsonValue
from databright.units import Address, Amount

MONEY: Final = "MarketToken"
_WITNESS: Final = "CuratorToken"
_LOOK_BACK: Final = 64
"""Nonces of the deployer that are searched for a deployment whose record is lost."""


@dataclass(frozen=True)
class Terms:
    """What a market starts from.

    Attributes:
        min_stake: least stake of a worker, base units.
        holders: who holds the test token's fixed supply, with base units; empty for a given token.
        token: an ERC-20 that is there already and is the money; None creates the test token.
    """

    min_stake: Amount
    holders: tuple[tuple[Address, int], ...] = ()
    token: Address | None = None


def plan_market(chain: Chain, deployer: Address, first_nonce: int, terms: Terms) -> Deployment:
    """The record of a market before its first creation.

    Args:
        chain: where it will be.
        deployer: the creating account.
        first_nonce: its nonce in the first creation.
        terms: what the market starts from.

    Returns:
        Every address and argument; no transactions.

    Raises:
        ConfigError: this release's plan lacks a contract.
    """
    plan = deployment_plan(
        deployer,
        first_nonce,
        [holder for holder, _ in terms.holders],
        [amount for _, amount in terms.holders],
        terms.min_stake,
        terms.token,
    )
    found: dict[str, Creation] = {}
    if terms.token is not None:
        found[MONEY] = Creation(terms.token)
    for index, (name, values) in enumerate(plan):
        artifact = Artifact.load(name)
        inputs = [str(item["name"]) for item in artifact.constructor_inputs]
        found[name] = Creation(
            address=create_address(deployer, first_nonce + index),
            nonce=first_nonce + index,
            arguments={key: _told(value) for key, value in zip(inputs, values, strict=True)},
            artifact_sha256=artifact_digest(artifact),
        )
    missing = [name for name in CONTRACTS if name not in found]
    if missing:
        raise ConfigError(f"the deployment plan lacks {missing}: install databright again")
    compiled = Artifact.load(_WITNESS)
    return Deployment(
        rpc_url="",
        chain_id=chain.chain_id,
        genesis_hash=chain.genesis_hash(),
        deployer=deployer,
        contracts={name: found[name] for name in CONTRACTS},
        versions={
            "databright": __version__,
            "vyper": compiled.compiler,
            "evm": compiled.evm_version,
        },
    )


def artifact_digest(artifact: Artifact) -> str:
    """What a record says of an artifact.

    Args:
        artifact: a contract of this release.

    Returns:
        SHA-256 of its creation code without arguments, hex.
    """
    return hashlib.sha256(artifact.bytecode).hexdigest()


def creation_code(name: str, arguments: Mapping[str, JsonValue]) -> bytes:
    """What creates a contract with the arguments of a record.

    Args:
        name: the contract.
        arguments: the constructor's, as a record holds them.

    Returns:
        Creation code with encoded arguments.

    Raises:
        ConfigError: they are not those of this release's contract.
    """
    artifact = Artifact.load(name)
    inputs = artifact.constructor_inputs
    if [str(item["name"]) for item in inputs] != list(arguments):
        raise ConfigError(
            f"the record gives {name} the arguments {', '.join(arguments)}, this release's takes "
            f"{', '.join(str(item['name']) for item in inputs)}: use the release of the record"
        )
    values = [_value(str(item["type"]), arguments[str(item["name"])]) for item in inputs]
    return artifact.creation_code(values)


def expected_code(chain: Chain, deployer: Address, name: str, made: Creation) -> bytes:
    """The code that a creation leaves, immutables included, found by running it without sending.

    Args:
        chain: the chain.
        deployer: who creates.
        name: the contract.
        made: its arguments.

    Returns:
        Runtime code.
    """
    return chain.call(None, creation_code(name, made.arguments), None, deployer)


def estimate(chain: Chain, plan: Deployment) -> dict[str, int]:
    """Gas of the creations that are still to be done; nothing is sent.

    Args:
        chain: the chain.
        plan: the market.

    Returns:
        Contract -> units of gas.
    """
    return {
        name: chain.estimate_gas(
            {
                "from": plan.deployer,
                "data": "0x" + creation_code(name, made.arguments).hex(),
            }
        )
        for name, made in plan.contracts.items()
        if not made.is_done
    }


def unrecorded(chain: Chain, deployer: Address, next_nonce: int) -> str:
    """Look for a market, or the beginning of one, that this account made before.

    Args:
        chain: the chain.
        deployer: the account.
        next_nonce: its next nonce.

    Returns:
        What was found, for a message; empty when nothing was.
    """
    order = [name for name, _ in DEPLOY_ORDER]
    inputs = [str(item["name"]) for item in Artifact.load(_WITNESS).constructor_inputs]
    named = dict(DEPLOY_ORDER)[_WITNESS]
    ahead = {
        key: order.index(name) - order.index(_WITNESS)
        for key, name in zip(inputs, named, strict=True)
    }
    oldest = max(0, next_nonce - _LOOK_BACK)
    for nonce in range(next_nonce - 1, oldest - 1, -1):
        address = create_address(deployer, nonce)
        code = chain.code(address)
        if not code:
            continue
        arguments: dict[str, JsonValue] = {
            key: create_address(deployer, nonce + distance) for key, distance in ahead.items()
        }
        if code == expected_code(chain, deployer, _WITNESS, Creation(address, nonce, arguments)):
            return f"a {_WITNESS} at {address} (nonce {nonce})"
        if nonce == next_nonce - 1 and _is_test_money(chain, deployer, code):
            return f"a {MONEY} at {address} (nonce {nonce})"
    return ""


def _is_test_money(chain: Chain, deployer: Address, code: bytes) -> bool:
    # The token keeps its arguments in storage, so any arguments give the same code.
    empty: dict[str, JsonValue] = {"name": "", "symbol": "", "holders": [], "amounts": []}
    return code == expected_code(chain, deployer, MONEY, Creation(deployer, 0, empty))


class Deploying:
    """One run that creates what a plan still lacks.

    Args:
        chain: the chain.
        signer: the deployer's key.
        keep: stores the record and the signed bytes that are about to leave, so that they
            survive a crash.
    """

    def __init__(
        self, chain: Chain, signer: Signer, keep: Callable[[Deployment, bytes | None], None]
    ) -> None:
        self._chain = chain
        self._signer = signer
        self._keep = keep

    def run(
        self, plan: Deployment, in_flight: bytes | None, say: Callable[[str], None]
    ) -> Deployment:
        """Create what is not there.

        Args:
            plan: the market, as it was last kept.
            in_flight: signed bytes that were kept and may have left.
            say: prints a line for each contract.

        Returns:
            The finished record.

        Raises:
            NonceSpentError: something else used the deployer's nonce.
            ChainError: other code is at a planned address, or the chain refuses.
        """
        for name, made in plan.contracts.items():
            if made.nonce is None:
                continue
            expected = expected_code(self._chain, plan.deployer, name, made)
            found = self._chain.code(made.address)
            if found and found != expected:
                raise ChainError(
                    f"other code than {name} is at {made.address}, its planned address, so "
                    f"{self._signer.address} created something else with nonce {made.nonce}; "
                    f"nothing more was sent. {_ANEW}"
                )
            if found and made.is_done:
                plan = self._where_now(plan, name, made)
                say(f"{name} is at {made.address} already")
                continue
            receipt = self._mine(plan, name, made, in_flight)
            in_flight = None
            plan = plan.with_mined(name, receipt.tx_hash, receipt.block_number)
            self._keep(plan, None)
            if self._chain.code(made.address) != expected:
                raise ChainError(
                    f"{receipt.tx_hash} did not leave {name} at {made.address}: {_ANEW}"
                )
            say(f"{name} is at {made.address}: {receipt.gas_used} gas")
        return plan

    def _where_now(self, plan: Deployment, name: str, made: Creation) -> Deployment:
        """A reorganisation may have put the transaction into another block."""
        receipt = self._chain.receipt(made.tx_hash)
        if receipt is None or receipt.block_number == made.block:
            return plan
        return plan.with_mined(name, made.tx_hash, receipt.block_number)

    def _mine(
        self, plan: Deployment, name: str, made: Creation, in_flight: bytes | None
    ) -> Receipt:
        if in_flight is not None:
            receipt = self._resend(in_flight)
            if receipt is not None and receipt.contract_address == made.address:
                return receipt
        known = self._chain.nonce(plan.deployer)
        if made.nonce is not None and known < made.nonce:
            raise ChainError(
                f"the next nonce of {plan.deployer} is {known}, but {name} was planned for "
                f"{made.nonce}: the chain has dropped earlier transactions. Nothing more was sent; "
                "run this again when they are back"
            )
        try:
            return self._signer.send(
                self._chain,
                None,
                creation_code(name, made.arguments),
                nonce=made.nonce,
                on_signed=lambda raw, tx_hash: self._keep(plan, raw),
            )
        except NonceSpentError as error:
            done = [one for one, other in plan.contracts.items() if other.is_done]
            raise NonceSpentError(
                f"nonce {made.nonce} of {self._signer.address}, which was to create {name} at "
                f"{made.address}, is used up by another transaction of that key, or its creation "
                f"failed. {len(done)} of {len(plan.contracts)} contracts are there and cannot be "
                f"used without the rest; nothing more was sent. {_ANEW}"
            ) from error

    def _resend(self, raw: bytes) -> Receipt | None:
        # Bytes that may have left before; None when they never can get in.
        try:
            tx_hash = self._chain.send(raw)
        except RpcError as error:
            if "nonce" in error.text.lower():
                return None
            raise
        receipt = self._chain.wait(tx_hash)
        return receipt if receipt.status == 1 else None


_ANEW: Final = (
    "Deploy the market with a key that nothing else uses: 'databright key create NAME', give it "
    "gas money, then 'databright deploy --as NAME'"
)


def _told(value: object) -> JsonValue:
    """An argument as a record holds it: numbers as decimal strings, so that all readers agree."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_told(item) for item in value]
    return str(value)


def _value(kind: str, told: JsonValue) -> object:
    if kind.endswith("]"):
        if not isinstance(told, list):
            raise ConfigError(f"an argument of type {kind} is no list: restore the record")
        return [_value(kind[: kind.rindex("[")], item) for item in told]
    if not isinstance(told, str):
        raise ConfigError(f"an argument of type {kind} is no string: restore the record")
    if kind.startswith("uint"):
        if not told.isascii() or not told.isdecimal():
            raise ConfigError(f"{told[:40]!r} is no number of type {kind}: restore the record")
        return int(told)
    return told
