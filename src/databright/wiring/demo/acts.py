"""The proposals' acts: sealed data, evidence, ballots of all kinds, and a lie that is found out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from databright.chain.writes import approval
from databright.custody.blobs import sha256
from databright.data_market import proposals, shares, voting
from databright.data_market.challenges import PENDING, Challenge, challenge_of
from databright.data_market.docket import Docket
from databright.data_market.oracles.base import Decision, Opinion
from databright.data_market.oracles.evidence_policy import EvidencePolicy
from databright.data_market.proposals import OwnedRows
from databright.data_market.registry import OPEN
from databright.records.ballots import SignedBallot
from databright.records.evidence import OUTCOME_OK, SignedEvidence
from databright.records.rows import Rows
from databright.records.strict_json import dumps_canonical
from databright.wiring.demo.blobs import read_json
from databright.wiring.demo.cast import CURATORS, INVESTOR, LIARS, PARTNER, Part
from databright.wiring.demo.play import CHALLENGE_BOND, Stage
from databright.wiring.local_market import wait_until

CHALLENGER = CURATORS[1]
RELAYER = CURATORS[1]
FIRST_VERSION_ROWS = 120
PARTNER_ROWS = 80
CLAIMED_NATS = 0.4
CLAIMED_SHARES = 400_000


def play_proposal(stage: Stage, part: Part, docket: Docket) -> None:
    """One contributor proposes; evaluators measure; curators and the oracle vote.

    Args:
        stage: the stage.
        part: the contributor's part.
        docket: the player's view of proposals and evidence.
    """
    duty = stage.cast.duty(part)
    number = _propose(stage, part, duty)
    agreed = _await_evidence(docket, number)
    if duty == "challenge":
        agreed = _lie_and_challenge(stage, docket, number, agreed[0])
    opinion = _vote(stage, number, agreed, duty)
    _await_execution(stage, number)
    verdict = stage.registry.proposal(number).status_name
    stage.say(f"Proposal {number} is {verdict}: {opinion.reason}")


def _propose(stage: Stage, part: Part, duty: str) -> int:
    draft = proposals.ProposalDraft(
        title=f"{len(part.rows)} digits of {part.name}",
        provenance="collected by the contributor",
        request=stage.request,
        samples=(0,),
    )
    address = stage.addresses[part.name]
    whole = [OwnedRows(address, part.rows)]
    if duty == "batch":
        mine, other = _split(part.rows, len(part.rows) - PARTNER_ROWS)
        whole = [OwnedRows(address, mine), OwnedRows(stage.addresses[PARTNER], other)]
    if duty == "revision":
        first, _ = _split(part.rows, FIRST_VERSION_ROWS)
        early = _send_proposal(stage, part, [OwnedRows(address, first)], draft)
        stage.replaced[part.name] = early
        planned = proposals.plan_revision(stage.registry, address, early, whole, draft)
        stage.send(part.name, planned.plan)
        number = stage.registry.proposal_ids(stage.dataset)[-1]
        stage.books[number] = planned.book
        stage.say(
            f"{part.name} proposes {len(first)} rows, then revises: proposal {early} becomes "
            f"proposal {number} with {len(part.rows)} rows, its bond carried over."
        )
    else:
        number = _send_proposal(stage, part, whole, draft)
        owners = " of two owners under one root" if duty == "batch" else ""
        stage.say(f"{part.name} proposes {len(part.rows)} rows{owners}, sealed: proposal {number}.")
    stage.proposals[part.name] = number
    return number


def _send_proposal(
    stage: Stage, part: Part, rows: Sequence[OwnedRows], draft: proposals.ProposalDraft
) -> int:
    address = stage.addresses[part.name]
    planned = proposals.plan_proposal(stage.registry, address, stage.dataset, rows, draft)
    stage.send(part.name, planned.plan)
    number = stage.registry.proposal_ids(stage.dataset)[-1]
    stage.books[number] = planned.book
    return number


def _split(rows: Rows, first: int) -> tuple[Rows, Rows]:
    return (
        Rows(rows.x_NF[:first], rows.y_N[:first]),
        Rows(rows.x_NF[first:], rows.y_N[first:]),
    )


def _await_evidence(docket: Docket, number: int) -> list[SignedEvidence]:
    found: list[SignedEvidence] = []

    def seen() -> bool:
        docket.refresh()
        found[:] = docket.newest_settled(number)
        return bool(found)

    wait_until(seen, f"the evidence on proposal {number}")
    return found


def _vote(stage: Stage, number: int, agreed: list[SignedEvidence], duty: str) -> Opinion:
    """The curators read the published evidence and vote by the oracle's declared policy.

    Where the policy abstains (a gain that may be zero), people decide: no check failed, so yes.
    """
    figures = read_json(stage.open.store, bytes(agreed[0].verdict.evidence))
    opinion = EvidencePolicy().decide(agreed, figures)
    support = opinion.decision is not Decision.REJECT
    if opinion.decision is not Decision.ABSTAIN and duty != "challenge":
        _await_oracle(stage, number)
        if duty == "override":
            _override(stage, number, not support)
    if duty == "relay":
        _relay(stage, number, support)
        return opinion
    for curator in CURATORS[1:]:
        plan = voting.plan_vote(stage.registry, stage.addresses[curator], {number: support})
        stage.send(curator, plan)
    return opinion


def _await_oracle(stage: Stage, number: int) -> None:
    """Give the oracle its turn: its policy is the curators', so it decides where they do."""
    lender = stage.addresses[CURATORS[0]]
    wait_until(
        lambda: voting.cast_of(stage.registry, number, lender) != 0,
        f"the oracle's ballot on proposal {number}",
    )


