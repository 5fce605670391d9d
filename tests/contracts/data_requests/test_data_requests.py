from __future__ import annotations

import pytest

from tests.contracts.data_world import PERIOD, WEALTH, Market, call
from tests.contracts.market_world import digest, events, refused

MOST = 2**96 - 1


def test_open_request_pulls_the_escrow(market: Market) -> None:
    request = market.open_request(100, curve=[(5, 9), (2**52 - 1, 3)], sender=market.stranger)

    (event,) = events(market.requests, "RequestOpened")
    assert (event.request, event.dataset, str(event.initiator), event.escrow) == (
        request, market.dataset, market.stranger, 100,
    )  # fmt: skip
    assert [tuple(step) for step in event.curve] == [(5, 9), (2**52 - 1, 3)]
    assert (event.holdout, event.program, event.card) == (
        digest("holdout"), digest("program"), digest("card"),
    )  # fmt: skip
    found = market.requests.request(request)
    assert (str(found.initiator), found.escrow, found.status) == (market.stranger, 100, 1)
    assert market.balance(market.stranger) == WEALTH - 100
    assert request == market.requests.num_requests() == 1


def test_the_creator_alone_asks_without_an_escrow(market: Market) -> None:
    market.open_request(0, sender=market.initiator)

    for account in market.others(market.initiator):
        with refused("requests: without escrow"):
            market.open_request(0, sender=account)


def test_open_request_refuses_bad_values(market: Market) -> None:
    with refused("charter: unknown dataset"):
        market.open_request(dataset=99)
    with refused("requests: deadline is past"):
        market.open_request(deadline=market.now())
    with refused("requests: amount out of range"):
        market.open_request(2**96)
    with refused("token: balance too low"):
        market.open_request(WEALTH + 1)
    for curve in ([(0, 5)], [(5, 5), (5, 4)], [(2**52, 5)]):
        with refused("requests: curve out of order"):
            market.open_request(curve=curve)
    for curve in ([(5, 5), (6, 6)], [(5, MOST + 1)]):
        with refused("requests: curve rises"):
            market.open_request(curve=curve)


def test_request_refuses_unknown_ids(market: Market) -> None:
    for number in (0, 1):
        with refused("requests: unknown request"):
            market.requests.request(number)


def test_top_up_adds_to_the_escrow(market: Market) -> None:
    request = market.open_request(100)
    market.requests.top_up(request, 11, sender=market.stranger)

    (event,) = events(market.requests, "RequestToppedUp")
    assert (event.request, str(event.payer), event.amount) == (request, market.stranger, 11)
    assert market.requests.request(request).escrow == 111
    with refused("requests: amount out of range"):
        market.requests.top_up(request, MOST, sender=market.stranger)


def test_top_up_refuses_a_closed_or_unknown_request(market: Market) -> None:
    with refused("requests: is closed"):
        market.requests.top_up(1, 11, sender=market.stranger)
    request = market.open_request(100)
    market.wait(10 * PERIOD)
    market.requests.close_request(request, sender=market.initiator)
    with refused("requests: is closed"):
        market.requests.top_up(request, 11, sender=market.stranger)


def test_close_request_returns_the_rest_once(market: Market) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD)
    market.requests.close_request(request, sender=market.initiator)

    assert events(market.requests, "RequestClosed")[0].refund == 100
    assert market.requests.credit_of(market.initiator) == 100
    with refused("requests: is closed"):
        market.requests.close_request(request, sender=market.initiator)
    market.requests.withdraw_for(market.initiator, sender=market.stranger)
    assert market.balance(market.initiator) == WEALTH


def test_close_request_waits_for_the_deadline(market: Market) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD - 1)

    with refused("requests: is open"):
        market.requests.close_request(request, sender=market.initiator)


def test_close_request_waits_for_no_deadline_that_nobody_can_use(market: Market) -> None:
    """One evaluator retires the holdout, or the dataset closes: the escrow must not be stuck."""
    retired = market.open_request(100, deadline=2**255)
    evaluator = market.evaluators[0].address
    market.requests.retire_holdout(retired, digest("reveal"), sender=evaluator)
    market.requests.close_request(retired, sender=market.initiator)

    dataset = market.create_dataset(closes_at=market.now() + 10)
    closing = market.open_request(100, dataset=dataset, deadline=2**255)
    with refused("requests: is open"):
        market.requests.close_request(closing, sender=market.initiator)
    market.wait(10)
    market.requests.close_request(closing, sender=market.initiator)
    assert market.requests.credit_of(market.initiator) == 200


