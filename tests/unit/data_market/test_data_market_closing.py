"""When a proposal can be closed: the contracts' rule, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from databright.data_market.closing import Moment, Step, next_step, quorum
from databright.data_market.registry import Proposal
from databright.data_market.verdicts import Mark, shown
from databright.records.evidence import Verdict
from databright.records.rules import Rules
from databright.records.terms import Terms
from databright.units import Address, Amount, BasisPoints, Digest, Seconds

A = [Address(f"0x{number:040x}") for number in range(1, 6)]
NOTHING = Digest(bytes(32))
OPENED, REVIEW_S, PERIOD = 1_000, 120, 400
BEGIN, END = OPENED + REVIEW_S, OPENED + REVIEW_S + PERIOD
EXPIRY = END + 2 * PERIOD
GAIN = Verdict(1_000_001, NOTHING, 0, 1, 0, 0, 7, NOTHING)
COPY = Verdict(1_000_001, NOTHING, 0, 1, 1, 1_000_000 - 1, 0, NOTHING)
SHOWN = shown(bytes(range(32)))
RULES = Rules(
    metadata=NOTHING,
    schema=NOTHING,
    licence=NOTHING,
    quorum_bps=BasisPoints(1_000),
    review_minutes=REVIEW_S // 60,
    voting_period=Seconds(PERIOD),
    bond=Amount(5),
    evaluation_fee=Amount(3),
    mint_cap=100,
    epoch_length=Seconds(1_000),
    price_per_use=Amount(1),
    prediction_bps=BasisPoints(0),
    max_exposure_bps=BasisPoints(500),
    threshold=2,
    evaluators=tuple(A[:4]),
    nodes=tuple(A[:4]),
    curators=(A[4],),
    weights=(100,),
)
OPTIMISTIC = replace(RULES, optimistic_window=Seconds(50), challenge_bond=Amount(1))


def moment(
    now: int, votes: dict[str, int] | None = None, *, rules: Rules = RULES, mark: Mark | None = None
) -> Moment:
    terms = Terms(
        1_000_001, 0, A[4], A[4], NOTHING, NOTHING, NOTHING, 3, 0, Amount(5), Amount(3), 100
    )
    counts = {"yes": 0, "no": 0, "lent_yes": 0, "lent_no": 0, **(votes or {})}
    proposal = Proposal(
        terms=terms,
        opened_at=Seconds(OPENED),
        votes_from=Seconds(BEGIN),
        deadline=Seconds(END),
        period=Seconds(PERIOD),
        yes=counts["yes"],
        no=counts["no"],
        lent_yes=counts["lent_yes"],
        lent_no=counts["lent_no"],
        status=1,
        version=1,
        is_challenged=False,
        is_measured=True,
        block=1,
        tx="0x",
    )
    return Moment(proposal, rules, mark or Mark(), Seconds(now))


@pytest.mark.parametrize(
    ("now", "votes", "verdict", "step"),
    [
        (END, {}, None, Step.WAIT),
        (END, {}, GAIN, Step.EXECUTE),
        (END - 1, {}, GAIN, Step.WAIT),
        (END, {}, COPY, Step.EXECUTE),
        (BEGIN, {"yes": 51}, GAIN, Step.EXECUTE),
        (BEGIN, {"yes": 50}, GAIN, Step.WAIT),
        (BEGIN, {"yes": 60, "lent_yes": 10}, GAIN, Step.WAIT),
        (BEGIN, {"yes": 61, "lent_yes": 10}, GAIN, Step.EXECUTE),
        (BEGIN, {"no": 50}, GAIN, Step.EXECUTE),
        (BEGIN, {"no": 49}, GAIN, Step.WAIT),
        (BEGIN, {"no": 50, "lent_no": 1}, GAIN, Step.WAIT),
        (EXPIRY - 1, {"yes": 51}, GAIN, Step.EXECUTE),
        (EXPIRY, {"yes": 51}, GAIN, Step.EXPIRE),
        (EXPIRY, {}, None, Step.EXPIRE),
    ],
)
def test_votes_and_time_decide(
    now: int, votes: dict[str, int], verdict: Verdict | None, step: Step
) -> None:
    assert next_step(moment(now, votes), verdict, SHOWN if verdict else 0) is step


def test_nothing_is_done_while_a_challenge_waits_and_time_begins_anew_after_it() -> None:
    pending = Mark(is_pending=True, was_challenged=True)
    assert next_step(moment(END, {"yes": 51}, mark=pending), GAIN, SHOWN) is Step.WAIT
    assert next_step(moment(EXPIRY, mark=pending), None, 0) is Step.WAIT
    decided = Mark(was_challenged=True, decided_at=Seconds(END + 100))
    assert next_step(moment(EXPIRY, {"yes": 51}, mark=decided), GAIN, SHOWN) is Step.EXECUTE
    assert next_step(moment(EXPIRY + 100, mark=decided), GAIN, SHOWN) is Step.EXPIRE


@pytest.mark.parametrize(
    ("now", "mark", "votes", "verdict", "step"),
    [
        (BEGIN - 1, Mark(), {}, GAIN, Step.WAIT),
        (BEGIN, Mark(), {}, GAIN, Step.POST),
        (END, Mark(), {}, GAIN, Step.POST),
        (BEGIN, Mark(posted=SHOWN, posted_at=Seconds(BEGIN)), {}, GAIN, Step.WAIT),
        (BEGIN + 50, Mark(posted=SHOWN, posted_at=Seconds(BEGIN)), {}, GAIN, Step.EXECUTE),
        (END, Mark(posted=SHOWN, posted_at=Seconds(END - 49)), {}, GAIN, Step.WAIT),
        (BEGIN + 50, Mark(posted=SHOWN - 1, posted_base=9), {}, GAIN, Step.POST),
        (BEGIN + 50, Mark(posted=SHOWN - 1, posted_base=0), {}, GAIN, Step.WAIT),
        (END, Mark(posted=SHOWN - 1, posted_base=0), {"yes": 10}, GAIN, Step.EXECUTE),
        (BEGIN + 50, Mark(posted=SHOWN, posted_at=Seconds(BEGIN)), {"no": 1}, GAIN, Step.WAIT),
        (END, Mark(posted=SHOWN, posted_at=Seconds(BEGIN)), {"no": 1}, GAIN, Step.EXECUTE),
        (END, Mark(), {}, COPY, Step.EXECUTE),
        (BEGIN, Mark(), {}, replace(GAIN, amount=0), Step.WAIT),
    ],
)
def test_where_the_rules_are_optimistic_a_verdict_is_shown_first(
    now: int, mark: Mark, votes: dict[str, int], verdict: Verdict, step: Step
) -> None:
    assert next_step(moment(now, votes, rules=OPTIMISTIC, mark=mark), verdict, SHOWN) is step


def test_the_quorum_is_rounded_up() -> None:
    assert [quorum(RULES, weight) for weight in (0, 1, 10, 11)] == [0, 1, 1, 2]
    assert not moment(END, {"yes": 9}).is_carried
    assert moment(END, {"yes": 10}).is_carried
    assert not moment(END, {"yes": 10, "no": 10}).is_carried


def test_a_mark_is_read_from_its_word() -> None:
    word = (SHOWN << 104) | (13 << 83) | (12 << 43) | (11 << 3) | 0b110
    assert Mark.from_word(word) == Mark(False, True, True, Seconds(11), Seconds(12), 13, SHOWN)
