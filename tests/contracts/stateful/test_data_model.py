"""Searches the plain-Python rules of the data market with small numbers."""

from __future__ import annotations

import copy
import os
from collections import Counter
from contextlib import suppress

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.contracts.stateful.data_model import ACCEPTED, OPEN, Market, Refused, Rules

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
SEARCH = settings(
    max_examples=3_000 if LONG else 80,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PEOPLE = ("ann", "bob", "cat", "dan")
JUDGES = ("judge 1", "judge 2", "judge 3")
PERIOD = 10
ACTIONS = (
    "propose", "vote", "vote_lent", "lend", "take_back", "wait", "execute", "execute", "expire",
    "fund", "fund_tranche", "transfer", "claim", "withdraw", "top_up", "close",
)  # fmt: skip

RULES = st.builds(
    Rules,
    genesis=st.dictionaries(st.sampled_from(PEOPLE), st.integers(1, 9), min_size=1),
    quorum_bps=st.sampled_from([0, 1, 3_000, 5_000, 10_000]),
    period=st.just(PERIOD),
    bond=st.integers(0, 7),
    fee=st.integers(0, 7),
    mint_cap=st.sampled_from([0, 5, 100]),
    threshold=st.just(2),
)


def build(data: st.DataObject) -> Market:
    market = Market(data.draw(RULES), Counter(dict.fromkeys(PEOPLE, 60)), now=100)
    market.open_request("ann", data.draw(st.integers(0, 19)), 1_500, deadline=150)
    return market


def play(market: Market, data: st.DataObject, steps: int) -> None:
    for _ in range(steps):
        action = data.draw(st.sampled_from(ACTIONS))
        with suppress(Refused):
            step(market, action, data)
            event(action)
        market.check()


def step(market: Market, action: str, data: st.DataObject) -> None:
    who = data.draw(st.sampled_from(PEOPLE))
    other = data.draw(st.sampled_from(PEOPLE))
    amount = data.draw(st.integers(0, 19))
    if action == "wait":
        market.now += amount
    elif action in {"propose", "lend", "take_back", "withdraw", "top_up", "close"}:
        step_alone(market, action, who, other, amount)
    elif action in {"fund", "fund_tranche", "transfer", "claim"}:
        number = data.draw(st.integers(1, 6))
        step_income(market, action, number, who, other, amount)
    elif market.proposals:
        number = data.draw(st.sampled_from(sorted(market.proposals)))
        step_proposal(market, action, number, who, amount, data)


def step_alone(market: Market, action: str, who: str, other: str, amount: int) -> None:
    if action == "propose":
        market.propose(len(market.proposals) + 1, who, other, amount % 2 == 0)
    elif action == "lend":
        market.lend(who, other, amount, market.now + amount)
    elif action == "take_back":
        market.take_back(who)
    elif action == "withdraw":
        market.withdraw(who)
    elif action == "top_up":
        market.top_up(who, amount)
    else:
        market.close_request(who)


def step_income(
    market: Market, action: str, number: int, who: str, other: str, amount: int
) -> None:
    if action == "fund":
        market.fund(who, number, amount)
    elif action == "fund_tranche":
        market.fund_tranche(who, number, amount)
    elif action == "transfer":
        market.transfer(number, who, other, amount)
    else:
        market.claim(number, who)


def step_proposal(
    market: Market, action: str, number: int, who: str, amount: int, data: st.DataObject
) -> None:
    if action == "vote":
        market.vote(number, who, amount > 4)
    elif action == "vote_lent":
        market.vote_lent(number, who, amount > 4, list(PEOPLE))
    elif action == "expire":
        market.expire(number)
    else:
        outcome = data.draw(st.sampled_from([0, 0, 0, 1, 2]))
        copied = data.draw(st.integers(1, 6)) if outcome == 1 else 0
        signers = list(JUDGES[: data.draw(st.integers(1, 3))])
        shares = amount if outcome == 0 else 0
        market.execute(number, len(market.tranches), outcome, copied, shares, signers)


def accept(market: Market, who: str, amount: int) -> int:
    """Carry a proposal by all genesis weight that may vote; its number, or 0 when it failed."""
    market.now += 4 * PERIOD
    for number, proposal in market.proposals.items():
        if proposal.status == OPEN:
            market.expire(number)
    number = len(market.proposals) + 1
    market.propose(number, who, who, False)
    for voter in PEOPLE:
        with suppress(Refused):
            market.vote(number, voter, True)
    market.now += PERIOD
    market.execute(number, len(market.tranches), 0, 0, amount, list(JUDGES))
    return number if market.proposals[number].status == ACCEPTED else 0


@SEARCH
@given(data=st.data())
def test_conservation_to_the_last_unit(data: st.DataObject) -> None:
    market = build(data)
    before = market.money()
    play(market, data, 40)
    assert market.money() == before


@SEARCH
@given(data=st.data())
def test_no_double_payment_and_bounded_dust(data: st.DataObject) -> None:
    market = build(data)
    for _ in range(3):
        with suppress(Refused):
            accept(market, data.draw(st.sampled_from(PEOPLE)), data.draw(st.integers(0, 9)))
    play(market, data, 25)

    for tranche, holder in list(market.earned):
        market.claim(tranche, holder)
        assert market.claim(tranche, holder) == 0
    # What stays is less than a unit for each position, however often it was funded and claimed.
    assert 0 <= market.database_holds() <= len(market.earned)
    for account in list(market.credits):
        market.withdraw(account)
        assert market.withdraw(account) == 0


@SEARCH
@given(data=st.data())
def test_no_weight_is_counted_twice(data: st.DataObject) -> None:
    market = build(data)
    play(market, data, 40)
    for proposal in market.proposals.values():
        cast = {voter: weight for voter, (_, weight, _) in proposal.ballots.items()}
        for voter, weight in cast.items():
            assert weight <= market.weight(voter, proposal.opened - 1)


@SEARCH
@given(data=st.data())
def test_votes_never_move(data: st.DataObject) -> None:
    market = build(data)
    with suppress(Refused):
        accept(market, "bob", 9)
    before = {who: market.weight(who, market.now) for who in PEOPLE}
    for _ in range(5):
        with suppress(Refused):
            step(market, data.draw(st.sampled_from(["transfer", "claim", "fund"])), data)
    assert {who: market.weight(who, market.now) for who in PEOPLE} == before


@SEARCH
@given(data=st.data(), late=st.integers(0, 19), income=st.integers(0, 19))
def test_a_late_joiner_never_dilutes_earlier_income(
    data: st.DataObject, late: int, income: int
) -> None:
    market = build(data)
    for _ in range(2):
        with suppress(Refused):
            accept(market, data.draw(st.sampled_from(PEOPLE)), data.draw(st.integers(1, 9)))
    snapshot = len(market.tranches)
    joined = copy.deepcopy(market)
    with suppress(Refused):
        accept(joined, "dan", late)
    for each in (market, joined):
        with suppress(Refused):
            each.fund("ann", snapshot, income)
    event(f"joined: {len(joined.tranches) > snapshot}, income: {snapshot > 0}")
    for key in market.earned:
        assert joined.earned[key] == market.earned[key]
