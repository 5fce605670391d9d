"""Ballots by relayers, oracles overridden, challenges, motions and takedowns on a real chain."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from databright.data_market.calibration import calibration
from databright.data_market.challenges import (
    CHALLENGE_STATUSES,
    challenge_of,
    plan_challenge,
)
from databright.data_market.docket import Docket
from databright.data_market.lending import loans, plan_lend, plan_take_back, plan_vote_lent
from databright.data_market.registry import ACCEPTED, REJECTED, VOIDED
from databright.data_market.stakes import plan_stake, plan_unstake, stake_of
from databright.data_market.voting import (
    draft_ballot,
    plan_cancel,
    plan_relay,
    plan_vote,
    sort_ballots,
)
from databright.errors import BadInputError, UnknownEntityError
from databright.programs.child import ComputeChild
from databright.records.ballots import SignedBallot, ballots_from_json, ballots_to_json
from databright.units import BasisPoints, Seconds
from tests.end_to_end.governance_world import (
    BOND,
    CHALLENGE_BOND,
    FEE,
    NODES,
    RELAY,
    STAKE,
    VOTING_S,
    WEIGHT,
    World,
    begin_vote,
    make_rows,
    run,
)

STAKED = {"challenge_bond": CHALLENGE_BOND, "evaluator_stake": STAKE}


def signed(world: World, name: str, proposal: int, *, support: bool) -> SignedBallot:
    who = world.address(name)
    ballot, domain = draft_ballot(world.registry, who, proposal, support=support, deadline=None)
    return SignedBallot.make(ballot, world.keys(name).account(), domain)


def test_ballots_are_signed_apart_and_cast_by_a_relayer_who_is_repaid(world: World) -> None:
    dataset = world.open_dataset()
    proposal = world.propose("alice", dataset, make_rows(40, 1))
    world.publish(proposal, NODES[:2], amount=1_000)
    for_it = signed(world, "curator-1", proposal, support=True)
    cancelled = signed(world, "curator-2", proposal, support=False)
    with pytest.raises(BadInputError, match="begins at chain time"):
        world.send(
            "curator-1", plan_vote(world.registry, world.address("curator-1"), {proposal: True})
        )
    early = sort_ballots(world.registry, [for_it])
    assert early.good == ()
    assert "begins at chain time" in early.refused[0][1]
    begin_vote(world, proposal)
    world.send("curator-2", plan_cancel(world.registry, world.address("curator-2"), dataset))
    again = signed(world, "curator-2", proposal, support=True)
    forged = SignedBallot(again.ballot, again.domain, for_it.signature)
    files = ballots_from_json(ballots_to_json([cancelled, for_it, forged, again, again]))
    found = sort_ballots(world.registry, files)
    assert set(found.good) == {for_it, again}
    assert sorted(reason.split()[0] for _, reason in found.refused) == sorted(
        ["it", "the", world.address("curator-2")]
    )
    before = world.credit("association", "relayer")
    world.send("relayer", plan_relay(world.registry, found.good))
    assert world.registry.proposal(proposal).yes == 2 * WEIGHT
    assert world.credit("association", "relayer") == before + 2 * RELAY
    assert sort_ballots(world.registry, [for_it]).good == ()
    # Own ballots of all the weight settle it before the deadline.
    run(world)
    closed = world.registry.proposal(proposal)
    assert (closed.status, closed.yes) == (ACCEPTED, 2 * WEIGHT)
    (settled,) = [e for e in world.events("Settled") if e.args["proposal"] == proposal]
    assert settled.args["bond_back"] == closed.bond >= BOND
    assert settled.args["fee_back"] == (64 - 2) * RELAY
    assert closed.fee == FEE + 64 * RELAY


def test_votes_on_several_proposals_are_one_transaction(world: World) -> None:
    dataset = world.open_dataset()
    first, second = (world.propose("alice", dataset, make_rows(30, n)) for n in (2, 3))
    begin_vote(world, second)
    me = world.address("curator-1")
    plan = plan_vote(world.registry, me, {first: True, second: False})
    assert [call.function for call in plan.calls] == ["vote_many"]
    world.send("curator-1", plan)
    assert [world.registry.proposal(first).yes, world.registry.proposal(second).no] == [WEIGHT] * 2
    with pytest.raises(BadInputError, match="already"):
        plan_vote(world.registry, me, {first: False})
    with pytest.raises(BadInputError, match="own"):
        plan_vote(world.registry, world.address("alice"), {first: True})
    with pytest.raises(BadInputError, match="no weight"):
        plan_vote(world.registry, world.address("bob"), {first: True})
    with pytest.raises(UnknownEntityError):
        plan_vote(world.registry, me, {dataset * 1_000_000 + 99: True})


def test_a_lenders_own_vote_overrides_the_oracle_and_confidence_is_held_to_the_outcome(
    world: World,
) -> None:
    dataset = world.open_dataset()
    oracle = world.address("oracle")
    expiry = Seconds(world.now() + 10**6)
    for name, least in (("curator-1", 5_000), ("curator-2", 9_500)):
        world.send(
            name,
            plan_lend(
                world.registry,
                world.address(name),
                dataset,
                oracle,
                cap=60,
                expiry=expiry,
                least_confidence=BasisPoints(least),
            ),
        )
    assert [loan.cap for loan in loans(world.registry, oracle=oracle, dataset=dataset)] == [60, 60]
    world.advance_to(world.now() + 2)
    proposal = world.propose("alice", dataset, make_rows(40, 4))
    world.publish(proposal, NODES[:2], amount=0)
    begin_vote(world, proposal)
    plan = plan_vote_lent(
        world.registry, oracle, proposal, support=True, confidence=BasisPoints(9_000)
    )
    assert plan.calls[0].arguments[-1] == [world.address("curator-1")]
    world.send("oracle", plan)
    found = world.registry.proposal(proposal)
    assert (found.yes, found.lent_yes, found.no) == (60, 60, 0)
    world.send(
        "curator-1", plan_vote(world.registry, world.address("curator-1"), {proposal: False})
    )
    found = world.registry.proposal(proposal)
    assert (found.yes, found.lent_yes, found.no) == (0, 0, WEIGHT)
    (overridden,) = [e for e in world.events("Overridden") if e.args["proposal"] == proposal]
    assert overridden.args["weight"] == 60
    run(world)
    assert world.registry.proposal(proposal).status == REJECTED
    record = calibration(world.registry, oracle)
    assert [item.proposal for item in record.forecasts] == [proposal]
    assert record.brier == pytest.approx(0.81)
    world.send("curator-1", plan_take_back(world.registry, world.address("curator-1"), dataset))
    assert [loan.lender for loan in loans(world.registry, dataset=dataset)] == [
        world.address("curator-2")
    ]


def stake_all(world: World, dataset: int) -> None:
    for name in NODES:
        world.send(name, plan_stake(world.registry, world.address(name), dataset))


def test_signatures_count_only_with_a_stake(world: World) -> None:
    dataset = world.open_dataset(**STAKED)
    me = world.address("node-1")
    assert not stake_of(world.registry, dataset, me).counts
    with pytest.raises(BadInputError, match="not an evaluator"):
        plan_stake(world.registry, world.address("bob"), dataset)
    world.send("node-1", plan_stake(world.registry, me, dataset))
    assert stake_of(world.registry, dataset, me).counts
    with pytest.raises(BadInputError, match="--amount"):
        plan_stake(world.registry, me, dataset)
    world.send("node-1", plan_unstake(world.registry, me, dataset))
    assert not stake_of(world.registry, dataset, me).counts
    with pytest.raises(BadInputError, match="locked until"):
        plan_unstake(world.registry, me, dataset)
    # Nor does it come back before that: it could dodge a challenge.
    with pytest.raises(BadInputError, match="leaves dataset"):
        plan_stake(world.registry, me, dataset)
    found = stake_of(world.registry, dataset, me)
    assert (found.counts, found.amount) == (False, STAKE)


def measured_dataset(world: World) -> int:
    dataset = world.open_dataset(**STAKED)
    stake_all(world, dataset)
    world.open_request(dataset, make_rows(60, 90))
    return dataset


def answered(world: World, proposal: int) -> None:
    """Let the evaluators who did not sign do what their loops do."""
    with ComputeChild() as compute:
        loops = [world.loop(name, compute) for name in NODES]
        while any(loop.step() for loop in loops):
            pass
    assert challenge_of(world.registry, proposal).status_name in {"upheld", "refused"}


def test_a_challenge_of_a_made_up_verdict_is_won(world: World) -> None:
    dataset = measured_dataset(world)
    proposal = world.propose("alice", dataset, make_rows(40, 5))
    world.publish(proposal, NODES[:2], amount=10**8)
    doubter = world.address("doubter")
    before = int(world.market.contracts.token.call("balanceOf", doubter))
    credits = {name: world.credit("challenges", name) for name in ("doubter", *NODES[2:])}
    docket = Docket(world.registry)
    world.send("doubter", plan_challenge(docket, doubter, proposal))
    assert challenge_of(world.registry, proposal).signers == tuple(
        sorted((world.address(name) for name in NODES[:2]), key=lambda who: int(who, 16))
    )
    with pytest.raises(BadInputError, match="challenged already"):
        plan_challenge(docket, doubter, proposal)
    begin_vote(world, proposal)
    world.send("curator-1", plan_vote(world.registry, world.address("curator-1"), {proposal: True}))
    world.send("curator-2", plan_vote(world.registry, world.address("curator-2"), {proposal: True}))
    assert not world.keeper().step()  # nothing is executed in between
    answered(world, proposal)
    assert challenge_of(world.registry, proposal).status_name == "upheld"
    assert not stake_of(world.registry, dataset, world.address("node-1")).counts
    assert world.credit("challenges", "doubter") == credits["doubter"] + 2 * CHALLENGE_BOND
    assert int(world.market.contracts.token.call("balanceOf", doubter)) == before - CHALLENGE_BOND
    for name in NODES[2:]:
        assert world.credit("challenges", name) == credits[name] + CHALLENGE_BOND // 2
    run(world)
    closed = world.registry.proposal(proposal)
    honest = Docket(world.registry)
    honest.refresh()
    (entry,) = world.registry.entries(dataset)
    assert closed.status == ACCEPTED
    assert entry.shares == honest.newest_settled(proposal)[0].verdict.amount < 10**8


def test_a_challenge_of_an_honest_verdict_is_lost(world: World) -> None:
    dataset = measured_dataset(world)
    proposal = world.propose("alice", dataset, make_rows(40, 6))
    with ComputeChild() as compute:
        loops = [world.loop(name, compute, patience=10**9) for name in NODES]
        while any(loop.step() for loop in loops):
            pass
    docket = Docket(world.registry)
    docket.refresh()
    # It is measured by those whose turn the contract says it is.
    version = world.registry.proposal(proposal).version
    turn = world.market.contracts.charter.call("turn_of", dataset, version, 1)
    assert {item.evaluator for item in docket.published(proposal)} == set(turn)
    before = world.credit("challenges", "doubter")
    world.send("doubter", plan_challenge(docket, world.address("doubter"), proposal))
    answered(world, proposal)
    assert challenge_of(world.registry, proposal).status_name == "refused"
    with pytest.raises(BadInputError, match="what the challenge has found"):
        plan_challenge(docket, world.address("doubter"), proposal)
    assert world.credit("challenges", "doubter") == before
    assert all(stake_of(world.registry, dataset, who).counts for who in turn)
    others = [name for name in NODES if world.address(name) not in turn]
    assert all(stake_of(world.registry, dataset, world.address(name)).counts for name in others)


def test_what_nobody_measures_again_is_voided(world: World) -> None:
    dataset = world.open_dataset(**STAKED)
    stake_all(world, dataset)
    proposal = world.propose("alice", dataset, make_rows(40, 7))
    world.publish(proposal, NODES[:2], amount=10)
    before = world.credit("challenges", "doubter")
    docket = Docket(world.registry)
    world.send("doubter", plan_challenge(docket, world.address("doubter"), proposal))
    world.advance_to(challenge_of(world.registry, proposal).deadline)
    run(world)
    assert world.registry.proposal(proposal).status == VOIDED
    assert CHALLENGE_STATUSES[challenge_of(world.registry, proposal).status] == "not answered"
    assert world.credit("challenges", "doubter") == before + CHALLENGE_BOND


def test_where_rules_are_optimistic_an_unopposed_verdict_needs_no_quorum(world: World) -> None:
    dataset = world.open_dataset(
        **STAKED, optimistic_window=Seconds(600), quorum_bps=BasisPoints(9_000)
    )
    stake_all(world, dataset)
    proposal = world.propose("alice", dataset, make_rows(40, 8))
    world.publish(proposal, NODES[:2], amount=10)
    begin_vote(world, proposal)
    run(world)
    posted = [e for e in world.events("VerdictPosted") if e.args["proposal"] == proposal]
    assert len(posted) == 1
    assert world.registry.proposal(proposal).status_name == "open"
    world.advance_to(world.now() + 600)
    run(world)
    assert world.registry.proposal(proposal).status == ACCEPTED


def test_a_genesis_weight_that_has_faded_is_told_as_that(world: World) -> None:
    dataset = world.open_dataset()
    first = world.propose("alice", dataset, make_rows(40, 12))
    world.publish(first, NODES[:2], amount=10**7)
    begin_vote(world, first)
    for name in ("curator-1", "curator-2"):
        world.send(name, plan_vote(world.registry, world.address(name), {first: True}))
    run(world)
    assert world.registry.proposal(first).status == ACCEPTED
    with pytest.raises(BadInputError, match="it is accepted already"):
        plan_vote(world.registry, world.address("curator-1"), {first: True})
    second = world.propose("bob", dataset, make_rows(40, 13))
    begin_vote(world, second)
    with pytest.raises(BadInputError, match="has faded to 0"):
        plan_vote(world.registry, world.address("curator-1"), {second: True})
    with pytest.raises(BadInputError, match="has no weight"):
        plan_vote(world.registry, world.address("doubter"), {second: True})


def test_what_was_posted_and_never_published_can_be_challenged(world: World) -> None:
    dataset = world.open_dataset(
        **STAKED, optimistic_window=Seconds(600), quorum_bps=BasisPoints(9_000)
    )
    stake_all(world, dataset)
    world.open_request(dataset, make_rows(60, 91))
    proposal = world.propose("alice", dataset, make_rows(40, 9))
    begin_vote(world, proposal)
    doubter, docket = world.address("doubter"), Docket(world.registry)
    with pytest.raises(BadInputError, match="nothing to challenge"):
        plan_challenge(docket, doubter, proposal)
    verdict, signed = world.sign(proposal, NODES[:2], amount=10**8)
    world.market.contracts.verdicts.transact(
        world.signer("bob"),
        "post_verdict",
        astuple(world.registry.proposal(proposal).terms),
        verdict.to_struct(),
        [one.signature for one in sorted(signed, key=lambda one: int(one.evaluator, 16))],
    )
    assert docket.published(proposal) == []
    # Leaving in front of the challenge helps neither of them.
    world.send("node-1", plan_unstake(world.registry, world.address("node-1"), dataset))
    world.send("doubter", plan_challenge(docket, doubter, proposal))
    answered(world, proposal)
    assert challenge_of(world.registry, proposal).status_name == "upheld"
    assert stake_of(world.registry, dataset, world.address("node-1")).amount == 0


def test_a_keeper_passes_by_what_lies_before_one(world: World) -> None:
    dataset = world.open_dataset(review_minutes=0)
    proposals = [world.propose("alice", dataset, make_rows(4, 100 + n)) for n in range(35)]
    found = world.registry.proposal(proposals[-1])
    world.advance_to(found.opened_at + 2 * VOTING_S)
    world.publish(proposals[-1], NODES[:2], amount=0)
    run(world)
    assert world.registry.proposal(proposals[-1]).status == REJECTED
