from __future__ import annotations

import pytest

from tests.contracts.data_world import PERIOD, WEALTH, Market
from tests.contracts.market_world import digest, events, refused


def test_open_request_pulls_the_escrow(market: Market) -> None:
    request = market.open_request(100, sender=market.stranger)

    (event,) = events(market.association, "RequestOpened")
    assert (event.request, event.dataset, event.escrow) == (request, market.dataset, 100)
    assert event.holdout == digest("holdout")
    found = market.association.request(request)
    assert (str(found.initiator), found.escrow, found.status) == (market.stranger, 100, 1)
    assert market.balance(market.stranger) == WEALTH - 100
    market.check_association()


def test_the_creator_alone_asks_without_an_escrow(market: Market) -> None:
    market.open_request(0, sender=market.initiator)

    with refused("association: request without escrow"):
        market.open_request(0, sender=market.stranger)


def test_open_request_refuses_bad_values(market: Market) -> None:
    with refused("association: unknown dataset"):
        market.open_request(dataset=99)
    with refused("association: deadline is past"):
        market.open_request(deadline=market.now())
    with refused("association: amount out of range"):
        market.open_request(escrow=2**96)
    with refused("association: amount out of range"):
        market.open_request(award_rate=2**96)
    with refused("token: balance too low"):
        market.open_request(WEALTH + 1)


def test_request_refuses_unknown_ids(market: Market) -> None:
    for number in (0, 1):
        with refused("association: unknown request"):
            market.association.request(number)


def test_top_up_adds_to_the_escrow(market: Market) -> None:
    request = market.open_request(100)
    market.association.top_up(request, 11, sender=market.stranger)

    assert market.association.request(request).escrow == 111
    market.check_association()


def test_top_up_refuses_a_closed_or_unknown_request(market: Market) -> None:
    with refused("association: request is closed"):
        market.association.top_up(1, 11, sender=market.stranger)
    request = market.open_request(100)
    market.wait(10 * PERIOD)
    market.association.close_request(request, sender=market.initiator)
    with refused("association: request is closed"):
        market.association.top_up(request, 11, sender=market.stranger)


def test_close_request_returns_the_rest_once(market: Market) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD)
    market.association.close_request(request, sender=market.initiator)

    assert events(market.association, "RequestClosed")[0].refund == 100
    assert market.credit(market.initiator) == 100
    with refused("association: request is closed"):
        market.association.close_request(request, sender=market.initiator)
    market.association.withdraw(sender=market.initiator)
    assert market.balance(market.initiator) == WEALTH
    market.check_association()


def test_close_request_waits_for_the_deadline(market: Market) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD - 1)

    with refused("association: request is open"):
        market.association.close_request(request, sender=market.initiator)


def test_close_request_waits_for_no_deadline_that_nobody_can_use(market: Market) -> None:
    """One evaluator retires the holdout, or the dataset closes: the escrow must not be stuck."""
    retired = market.open_request(100, deadline=2**255)
    evaluator = market.evaluators[0].address
    market.association.retire_holdout(retired, digest("reveal"), sender=evaluator)
    market.association.close_request(retired, sender=market.initiator)

    dataset = market.create_dataset(closes_at=market.now() + 10)
    closing = market.open_request(100, dataset=dataset, deadline=2**255)
    with refused("association: request is open"):
        market.association.close_request(closing, sender=market.initiator)
    market.wait(10)
    market.association.close_request(closing, sender=market.initiator)
    assert market.credit(market.initiator) == 200
    market.check_association()


def test_close_request_waits_for_open_proposals(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD - 10)
    proposal = market.propose(contributors[0], request)
    market.wait(10)
    with refused("association: proposals are open"):
        market.association.close_request(request, sender=market.initiator)

    market.wait(3 * PERIOD)
    market.association.expire(proposal)
    market.association.close_request(request, sender=market.initiator)
    assert market.credit(market.initiator) == 100


def test_only_the_initiator_closes(market: Market) -> None:
    request = market.open_request(100)
    market.wait(10 * PERIOD)

    for account in market.everybody():
        if account != market.initiator:
            with refused("association: not the initiator"):
                market.association.close_request(request, sender=account)


def test_retire_holdout_stops_later_proposals(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100)
    evaluator = market.evaluators[0].address
    market.association.retire_holdout(request, digest("reveal"), sender=evaluator)

    (event,) = events(market.association, "HoldoutRetired")
    assert (event.request, str(event.evaluator), event.reveal) == (
        request,
        evaluator,
        digest("reveal"),
    )
    with refused("association: request is closed"):
        market.propose(contributors[0], request)
    with refused("association: holdout is retired"):
        market.association.retire_holdout(request, digest("other"), sender=evaluator)


def test_retire_holdout_waits_for_open_proposals(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100)
    proposal = market.carried(contributors[0], request)
    evaluator = market.evaluators[0].address

    with refused("association: proposals are open"):
        market.association.retire_holdout(request, digest("reveal"), sender=evaluator)
    market.execute(proposal)
    market.association.retire_holdout(request, digest("reveal"), sender=evaluator)


def test_only_an_evaluator_retires(market: Market) -> None:
    request = market.open_request(100)

    for account in (market.initiator, market.deployer, *market.nodes, market.stranger):
        with refused("association: not an evaluator"):
            market.association.retire_holdout(request, digest("reveal"), sender=account)
    with refused("association: unknown request"):
        market.association.retire_holdout(9, digest("reveal"), sender=market.evaluators[0].address)
    with refused("association: empty reveal"):
        market.association.retire_holdout(request, bytes(32), sender=market.evaluators[0].address)


@pytest.mark.parametrize("call", ["open", "top up"])
def test_a_token_that_takes_a_fee_is_refused(hostile: Market, call: str) -> None:
    request = hostile.open_request(100)
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        if call == "open":
            hostile.open_request(100)
        else:
            hostile.association.top_up(request, 5, sender=hostile.initiator)
