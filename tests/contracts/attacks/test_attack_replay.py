"""Attacks with signatures: a ballot or a verdict used elsewhere, later, or again."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    CHALLENGE,
    NAIVE,
    PERIOD,
    STAKE,
    World,
    build_world,
    digest,
    key,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, Chain, deploy_own, refused

VOTER = key("honest")
_BALLOT = keccak(
    text="Ballot(address voter,uint256 proposal,bytes32 commitment,bool support,uint256 nonce,"
    "uint256 deadline)"
)
Signed = tuple[int, bytes, bytes]


def ballot(
    world: World,
    proposal: int,
    support: bool = True,
    voter: LocalAccount = VOTER,
    **changes: Any,
) -> Signed:
    """A ballot as `vote_signed` takes it, signed for this world."""
    dataset = proposal // 1_000_000
    nonce = changes.get("nonce", world.votes.ballot_nonce(dataset, voter.address))
    deadline = changes.get("deadline", world.chain.now + 10 * PERIOD)
    named = changes.get("commitment", world.association.commitment(proposal))
    fields = ["bytes32", "address", "uint256", "bytes32", "bool", "uint256", "uint256"]
    content = encode(fields, [_BALLOT, voter.address, proposal, named, support, nonce, deadline])
    separator = changes.get("separator", world.votes.DOMAIN_SEPARATOR())
    found = voter.unsafe_sign_hash(Hash32(keccak(b"\x19\x01" + separator + keccak(content))))
    return packed(proposal, support, voter.address, deadline, found)


def packed(proposal: int, support: bool, voter: str, deadline: int, found: Any) -> Signed:
    what = int(voter, 16) | (deadline << 160) | (int(support) << 200) | (proposal << 201)
    vs = found.s | ((found.v - 27) << 255)
    return what, found.r.to_bytes(32, "big"), vs.to_bytes(32, "big")


def market(chain_id: int = 31_337) -> World:
    """A market where the voter is the only curator."""
    world = build_world(chain_id=chain_id, curators=[VOTER.address], weights=[100])
    world.curators = [VOTER.address]
    return world


def begun(world: World, count: int = 1, proposer: str = "") -> list[int]:
    proposals = [world.propose(proposer or world.attacker) for _ in range(count)]
    world.to_vote(proposals[-1])
    return proposals


def naive_ballots(chain: Chain) -> Bound:
    path = NAIVE / "NaiveBallots.vy"
    return deploy_own(chain, path, who("deployer"), VOTER.address, 100)


def naive_signed(naive: Bound) -> tuple[Any, ...]:
    found = VOTER.unsafe_sign_hash(naive.digest(VOTER.address, True))
    return (VOTER.address, True, found.v, found.r, found.s)


def nothing_counts(world: World, *ballots: Signed) -> int:
    """Try ballots that must not count; the weight that they added nevertheless."""
    proposals = {one[0] >> 201 for one in ballots}
    before = sum(sum(world.sides(one)) for one in proposals)
    for one in ballots:
        with refused("curator: no ballot counts"):
            world.votes.vote_signed([one], sender=world.attacker)
    return sum(sum(world.sides(one)) for one in proposals) - before


# On another chain, contract or proposal


def elsewhere_naive() -> dict[str, int]:
    first, second = naive_ballots(Chain(1)), naive_ballots(Chain(10))
    ids = [naive.propose(digest("p")) for naive in (first, second)]
    junk = first.propose(digest("junk"))
    parts = naive_signed(first)
    first.vote_signed(ids[0], *parts)
    second.vote_signed(ids[1], *parts)
    first.vote_signed(junk, *parts)
    return {"gain": second.yes(ids[1]) + first.yes(junk), "meant": 100}


def elsewhere_ours() -> dict[str, int]:
    here, there = market(), market(chain_id=10)
    first, second = begun(here, 2)
    begun(there, 2)
    good = ballot(here, first)
    # The same ballot with another proposal, side or deadline written over it.
    moved = (good[0] + (1 << 201), *good[1:])
    turned = (good[0] ^ (1 << 200), *good[1:])
    later = (good[0] + (1 << 160), *good[1:])
    gain = nothing_counts(here, moved, turned, later)
    # On another chain, where the very same proposal, contract and voter exist.
    assert there.votes.address == here.votes.address
    gain += nothing_counts(there, good)
    # Signed for another contract: the verdicts', say.
    gain += nothing_counts(here, ballot(here, first, separator=here.verdicts.DOMAIN_SEPARATOR()))
    # By somebody else, in the voter's name.
    forged = ballot(here, first, voter=key("attacker"))
    renamed = (forged[0] & ~(2**160 - 1) | int(VOTER.address, 16), *forged[1:])
    gain += nothing_counts(here, renamed, forged)
    assert here.votes.vote_signed([good]) == 1
    assert here.sides(first) == (100, 0)
    assert here.sides(second) == (0, 0)
    gain += nothing_counts(here, good, ballot(here, first, False))
    return {"gain": gain, "meant": 100}


@both(elsewhere_naive, elsewhere_ours)
def test_ballot_replayed_on_another_chain_contract_or_proposal(attack: Attack) -> None:
    attack.judge()


# After a cancel, after its deadline


def cancelled_naive() -> dict[str, int]:
    naive = naive_ballots(Chain())
    id = naive.propose(digest("p"))
    parts = naive_signed(naive)
    naive.cancel(sender=VOTER.address)
    naive.vote_signed(id, *parts)
    return {"gain": naive.yes(id)}


def cancelled_ours() -> dict[str, int]:
    world = market()
    first, second = begun(world, 2)
    signed_before = [ballot(world, one) for one in (first, second)]
    short = ballot(world, first, deadline=world.chain.now + 5)
    world.votes.cancel_ballots(world.dataset, sender=VOTER.address)
    gain = nothing_counts(world, *signed_before, short)
    again = ballot(world, first, deadline=world.chain.now + 5)
    world.chain.wait(6)
    gain += nothing_counts(world, again)
    assert world.votes.vote_signed([ballot(world, first)]) == 1
    assert world.sides(first) == (100, 0)
    # What is cast stays cast: a cancel is no way to vote twice.
    world.votes.cancel_ballots(world.dataset, sender=VOTER.address)
    gain += nothing_counts(world, ballot(world, first, False))
    with refused("curator: already voted"):
        world.votes.vote(first, False, sender=VOTER.address)
    return {"gain": gain}


@both(cancelled_naive, cancelled_ours)
def test_ballot_replayed_after_a_cancel(attack: Attack) -> None:
    attack.judge()


# After a reorganisation


def reorganised_naive() -> dict[str, int]:
    chain = Chain()
    naive = naive_ballots(chain)
    with chain.undone():
        id = naive.propose(digest("good"))
        parts = naive_signed(naive)
        naive.vote_signed(id, *parts)
    # The block comes anew with the attacker's proposal in the other's place.
    junk = naive.propose(digest("junk"), sender=who("attacker"))
    naive.vote_signed(junk, *parts)
    return {"gain": naive.yes(junk)}


def reorganised_ours() -> dict[str, int]:
    world = market()
    with world.chain.undone():
        first = world.propose(world.honest)
        told = ballot(world, first)
        # No ballot counts before the review is over.
        gain = nothing_counts(world, told)
    junk = world.propose(world.attacker)
    assert junk == first
    gain += nothing_counts(world, told)
    # It names what was proposed, not only its number.
    world.to_vote(junk)
    gain += nothing_counts(world, told)
    with refused("curator: no voting now"):
        world.votes.vote(junk + 1, True, sender=VOTER.address)
    # Later calls bring terms: those of the proposal that is gone fit nothing.
    gone = world.terms[junk]
    terms = list(gone)
    terms[2] = terms[3] = world.honest
    with refused("association: not the proposer"):
        world.association.withdraw_proposal(tuple(terms), sender=world.attacker)
    with refused("association: voting has begun"):
        world.association.withdraw_proposal(gone, sender=world.attacker)
    return {"gain": gain}


@both(reorganised_naive, reorganised_ours)
def test_ballot_replayed_after_a_reorganisation(attack: Attack) -> None:
    attack.judge()


# Verdicts


def test_a_verdict_serves_no_other_chain_contract_proposal_or_time() -> None:
    world, other = market(), market(chain_id=10)
    first, second = begun(world, 2)
    begun(other, 2)
    verdict = world.verdict(10)
    signatures = world.sign(first, verdict)
    for one in (world, other):
        for proposal in (first, second):
            one.votes.vote(proposal, True, sender=VOTER.address)
        one.to_end(second)
    with refused("verdicts: not an evaluator's"):
        other.execute(first, verdict, signatures)
    with refused("verdicts: not an evaluator's"):
        other.execute(second, verdict, signatures)
    world.execute(first, verdict, signatures)
    with refused("verdicts: proposal is not open"):
        world.execute(first, verdict, signatures)
    with refused("verdicts: not an evaluator's"):
        world.execute(second, verdict, signatures)
    for field, value, reason in (
        (1, 2, "verdicts: unknown epoch"),
        (2, 4, "verdicts: unknown outcome"),
        (3, first, "verdicts: copy of nothing"),
    ):
        changed = list(verdict)
        changed[field] = value
        with refused(reason):
            world.execute(second, tuple(changed), world.sign(second, tuple(changed)))
    # The other market, whose own evaluators did not sign, has nothing of it.
    assert other.database.num_snapshots() == 0
    assert other.status(first) == 1


# After a reorganisation that swaps two proposals: the attacker's takes the number of the other


def swapped_naive() -> dict[str, int]:
    chain = Chain()
    measurer = key("evaluator")
    path = NAIVE / "NaiveNumbers.vy"
    naive = deploy_own(chain, path, who("deployer"), VOTER.address, measurer.address)
    with chain.undone():
        good = naive.propose(digest("good"), sender=who("honest"))
        naive.propose(digest("junk"), sender=who("attacker"))
        vote = VOTER.unsafe_sign_hash(naive.digest(good, 1))
        measured = measurer.unsafe_sign_hash(naive.digest(good, 16))
    junk = naive.propose(digest("junk"), sender=who("attacker"))
    naive.propose(digest("good"), sender=who("honest"))
    naive.vote_signed(junk, vote.v, vote.r, vote.s)
    naive.execute(junk, 16, measured.v, measured.r, measured.s)
    return {"gain": naive.shares(who("attacker")), "meant": naive.shares(who("honest"))}


def swapped_ours() -> dict[str, int]:
    world = build_world(
        curators=[VOTER.address], weights=[100], optimistic_window=10, challenge_bond=CHALLENGE,
        evaluator_stake=STAKE,
    )  # fmt: skip
    with world.chain.undone():
        good = world.propose(world.honest)
        world.propose(world.attacker)
        vote, verdict = ballot(world, good), world.verdict(16)
        measured = world.sign(good, verdict)
    junk, moved = world.propose(world.attacker), world.propose(world.honest)
    assert (junk, moved) == (good, good + 1)
    world.to_vote(moved)
    gain = nothing_counts(world, vote)
    # Neither does the other's new number make them fit.
    gain += nothing_counts(world, (vote[0] + (1 << 201), *vote[1:]))
    calls = (
        (world.verdicts.post_verdict, (world.terms[junk], verdict, measured)),
        (world.challenges.challenge, (junk, verdict, measured)),
        (world.verdicts.signers_of_verdict, (junk, verdict, measured)),
        (world.verdicts.execute, (world.terms[junk], verdict, measured, 0)),
        (world.verdicts.execute, (world.terms[moved], verdict, measured, 0)),
    )
    for call, args in calls:
        with refused("verdicts: not an evaluator's"):
            call(*args)
    # A voter who is deceived herself changes nothing about the verdict.
    world.votes.vote(junk, True, sender=VOTER.address)
    world.to_end(moved)
    with refused("verdicts: not an evaluator's"):
        world.execute(junk, verdict, measured)
    # Nor do terms of the proposal that is gone, for which the signatures were made.
    gone = (junk, *world.terms[moved][1:])
    with refused("association: other terms"):
        world.verdicts.execute(gone, verdict, measured, 0)
    gain += int(world.votes.earned_votes(world.dataset, world.attacker))
    return {"gain": gain, "meant": 0}


@both(swapped_naive, swapped_ours)
def test_signatures_after_a_reorganisation_that_swaps_two_proposals(attack: Attack) -> None:
    attack.judge()