def test_close_request_waits_for_open_proposals(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD - 10)
    terms = market.propose(contributors[0], request)
    market.wait(10)
    with refused("requests: proposals are open"):
        market.requests.close_request(request, sender=market.initiator)

    market.wait(3 * PERIOD)
    market.verdicts.expire(call(terms))
    market.requests.close_request(request, sender=market.initiator)
    assert market.requests.credit_of(market.initiator) == 100


def test_only_the_initiator_closes(market: Market) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD)

    for account in market.others(market.initiator):
        with refused("requests: not the initiator"):
            market.requests.close_request(request, sender=account)


# The award


CURVE = [(10, 3_000), (20, 1_000), (30, 500)]
"""Three units a share for ten shares, one for ten more, then half a unit for as many as come."""


@pytest.mark.parametrize(
    ("brought", "awards"),
    [
        ([9], [27]),
        ([10, 10, 10], [30, 10, 5]),
        ([13], [33]),
        ([40], [50]),
        # Each award is rounded down once.
        ([29, 1, 1, 1], [44, 0, 0, 0]),
        ([15, 10], [35, 7]),
    ],
)
def test_an_award_is_the_area_under_the_curve(
    market: Market, contributors: list[str], brought: list[int], awards: list[int]
) -> None:
    # Weights that do not fade to nothing.
    market.use_dataset(weights=[600, 300, 200])
    request = market.open_request(5_000, curve=CURVE)
    paid = []
    for amount in brought:
        terms = market.carried(contributors[0], request, contributors[1])
        market.execute(terms, market.verdict(amount))
        paid += [event.award for event in events(market.verdicts, "AwardPaid")]

    assert paid == awards
    assert market.requests.request(request).awarded_shares == sum(brought)


def test_only_the_association_tells_of_proposals(market: Market) -> None:
    request = market.open_request()

    for account in market.others(market.association):
        with refused("requests: not the association"):
            market.requests.on_propose(request, market.dataset, sender=account)
        with refused("requests: not the association"):
            market.requests.on_close(request, account, account, 5, 5, sender=account)


# Holdouts


def test_retire_holdout_stops_later_proposals(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100)
    evaluator = market.evaluators[0].address
    market.requests.retire_holdout(request, digest("reveal"), sender=evaluator)

    (event,) = events(market.requests, "HoldoutRetired")
    assert (event.request, str(event.evaluator), event.reveal) == (
        request, evaluator, digest("reveal"),
    )  # fmt: skip
    with refused("requests: is closed"):
        market.propose(contributors[0], request)
    with refused("requests: holdout is retired"):
        market.requests.retire_holdout(request, digest("other"), sender=evaluator)


def test_retire_holdout_waits_for_open_proposals(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100)
    terms = market.carried(contributors[0], request)
    evaluator = market.evaluators[0].address

    with refused("requests: proposals are open"):
        market.requests.retire_holdout(request, digest("reveal"), sender=evaluator)
    market.execute(terms)
    market.requests.retire_holdout(request, digest("reveal"), sender=evaluator)


def test_only_an_evaluator_retires(market: Market) -> None:
    request = market.open_request(100)

    for account in market.others(*market.evaluators):
        with refused("requests: not an evaluator"):
            market.requests.retire_holdout(request, digest("reveal"), sender=account)
    evaluator = market.evaluators[0].address
    with refused("requests: unknown request"):
        market.requests.retire_holdout(9, digest("reveal"), sender=evaluator)
    with refused("requests: empty reveal"):
        market.requests.retire_holdout(request, bytes(32), sender=evaluator)


@pytest.mark.parametrize("name", ["open", "top up"])
def test_a_token_that_takes_a_fee_is_refused(hostile: Market, name: str) -> None:
    request = hostile.open_request(100)
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        if name == "open":
            hostile.open_request(100)
        else:
            hostile.requests.top_up(request, 5, sender=hostile.initiator)


@pytest.mark.parametrize("name", ["token", "association", "charter"])
def test_the_requests_name_their_neighbours(market: Market, name: str) -> None:
    assert str(getattr(market.requests, name)()) == str(getattr(market, name).address)
