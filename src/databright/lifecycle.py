"""The story: the transitions that a whole market goes through, in order.

One table with three users: the demo plays it, the end-to-end test asserts that the chain
shows it, and the docs draw it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One expected transition.

    Attributes:
        event: the contract event that shows it.
        actor: who causes it.
        says: what happens, for people.
        optional: it happens only in some runs.
    """

    event: str
    actor: str
    says: str
    optional: bool = False


STEPS: tuple[Step, ...] = (
    Step("NodeRegistered", "node operator", "announces a trusted node"),
    Step("WorkerRegistered", "worker owner", "offers a machine at a minimum fee and stakes on it"),
    Step(
        "DatasetCreated",
        "initiator",
        "opens a dataset under rules that its curators alone can change",
    ),
    Step("RequestOpened", "initiator", "asks for data, with an escrow and a sealed holdout"),
    Step("Staked", "evaluator", "puts money at stake for its signatures"),
    Step("Lent", "curator", "lends its vote to an oracle"),
    Step("Proposed", "contributor", "proposes sealed rows, with a bond and the evaluation's fee"),
    Step("EvidencePublished", "evaluator", "measures the proposal and signs what it found"),
    # Before the vote that it comes with, so that such a transaction is told as this.
    Step("Overridden", "curator", "votes herself, which takes the oracle's ballot back"),
    Step("Voted", "curator", "votes on the evidence, herself or by a signed ballot"),
    Step("VotedLent", "oracle", "votes with weight that was lent to it"),
    Step("Challenged", "anyone", "challenges a verdict with a bond"),
    Step("ChallengeDecided", "other evaluators", "measure again; who lied is slashed"),
    Step("Executed", "anyone", "closes the vote: registry entry, snapshot, shares"),
    Step("JobOpened", "buyer", "funds a training job before any work is given out"),
    Step("HubClaimed", "trusted node", "takes the job"),
    Step("Reserved", "trusted node", "reserves each owner's exposure before a byte is shipped"),
    Step("DataFeePaid", "escrow", "pays the data's fee as dividends of the snapshot"),
    Step("Voided", "trusted node", "proves a result wrong and slashes its owner", optional=True),
    Step("SegmentAccepted", "trusted node", "accepts a segment that three owners agree on"),
    Step("SegmentPaid", "escrow", "credits each owner its fee"),
    Step("JobFinished", "trusted node", "delivers the weights and closes the books"),
    Step("ModelRegistered", "model owner", "lists the model, with its lineage"),
    Step("PredictionRequested", "customer", "pays for a prediction"),
    Step("PredictionFulfilled", "trusted node", "delivers it; owner, data and device are paid"),
    Step("HoldoutRetired", "evaluator", "publishes the holdout, so that all figures can be redone"),
    Step("Moved", "anyone", "moves to take a tranche down"),
    Step("MotionSettled", "anyone", "counts the curators' votes on it"),
    Step("TakenDown", "anyone", "enacts it: a new snapshot, the income goes elsewhere"),
    Step("Erased", "trusted node", "erases keys, salts and ciphertext, and says so"),
    Step("Claimed", "shareholder", "takes its dividends"),
    Step("Withdrawn", "anyone", "takes what it is owed"),
)


def missing_steps(events: Iterable[str]) -> list[str]:
    """Steps of the story that a list of events does not show in order.

    A step is in order when its first event comes after the first event of the step before.
    Registrations, verdicts and withdrawals may come at any time.

    Args:
        events: event names in chain order.

    Returns:
        Names of the steps that are absent or out of order; empty when the story is whole.
    """
    first: dict[str, int] = {}
    for place, name in enumerate(events):
        first.setdefault(name, place)
    missing = []
    latest = -1
    for step in STEPS:
        position = first.get(step.event)
        if position is None:
            if not step.optional:
                missing.append(step.event)
        elif step.event not in _UNORDERED:
            if position < latest:
                missing.append(step.event)
            latest = max(latest, position)
    return missing


_UNORDERED = frozenset(
    {
        "NodeRegistered",
        "WorkerRegistered",
        "Voted",
        "VotedLent",
        "Overridden",
        "Challenged",
        "ChallengeDecided",
        "Withdrawn",
        "Voided",
    }
)


def diagram() -> str:
    """Draw the story.

    Returns:
        A Mermaid flowchart.
    """
    lines = ["flowchart TD"]
    for number, step in enumerate(STEPS):
        lines.append(f'    s{number}["{step.event}<br/>{step.actor} {step.says}"]')
    lines.extend(f"    s{n} --> s{n + 1}" for n in range(len(STEPS) - 1))
    return "\n".join(lines) + "\n"
