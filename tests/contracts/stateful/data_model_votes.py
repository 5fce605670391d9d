"""Votes by the rules: ballots, lent weight, extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.contracts.stateful.data_model import (
    MAX_WEIGHT,
    OPEN,
    RELAYED,
    UNIT,
    Box,
    Cast,
    Dataset,
    Loan,
    Market,
    Rules,
    Terms,
    require,
)

NOTHING, OWN, LENT_YES, LENT_NO = range(4)
MAX_TIME = 2**32 - 1


class Signed(NamedTuple):
    """A ballot that somebody signed."""

    voter: str
    proposal: int
    support: bool
    nonce: int
    deadline: int


def supply_before(dataset: Dataset, time: int) -> int:
    """Votes earned strictly before a time."""
    return sum(mint.amount for mint in dataset.mints if mint.time < time)


def earned_before(dataset: Dataset, account: str, time: int) -> int:
    """Votes that an account earned strictly before a time."""
    return sum(mint.amount for mint in dataset.mints if mint.to == account and mint.time < time)


def weight_before(dataset: Dataset, account: str, time: int) -> int:
    """Weight strictly before a time: earned votes, and genesis weight that fades as they grow."""
    total = sum(dataset.genesis.values())
    genesis = dataset.genesis.get(account, 0)
    supply = supply_before(dataset, time)
    return earned_before(dataset, account, time) + genesis * total // (total + supply)


def dataset_of(market: Market, box: Box) -> Dataset:
    return market.dataset(box.id // UNIT)


def weight_on(market: Market, box: Box, account: str) -> int:
    """What an account had strictly before the proposal was committed."""
    return weight_before(dataset_of(market, box), account, box.opened)


def electorate_of(dataset: Dataset, opener: str, opened: int) -> int:
    """All weight but the proposer's own."""
    supply = supply_before(dataset, opened)
    genesis = sum(dataset.genesis.values())
    everybody = supply + genesis * genesis // (genesis + supply)
    return everybody - weight_before(dataset, opener, opened)


def open_box(market: Market, dataset: Dataset, number: int, opener: str, is_motion: bool) -> Box:
    rules: Rules = dataset.rules
    version = len(dataset.versions)
    return Box(dataset.id * UNIT + number, opener, market.now, rules, version, is_motion)


def state_of(market: Market, box: Box, account: str) -> int:
    """Which ballot of an account stands; of its opener there is one as soon as it has weight."""
    if account == box.opener and weight_on(market, box, account):
        return OWN
    for cast in box.casts:
        if cast.voter == account:
            if not cast.oracle:
                return OWN
            return LENT_YES if cast.support else LENT_NO
    return NOTHING


def is_votable(market: Market, box: Box | None) -> bool:
    return box is not None and box.status == OPEN and box.begin <= market.now < box.deadline


def cast(market: Market, box: Box, new: Sequence[Cast]) -> None:
    """Put ballots in, of voters who have no own one; they take the place of lent ones."""
    led = box.side(True) > box.side(False)
    voters = {ballot.voter for ballot in new}
    box.casts = [ballot for ballot in box.casts if ballot.voter not in voters] + list(new)
    leads = box.side(True) > box.side(False)
    period = box.rules.voting_period
    left = box.deadline - market.now
    if left < period // 4 and (led or leads) and box.extension < 64:
        # Late, and it may have changed the outcome: a quarter of the period from now on.
        missing = period // 4 - left
        box.extension = min(box.extension - (-64 * missing // period), 64)


def check_vote(market: Market, account: str, proposal: int) -> Box:
    box = market.box(proposal)
    require(is_votable(market, box), "curator: no voting now")
    if box is None:
        raise AssertionError("a box that is not there is not votable")
    require(state_of(market, box, account) != OWN, "curator: already voted")
    require(weight_on(market, box, account) != 0, "curator: no weight")
    return box


def vote(market: Market, sender: str, proposal: int, support: bool) -> None:
    box = check_vote(market, sender, proposal)
    cast(market, box, [Cast(sender, support, weight_on(market, box, sender), "")])


def vote_many(market: Market, sender: str, ballots: Sequence[tuple[int, bool]]) -> None:
    require(bool(ballots), "curator: no ballots")
    done: set[int] = set()
    # First look at all of them: it is all or nothing.
    for proposal, _ in ballots:
        require(proposal // UNIT == ballots[0][0] // UNIT, "curator: several datasets")
        box = market.box(proposal)
        require(proposal not in done or not is_votable(market, box), "curator: already voted")
        check_vote(market, sender, proposal)
        done.add(proposal)
    for proposal, support in ballots:
        vote(market, sender, proposal, support)


def vote_signed(market: Market, relayer: str, ballots: Sequence[Signed]) -> int:
    """Those that do not count are passed over; the relayer is repaid for the rest."""
    total = 0
    for ballot in ballots:
        box = market.box(ballot.proposal)
        if box is None or not is_votable(market, box) or market.now > ballot.deadline:
            continue
        dataset = dataset_of(market, box)
        weight = weight_on(market, box, ballot.voter)
        if state_of(market, box, ballot.voter) == OWN or weight == 0:
            continue
        if ballot.nonce != dataset.cancelled[ballot.voter]:
            continue
        cast(market, box, [Cast(ballot.voter, ballot.support, weight, "")])
        total += 1
        if not box.is_motion and box.relayed < RELAYED and box.rules.relay_price:
            box.relayed += 1
            market.credits["DataAssociation", relayer] += box.rules.relay_price
    require(total != 0, "curator: no ballot counts")
    return total


def vote_lent(
    market: Market,
    sender: str,
    terms: Terms,
    support: bool,
    confidence: int,
    lenders: Sequence[str],
) -> int:
    require(confidence <= 10_000, "curator: confidence out of range")
    box = market.box(terms.proposal)
    require(is_votable(market, box), "curator: no voting now")
    if box is None:
        raise AssertionError("a box that is not there is not votable")
    if not box.is_motion:
        found = market.proposal(terms.proposal)
        require(found is not None and found.terms == terms, "curator: other terms")
    require(box.opener != sender, "curator: own proposal")
    new: dict[str, Cast] = {}
    for lender in lenders:
        loan = dataset_of(market, box).loans.get(lender)
        if loan is None or loan.oracle != sender or loan.since >= box.opened:
            continue
        if loan.expiry <= market.now or loan.least > confidence or lender in new:
            continue
        weight = min(loan.cap, weight_on(market, box, lender))
        if state_of(market, box, lender) == NOTHING and weight:
            new[lender] = Cast(lender, support, weight, sender)
    require(bool(new), "curator: no weight")
    cast(market, box, list(new.values()))
    return sum(ballot.weight for ballot in new.values())


def lend(
    market: Market, sender: str, dataset: Dataset, oracle: str, cap: int, expiry: int, least: int
) -> None:
    require(oracle != sender, "curator: cannot lend to oneself")
    require(cap != 0, "curator: cap is zero")
    require(expiry > market.now, "curator: expiry is past")
    require(least <= 10_000, "curator: confidence out of range")
    dataset.loans[sender] = Loan(
        oracle, min(cap, MAX_WEIGHT), market.now, min(expiry, MAX_TIME), least
    )


def take_back(dataset: Dataset, sender: str) -> None:
    require(sender in dataset.loans, "curator: nothing is lent")
    del dataset.loans[sender]


def cancel_ballots(dataset: Dataset, sender: str) -> None:
    dataset.cancelled[sender] += 1
