"""Motions again: tallies, bonds, delays, and what they enact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.verifier import ethereum
from tests.verifier.assembly import REJECTED, Assembly, new_poll
from tests.verifier.calls import RULES_KIND, rules_in
from tests.verifier.challenges_again import name_evaluators
from tests.verifier.closings_again import BPS
from tests.verifier.export import ZERO, Event
from tests.verifier.polls import OPEN, Said
from tests.verifier.rules_again import MOTIONS, UNIT
from tests.verifier.snapshots_again import ACCEPTED, TAKEDOWN

RULES_MOTION, TAKEDOWN_MOTION = 1, 2
PATIENCE = 30 * 86_400
"""Seconds in which a motion may be counted as carried, and then enacted."""


def move(assembly: Assembly, sender: str, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """A motion moved with the dataset's bond."""
    number, kind, payload, text = args
    event = next(event for event in events if event.name == "Moved")
    dataset, poll = assembly.datasets[number], new_poll(assembly, event, "motion", "mover")
    dataset.num_motions += 1
    values = {
        "motion": number * UNIT + MOTIONS + dataset.num_motions, "mover": sender, "kind": kind,
        "payload": payload, "text": text, "bond": poll.rules["bond"],
        "electorate": assembly.polls.open(poll),
    }  # fmt: skip
    assembly.motions[poll.id] = {**values, "ready_at": 0, "enacted": False}
    assembly.among(f"motion {poll.id}", events, [("Moved", values)], ("Moved",))


def settle(assembly: Assembly, events: Sequence[Event]) -> None:
    """A motion counted: carried by a majority with a quorum; a quorum against it burns its bond."""
    event = next(event for event in events if event.name == "MotionSettled")
    number, time = event.args["motion"], event.time
    motion, poll, about = assembly.motions[number], assembly.poll_of(number), f"motion {number}"
    over = poll.status == OPEN and time >= poll.deadline
    assembly.holds(f"{about}: its vote was over", over, time)
    yes, no = poll.tally[True], poll.tally[False]
    quorum = (yes + no) * BPS >= poll.rules["quorum_bps"] * motion["electorate"]
    in_time = time < poll.deadline + PATIENCE
    carried, lost = yes > no and quorum and in_time, no > yes and quorum
    bond_back = 0 if lost else motion["bond"]
    poll.status = ACCEPTED if carried else REJECTED
    motion["ready_at"] = time + poll.rules["change_delay"] if carried else 0
    if bond_back:
        assembly.credited["Motions"].append((motion["mover"], bond_back))
    burnt = [
        other.args["amount"]
        for other in events
        if (other.contract, other.name) == ("MarketToken", "Transfer")
        and other.args["receiver"] == ZERO
    ]
    gone = [motion["bond"]] if motion["bond"] and not bond_back else []
    assembly.same(f"{about}: burnt", burnt, gone)
    values = {
        "motion": number, "is_carried": carried, "bond_back": bond_back,
        "ready_at": motion["ready_at"],
    }  # fmt: skip
    assembly.among(about, events, [("MotionSettled", values)], ("MotionSettled",))


def _check_enacted(assembly: Assembly, number: int, kind: int, payload: bytes, time: int) -> None:
    motion, poll, about = assembly.motions[number], assembly.poll_of(number), f"motion {number}"
    assembly.same(f"{about}: kind", motion["kind"], kind)
    assembly.same(f"{about}: what it moved is what was enacted", motion["payload"], payload)
    ready = motion["ready_at"]
    may = poll.status == ACCEPTED and not motion["enacted"] and ready <= time < ready + PATIENCE
    assembly.holds(f"{about}: its delay was over, once", may, time)
    motion["enacted"] = True


def enact_rules(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """New rules of a carried motion; curators stay."""
    number, values = args
    payload, time = keccak(encode([RULES_KIND], [values])), events[0].time
    _check_enacted(assembly, number, RULES_MOTION, payload, time)
    rules, dataset = rules_in(values), assembly.datasets[number // UNIT]
    fixed = not rules["curators"] and not rules["weights"]
    assembly.holds(f"motion {number}: curators stay", fixed)
    epochs = {rules["epoch_length"], dataset.versions[0]["epoch_length"]}
    assembly.same(f"motion {number}: lengths of an epoch", len(epochs), 1)
    version = len(dataset.versions) + 1
    said = name_evaluators(assembly, number // UNIT, rules, version)
    dataset.versions.append(rules)
    said.append(("Installed", {"dataset": number // UNIT, "version": version}))
    changed = {
        "dataset": number // UNIT,
        "version": version,
        "max_exposure_bps": rules["max_exposure_bps"],
        "price_per_use": rules["price_per_use"],
    }
    said.append(("RulesChanged", changed))
    said.append(("Enacted", {"motion": number, "kind": RULES_MOTION, "version": version}))
    names = ("EvaluatorSet", "Installed", "RulesChanged", "Enacted")
    assembly.among(f"motion {number}", events, said, names)


def enact_takedown(assembly: Assembly, args: tuple[Any, ...], events: Sequence[Event]) -> None:
    """A tranche taken down; its income goes to somebody else."""
    number, tranche, born, to = args
    payload = keccak(encode(["uint256", "uint256", "address"], [tranche, born, to]))
    _check_enacted(assembly, number, TAKEDOWN_MOTION, payload, events[0].time)
    dataset, to = number // UNIT, ethereum.checksummed(to)
    registry = assembly.datasets[dataset].registry
    assembly.same(f"motion {number}: born", born, registry.entries[tranche].born)
    snapshot = registry.end(tranche, TAKEDOWN)
    ended = {"tranche": tranche, "snapshot": snapshot, "redirected_to": to, "dataset": dataset}
    said: list[Said] = [
        ("Ended", ended),
        ("TakenDown", {"dataset": dataset, "tranche": tranche, "to": to}),
        ("Enacted", {"motion": number, "kind": TAKEDOWN_MOTION, "version": 0}),
    ]
    assembly.among(f"motion {number}", events, said, ("Ended", "TakenDown", "Enacted"))
