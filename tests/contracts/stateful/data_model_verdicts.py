"""Verdicts by the rules: who signs, what decides, what becomes of the bond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.contracts.stateful import data_model_income as income
from tests.contracts.stateful.data_model import (
    ACCEPTED,
    BURNT,
    COPY,
    EXPIRED,
    FRAUD,
    MAX_WEIGHT,
    OK,
    OPEN,
    REJECTED,
    RELAYED,
    UNIT,
    Box,
    Dataset,
    Market,
    Posted,
    Proposal,
    Rules,
    Terms,
    Verdict,
    require,
)
from tests.contracts.stateful.data_model_proposals import (
    CREDITOR,
    accept,
    check_accept,
    check_order,
    check_terms,
    close,
    shared,
)

VERDICTS = "Verdicts"
BOND_PATIENCE = 90 * 86_400


@dataclass(frozen=True)
class Signatures:
    """Who signed, in the order in which the signatures come; somebody unknown is the empty text."""

    signers: tuple[str, ...]


def is_evaluator(dataset: Dataset, version: int, account: str) -> bool:
    """Named for that version, and its stake counts."""
    return dataset.counting.get(account, False) and is_named(dataset, version, account)


def is_named(dataset: Dataset, version: int, account: str) -> bool:
    """Named by that version and, if by later ones too, by all in between."""
    named = [account in rules.evaluators for rules in dataset.versions]
    if not named[version - 1]:
        return False
    later = named[version:]
    # Who is left out and named again begins anew.
    return True not in later[later.index(False) :] if False in later else True


def check_signers(
    dataset: Dataset,
    version: int,
    threshold: int,
    signatures: Signatures,
    even_leaving: bool = False,
) -> tuple[str, ...]:
    require(len(signatures.signers) >= threshold, "verdicts: too few signatures")
    last = 0
    for signer in signatures.signers:
        asked = is_named if even_leaving else is_evaluator
        known = signer != "" and asked(dataset, version, signer)
        require(known, "verdicts: not an evaluator's")
        require(int(signer, 16) > last, "verdicts: signers not ascending")
        last = int(signer, 16)
    return signatures.signers


def check_signed(
    proposal: Proposal, dataset: Dataset, signatures: Signatures, even_leaving: bool = False
) -> tuple[str, ...]:
    box = proposal.box
    return check_signers(dataset, box.version, box.rules.threshold, signatures, even_leaving)


def expiry_of(market: Market, proposal: Proposal) -> int:
    """No sooner than a period after any earlier one can hold it up."""
    box, period = proposal.box, proposal.box.rules.voting_period
    versions = market.dataset(box.id // UNIT).versions[: box.version]
    span = max(60 * rules.review_minutes + 2 * rules.voting_period for rules in versions)
    over = max(box.deadline, proposal.decided_at)
    return max(over + 2 * period, box.opened + span + period)


def check_window(market: Market, proposal: Proposal) -> None:
    require(proposal.box.status == OPEN, "verdicts: proposal is not open")
    require(market.now < expiry_of(market, proposal), "verdicts: has expired")
    require(not proposal.is_pending, "verdicts: is challenged")


def check_verdict(market: Market, proposal: Proposal, verdict: Verdict) -> None:
    require(verdict.outcome <= FRAUD, "verdicts: unknown outcome")
    require(verdict.holdout_epoch == 1, "verdicts: unknown epoch")
    require(verdict.amount <= MAX_WEIGHT, "verdicts: amount out of range")
    require(verdict.outcome == OK or verdict.amount == 0, "verdicts: amount for nothing")
    if verdict.outcome != COPY:
        require(verdict.copy_of == 0, "verdicts: copy of nothing")
        return
    copied = market.proposal(verdict.copy_of)
    require(copied is not None, "verdicts: copy of nothing")
    if copied is None:
        raise AssertionError("just required")
    mine = (proposal.box.opened, proposal.terms.proposal)
    require((copied.box.opened, copied.terms.proposal) < mine, "verdicts: copy of a later one")


def publish_evidence(market: Market, sender: str, number: int) -> None:
    proposal = market.proposal(number)
    require(proposal is not None and proposal.box.status == OPEN, "verdicts: proposal is not open")
    if proposal is None:
        raise AssertionError("just required")
    dataset = market.dataset(number // UNIT)
    known = is_evaluator(dataset, proposal.box.version, sender)
    require(known, "verdicts: not an evaluator")
    proposal.is_measured = True


def post_verdict(market: Market, terms: Terms, verdict: Verdict, signatures: Signatures) -> None:
    proposal = market.proposal(terms.proposal)
    require(
        proposal is not None and proposal.box.rules.optimistic_window != 0,
        "verdicts: rules ask for a vote",
    )
    if proposal is None:
        raise AssertionError("just required")
    dataset = market.dataset(terms.proposal // UNIT)
    check_window(market, proposal)
    require(market.now >= proposal.box.begin, "verdicts: voting has not begun")
    check_verdict(market, proposal, verdict)
    gains = verdict.outcome == OK and verdict.amount != 0
    require(gains, "verdicts: nothing to accept")
    check_terms(proposal, terms, "verdicts: other terms")
    check_signed(proposal, dataset, signatures)
    require(verdict.base == dataset.newest, "verdicts: stale base")
    # One for each snapshot: none is begun anew, nor put off by another.
    stands = proposal.posted is not None and proposal.posted.verdict.base == verdict.base
    require(not stands, "verdicts: is posted")
    proposal.posted = Posted(verdict, market.now)


def is_carried(rules: Rules, electorate: int, box: Box) -> bool:
    yes, no = box.side(True), box.side(False)
    return yes > no and (yes + no) * 10_000 >= rules.quorum_bps * electorate


def decide(market: Market, proposal: Proposal, verdict: Verdict) -> bool:
    """Whether the proposal is carried; refused while that is open."""
    box, electorate = proposal.box, proposal.terms.electorate
    rules = box.rules
    is_over = market.now >= box.deadline
    carried = is_carried(rules, electorate, box)
    if carried and is_over:
        return True
    if not is_over:
        # Only ballots that nobody can take back settle it early.
        if carried and 2 * box.side(True, lent=False) > electorate:
            return True
        if electorate and 2 * box.side(False, lent=False) >= electorate:
            return False
    is_unopposed = box.side(False) <= box.side(True)
    posted = proposal.posted
    if rules.optimistic_window and is_unopposed and posted:
        if posted.verdict == verdict:
            stood = market.now >= posted.at + rules.optimistic_window
            require(stood, "verdicts: is contestable")
            return True
        # Another that gains does not end what the rules let pass.
        require(verdict.outcome != OK or not verdict.amount, "verdicts: another is posted")
    require(is_over, "verdicts: voting is not over")
    return False


def execute(
    market: Market, terms: Terms, verdict: Verdict, signatures: Signatures, copied_snapshot: int
) -> None:
    proposal = market.proposal(terms.proposal)
    require(proposal is not None, "verdicts: proposal is not open")
    if proposal is None:
        raise AssertionError("just required")
    dataset = market.dataset(terms.proposal // UNIT)
    check_window(market, proposal)
    check_verdict(market, proposal, verdict)
    signers = check_signed(proposal, dataset, signatures)
    accepted = decide(market, proposal, verdict) and verdict.outcome == OK
    check_terms(proposal, terms, "association: other terms")
    number = terms.proposal % UNIT
    check_order(market, dataset, number)
    if accepted:
        check_accept(market, dataset, proposal, verdict)
    slashed = _slashed_for(market, verdict, copied_snapshot) if verdict.outcome != OK else 0
    dataset.passed = max(dataset.passed, number)
    unspent = (RELAYED - proposal.box.relayed) * proposal.box.rules.relay_price
    is_held = accepted and proposal.box.rules.a_bps != 10_000
    is_returned = verdict.outcome == OK and not is_held
    if accepted:
        accept(market, dataset, proposal, verdict.amount)
        proposal.is_bond_held, proposal.accepted_at = is_held, market.now
    payees = shared(proposal.box.rules.evaluation_fee, signers)
    back = unspent + (terms.bond if is_returned else 0)
    status = ACCEPTED if accepted else REJECTED
    close(market, proposal, status, back, payees, fee_back=unspent)
    if verdict.outcome != OK:
        _slash(market, terms.bond, slashed, copied_snapshot)


def _slashed_for(market: Market, verdict: Verdict, copied_snapshot: int) -> int:
    """The tranche that half the bond goes to, 0 = none."""
    copied = market.proposal(verdict.copy_of) if verdict.outcome == COPY else None
    if copied is None or copied.box.status != ACCEPTED:
        return 0
    dataset = market.dataset(verdict.copy_of // UNIT)
    shares = income.check_born(dataset, copied_snapshot, verdict.copy_of)
    return verdict.copy_of if shares else 0


def _slash(market: Market, bond: int, tranche: int, born: int) -> None:
    half = bond // 2 if tranche else 0
    if half:
        market.pay(CREDITOR, VERDICTS, half)
        dataset = market.dataset(tranche // UNIT)
        income.fund_tranche(market, VERDICTS, dataset, tranche, born, half)
    market.pay(CREDITOR, BURNT, bond - half)


def give_back(market: Market, proposal: Proposal, status: int) -> None:
    """Close it with nothing minted; bond and fee go back."""
    unspent = (RELAYED - proposal.box.relayed) * proposal.box.rules.relay_price
    back = proposal.box.rules.evaluation_fee + unspent
    close(market, proposal, status, proposal.terms.bond + back, [], fee_back=back)


def expire(market: Market, terms: Terms) -> None:
    proposal = market.proposal(terms.proposal)
    if proposal is None:
        raise AssertionError("actions name proposals that are there")
    require(not proposal.is_pending, "verdicts: is challenged")
    require(proposal.box.status == OPEN, "verdicts: proposal is not open")
    require(market.now >= expiry_of(market, proposal), "verdicts: too early to expire")
    check_terms(proposal, terms, "association: other terms")
    give_back(market, proposal, EXPIRED)


def is_pool_settled(market: Market, dataset: Dataset, number: int) -> bool:
    """Whether the values of a snapshot cannot be contested any more."""
    pool = dataset.pools.get(number)
    if pool is None or pool.is_released:
        return pool is not None
    return pool.posted_at != 0 and market.now >= pool.final_at


def release_bond(market: Market, terms: Terms) -> None:
    proposal = market.proposal(terms.proposal)
    require(proposal is not None and proposal.is_bond_held, "verdicts: no bond is held")
    if proposal is None:
        raise AssertionError("just required")
    check_terms(proposal, terms, "verdicts: other terms")
    dataset = market.dataset(terms.proposal // UNIT)
    settled = is_pool_settled(market, dataset, proposal.born)
    is_late = market.now >= proposal.accepted_at + BOND_PATIENCE
    require(settled or is_late, "verdicts: values contestable")
    proposal.is_bond_held = False
    market.deposits[terms.proposer] += terms.bond


def signers_for(dataset: Dataset, version: int, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of the wanted whose signatures count, in ascending order."""
    counting = [one for one in wanted if is_evaluator(dataset, version, one)]
    return tuple(sorted(counting, key=lambda address: int(address, 16)))
