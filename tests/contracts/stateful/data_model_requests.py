"""Requests by the rules: escrow, award curve, refund."""

from __future__ import annotations

from collections.abc import Sequence

from tests.contracts.stateful.data_model import (
    MAX_WEIGHT,
    Dataset,
    Market,
    Request,
    Terms,
    require,
)

CREDITOR = "DataRequests"


def open_request(
    market: Market,
    sender: str,
    dataset: int,
    escrow: int,
    curve: Sequence[tuple[int, int]],
    deadline: int,
) -> int:
    require(1 <= dataset <= len(market.datasets), "charter: unknown dataset")
    creator = market.dataset(dataset).creator
    require(escrow != 0 or sender == creator, "requests: without escrow")
    require(deadline > market.now, "requests: deadline is past")
    last, rate = 0, None
    for until, step_rate in curve:
        require(last < until <= MAX_WEIGHT, "requests: curve out of order")
        require(rate is None or step_rate <= rate, "requests: curve rises")
        last, rate = until, step_rate
    market.can_pay(sender, escrow)
    market.pay(sender, CREDITOR, escrow)
    request = Request(dataset, sender, escrow, tuple(curve), deadline, received=escrow)
    market.requests.append(request)
    return len(market.requests)


def find(market: Market, number: int) -> Request:
    if not 1 <= number <= len(market.requests):
        raise AssertionError("actions name requests that are there")
    return market.requests[number - 1]


def top_up(market: Market, sender: str, number: int, amount: int) -> None:
    request = find(market, number)
    require(not request.is_closed, "requests: is closed")
    market.can_pay(sender, amount)
    market.pay(sender, CREDITOR, amount)
    request.escrow += amount
    request.received += amount


def close_request(market: Market, sender: str, number: int) -> None:
    request = find(market, number)
    require(not request.is_closed, "requests: is closed")
    require(sender == request.initiator, "requests: not the initiator")
    closes_at = market.dataset(request.dataset).rules.closes_at
    is_over = market.now >= request.deadline or request.is_retired
    require(is_over or (closes_at != 0 and market.now >= closes_at), "requests: is open")
    require(request.num_open == 0, "requests: proposals are open")
    request.is_closed = True
    market.credits[CREDITOR, request.initiator] += request.escrow
    request.refunded = request.escrow
    request.escrow = 0


def retire_holdout(market: Market, sender: str, number: int, is_evaluator: bool) -> None:
    request = find(market, number)
    require(is_evaluator, "requests: not an evaluator")
    require(not request.is_retired, "requests: holdout is retired")
    require(request.num_open == 0, "requests: proposals are open")
    request.is_retired = True


def check_open(market: Market, number: int, dataset: Dataset) -> None:
    if number == 0:
        return
    known = 1 <= number <= len(market.requests)
    require(
        known and market.requests[number - 1].dataset == dataset.id,
        "requests: of another dataset",
    )
    request = market.requests[number - 1]
    is_open = not request.is_closed and not request.is_retired
    require(is_open and market.now < request.deadline, "requests: is closed")


def on_propose(market: Market, number: int) -> None:
    if number:
        find(market, number).num_open += 1


def price(curve: Sequence[tuple[int, int]], place: int) -> int:
    """Rate of the share number `place`, from 1; beyond the last step its rate goes on."""
    for until, rate in curve:
        if place <= until:
            return rate
    return curve[-1][1] if curve else 0


def award_of(request: Request, amount: int) -> int:
    """One share after the other, each at the rate of its place; rounded down once."""
    places = range(request.shares + 1, request.shares + amount + 1)
    return sum(price(request.curve, place) for place in places) // 1_000


def on_close(market: Market, terms: Terms, minted: int, cost: int) -> None:
    if not terms.request:
        return
    request = find(market, terms.request)
    request.num_open -= 1
    award = min(request.escrow, award_of(request, minted))
    fee = min(request.escrow - award, cost)
    request.escrow -= award + fee
    request.shares += minted
    request.awarded += award
    request.fees += fee
    market.credits[CREDITOR, terms.payee] += award
    market.credits[CREDITOR, terms.proposer] += fee
