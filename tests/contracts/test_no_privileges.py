"""No key has a power that a role does not give it, the deployer's least of all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from databright.contracts import DEPLOY_ORDER, artifact_path
from tests.contracts.data_world import MIN_STAKE, PERIOD, Market
from tests.contracts.market_world import digest, refused

# Whoever calls these acts on its own money, shares, votes, stake or name, or does what the rules
# give to everyone. A call that is in neither list fails the test: it must be looked at.
OPEN_TO_ALL = {
    "MarketToken": {
        "transfer", "transferFrom", "approve", "burn", "transferWithAuthorization",
        "receiveWithAuthorization", "cancelAuthorization",
    },
    "CuratorToken": {"transfer", "transferFrom", "approve", "setOperator", "lend", "take_back"},
    "Database": {
        "withdraw", "withdraw_for", "fund", "fund_tranche", "claim", "claim_many", "claim_for",
    },
    "DataAssociation": {
        "withdraw", "withdraw_for", "create_dataset", "open_request", "top_up", "propose",
        "execute", "expire",
    },
    "WorkerRegistry": {
        "withdraw", "withdraw_for", "register", "set_min_fee", "set_pin", "add_stake", "serve",
        "stop_serving", "leave", "collect_stake", "register_node", "set_endpoint",
    },
    "JobEscrow": {"withdraw", "withdraw_for", "open_job"},
    "ModelRegistry": set(),
    "PredictionMarket": {"withdraw", "withdraw_for", "request_prediction"},
    "DatabaseBlueprint": set(),
    "DiscussionAnchor": {"anchor"},
}  # fmt: skip

Call = Callable[[Market, str], None]
ROLE_ONLY: dict[tuple[str, str], tuple[str, Call]] = {
    ("CuratorToken", "open_dataset"): (
        "curator: not the association",
        lambda m, who: m.shares.open_dataset(2, who, [who], [1], sender=who),
    ),
    ("CuratorToken", "mint"): (
        "curator: not the association",
        lambda m, who: m.shares.mint(1, 9, who, 1, sender=who),
    ),
    ("Database", "register"): (
        "database: not the association",
        lambda m, who: m.database.register(9, who, bytes(32), bytes(32), 1, 1, sender=who),
    ),
    ("Database", "settle"): (
        "database: not the curator token",
        lambda m, who: m.database.settle(1, who, who, sender=who),
    ),
    ("DataAssociation", "close_request"): (
        "association: not the initiator",
        lambda m, who: m.association.close_request(1, sender=who),
    ),
    ("DataAssociation", "retire_holdout"): (
        "association: not an evaluator",
        lambda m, who: m.association.retire_holdout(1, digest("x"), sender=who),
    ),
    ("DataAssociation", "publish_evidence"): (
        "association: not an evaluator",
        lambda m, who: m.association.publish_evidence(2, 0, digest("x"), sender=who),
    ),
    ("DataAssociation", "vote"): (
        "association: no weight",
        lambda m, who: m.association.vote(2, True, sender=who),
    ),
    ("DataAssociation", "vote_lent"): (
        "association: no weight",
        lambda m, who: m.association.vote_lent(2, True, m.curators, sender=who),
    ),
    ("WorkerRegistry", "slash"): (
        "registry: not the escrow",
        lambda m, who: m.contracts["WorkerRegistry"].slash(m.workers[0], 1, sender=who),
    ),
    ("JobEscrow", "cancel"): (
        "escrow: not the buyer",
        lambda m, who: m.contracts["JobEscrow"].cancel(1, sender=who),
    ),
    ("JobEscrow", "refund"): (
        "escrow: not the buyer",
        lambda m, who: m.contracts["JobEscrow"].refund(1, sender=who),
    ),
    ("JobEscrow", "claim_hub"): (
        "escrow: not an admitted node",
        lambda m, who: m.contracts["JobEscrow"].claim_hub(1, sender=who),
    ),
    ("JobEscrow", "reserve"): (
        "escrow: not the hub",
        lambda m, who: m.contracts["JobEscrow"].reserve(1, 1, [who], [1], sender=who),
    ),
    ("JobEscrow", "accept"): (
        "escrow: not the hub",
        lambda m, who: m.contracts["JobEscrow"].accept(
            1, 1, digest("x"), [(0, digest("x"), [who])], sender=who
        ),
    ),
    ("JobEscrow", "void"): (
        "escrow: not the hub",
        lambda m, who: m.contracts["JobEscrow"].void(1, 1, 0, who, 1, digest("x"), sender=who),
    ),
    ("JobEscrow", "finish"): (
        "escrow: not the hub",
        lambda m, who: m.contracts["JobEscrow"].finish(
            1, 1, digest("x"), 1, digest("x"), sender=who
        ),
    ),
    ("ModelRegistry", "register"): (
        "models: not the job's buyer",
        lambda m, who: m.contracts["ModelRegistry"].register(
            3, digest("x"), digest("x"), 1, sender=who
        ),
    ),
    ("ModelRegistry", "improve"): (
        "models: not the owner",
        lambda m, who: m.contracts["ModelRegistry"].improve(
            1, 3, digest("x"), digest("x"), sender=who
        ),
    ),
    ("ModelRegistry", "set_price"): (
        "models: not the owner",
        lambda m, who: m.contracts["ModelRegistry"].set_price(1, 0, sender=who),
    ),
    ("PredictionMarket", "fulfil"): (
        "prediction: not an admitted node",
        lambda m, who: m.contracts["PredictionMarket"].fulfil(
            1, m.workers[0], digest("x"), 0, sender=who
        ),
    ),
    ("PredictionMarket", "refund"): (
        "prediction: not the payer",
        lambda m, who: m.contracts["PredictionMarket"].refund(1, sender=who),
    ),
}


LISTED = set(ROLE_ONLY)


@pytest.fixture
def running(market: Market) -> Market:
    """A market in full swing: a request, an open proposal, a job at work and two done, a model."""
    market.open_request(100)
    market.accepted(market.contributors[0])
    market.propose(market.contributors[1])
    registry, escrow = market.contracts["WorkerRegistry"], market.contracts["JobEscrow"]
    models, predictions = market.contracts["ModelRegistry"], market.contracts["PredictionMarket"]
    for contract in (registry, escrow, predictions):
        for account in (*market.workers, market.buyer):
            market.token.approve(contract.address, 10_000, sender=account)
    hub = market.nodes[0]
    registry.register_node(digest("pin"), digest("key"), "127.0.0.1:1", sender=hub)
    for index, worker in enumerate(market.workers):
        registry.register(1, digest(f"pin {index}"), digest("cpu"), MIN_STAKE, sender=worker)
        registry.serve([hub], sender=worker)
    spec = (1, 1, digest("p"), digest("s"), 2, 1, 2, 5_000, 3, 6, 7, 5, 1, PERIOD)
    for job in (1, 2, 3):
        escrow.open_job(spec, sender=market.buyer)
        escrow.claim_hub(job, sender=hub)
    for job in (2, 3):
        escrow.reserve(job, 1, market.workers[:4], [1, 1, 2, 2], sender=hub)
        for shard in (0, 1):
            owners = escrow.active_owners(job, shard)
            result = (shard, digest("result"), owners)
            escrow.accept(job, 1, digest("receipt"), [result], sender=hub)
        escrow.finish(job, 1, digest("weights"), 9_000, digest("final"), sender=hub)
    models.register(2, digest("card"), digest("where"), 5, sender=market.buyer)
    predictions.request_prediction(1, digest("input"), 5, sender=market.buyer)
    return market


def mutable(name: str) -> set[str]:
    abi = json.loads(artifact_path(name).read_text())["abi"]
    return {
        item["name"]
        for item in abi
        if item["type"] == "function" and item["stateMutability"] not in {"view", "pure"}
    }


@pytest.mark.parametrize("name", [name for name, _ in DEPLOY_ORDER] + ["Database"])
def test_every_call_is_either_for_all_or_for_a_role(name: str) -> None:
    for_roles = {function for contract, function in LISTED if contract == name}

    assert not OPEN_TO_ALL[name] & for_roles
    assert mutable(name) == OPEN_TO_ALL[name] | for_roles


@pytest.mark.parametrize(("contract", "function"), sorted(ROLE_ONLY))
def test_the_deployer_and_a_stranger_are_refused(
    running: Market, contract: str, function: str
) -> None:
    reason, call = ROLE_ONLY[contract, function]
    for who in (running.deployer, running.stranger):
        with refused(reason):
            call(running, who)


@pytest.mark.parametrize("name", [name for name, _ in DEPLOY_ORDER] + ["Database"])
def test_no_contract_has_an_owner(name: str) -> None:
    abi = json.loads(artifact_path(name).read_text())["abi"]
    names = {item.get("name", "").lower() for item in abi if item["type"] == "function"}

    for word in ("owner", "admin", "pause", "upgrade", "govern", "initialize", "migrate"):
        assert not [found for found in names if word in found and found != "active_owners"]


def test_deployment_leaves_the_deployer_with_nothing(market: Market) -> None:
    assert market.balance(market.deployer) == 0
    assert market.shares.weight_at(market.dataset, market.deployer, market.now()) == 0
    assert not market.association.is_evaluator(market.dataset, market.deployer)
    assert not market.association.is_node(market.dataset, market.deployer)
