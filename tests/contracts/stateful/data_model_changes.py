"""Datasets, motions, stakes, challenges and value pools by the rules."""

from __future__ import annotations

from collections.abc import Sequence

from tests.contracts.stateful import data_model_income as income
from tests.contracts.stateful.data_model import (
    BURNT,
    CARRIED,
    DAY,
    ENACTED,
    FIRST_MOTION,
    LOST,
    OK,
    OPEN,
    UNIT,
    VOIDED,
    Challenge,
    Dataset,
    Market,
    Motion,
    Rules,
    Terms,
    Verdict,
    require,
)
from tests.contracts.stateful.data_model_verdicts import (
    Signatures,
    check_signed,
    check_signers,
    check_verdict,
    check_window,
    give_back,
    is_carried,
)
from tests.contracts.stateful.data_model_votes import electorate_of, open_box

LEAVING = 180 * DAY
MOTION_PATIENCE = 30 * DAY
POOL_PATIENCE = 90 * DAY
NEW_RULES, TAKEDOWN = 1, 2
PENDING, UPHELD, REFUSED, UNANSWERED = range(1, 5)
CHALLENGES, MOTIONS, POOLS = "Challenges", "Motions", "ValuePools"


def check_rules(rules: Rules) -> None:
    """The ranges that bind parts of the market to one another."""
    require(rules.quorum_bps <= 10_000, "charter: quorum out of range")
    require(4 <= rules.voting_period <= 45 * DAY, "charter: period out of range")
    require(rules.epoch_length > 0, "charter: epoch out of range")
    require(rules.a_bps <= 10_000 and rules.a_bps % 100 == 0, "charter: share stream")
    require(0 < rules.threshold <= 16, "charter: threshold")
    require(len(rules.evaluators) >= 2 * rules.threshold, "charter: too few evaluators")
    may_doubt = rules.optimistic_window == 0 or rules.challenge_bond != 0
    require(may_doubt, "charter: nobody may challenge")
    enough = rules.evaluator_stake * rules.threshold >= 2 * rules.challenge_bond
    require(enough, "charter: stake too low")
    delayed = rules.voting_period <= rules.change_delay <= 45 * DAY
    require(delayed, "charter: delay out of range")


def create_dataset(market: Market, sender: str, rules: Rules) -> Dataset:
    genesis = dict(zip(rules.curators, rules.weights, strict=True))
    check_rules(rules)
    dataset = Dataset(len(market.datasets) + 1, sender, market.now, genesis)
    market.datasets.append(dataset)
    _install(dataset, rules)
    return dataset


def _install(dataset: Dataset, rules: Rules) -> None:
    dataset.versions.append(rules)
    for evaluator in rules.evaluators:
        stake = 0 if evaluator in dataset.leaving else dataset.stakes[evaluator]
        dataset.counting[evaluator] = stake >= rules.evaluator_stake


def move(market: Market, sender: str, dataset: Dataset, kind: int, payload: object) -> Motion:
    rules = dataset.rules
    market.can_pay(sender, rules.bond)
    number = FIRST_MOTION + len(dataset.motions)
    box = open_box(market, dataset, number, sender, is_motion=True)
    electorate = electorate_of(dataset, sender, market.now)
    motion = Motion(box, kind, payload, rules.bond, electorate)
    dataset.motions.append(motion)
    market.pay(sender, MOTIONS, rules.bond)
    return motion


def settle_motion(market: Market, motion: Motion) -> None:
    box = motion.box
    require(box.status == OPEN, "motions: motion is not open")
    require(market.now >= box.deadline, "motions: voting is not over")
    yes, no = box.side(True), box.side(False)
    carried = is_carried(box.rules, motion.electorate, box)
    quorum = (yes + no) * 10_000 >= box.rules.quorum_bps * motion.electorate
    # One that nobody counts is not kept up somebody's sleeve.
    carried = carried and market.now < box.deadline + MOTION_PATIENCE
    box.status = CARRIED if carried else LOST
    if carried:
        motion.ready_at = market.now + box.rules.change_delay
    if quorum and no > yes:
        market.pay(MOTIONS, BURNT, motion.bond)
    else:
        market.credits[MOTIONS, box.opener] += motion.bond