def _override(stage: Stage, number: int, support: bool) -> None:
    lender = CURATORS[0]
    plan = voting.plan_vote(stage.registry, stage.addresses[lender], {number: support})
    stage.send(lender, plan)
    word = "for" if support else "against"
    stage.say(f"{lender} overrides the oracle and votes {word} proposal {number} herself.")


def _relay(stage: Stage, number: int, support: bool) -> None:
    signed = []
    for curator in CURATORS[1:]:
        key = stage.market.keys(curator)
        ballot, domain = voting.draft_ballot(
            stage.registry, key.address, number, support=support, deadline=None
        )
        signed.append(SignedBallot.make(ballot, key.account(), domain))
    good = voting.sort_ballots(stage.registry, signed).good
    stage.send(RELAYER, voting.plan_relay(stage.registry, good))
    stage.say(f"{RELAYER} hands in {len(good)} signed ballots at once and is repaid for them.")


def _await_execution(stage: Stage, number: int) -> None:
    """An irreversible majority is executed at once; else the vote's end is waited for."""

    def over() -> bool:
        proposal = stage.registry.proposal(number)
        if proposal.status != OPEN:
            return True
        now = stage.open.contracts.chain.next_timestamp()
        if now < proposal.deadline:
            stage.market.advance_clock(proposal.deadline - now + 1)
        return False

    wait_until(over, f"the execution of proposal {number}")


def _lie_and_challenge(
    stage: Stage, docket: Docket, number: int, honest: SignedEvidence
) -> list[SignedEvidence]:
    """Two evaluators sign that the flipped set gains; a challenge makes two others measure."""
    store, contracts = stage.open.store, stage.open.contracts
    figures = read_json(store, bytes(honest.verdict.evidence))
    gain = {"low": CLAIMED_NATS / 2, "mean": CLAIMED_NATS, "high": CLAIMED_NATS * 3 / 2}
    invented = dumps_canonical({**figures, "gain": gain})
    store.put(invented)
    verdict = replace(
        honest.verdict,
        outcome=OUTCOME_OK,
        copy_of=0,
        amount=CLAIMED_SHARES,
        evidence=sha256(invented),
    )
    lies = []
    for name in LIARS:
        key = stage.market.keys(name)
        lie = docket.domain.sign(verdict, "the data helps", key.account_key)
        blob = lie.to_json()
        store.put(blob)
        stage.transact(
            name, contracts.verdicts, "publish_evidence", number, verdict.base, sha256(blob)
        )
        lies.append(lie)
    stage.say(f"{' and '.join(LIARS)} sign that the flipped set is worth {CLAIMED_SHARES} shares.")
    lies.sort(key=lambda lie: int(lie.evaluator, 16))
    address = stage.addresses[CHALLENGER]
    for call in approval(contracts.token, address, contracts.challenges, CHALLENGE_BOND):
        stage.transact(CHALLENGER, call.contract, call.function, *call.arguments)
    stage.transact(
        CHALLENGER,
        contracts.challenges,
        "challenge",
        number,
        verdict.to_struct(),
        [lie.signature for lie in lies],
    )
    stage.say(f"{CHALLENGER} challenges their verdict with a bond of {CHALLENGE_BOND}.")
    decided = _await_challenge(stage, number)
    stage.say(f"Two others measured again: the challenge is {decided.status_name}.")
    return _await_honest(docket, number, decided)


def _await_challenge(stage: Stage, number: int) -> Challenge:
    wait_until(
        lambda: challenge_of(stage.registry, number).status != PENDING,
        f"the answer to the challenge of proposal {number}",
    )
    return challenge_of(stage.registry, number)


def _await_honest(docket: Docket, number: int, challenge: Challenge) -> list[SignedEvidence]:
    found: list[SignedEvidence] = []

    def seen() -> bool:
        docket.refresh()
        found[:] = docket.settled(number, challenge.base, without=challenge.signers)
        return bool(found)

    wait_until(seen, f"the others' evidence on proposal {number}")
    return found


def sell_shares(stage: Stage) -> None:
    """The first accepted contributor sells half of its tranche; its earlier income stays its own.

    Args:
        stage: the stage.
    """
    seller = stage.cast.on_duty("override").name
    tranche = stage.proposals[seller]
    database = stage.open.contracts.database(stage.dataset)
    held = int(database.call("balanceOf", stage.addresses[seller], tranche))
    plan = shares.plan_transfer(
        stage.registry, stage.addresses[seller], tranche, stage.addresses[INVESTOR], held // 2
    )
    stage.send(seller, plan)
    stage.say(
        f"{seller} sells {held // 2} of its {held} shares of tranche {tranche} to {INVESTOR}."
    )
