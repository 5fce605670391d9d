"""How proposals end, again: executed by vote and verdict, expired, or given back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.verifier.assembly import COPY, EXPIRED, OK, REJECTED, Assembly, Verdict
from tests.verifier.export import Event
from tests.verifier.polls import OPEN, Poll, Said
from tests.verifier.pools_again import PATIENCE
from tests.verifier.proposals_again import CLOSING
from tests.verifier.rules_again import UNIT
from tests.verifier.snapshots_again import ACCEPTED

BPS = 10_000
SLASHING = ("BondSlashed", "Given", "Burnt", "TrancheFunded")
M16 = 2**16 - 1


def post_verdict(
    assembly: Assembly, sender: str, args: tuple[Any, ...], events: Sequence[Event]
) -> None:
    """A verdict shown while the vote is on."""
    event = next(event for event in events if event.name == "VerdictPosted")
    values, verdict_values, signatures = args
    terms = assembly.check_terms("posted verdict", values)
    poll = assembly.poll_of(terms["proposal"])
    about = f"posted verdict on proposal {poll.id}"
    verdict, _ = assembly.check_verdict(about, poll, verdict_values, signatures)
    mark = assembly.marks[poll.id]
    may = poll.status == OPEN and not mark.pending and poll.rules["optimistic_window"] > 0
    may = may and poll.begin <= event.time < assembly.expiry(poll)
    gains = verdict["outcome"] == OK and verdict["amount"] > 0
    assembly.holds(f"{about}: may be posted", may and gains, event.time)
    newest = assembly.datasets[poll.dataset].registry.newest
    assembly.same(f"{about}: on the newest snapshot", verdict["base"], newest)
    names = ("base", "amount", "evidence")
    told = {"proposal": poll.id, "poster": sender, **{name: verdict[name] for name in names}}
    told["signatures"] = tuple(signatures)
    assembly.among(about, events, [("VerdictPosted", told)], ("VerdictPosted",))
    mark.posted = verdict, event.time


def execute(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """A proposal closed by the vote and a verdict of k evaluators."""
    time = events[0].time
    values, verdict_values, signatures, _ = args
    terms = assembly.check_terms("execution", values)
    poll = assembly.poll_of(terms["proposal"])
    about, mark = f"proposal {poll.id}", assembly.marks[poll.id]
    verdict, signers = assembly.check_verdict(about, poll, verdict_values, signatures)
    in_time = poll.status == OPEN and not mark.pending and time < assembly.expiry(poll)
    assembly.holds(f"{about}: may be executed now", in_time, time)
    carried = decide(assembly, poll, terms["electorate"], verdict, time)
    assembly.holds(f"{about}: the vote decides it now", carried is not None, time)
    _check_order(assembly, poll, time)
    status = ACCEPTED if carried and verdict["outcome"] == OK else REJECTED
    percent = 100 - poll.rules["a_bps"] // 100 if status == ACCEPTED else 0
    bond_back = terms["bond"] if verdict["outcome"] == OK and not percent else 0
    snapshot = shares = 0
    if status == ACCEPTED:
        shares = verdict["amount"]
        snapshot = _accept(assembly, poll, verdict, time, percent)
        if percent:
            assembly.held[poll.id] = snapshot, time
    said: list[Said] = [("Executed", {
        "proposal": poll.id, "status": status,
        **{name: verdict[name] for name in ("outcome", "copy_of", "evidence")},
    })]  # fmt: skip
    said += assembly.settled(poll, status, signers, bond_back, shares, snapshot)
    if verdict["outcome"] != OK:
        said += _slashed(assembly, poll, verdict, terms["bond"])
    assembly.among(about, events, said, ("Executed", *CLOSING, *SLASHING))
    assembly.signers[poll.id], assembly.verdicts[poll.id] = signers, verdict


def decide(
    assembly: Assembly, poll: Poll, electorate: int, verdict: Verdict, time: int
) -> bool | None:
    """Whether it is carried; None while that is open."""
    yes, no = poll.tally[True], poll.tally[False]
    carried = yes > no and (yes + no) * BPS >= poll.rules["quorum_bps"] * electorate
    over = time >= poll.deadline
    if over and carried:
        return True
    if not over:
        # Lent weight can still be taken back, so that only own ballots settle it early.
        if carried and 2 * (yes - poll.lent[True]) > electorate:
            return True
        if electorate and 2 * (no - poll.lent[False]) >= electorate:
            return False
    posted, window = assembly.marks[poll.id].posted, poll.rules["optimistic_window"]
    if posted is not None and window and no <= yes:
        if posted[0] == verdict:
            return True if time >= posted[1] + window else None
        if verdict["amount"]:
            return None
    return False if over else None


def _check_order(assembly: Assembly, poll: Poll, time: int) -> None:
    """Earlier proposals that are open hold it up, until a voting period after their vote."""
    holding = [
        other.id
        for other in assembly.polls.polls.values()
        if other.dataset == poll.dataset
        and not other.is_motion
        and other.id < poll.id
        and other.status == OPEN
        and time < other.begin + 2 * other.period
    ]
    assembly.same(f"proposal {poll.id}: earlier ones that hold it up", [], holding)


def _accept(assembly: Assembly, poll: Poll, verdict: Verdict, time: int, percent: int) -> int:
    dataset, about = assembly.datasets[poll.dataset], f"proposal {poll.id}"
    assembly.same(f"{about}: measured on the head", verdict["base"], dataset.registry.newest)
    # By the newest rules, as for all proposals that are accepted now.
    epoch = (time - dataset.created) // dataset.versions[-1]["epoch_length"] & M16
    minted = verdict["amount"] + (dataset.epoch[1] if dataset.epoch[0] == epoch else 0)
    dataset.epoch = epoch, minted
    cap = poll.rules["mint_cap"]
    assembly.holds(f"{about}: minted in the epoch at most {cap}", minted <= cap, minted)
    return dataset.registry.accept(assembly.terms[poll.id], verdict["amount"], percent)


def _slashed(assembly: Assembly, poll: Poll, verdict: Verdict, bond: int) -> list[Said]:
    copied, half = verdict["copy_of"], 0
    registry = assembly.datasets[copied // UNIT].registry if copied else None
    entry = registry.entries.get(copied) if registry is not None else None
    is_copy = verdict["outcome"] == COPY and entry is not None and entry.shares > 0
    verdicts = assembly.market.addresses["Verdicts"]
    said: list[Said] = []
    if is_copy:
        half = bond // 2
    if half:
        said.append(("Given", {"proposal": poll.id, "to": verdicts, "amount": half}))
        dataset = copied // UNIT
        values = {"tranche": copied, "payer": verdicts, "amount": half, "dataset": dataset}
        said.append(("TrancheFunded", values))
    tranche = copied if is_copy else 0
    loss = {
        "proposal": poll.id, "to_tranche": half, "tranche": tranche, "burnt": bond - half
    }  # fmt: skip
    said.append(("BondSlashed", loss))
    if bond - half:
        said.append(("Burnt", {"proposal": poll.id, "amount": bond - half}))
    return said


def expire(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """A proposal without a verdict for twice the period: bond and fee go back."""
    terms = assembly.check_terms("expiry", args[0])
    poll, time = assembly.poll_of(terms["proposal"]), events[0].time
    about = f"proposal {poll.id}"
    may = poll.status == OPEN and not assembly.marks[poll.id].pending
    assembly.holds(f"{about}: may expire", may and time >= assembly.expiry(poll), time)
    said = assembly.settled(poll, EXPIRED, [], terms["bond"])
    assembly.among(f"{about} expired", events, said, CLOSING)


def release_bond(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """The bond of an accepted proposal whose snapshot's values are settled, or had their time."""
    terms = assembly.check_terms("release of a bond", args[0])
    about = f"proposal {terms['proposal']}"
    snapshot, since = assembly.held.pop(terms["proposal"], (0, 0))
    assembly.holds(f"{about}: its bond was held", snapshot > 0, snapshot)
    pool = assembly.pools[terms["proposal"] // UNIT, snapshot]
    time = events[0].time
    settled = pool.is_settled(time) or time >= since + PATIENCE
    assembly.holds(f"{about}: its values are settled", settled, time)
    values = {"proposal": terms["proposal"], "amount": terms["bond"]}
    said: list[Said] = [("BondReleased", values)]
    said.append(("Given", {**values, "to": terms["proposer"]}))
    assembly.among(f"{about} released", events, said, ("BondReleased", "Given"))