def check_enact(market: Market, motion: Motion, kind: int, payload: object) -> None:
    require(motion.box.status == CARRIED, "motions: motion not carried")
    same = motion.kind == kind and motion.payload == payload
    require(same, "motions: other payload")
    require(market.now >= motion.ready_at, "motions: delay is not over")
    require(market.now < motion.ready_at + MOTION_PATIENCE, "motions: motion is void")


def enact_rules(market: Market, motion: Motion, rules: Rules) -> None:
    dataset = market.dataset(motion.box.id // UNIT)
    check_enact(market, motion, NEW_RULES, rules)
    require(not rules.curators, "charter: curators are fixed")
    same = rules.epoch_length == dataset.versions[0].epoch_length
    require(same, "charter: epochs are fixed")
    check_rules(rules)
    _install(dataset, rules)
    motion.box.status = ENACTED


def enact_takedown(market: Market, motion: Motion, tranche: int, born: int, to: str) -> None:
    dataset = market.dataset(motion.box.id // UNIT)
    check_enact(market, motion, TAKEDOWN, (tranche, born, to))
    income.check_take_down(dataset, born, tranche)
    income.take_down(dataset, tranche, to)
    motion.box.status = ENACTED


def stake(market: Market, sender: str, dataset: Dataset, amount: int) -> None:
    # Else one could leave under a challenge and come back after it.
    require(sender not in dataset.leaving, "challenges: is leaving")
    market.can_pay(sender, amount)
    market.pay(sender, CHALLENGES, amount)
    dataset.stakes[sender] += amount
    total = dataset.stakes[sender]
    dataset.counting[sender] = total != 0 and total >= dataset.rules.evaluator_stake


def unstake(market: Market, sender: str, dataset: Dataset) -> int:
    """The first call ends that one counts; 180 days later a second one pays."""
    if sender not in dataset.leaving:
        require(dataset.stakes[sender] != 0, "challenges: nothing at stake")
        dataset.leaving[sender] = market.now
        dataset.counting[sender] = False
        return 0
    require(market.now >= dataset.leaving[sender] + LEAVING, "challenges: stake is locked")
    amount = dataset.stakes.pop(sender, 0)
    del dataset.leaving[sender]
    market.credits[CHALLENGES, sender] += amount
    return amount


def challenge(
    market: Market, sender: str, number: int, verdict: Verdict, signatures: Signatures
) -> None:
    proposal = market.proposal(number)
    require(
        proposal is not None and proposal.box.rules.challenge_bond != 0,
        "challenges: rules allow none",
    )
    if proposal is None:
        raise AssertionError("just required")
    dataset = market.dataset(number // UNIT)
    bond = proposal.box.rules.challenge_bond
    check_verdict(market, proposal, verdict)
    signers = check_signed(proposal, dataset, signatures, even_leaving=True)
    # Who leaves in front of a challenge is still liable.
    least = max(1, dataset.rules.evaluator_stake)
    liable = all(dataset.stakes[one] >= least for one in signers)
    require(liable, "challenges: nothing at stake")
    require(len(signers) == proposal.box.rules.threshold, "challenges: too many signatures")
    before = proposal.challenge
    if before is not None and before.status != PENDING:
        # Again only what differs from what the first one has found, or is about another snapshot.
        news = before.found.base != verdict.base or differ(
            before.found, verdict, proposal.box.rules.tolerance_bps
        )
        require(news, "challenges: was challenged")
    check_window(market, proposal)
    market.can_pay(sender, bond)
    market.pay(sender, CHALLENGES, bond)
    deadline = market.now + proposal.box.rules.voting_period
    proposal.challenge = Challenge(sender, bond, verdict, verdict, deadline, signers)
    proposal.posted = None
    proposal.decided_at = 0


def differ(first: Verdict, second: Verdict, tolerance_bps: int) -> bool:
    low, high = sorted((first.amount, second.amount))
    is_far = (high - low) * 10_000 > tolerance_bps * high
    return (first.outcome, first.copy_of) != (second.outcome, second.copy_of) or is_far


def answer(market: Market, number: int, verdict: Verdict, signatures: Signatures) -> None:
    proposal = market.proposal(number)
    found = proposal.challenge if proposal else None
    require(found is not None and found.status == PENDING, "challenges: none is pending")
    if found is None or proposal is None:
        raise AssertionError("just required")
    dataset = market.dataset(number // UNIT)
    require(market.now < found.deadline, "challenges: too late")
    require(verdict.base == found.verdict.base, "challenges: stale base")
    check_verdict(market, proposal, verdict)
    signers = check_signed(proposal, dataset, signatures)
    for signer in signers:
        require(signer not in found.signers, "challenges: signed the first")
    found.status = REFUSED
    if differ(found.verdict, verdict, proposal.box.rules.tolerance_bps):
        found.status = UPHELD
        found.found = verdict
        _slash(market, dataset, found)
    proposal.decided_at = market.now
    part, rest = divmod(found.bond, len(signers))
    for place, signer in enumerate(signers):
        market.credits[CHALLENGES, signer] += part + (rest if place == 0 else 0)


def _slash(market: Market, dataset: Dataset, found: Challenge) -> None:
    pot = sum(dataset.stakes.pop(signer, 0) for signer in found.signers)
    for signer in found.signers:
        dataset.counting[signer] = False
    reward = min(pot, 2 * found.bond)
    market.credits[CHALLENGES, found.challenger] += reward
    market.pay(CHALLENGES, BURNT, pot - reward)


def lapse(market: Market, terms: Terms) -> None:
    proposal = market.proposal(terms.proposal)
    found = proposal.challenge if proposal else None
    require(found is not None and found.status == PENDING, "challenges: none is pending")
    if found is None or proposal is None:
        raise AssertionError("just required")
    require(market.now >= found.deadline, "challenges: may be answered")
    require(proposal.terms == terms, "association: other terms")
    found.status = UNANSWERED
    market.credits[CHALLENGES, found.challenger] += found.bond
    give_back(market, proposal, VOIDED)


def post_values(
    market: Market,
    dataset: Dataset,
    number: int,
    root: bytes,
    values: dict[str, int],
    total: int,
    signatures: Signatures,
) -> None:
    pool = income.pool_of(dataset, number)
    is_free = pool.posted_at == 0 and not pool.is_released
    require(is_free, "pools: values are posted")
    require(total != 0, "pools: values out of range")
    check_signers(dataset, len(dataset.versions), dataset.rules.threshold, signatures)
    pool.root, pool.values, pool.total = root, values, total
    pool.posted_at = market.now
    pool.final_at = market.now + dataset.rules.voting_period


def veto_values(market: Market, dataset: Dataset, number: int, signatures: Signatures) -> None:
    pool = income.pool_of(dataset, number)
    require(pool.posted_at != 0, "pools: no values")
    require(market.now < pool.final_at, "pools: values are final")
    check_signers(dataset, len(dataset.versions), dataset.rules.threshold, signatures)
    _release(market, dataset, number)


def release(market: Market, dataset: Dataset, number: int) -> None:
    pool = income.pool_of(dataset, number)
    is_free = pool.posted_at == 0 and not pool.is_released
    require(is_free, "pools: values are posted")
    is_late = pool.since != 0 and market.now >= pool.since + POOL_PATIENCE
    require(is_late, "pools: values may still come")
    _release(market, dataset, number)


def _release(market: Market, dataset: Dataset, number: int) -> None:
    pool = dataset.pools[number]
    require(dataset.snapshot(number).shares != 0, "database: no shares")
    market.pay(POOLS, dataset.wallet, pool.amount)
    income.add_income(dataset, number, pool.amount)
    pool.amount, pool.total, pool.root = 0, 0, bytes(32)
    pool.posted_at = pool.final_at = 0
    pool.is_released = True


def claim_value(
    market: Market, dataset: Dataset, number: int, owner: str, worth: int, is_path_right: bool
) -> int:
    pool = income.pool_of(dataset, number)
    require(pool.posted_at != 0 and not pool.is_released, "pools: no values")
    require(market.now >= pool.final_at, "pools: values are not final")
    known = is_path_right and pool.values.get(owner) == worth and worth <= pool.total
    require(known, "pools: wrong path")
    due = pool.amount * worth // pool.total - pool.paid.get(owner, 0)
    paid = sum(pool.paid.values()) + due
    require(paid <= pool.amount, "pools: values exceed their sum")
    pool.paid[owner] = pool.paid.get(owner, 0) + due
    market.pay(POOLS, owner, due)
    return due


def accepted_tranches(dataset: Dataset) -> Sequence[tuple[int, int]]:
    """(tranche, birth) of all that were ever accepted."""
    return [
        (snapshot.tranche, snapshot.number) for snapshot in dataset.snapshots if snapshot.kind == OK
    ]
