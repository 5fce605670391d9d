"""Attacks by whoever deployed the market or created a dataset: neither may more than anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError

from databright.contracts import DEPLOY_ORDER
from tests.contracts.attacks.attack_world import (
    BIG,
    NAIVE,
    WEALTH,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import (
    Bound,
    RefusedError,
    artifact,
    deploy_own,
    kind,
)

DEPLOYER, CREATOR, STRANGER = who("deployer"), who("initiator"), who("stranger")
NAMES = [name for name, _ in DEPLOY_ORDER if name != "DatabaseBlueprint"] + ["Database"]
# A creator may ask for data without paying an escrow; everybody else may with one.
CREATORS_OWN = {("DataRequests", "open_request")}


def running() -> World:
    """A market in full swing, in which the three hold the same money and no role."""
    world = build_world(
        more=[DEPLOYER, STRANGER],
        weights=[6_000, 3_000, 2_000],
        optimistic_window=100,
        challenge_bond=10,
        evaluator_stake=10,
        a_bps=5_000,
    )
    for name in ("WorkerRegistry", "JobEscrow", "PredictionMarket"):
        for one in (DEPLOYER, CREATOR, STRANGER):
            world.token.approve(world.contracts[name].address, BIG, sender=one)
    for one in (DEPLOYER, CREATOR, STRANGER):
        world.token.approve(world.database.address, BIG, sender=one)
    assert {world.worth(one) for one in (DEPLOYER, CREATOR, STRANGER)} == {WEALTH}
    world.accepted(world.honest, 16)
    world.database.fund(1, 64, sender=world.buyer)
    world.propose(world.honest)
    world.to_vote(max(world.terms))
    return world


def arguments(world: World, item: Mapping[str, Any], variant: int) -> list[Any]:
    """Values for a function: what is there already, by the parameters' names, or plain ones."""
    proposal = max(world.terms)
    verdict = world.verdict()
    known: dict[str, Any] = {
        "dataset": world.dataset, "proposal": proposal, "terms": world.terms[proposal],
        "verdict": verdict, "signatures": world.sign(proposal, verdict),
        "rules": world.rules_now, "tranche": min(world.terms), "id": min(world.terms), "born": 1,
        "s": 1, "snapshot": 1, "holder": world.honest, "account": world.honest,
        "evaluator": world.evaluators[0].address, "sender": world.honest, "owner": world.honest,
        "expiry": world.chain.now + 10**6, "deadline": world.chain.now + 10**6, "cap": 5,
        "number": proposal % 1_000_000, "proposals": [proposal], "kind": 1, "fee": 1,
        "least_confidence": 1, "escrow": 5, "curve": [], "signers": [],
    }  # fmt: skip

    def value(field: Mapping[str, Any]) -> Any:
        name = field["type"]
        found = known.get(field["name"])
        if found is not None and variant == 0 and fits(kind(field), found):
            return found
        if name.endswith("]"):
            return []
        if name == "tuple":
            return tuple(value(part) for part in field["components"])
        if name == "address":
            return who("accomplice") if variant < 2 else "0x" + "00" * 20
        if name == "bool":
            return True
        if name.startswith("bytes"):
            size = name.removeprefix("bytes")
            return (digest("x") * 2)[: int(size)] if size else b""
        if name.startswith("string"):
            return "x"
        return variant

    return [value(field) for field in item["inputs"]]


def fits(type_of: str, value: Any) -> bool:
    try:
        encode([type_of], [value])
    except EncodingError:
        return False
    return True


def functions(name: str) -> Iterator[Mapping[str, Any]]:
    for item in artifact(name)["abi"]:
        if item["type"] == "function" and item["stateMutability"] not in {"view", "pure"}:
            yield item


def seen(world: World, callers: set[str]) -> dict[str, Any]:
    """All that others have, and what the market is."""
    others = sorted((world.people | {who("stranger"), DEPLOYER}) - callers)
    proposals = sorted(world.terms)
    return {
        "worth": [world.worth(one) for one in others],
        "votes": [world.votes.voters(world.dataset, one) for one in others],
        "tallies": [world.votes.tallies(one) for one in proposals],
        "marks": [world.verdicts.marks(one) for one in proposals],
        "commitments": [world.association.commitment(one) for one in proposals],
        "dataset": world.association.datasets(world.dataset),
        "head": world.database.head(),
        "members": [world.verdicts.members(world.dataset, one.address) for one in world.evaluators],
        "stakes": [
            world.challenges.stake_of(world.dataset, one.address) for one in world.evaluators
        ],
        "datasets": world.charter.num_datasets(),
        "requests": world.requests.num_requests(),
        "motions": world.motions.num_motions(world.dataset),
        "supply": world.token.totalSupply(),
    }


def tried(world: World, target: Bound, name: str, args: list[Any], sender: str) -> Any:
    """What a call does, and what the others and the market are after it."""
    with world.chain.undone():
        try:
            getattr(target, name)(*args, sender=sender)
        except RefusedError as error:
            # What reverts has changed nothing.
            return str(error), {}
        return "goes through", seen(world, {DEPLOYER, CREATOR, STRANGER})


@pytest.mark.parametrize("name", NAMES)
def test_deployer_and_creator_may_what_a_stranger_may(name: str) -> None:
    world = running()
    target = world.database if name == "Database" else world.contracts[name]
    calls = 0
    for item in functions(name):
        for variant in range(3):
            args = arguments(world, item, variant)
            if (name, item["name"]) in CREATORS_OWN and variant != 0:
                continue
            found = [
                tried(world, target, item["name"], args, one)
                for one in (STRANGER, DEPLOYER, CREATOR)
            ]
            assert found[1] == found[0], (item["name"], args)
            assert found[2] == found[0], (item["name"], args)
            calls += 1
    assert calls > 0


def powers_naive() -> dict[str, int]:
    world = build_world()
    path = NAIVE / "NaiveAssociation.vy"
    market = deploy_own(world.chain, path, world.attacker, world.token.address, [world.honest], [1])
    world.token.transfer(market.address, 1_000, sender=world.buyer)
    before = world.balance(world.attacker)
    market.sweep(world.attacker, sender=world.attacker)
    return {"gain": world.balance(world.attacker) - before}


def powers_ours() -> dict[str, int]:
    world = running()
    gain = went = refusals = 0
    for name in NAMES:
        target = world.database if name == "Database" else world.contracts[name]
        for item in functions(name):
            for variant in range(3):
                args = arguments(world, item, variant)
                with world.chain.undone():
                    try:
                        getattr(target, item["name"])(*args, sender=DEPLOYER)
                    except RefusedError:
                        refusals += 1
                        continue
                    went += 1
                    gain = max(gain, world.worth(DEPLOYER) - WEALTH)
    assert went > 20
    assert refusals > went
    return {"gain": gain, "calls that went through": went, "refused": refusals}


@both(powers_naive, powers_ours)
def test_the_deployer_gains_nothing_by_any_call(attack: Attack) -> None:
    attack.judge()
