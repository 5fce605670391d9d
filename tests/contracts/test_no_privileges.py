"""No key has a power that a role does not give it, the deployer's least of all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from databright.contracts import DEPLOY_ORDER, artifact_path
from tests.contracts.data_world import MIN_STAKE, PERIOD, Market, call
from tests.contracts.market_world import digest, refused

# Whoever calls these acts on its own money, shares, votes, stake or name, or does what the rules
# give to everyone. A call that is in neither list fails the test: it must be looked at.
OPEN_TO_ALL = {
    "MarketToken": {
        "transfer", "transferFrom", "approve", "burn", "transferWithAuthorization",
        "receiveWithAuthorization", "cancelAuthorization",
    },
    "CuratorToken": {"lend", "take_back", "cancel_ballots", "vote_signed"},
    "Database": {
        "withdraw", "withdraw_for", "fund", "fund_with_authorization", "fund_tranche", "claim",
        "claim_many", "claim_for", "transfer", "transferFrom", "approve", "setOperator",
    },
    "DataAssociation": {
        "deposit", "deposit_with_authorization", "withdraw", "withdraw_for", "propose", "pass_by",
    },
    "Verdicts": {"execute", "post_verdict", "expire", "release_bond"},
    "Challenges": {
        "withdraw", "withdraw_for", "stake", "unstake", "challenge", "answer", "lapse",
    },
    "ValuePools": {"post_values", "veto_values", "release", "claim_value"},
    "Charter": {"create_dataset"},
    "Motions": {
        "withdraw", "withdraw_for", "move", "settle_motion", "enact_rules", "enact_takedown",
    },
    "DataRequests": {"withdraw", "withdraw_for", "open_request", "top_up"},
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

TRANCHE, OPEN_PROPOSAL = 1_000_001, 1_000_002
NOTHING = bytes(32)
SETTLEMENT = (2, 9, 9, 0, 0, 0, 9, 1, 0, 9, 0, 0)

Call = Callable[[Market, str], None]


def terms(market: Market) -> tuple[object, ...]:
    """Of the proposal that is open."""
    return call(market.proposals[-1])


ROLE_ONLY: dict[tuple[str, str], tuple[str, Call]] = {
    ("CuratorToken", "set_genesis"): (
        "curator: not the charter",
        lambda m, who: m.votes.set_genesis(1, who, 5, sender=who),
    ),
    ("CuratorToken", "open"): (
        "curator: not the motions",
        lambda m, who: m.votes.open(1_000_009, who, 0, 11, 0, PERIOD, 1, sender=who),
    ),
    ("CuratorToken", "close"): (
        "curator: not open",
        lambda m, who: m.votes.close(OPEN_PROPOSAL, 2, sender=who),
    ),
    ("CuratorToken", "close_and_mint"): (
        "curator: not open",
        lambda m, who: m.votes.close_and_mint(OPEN_PROPOSAL, 2, who, 5, 0, sender=who),
    ),
    ("CuratorToken", "vote"): (
        "curator: no weight",
        lambda m, who: m.votes.vote(OPEN_PROPOSAL, True, sender=who),
    ),
    ("CuratorToken", "vote_many"): (
        "curator: no weight",
        lambda m, who: m.votes.vote_many([OPEN_PROPOSAL], 1, sender=who),
    ),
    ("CuratorToken", "vote_lent"): (
        "curator: no weight",
        lambda m, who: m.votes.vote_lent(terms(m), True, 9_000, m.curators, sender=who),
    ),
    ("Database", "register"): (
        "database: not the association",
        lambda m, who: m.database.register(9, who, 5, 1, 0, sender=who),
    ),
    ("Database", "take_down"): (
        "database: not the charter",
        lambda m, who: m.database.take_down(TRANCHE, 1, who, sender=who),
    ),
    ("Database", "fund_shares"): (
        "database: not the pools",
        lambda m, who: m.database.fund_shares(1, 0, sender=who),
    ),
    ("Database", "remove"): (
        "database: no shares",
        lambda m, who: m.database.remove(TRANCHE, sender=who),
    ),
    ("DataAssociation", "install"): (
        "association: not the charter",
        lambda m, who: m.association.install(1, who, 1, sender=who),
    ),
    ("DataAssociation", "settle"): (
        "association: not the verdicts",
        lambda m, who: m.association.settle(terms(m), SETTLEMENT, [who], sender=who),
    ),
    ("DataAssociation", "give"): (
        "association: not the verdicts",
        lambda m, who: m.association.give(OPEN_PROPOSAL, who, 5, sender=who),
    ),
    ("DataAssociation", "repay"): (
        "association: not the curators",
        lambda m, who: m.association.repay(OPEN_PROPOSAL, 1, who, 5, sender=who),
    ),
    ("DataAssociation", "withdraw_proposal"): (
        "association: not the proposer",
        lambda m, who: m.association.withdraw_proposal(terms(m), sender=who),
    ),
    ("DataAssociation", "revise"): (
        "association: not the proposer",
        lambda m, who: m.association.revise(terms(m), NOTHING, NOTHING, NOTHING, 1, sender=who),
    ),
    ("Verdicts", "install"): (
        "verdicts: not the charter",
        lambda m, who: m.verdicts.install(1, 1, 1, sender=who),
    ),
    ("Verdicts", "set_member"): (
        "verdicts: not the charter",
        lambda m, who: m.verdicts.set_member(1, who, 1, 4095, True, sender=who),
    ),
    ("Verdicts", "set_counting"): (
        "verdicts: not challenges",
        lambda m, who: m.verdicts.set_counting(1, who, True, sender=who),
    ),
    ("Verdicts", "hold"): (
        "verdicts: not challenges",
        lambda m, who: m.verdicts.hold(OPEN_PROPOSAL, sender=who),
    ),
    ("Verdicts", "let_go"): (
        "verdicts: not challenges",
        lambda m, who: m.verdicts.let_go(OPEN_PROPOSAL, sender=who),
    ),
    ("Verdicts", "void"): (
        "verdicts: not challenges",
        lambda m, who: m.verdicts.void(terms(m), sender=who),
    ),
    ("Verdicts", "publish_evidence"): (
        "verdicts: not an evaluator",
        lambda m, who: m.verdicts.publish_evidence(OPEN_PROPOSAL, 0, NOTHING, sender=who),
    ),
    ("ValuePools", "on_fund"): (
        "pools: not the database",
        lambda m, who: m.pools.on_fund(1, 1, 5, sender=who),
    ),
    ("Charter", "change_rules"): (
        "charter: not the motions",
        lambda m, who: m.charter.change_rules(1, m.rules(curators=[], weights=[]), sender=who),
    ),
    ("Charter", "take_down"): (
        "charter: not the motions",
        lambda m, who: m.charter.take_down(1, TRANCHE, 1, who, sender=who),
    ),
    ("Charter", "log_erasure"): (
        "charter: not a node",
        lambda m, who: m.charter.log_erasure(1, TRANCHE, NOTHING, sender=who),
    ),
    ("DataRequests", "close_request"): (
        "requests: not the initiator",
        lambda m, who: m.requests.close_request(1, sender=who),
    ),
    ("DataRequests", "retire_holdout"): (
        "requests: not an evaluator",
        lambda m, who: m.requests.retire_holdout(1, digest("x"), sender=who),
    ),
    ("DataRequests", "on_propose"): (
        "requests: not the association",
        lambda m, who: m.requests.on_propose(1, 1, sender=who),
    ),
    ("DataRequests", "on_close"): (
        "requests: not the association",
        lambda m, who: m.requests.on_close(1, who, who, 5, 5, sender=who),
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
    opened = market.propose(market.contributors[0])
    assert market.votes.weight_on(opened.proposal, market.deployer) == 0
    assert not market.charter.is_evaluator(market.dataset, market.deployer)
    assert not market.charter.is_node(market.dataset, market.deployer)
    for name in ("DataAssociation", "Challenges", "Motions", "DataRequests"):
        assert market.contracts[name].credit_of(market.deployer) == 0


def test_the_creator_of_a_dataset_has_no_power_over_it(running: Market) -> None:
    """But to ask for data without an escrow, and to close its own request when it may."""
    own = {("DataRequests", "close_request")}
    for (contract, function), (reason, act) in sorted(ROLE_ONLY.items()):
        if (contract, function) not in own:
            with refused(reason):
                act(running, running.initiator)
