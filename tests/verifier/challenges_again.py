"""Evaluators' stakes and challenges again: who counts, who is slashed, who is paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.verifier.assembly import FOREVER, VOIDED, Assembly, Challenge, Member, Verdict
from tests.verifier.closings_again import BPS
from tests.verifier.export import ZERO, Event
from tests.verifier.polls import OPEN, Said
from tests.verifier.proposals_again import CLOSING
from tests.verifier.rules_again import Rules

UPHELD, REFUSED, UNANSWERED = 2, 3, 4


def set_member(assembly: Assembly, dataset: int, evaluator: str, member: Member) -> Said:
    """Note when an evaluator counts; the event that must say so."""
    assembly.members[dataset, evaluator] = member
    values = {
        "dataset": dataset, "evaluator": evaluator, "first": member.first, "last": member.last,
        "counts": member.counts,
    }  # fmt: skip
    return "EvaluatorSet", values


def _counting(assembly: Assembly, dataset: int, evaluator: str, counts: bool) -> Said:
    known = assembly.members[dataset, evaluator]
    return set_member(assembly, dataset, evaluator, Member(known.first, known.last, counts))


def name_evaluators(assembly: Assembly, dataset: int, rules: Rules, version: int) -> list[Said]:
    """A new version of the rules names its evaluators and drops others."""
    said: list[Said] = []
    before = assembly.datasets[dataset].versions[version - 2]["evaluators"] if version > 1 else []
    for evaluator in before:
        if evaluator not in rules["evaluators"]:
            known = assembly.members[dataset, evaluator]
            left = Member(known.first, version - 1, known.counts)
            said.append(set_member(assembly, dataset, evaluator, left))
    for evaluator in rules["evaluators"]:
        key = dataset, evaluator
        known = assembly.members[key]
        first = known.first if known.last == FOREVER else version
        stake = 0 if key in assembly.leaving else assembly.stakes[key]
        counts = stake >= rules["evaluator_stake"]
        said.append(set_member(assembly, dataset, evaluator, Member(first, FOREVER, counts)))
    return said


def stake(assembly: Assembly, args: tuple[Any, ...], sender: str, events: Sequence[Event]) -> None:
    """Money put at stake; enough of it lets signatures count."""
    dataset, amount = args
    key = dataset, sender
    assembly.stakes[key] += amount
    assembly.leaving.discard(key)
    total, needed = assembly.stakes[key], assembly.datasets[dataset].versions[-1]["evaluator_stake"]
    said = [_counting(assembly, dataset, sender, total != 0 and total >= needed)]
    said.append(("Staked", {"dataset": dataset, "evaluator": sender, "amount": amount}))
    assembly.among(f"stake of {sender}", events, said, ("EvaluatorSet", "Staked"))


def unstake(
    assembly: Assembly, args: tuple[Any, ...], sender: str, events: Sequence[Event]
) -> None:
    """Leaving, and 180 days later the stake as a credit."""
    (dataset,) = args
    key, said = (dataset, sender), list[Said]()
    if key not in assembly.leaving:
        assembly.leaving.add(key)
        said.append(_counting(assembly, dataset, sender, False))
    else:
        assembly.leaving.discard(key)
        amount, assembly.stakes[key] = assembly.stakes[key], 0
        said.append(("StakeReturned", {"dataset": dataset, "evaluator": sender, "amount": amount}))
        assembly.credited["Challenges"].append((sender, amount))
    assembly.among(f"stake of {sender}", events, said, ("EvaluatorSet", "StakeReturned"))


def challenge(
    assembly: Assembly, args: tuple[Any, ...], sender: str, events: Sequence[Event]
) -> None:
    """A signed verdict challenged with the bond of the proposal's rules.

    Again only where it differs from what a challenge has found.
    """
    number, values, signatures = args
    poll, time = assembly.poll_of(number), events[0].time
    about, mark = f"challenge of proposal {number}", assembly.marks[number]
    # Who leaves stays liable for what it signed, as long as it has the stake.
    verdict, signers = assembly.check_verdict(about, poll, values, signatures, even_leaving=True)
    least = max(1, assembly.datasets[poll.dataset].versions[-1]["evaluator_stake"])
    liable = all(assembly.stakes[poll.dataset, one] >= least for one in signers)
    assembly.holds(f"{about}: signers have stakes to lose", liable, signers)
    may = poll.status == OPEN and not mark.pending and time < assembly.expiry(poll)
    before = assembly.challenges.get(number)
    if before is not None:
        elsewhere = before.verdict["base"] != verdict["base"]
        may = may and (elsewhere or differ(before.verdict, verdict, poll.rules["tolerance_bps"]))
    bond = poll.rules["challenge_bond"]
    assembly.holds(f"{about}: may be challenged", may and bond > 0, time)
    exactly = poll.rules["threshold"]
    assembly.same(f"{about}: signatures", len(signers), exactly)
    assembly.challenges[number] = Challenge(sender, bond, verdict, signers, time + poll.period)
    mark.pending = True
    mark.posted = None
    told = {
        "proposal": number, "challenger": sender, "bond": bond, "base": verdict["base"],
        "amount": verdict["amount"], "deadline": time + poll.period,
    }  # fmt: skip
    assembly.among(about, events, [("Challenged", told)], ("Challenged",))


def differ(first: Verdict, second: Verdict, tolerance_bps: int) -> bool:
    """Whether two verdicts differ by more than the tolerance."""
    if any(first[name] != second[name] for name in ("outcome", "copy_of")):
        return True
    low, high = sorted((first["amount"], second["amount"]))
    return bool((high - low) * BPS > tolerance_bps * high)


def answer(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """A challenge decided by what k others measured on the same snapshot."""
    number, values, signatures = args
    poll, time, case = assembly.poll_of(number), events[0].time, assembly.challenges[number]
    about, mark = f"challenge of proposal {number}", assembly.marks[number]
    verdict, signers = assembly.check_verdict(about, poll, values, signatures)
    assembly.holds(f"{about}: answered in time", case.status == 1 and time < case.deadline, time)
    assembly.same(f"{about}: measured on the same", verdict["base"], case.verdict["base"])
    both = sorted(set(signers) & set(case.signers))
    assembly.same(f"{about}: who signed both", [], both)
    upheld = differ(case.verdict, verdict, poll.rules["tolerance_bps"])
    case.status = UPHELD if upheld else REFUSED
    said = _slashed(assembly, number, case, events) if upheld else []
    case.claimed = case.verdict
    if upheld:
        # What was found counts from now on.
        case.verdict = {**verdict}
    mark.pending, mark.posted, mark.decided_at = False, None, time
    part = case.bond // len(signers)
    parts = [case.bond - part * (len(signers) - 1), *[part] * (len(signers) - 1)]
    assembly.credited["Challenges"] += zip(signers, parts, strict=True)
    names = ("base", "outcome", "amount", "evidence")
    decided = {"proposal": number, "status": case.status, **{n: verdict[n] for n in names}}
    said.append(("ChallengeDecided", decided))
    assembly.among(about, events, said, ("EvaluatorSet", "EvaluatorSlashed", "ChallengeDecided"))


def _slashed(
    assembly: Assembly, number: int, case: Challenge, events: Sequence[Event]
) -> list[Said]:
    poll, pot, said = assembly.poll_of(number), 0, list[Said]()
    for signer in case.signers:
        key = poll.dataset, signer
        amount, assembly.stakes[key] = assembly.stakes[key], 0
        pot += amount
        said.append(_counting(assembly, poll.dataset, signer, False))
        values = {
            "dataset": poll.dataset, "evaluator": signer, "proposal": number, "amount": amount
        }  # fmt: skip
        said.append(("EvaluatorSlashed", values))
    reward = min(pot, 2 * case.bond)
    assembly.credited["Challenges"].append((case.challenger, reward))
    contract = assembly.market.addresses["Challenges"]
    burnt = [
        event.args["amount"]
        for event in events
        if (event.contract, event.name) == ("MarketToken", "Transfer")
        and (event.args["sender"], event.args["receiver"]) == (contract, ZERO)
    ]
    rest = [pot - reward] if pot > reward else []
    assembly.same(f"challenge of proposal {number}: burnt", burnt, rest)
    return said


def lapse(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """Nobody measured again in time: everybody gets back what it put up."""
    terms = assembly.check_terms("unanswered challenge", args[0])
    number, time = terms["proposal"], events[0].time
    poll, case = assembly.poll_of(number), assembly.challenges[number]
    about = f"challenge of proposal {number}"
    may = case.status == 1 and poll.status == OPEN and time >= case.deadline
    assembly.holds(f"{about}: may lapse", may, time)
    case.status = UNANSWERED
    assembly.marks[number].pending = False
    assembly.credited["Challenges"].append((case.challenger, case.bond))
    names = ("base", "outcome", "amount")
    decided = {"proposal": number, "status": UNANSWERED, "evidence": bytes(32)}
    decided |= {name: case.verdict[name] for name in names}
    said = [("ChallengeDecided", decided), *assembly.settled(poll, VOIDED, [], terms["bond"])]
    assembly.among(about, events, said, ("ChallengeDecided", *CLOSING))
