"""The data market replayed transaction by transaction: every event must follow from its call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.verifier import (
    challenges_again,
    closings_again,
    ethereum,
    motions_again,
    pools_again,
    proposals_again,
    typed,
)
from tests.verifier.assembly import Assembly, Request, new_dataset
from tests.verifier.checks import Checks
from tests.verifier.export import ZERO, Event, Market
from tests.verifier.polls import Polls, Said
from tests.verifier.rules_again import UNIT
from tests.verifier.snapshots_again import REMOVAL

BALLOTS = ("Voted", "VotedLent", "Overridden", "Extended", "BallotsRepaid")
VOTING = ("vote", "vote_many", "vote_signed", "vote_lent")
CAUSES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Proposed": ("DataAssociation", ("propose", "revise")),
    "Settled": ("", ("revise", "withdraw_proposal", "execute", "expire", "lapse")),
    "Executed": ("Verdicts", ("execute",)),
    "VerdictPosted": ("Verdicts", ("post_verdict",)),
    "BondReleased": ("Verdicts", ("release_bond",)),
    "Staked": ("Challenges", ("stake",)),
    "StakeReturned": ("Challenges", ("unstake",)),
    "Challenged": ("Challenges", ("challenge",)),
    "ChallengeDecided": ("Challenges", ("answer", "lapse")),
    "EvaluatorSlashed": ("Challenges", ("answer",)),
    "EvaluatorSet": ("", ("stake", "unstake", "answer", "create_dataset", "enact_rules")),
    "Lent": ("CuratorToken", ("lend",)),
    "TakenBack": ("CuratorToken", ("take_back",)),
    "BallotsCancelled": ("CuratorToken", ("cancel_ballots",)),
    "RequestOpened": ("DataRequests", ("open_request",)),
    "Moved": ("Motions", ("move",)),
    "MotionSettled": ("Motions", ("settle_motion",)),
    "Enacted": ("Motions", ("enact_rules", "enact_takedown")),
    "RulesChanged": ("Motions", ("enact_rules",)),
    "TakenDown": ("Motions", ("enact_takedown",)),
    "Ended": ("", ("enact_takedown", "remove")),
    "Minted": ("Verdicts", ("execute",)),
    **dict.fromkeys(BALLOTS[:4], ("CuratorToken", VOTING)),
    "BallotsRepaid": ("CuratorToken", ("vote_signed",)),
    **dict.fromkeys(("BondSlashed", "Given", "Burnt"), ("Verdicts", ("execute", "release_bond"))),
    "FeePaid": ("", ("execute", "revise", "withdraw_proposal")),
    "AwardPaid": ("", ("execute", "revise", "withdraw_proposal", "expire", "lapse")),
}  # fmt: skip
"""Event -> the contract and its functions that may cause it; "" = any contract."""


def check_governance(market: Market, checks: Checks) -> Assembly:
    """Replay everything that proposes, votes, measures, settles and changes rules.

    Args:
        market: the chain.
        checks: where comparisons go.

    Returns:
        The state at the end.
    """
    separator = typed.domain(market.chain_id, market.addresses["CuratorToken"])
    _check_silent(market, checks)
    assembly = Assembly(market, checks, Polls(separator), pools=defaultdict(pools_again.Pool))
    for events in market.by_transaction():
        with checks.section(f"transaction {events[0].tx}"):
            _step(assembly, events)
    return assembly


def _check_silent(market: Market, checks: Checks) -> None:
    """Whatever these functions do is told by an event."""
    functions = {function for _, causes in CAUSES.values() for function in causes}
    told = {event.tx for event in market.events}
    receipts = {receipt["transactionHash"]: receipt for receipt in market.document["receipts"]}
    silent = [
        tx
        for tx in market.transactions
        if market.call(tx)[1] in functions
        and tx not in told
        and ethereum.number(receipts[tx]["status"])
    ]
    checks.same("calls without any event", [], silent)


def _step(assembly: Assembly, events: Sequence[Event]) -> None:
    market, tx = assembly.market, events[0].tx
    contract, function = market.call(tx)
    unexplained = sorted(
        {
            event.name
            for event in events
            if event.name in CAUSES
            and (
                function not in CAUSES[event.name][1] or CAUSES[event.name][0] not in {"", contract}
            )
        }
    )
    if any(event.name in CAUSES for event in events):
        assembly.same(f"events of {contract}.{function} that it cannot cause", [], unexplained)
    if contract in _HANDLERS:
        _HANDLERS[contract](assembly, function, market.sender(tx), events)
    pools_again.step(assembly, function, events)
    for event in events:
        assembly.polls.step(event)
        _follow(assembly, event)


def _follow(assembly: Assembly, event: Event) -> None:
    args = event.args
    if event.name == "EvidencePublished":
        poll = assembly.poll_of(args["proposal"])
        counts = assembly.counts(poll.dataset, args["evaluator"], poll.version)
        about = f"proposal {poll.id}: evidence by an evaluator that counts"
        assembly.holds(about, counts and poll.status == 1, args["evaluator"])
        assembly.marks[poll.id].measured = True
    elif event.name == "RequestOpened":
        assembly.requests[args["request"]] = Request(
            args["dataset"], args["initiator"], args["curve"], args["deadline"], args["escrow"]
        )
    elif event.name == "RequestToppedUp":
        assembly.requests[args["request"]].left += args["amount"]
    elif event.name in {"RequestClosed", "HoldoutRetired"}:
        _close_request(assembly, event)
    elif event.name == "Erased":
        rules = assembly.datasets[args["dataset"]].versions[-1]
        about = f"tranche {args['tranche']}: erased by a trusted node"
        assembly.holds(about, args["node"] in rules["nodes"], args["node"])


def _close_request(assembly: Assembly, event: Event) -> None:
    number = event.args["request"]
    request = assembly.requests[number]
    about = f"request {number}: no proposal is open at its end"
    assembly.same(about, request.open_proposals, 0)
    request.is_over = True
    if event.name == "RequestClosed":
        assembly.same(f"request {number}: given back", event.args["refund"], request.left)
        assembly.credited["DataRequests"].append((request.initiator, request.left))
        request.left = 0
    else:
        rules = assembly.datasets[request.dataset].versions
        who = event.args["evaluator"]
        counts = assembly.counts(request.dataset, who, len(rules))
        assembly.holds(f"request {number}: retired by an evaluator that counts", counts, who)


def _ballots(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    polls, time, said = assembly.polls, events[0].time, list[Said]()
    if function in {"lend", "take_back", "cancel_ballots"}:
        _loans(assembly, function, sender, events)
    if function not in CAUSES["Voted"][1]:
        return
    args = assembly.market.arguments(events[0].tx)
    if function == "vote":
        said = polls.vote(polls.polls[args[0]], sender, args[1], time)
    elif function == "vote_many":
        for number, proposal in enumerate(args[0]):
            said += polls.vote(polls.polls[proposal], sender, bool(args[1] >> number & 1), time)
    elif function == "vote_signed":
        said = polls.vote_signed(args[0], sender, time)
    else:
        poll = polls.polls[args[0][0]]
        if not poll.is_motion:
            assembly.check_terms(f"lent ballot on proposal {poll.id}", args[0])
        said = polls.vote_lent(poll, sender, args[1], args[2], args[3], time)
    on = sorted({e.args["proposal"] for e in events if e.name in BALLOTS})
    about = f"ballots on {', '.join(map(str, on))}"
    assembly.among(f"{about} by {sender}", events, said, BALLOTS)


def _loans(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    args = assembly.market.arguments(events[0].tx)
    if function == "lend":
        dataset, oracle, cap, expiry, least = args
        values = {
            "dataset": dataset, "lender": sender, "oracle": ethereum.checksummed(oracle),
            "cap": min(cap, 2**52 - 1), "expiry": min(expiry, 2**32 - 1),
            "least_confidence": least,
        }  # fmt: skip
        said: Said = "Lent", values
    elif function == "take_back":
        said = "TakenBack", {"dataset": args[0], "lender": sender}
    else:
        nonce = assembly.polls.nonces[args[0], sender] + 1
        said = "BallotsCancelled", {"dataset": args[0], "voter": sender, "nonce": nonce}
    assembly.among(f"{function} by {sender}", events, [said], {said[0]})


def _requests(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    if function != "open_request":
        return
    dataset, escrow, curve, *rest = assembly.market.arguments(events[0].tx)
    names = "deadline", "holdout", "holdout_ref", "program", "card"
    values = {
        "request": len(assembly.requests) + 1, "dataset": dataset, "initiator": sender,
        "escrow": escrow, "curve": curve, **dict(zip(names, rest, strict=True)),
    }  # fmt: skip
    assembly.among("request", events, [("RequestOpened", values)], ("RequestOpened",))
    steps = [(0, 2**96), *curve]
    falls = all(a[0] < b[0] and a[1] >= b[1] for a, b in pairwise(steps))
    assembly.holds(f"request {values['request']}: a falling curve", falls, curve)


def _proposals(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    steps = {
        "propose": proposals_again.propose,
        "revise": proposals_again.revise,
        "withdraw_proposal": proposals_again.withdraw,
    }
    if function in steps:
        steps[function](assembly, sender, assembly.market.arguments(events[0].tx), events)


def _verdicts(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    if function == "post_verdict":
        args = assembly.market.arguments(events[0].tx)
        closings_again.post_verdict(assembly, sender, args, events)
    steps = {
        "execute": closings_again.execute,
        "expire": closings_again.expire,
        "release_bond": closings_again.release_bond,
    }
    if function in steps:
        steps[function](assembly, assembly.market.arguments(events[0].tx), events)


def _challenges(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    if function in {"answer", "lapse"}:
        steps = {"answer": challenges_again.answer, "lapse": challenges_again.lapse}
        steps[function](assembly, assembly.market.arguments(events[0].tx), events)
    elif function == "stake":
        args = assembly.market.arguments(events[0].tx)
        challenges_again.stake(assembly, args, sender, events)
    elif function == "unstake":
        args = assembly.market.arguments(events[0].tx)
        challenges_again.unstake(assembly, args, sender, events)
    elif function == "challenge":
        args = assembly.market.arguments(events[0].tx)
        challenges_again.challenge(assembly, args, sender, events)


def _motions(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    if function == "settle_motion":
        motions_again.settle(assembly, events)
        return
    args = assembly.market.arguments(events[0].tx) if function else ()
    if function == "move":
        motions_again.move(assembly, sender, args, events)
    elif function == "enact_rules":
        motions_again.enact_rules(assembly, args, events)
    elif function == "enact_takedown":
        motions_again.enact_takedown(assembly, args, events)


def _charter(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    if function != "create_dataset":
        return
    event = next(event for event in events if event.name == "DatasetCreated")
    number = event.args["dataset"]
    dataset = new_dataset(assembly.market, event)
    assembly.datasets[number] = dataset
    rules = dataset.versions[0]
    said = challenges_again.name_evaluators(assembly, number, rules, 1)
    genesis = zip(rules["curators"], rules["weights"], strict=True)
    said += [
        ("GenesisSet", {"dataset": number, "curator": curator, "weight": weight})
        for curator, weight in genesis
    ]
    said.append(("Installed", {"dataset": number, "version": 1}))
    names = ("metadata", "schema", "max_exposure_bps", "price_per_use")
    created = {name: rules[name] for name in names}
    # The Charter makes nothing else.
    database = ethereum.created_address(assembly.market.addresses["Charter"], number)
    created |= {"dataset": number, "creator": sender, "database": database}
    said.append(("DatasetCreated", created))
    assembly.among(f"dataset {number}", events, said, {name for name, _ in said})
    assembly.same("number of the dataset", number, len(assembly.datasets))
    enough = len(rules["evaluators"]) >= 2 * rules["threshold"]
    assembly.holds(f"dataset {number}: twice as many evaluators as must sign", enough)


def _database(assembly: Assembly, function: str, sender: str, events: Sequence[Event]) -> None:
    if function != "remove":
        return
    event = next(event for event in events if event.name == "Ended")
    tranche = event.args["tranche"]
    registry = assembly.datasets[tranche // UNIT].registry
    snapshot = registry.end(tranche, REMOVAL)
    values = {
        "tranche": tranche, "snapshot": snapshot, "redirected_to": ZERO,
        "dataset": tranche // UNIT,
    }  # fmt: skip
    assembly.among(f"removal of {tranche} by {sender}", events, [("Ended", values)], ("Ended",))


_HANDLERS: Mapping[str, Any] = {
    "CuratorToken": _ballots,
    "DataAssociation": _proposals,
    "Verdicts": _verdicts,
    "Challenges": _challenges,
    "Motions": _motions,
    "Charter": _charter,
    "DataRequests": _requests,
    "Database": _database,
}
