"""Comparing a chain with the record of a deployment: code, wiring, databases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from databright.chain.base import Chain
from databright.chain.bindings import Artifact, Contract
from databright.chain.deploying import MONEY, artifact_digest, expected_code
from databright.contracts import create_address
from databright.errors import BadInputError, ChainError, ConfigError
from databright.records.deployment import Creation, Deployment
from databright.units import Address

_BLUEPRINT: Final = "DatabaseBlueprint"
_PREAMBLE: Final = bytes.fromhex("fe7100")
"""ERC-5202: what stands before the creation code in a blueprint."""


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        subject: the contract or thing that was looked at.
        what: what was compared.
        expected: what the record or this release says.
        found: what the chain says.
        ok: whether they are the same.
    """

    subject: str
    what: str
    expected: str
    found: str
    ok: bool


class _Report:
    """Collects comparisons."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def same(self, subject: str, what: str, expected: object, found: object) -> None:
        same = str(expected).lower() == str(found).lower()
        self.checks.append(Check(subject, what, str(expected), str(found), same))

    def asked(self, subject: str, what: str, expected: object, ask: Callable[[], object]) -> None:
        """Compare what the chain answers; a refusal is a difference, not the end."""
        try:
            found = ask()
        except (ChainError, ConfigError, BadInputError) as error:
            found = f"no answer: {error}"
        self.same(subject, what, expected, found)

    def code(self, subject: str, found: bytes, ask: Callable[[], bytes]) -> None:
        try:
            expected = _code_told(ask())
        except (ChainError, ConfigError, BadInputError) as error:
            expected = f"unknown: {error}"
        self.same(subject, "code", expected, _code_told(found))


def verify_deployment(chain: Chain, record: Deployment) -> list[Check]:
    """Check everything that a record says.

    Args:
        chain: any chain; its id and genesis are compared first, and nothing else of another one.
        record: the deployment.

    Returns:
        Every comparison made, in order.
    """
    report = _Report()
    report.same("chain", "chain id", record.chain_id, chain.chain_id)
    report.same("chain", "genesis", record.genesis_hash, chain.genesis_hash())
    if not all(check.ok for check in report.checks):
        return report.checks
    for name, made in record.contracts.items():
        if made.nonce is None:
            _check_given(chain, name, made, report)
        else:
            _check_creation(chain, record, name, made, report)
        _check_values(chain, name, made, report)
    _check_databases(chain, record, report)
    return report.checks


def _check_given(chain: Chain, name: str, made: Creation, report: _Report) -> None:
    there = "a contract" if chain.code(made.address) else "nothing"
    report.same(name, "code", "a contract", there)


def _check_creation(
    chain: Chain, record: Deployment, name: str, made: Creation, report: _Report
) -> None:
    artifact = Artifact.load(name)
    report.same(name, "artifact of this release", made.artifact_sha256, artifact_digest(artifact))
    planned = create_address(record.deployer, made.nonce or 0)
    report.same(name, f"address by nonce {made.nonce}", planned, made.address)
    report.code(
        name,
        chain.code(made.address),
        lambda: expected_code(chain, record.deployer, name, made),
    )
    receipt = chain.receipt(made.tx_hash) if made.tx_hash else None
    if receipt is None:
        report.same(name, "creation", f"block {made.block}", "no such transaction")
        return
    created = f"{receipt.contract_address} in block {receipt.block_number}"
    report.same(name, "creation", f"{made.address} in block {made.block}", created)


def _check_values(chain: Chain, name: str, made: Creation, report: _Report) -> None:
    """Ask each getter that is named like a constructor's argument."""
    artifact = Artifact.load(name)
    contract = Contract(chain, made.address, artifact)
    for argument, value in made.arguments.items():
        getter = argument.rstrip("_")
        if _has_getter(artifact, getter, 0):
            report.asked(
                name,
                f"{getter}()",
                value,
                lambda contract=contract, getter=getter: contract.call(getter),  # type: ignore[misc]
            )


def _check_databases(chain: Chain, record: Deployment, report: _Report) -> None:
    """Each dataset's Database is what the blueprint makes with the arguments of that dataset."""
    charter = _bind(chain, record, "Charter")
    association = _bind(chain, record, "DataAssociation")
    try:
        count = int(charter.call("num_datasets"))
    except ChainError as error:
        report.same("Charter", "num_datasets()", "a number", f"no answer: {error}")
        return
    for dataset in range(1, count + 1):
        subject = f"Database {dataset}"
        try:
            address = Address(str(charter.call("database_of", dataset)))
            found = chain.code(address)
        except ChainError as error:
            report.same(subject, "database_of()", "an address", f"no answer: {error}")
            continue
        report.code(
            subject,
            found,
            lambda dataset=dataset: _database_code(chain, record, dataset),  # type: ignore[misc]
        )
        report.asked(
            subject,
            "DataAssociation.database_of()",
            address,
            lambda dataset=dataset: association.call("database_of", dataset),  # type: ignore[misc]
        )


def _database_code(chain: Chain, record: Deployment, dataset: int) -> bytes:
    blueprint = expected_code(chain, record.deployer, _BLUEPRINT, record.contracts[_BLUEPRINT])
    if not blueprint.startswith(_PREAMBLE):
        raise ConfigError(f"the artifact of {_BLUEPRINT} is no ERC-5202 blueprint")
    places = record.addresses
    values: dict[str, object] = {
        "dataset": dataset,
        "token": places[MONEY],
        "association": places["DataAssociation"],
        "charter": places["Charter"],
        "pools": places["ValuePools"],
    }
    database = Artifact.load("Database")
    named = [str(item["name"]).rstrip("_") for item in database.constructor_inputs]
    whole = database.creation_code([values[name] for name in named])
    arguments = whole[len(database.bytecode) :]
    return chain.call(None, blueprint[len(_PREAMBLE) :] + arguments, None, places["Charter"])


def _bind(chain: Chain, record: Deployment, name: str) -> Contract:
    return Contract(chain, record.addresses[name], Artifact.load(name))


def _has_getter(artifact: Artifact, name: str, num_inputs: int) -> bool:
    return any(
        entry["type"] == "function"
        and entry["name"] == name
        and len(entry["inputs"]) == num_inputs
        and entry.get("stateMutability") in {"view", "pure"}
        for entry in artifact.abi
    )


def _code_told(code: bytes) -> str:
    if not code:
        return "no code"
    return f"{len(code)} bytes, SHA-256 {hashlib.sha256(code).hexdigest()}"
