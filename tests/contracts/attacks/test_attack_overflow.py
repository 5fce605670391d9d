"""Attacks on packed words: fields at their limits refuse, never carry over into a neighbour."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    BIG,
    PERIOD,
    RELAY,
    World,
    build_world,
    digest,
    key,
    who,
)
from tests.contracts.attacks.quick_chain import Bound, refused
from tests.contracts.attacks.test_attack_replay import ballot

M52 = 2**52 - 1
HALF = 2**51 - 1


def slot(contract: Bound, keys: list[int | str], value: int) -> int:
    """Where a nested map's word lies: the map's own place is found by its value."""
    for place in range(64):
        found = place
        for one in keys:
            number = int(one, 16) if isinstance(one, str) else one
            found = int.from_bytes(keccak(encode(["uint256", "uint256"], [found, number])), "big")
        if value and contract.chain.evm.storage(contract.address, found) == value:
            return found
    raise AssertionError(f"no map of {contract.address} holds {value}")


def write(contract: Bound, place: int, value: int) -> None:
    contract.chain.keep()
    contract.chain.evm.insert_account_storage(contract.address, place, value)


# Weights


@pytest.mark.parametrize(
    "weights", [[2**51], [2**51 - 1, 1], [2**52], [0], [2**51 - 2, 1, 1], [BIG]]
)
def test_genesis_weight_of_half_the_field_is_refused(weights: list[int]) -> None:
    world = build_world()
    curators = [who("big", index) for index in range(len(weights))]
    with refused("charter: weight out of range"):
        world.create_dataset(curators=curators, weights=weights)


def test_votes_at_the_top_of_their_fields_carry_nothing_over() -> None:
    """All weight of a dataset, 2^52 - 1 in all, on one side and on both."""
    world = build_world(curators=[world_curator()], weights=[HALF], mint_cap=HALF, quorum_bps=0)
    world.curators = [world_curator()]
    world.accepted(world.attacker, HALF)
    full = world.propose(world.honest)
    world.to_vote(full)
    world.votes.vote(full, True, sender=world.attacker)
    world.votes.vote(full, False, sender=world_curator())
    yes, no = world.sides(full)
    assert yes == HALF
    # The genesis weight has faded by the earned one, as it was before the commitment.
    assert no == HALF * HALF // (2 * HALF)
    assert world.terms[full][11] == yes + no
    word = world.tally(full)
    assert (word >> 104) & M52 == HALF
    assert world.status(full) == 1
    assert world.database.total_shares(1) == HALF


def world_curator() -> str:
    return who("curator")


def test_shares_beyond_the_field_are_refused() -> None:
    world = build_world(
        curators=[world_curator()], weights=[HALF], mint_cap=2**51 - 1, epoch_length=100
    )
    world.curators = [world_curator()]
    world.accepted(world.attacker, HALF)
    world.chain.wait(200)
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    world.votes.vote(proposal, True, sender=world.attacker)
    world.to_end(proposal)
    for amount in (2, HALF):
        with refused("association: dataset is full"):
            world.execute(proposal, world.verdict(amount))
    world.execute(proposal, world.verdict(1))
    assert int(world.association.datasets(world.dataset)) & M52 == HALF + 1
    # 2^52 - 1 with the genesis weight: from here on nothing can be minted, and nothing was carried.
    assert world.database.total_shares(2) == HALF + 1
    assert world.votes.earned_votes(world.dataset, world.attacker) == HALF


# Ballots that are repaid


def relayed(world: World, proposal: int, voters: list[LocalAccount]) -> int:
    ballots = [ballot(world, proposal, True, one) for one in voters]
    return int(world.votes.vote_signed(ballots, sender=who("relayer")))


def test_no_more_than_64_relayed_ballots_are_repaid() -> None:
    world = build_world(weights=[60_000, 30_000, 20_000], mint_cap=10**6)
    voters = [key("voter", index) for index in range(70)]
    for one in voters:
        world.accepted(who("worker"), 1, one.address)
        world.chain.wait(1)
    proposal = world.propose(world.honest)
    deposit = world.association.deposit_of(world.honest)
    fee = world.terms[proposal][10]
    world.to_vote(proposal)
    repeated = [*voters[:40], *voters[:20], voters[0]]
    assert relayed(world, proposal, repeated) == 40
    assert relayed(world, proposal, voters[40:]) == 30
    assert world.sides(proposal) == (70, 0)
    assert world.association.repaid(proposal) == 64
    assert world.association.credit_of(who("relayer")) == 64 * RELAY
    world.to_end(proposal)
    world.chain.wait(2 * PERIOD)
    world.verdicts.expire(world.terms[proposal])
    # What relayers got is what the proposer does not get back.
    assert world.association.deposit_of(world.honest) == deposit + fee + 5 - 64 * RELAY


# Nonces, versions, loans


def test_the_last_ballot_nonce_is_the_last() -> None:
    world = build_world()
    curator = world.curators[0]
    world.votes.cancel_ballots(world.dataset, sender=curator)
    word = int(world.votes.voters(world.dataset, curator))
    place = slot(world.votes, [world.dataset, curator], word)
    write(world.votes, place, word + (2**16 - 3 << 216))
    assert world.votes.ballot_nonce(world.dataset, curator) == 2**16 - 2
    world.votes.cancel_ballots(world.dataset, sender=curator)
    with refused("curator: no nonces left"):
        world.votes.cancel_ballots(world.dataset, sender=curator)
    after = int(world.votes.voters(world.dataset, curator))
    assert after >> 232 == word >> 232
    assert after & (2**216 - 1) == word & (2**216 - 1)
    # Its owner still votes.
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    world.votes.vote(proposal, True, sender=curator)
    assert world.sides(proposal) == (6, 0)


def test_the_last_version_of_rules_is_the_last() -> None:
    world = build_world()
    (first, rules), (second, others) = (
        world.carry_rules(world.rules(quorum_bps=quorum)) for quorum in (1, 2)
    )
    world.chain.wait_until(world.ready_at(second))
    word = int(world.association.datasets(world.dataset))
    place = slot(world.association, [world.dataset], word)
    write(world.association, place, word + (2**12 - 3 << 244))
    assert world.charter.version_of(world.dataset) == 2**12 - 2
    world.motions.enact_rules(first, rules)
    with refused("association: dataset is full"):
        world.motions.enact_rules(second, others)
    after = int(world.association.datasets(world.dataset))
    assert after >> 244 == 2**12 - 1
    assert after & (2**244 - 1) == word & (2**244 - 1)
    # The last rules go on.
    assert world.propose(world.honest) > 0


def test_the_last_loan_is_the_last_and_the_last_oracle_too() -> None:
    world = build_world()
    curator, far = world.curators[0], world.chain.now + 10**6
    world.votes.lend(world.dataset, world.honest, 5, far, 0, sender=curator)
    loan = int(world.votes.loans(world.dataset, curator, 0))
    place = slot(world.votes, [world.dataset, curator, 0], loan)
    write(world.votes, place, loan | ((2**16 - 1) << 162))
    with refused("curator: too many loans"):
        world.votes.take_back(world.dataset, sender=curator)
    with refused("curator: too many loans"):
        world.votes.lend(world.dataset, world.buyer, 5, far, 0, sender=curator)
    assert world.votes.lent(world.dataset, curator)[1] == 5


def test_the_last_number_of_a_dataset_is_the_last() -> None:
    world = build_world()
    world.propose(world.honest)
    word = int(world.association.datasets(world.dataset))
    place = slot(world.association, [world.dataset], word)
    write(world.association, place, word + (499_997 << 136))
    last = world.propose(world.honest)
    assert last % 1_000_000 == 499_999
    with refused("association: dataset is full"):
        world.propose(world.honest)
    # Its states lie in the last window below the motions'.
    world.to_vote(last)
    for curator in world.curators:
        world.votes.vote(last, True, sender=curator)
        with refused("curator: already voted"):
            world.votes.vote(last, False, sender=curator)
    assert world.sides(last) == (11, 0)
    motion = int(
        world.motions.move(world.dataset, 1, digest("p"), digest("t"), sender=world.honest)
    )
    world.vote_all(motion)
    assert world.sides(motion) == (11, 0)
    for curator in world.curators:
        assert world.votes.ballot_of(last, curator) == 1


# Money


@pytest.mark.parametrize("amount", [2**96, 2**128, BIG])
def test_amounts_beyond_their_fields_are_refused(amount: int) -> None:
    world = build_world(weights=[6_000, 3_000, 2_000])
    world.accepted(world.honest, 16)
    before = world.balance(world.database)
    with refused("token: amount out of range"):
        world.association.deposit(amount, sender=world.attacker)
    with refused("database: amount out of range"):
        world.database.fund(1, amount, sender=world.attacker)
    with refused("database: amount out of range"):
        world.database.fund_tranche(min(world.terms), 1, amount, sender=world.attacker)
    assert world.balance(world.database) == before


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("bond", 2**48, "charter: amount out of range"),
        ("evaluation_fee", 2**48, "charter: amount out of range"),
        ("relay_price", 2**32, "charter: amount out of range"),
        ("mint_cap", 2**51, "charter: cap out of range"),
        ("epoch_length", 2**32, "charter: epoch out of range"),
        ("epoch_length", 0, "charter: epoch out of range"),
        ("quorum_bps", 10_001, "charter: quorum out of range"),
        ("review_minutes", 2**16, "charter: review out of range"),
        ("voting_period", 3, "charter: period out of range"),
        ("voting_period", 2**24, "charter: period out of range"),
        ("optimistic_window", 2**24, "charter: window out of range"),
        ("tolerance_bps", 10_001, "charter: tolerance out of range"),
        ("closes_at", 2**32, "charter: closing time"),
        ("price_per_use", 2**96, "charter: amount out of range"),
        ("threshold", 17, "charter: threshold"),
        ("threshold", 3, "charter: too few evaluators"),
        ("a_bps", 10_001, "charter: share stream"),
        ("a_bps", 9_999, "charter: share stream"),
    ],
)
def test_rules_that_do_not_fit_their_fields_are_refused(name: str, value: int, reason: str) -> None:
    world = build_world()
    with refused(reason):
        world.charter.create_dataset(world.rules(**{name: value}))
    assert world.charter.num_datasets() == 1


def test_the_largest_rules_fit_side_by_side() -> None:
    """Every field at its top at once: each reads back as it was given."""
    world = build_world()
    top = {
        "bond": 2**48 - 1, "evaluation_fee": 2**48 - 1, "relay_price": 2**32 - 1,
        "mint_cap": HALF, "epoch_length": 2**32 - 1, "quorum_bps": 10_000,
        "review_minutes": 64_800, "voting_period": 45 * 86_400, "change_delay": 45 * 86_400,
        "closes_at": 2**32 - 1, "tolerance_bps": 10_000, "weights": [HALF],
        "curators": [world_curator()],
    }  # fmt: skip
    dataset = world.create_dataset(**top)
    price = int(world.association.rules_word(dataset, 1))
    fields = [
        (0, 16, "review_minutes"), (16, 24, "voting_period"), (40, 48, "bond"),
        (88, 48, "evaluation_fee"), (136, 32, "relay_price"), (220, 32, "closes_at"),
    ]  # fmt: skip
    for place, bits, name in fields:
        assert (price >> place) & (2**bits - 1) == top[name]
    word = int(world.verdicts.rules_word(dataset, 1))
    for place, bits, name in (
        (0, 14, "quorum_bps"), (19, 52, "mint_cap"), (71, 32, "epoch_length"),
        (183, 32, "relay_price"), (222, 14, "tolerance_bps"),
    ):  # fmt: skip
        assert (word >> place) & (2**bits - 1) == top[name]
    assert (word >> 159) & (2**24 - 1) == 64_800 * 60 + 2 * 45 * 86_400
