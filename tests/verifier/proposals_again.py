"""Proposing, revising and withdrawing again, each from its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.verifier.assembly import REVISED, WITHDRAWN, Assembly, new_poll
from tests.verifier.export import ZERO, Event
from tests.verifier.polls import MAX_REPAID, OPEN, Poll
from tests.verifier.rules_again import MOTIONS, UNIT
from tests.verifier.snapshots_again import terms_in

CLOSING = ("FeePaid", "Settled", "Minted", "AwardPaid")
"""Events that closing a proposal brings, apart from those of its cause."""


def propose(
    assembly: Assembly, sender: str, args: tuple[Any, ...], events: Sequence[Event]
) -> None:
    """A first version: the terms are the call's, the bond grows with open proposals."""
    event = next(event for event in events if event.name == "Proposed")
    dataset, request, payee, root, ref, manifest, num_rows = args
    given = {
        "request": request, "proposer": sender, "root": root, "ref": ref, "manifest": manifest,
        "num_rows": num_rows, "revises": 0,
    }  # fmt: skip
    rules = assembly.datasets[dataset].versions[-1]
    given["bond"] = rules["bond"] * (1 + assembly.open_of(sender))
    given["payee"] = event.args["payee"]
    same = int(payee, 16) == int(event.args["payee"], 16)
    assembly.holds(f"proposal {event.args['proposal']}: payee of call and event", same, payee)
    _opened(assembly, dataset, event, given)


def revise(assembly: Assembly, sender: str, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """A revision: the earlier version is closed, its bond carried over, its votes begun anew."""
    event = next(event for event in events if event.name == "Proposed")
    values, root, ref, manifest, num_rows = args
    terms = assembly.check_terms("revision", values)
    poll, about = assembly.poll_of(terms["proposal"]), f"proposal {terms['proposal']}"
    in_time = event.time < poll.begin + poll.period
    assembly.holds(f"{about}: revised before its vote was over", in_time, event.time)
    said = _take_off(assembly, sender, poll, REVISED, 0)
    assembly.among(f"{about} revised", events, said, CLOSING)
    given = {
        **{name: terms[name] for name in ("request", "proposer", "payee", "bond")},
        "root": root, "ref": ref, "manifest": manifest, "num_rows": num_rows,
        "revises": terms["proposal"],
    }  # fmt: skip
    _opened(assembly, poll.dataset, event, given)


def withdraw(
    assembly: Assembly, sender: str, args: tuple[Any, ...], events: Sequence[Event]
) -> None:
    """A withdrawal before the vote: the bond goes back."""
    terms = assembly.check_terms("withdrawal", args[0])
    poll, about = assembly.poll_of(terms["proposal"]), f"proposal {terms['proposal']}"
    time = events[0].time
    assembly.holds(f"{about}: withdrawn before its vote", time < poll.begin, time)
    said = _take_off(assembly, sender, poll, WITHDRAWN, terms["bond"])
    assembly.among(f"{about} withdrawn", events, said, CLOSING)


def _take_off(assembly: Assembly, sender: str, poll: Poll, status: int, bond: int) -> list[Any]:
    about = f"proposal {poll.id}"
    assembly.same(f"{about}: taken off by its proposer", sender, poll.proposer)
    assembly.same(f"{about}: open when taken off", poll.status, OPEN)
    mark = assembly.marks[poll.id]
    assembly.holds(f"{about}: not challenged when taken off", not mark.pending)
    # Whoever was to measure it is paid if evidence is out.
    payees = assembly.turn_of(poll) if mark.measured else []
    return assembly.settled(poll, status, payees, bond)


def _opened(assembly: Assembly, number: int, event: Event, given: dict[str, Any]) -> None:
    dataset, poll = assembly.datasets[number], new_poll(assembly, event, "proposal", "proposer")
    dataset.count += 1
    about = f"proposal {event.args['proposal']}"
    expected = {
        **given,
        "proposal": number * UNIT + dataset.count,
        "fee": poll.rules["evaluation_fee"] + MAX_REPAID * poll.rules["relay_price"],
        "electorate": assembly.polls.open(poll),
    }
    assembly.terms[poll.id] = terms_in(event)
    for name, value in expected.items():
        assembly.same(f"{about}: {name}", event.args[name], value)
    closes = poll.rules["closes_at"]
    fits = dataset.count < MOTIONS and event.args["payee"] != ZERO
    fits = fits and 0 < event.args["num_rows"] < 2**32
    fits = fits and (closes == 0 or event.time < closes)
    assembly.holds(f"{about}: may be proposed", fits, event.time)
    if given["request"]:
        request = assembly.requests[given["request"]]
        is_open = not request.is_over and event.time < request.deadline
        assembly.holds(f"{about}: its request is open", is_open and request.dataset == number)
        request.open_proposals += 1
