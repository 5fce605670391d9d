"""Challenged verdicts, and the stakes of evaluators that a challenge can take."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

from databright.chain.structs import int_of, values_of
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.data_market.docket import Docket
from databright.data_market.registry import OPEN, DataRegistry, Proposal
from databright.data_market.verdicts import Mark, agreeing
from databright.errors import BadInputError
from databright.records.evidence import OUTCOME_OK, OUTCOMES, SignedEvidence, Verdict
from databright.records.rules import Rules
from databright.units import BPS, Address, Amount, Digest, Seconds, in_tokens

NONE: Final = 0
PENDING: Final = 1
CHALLENGE_STATUSES: Final = ("none", "pending", "upheld", "refused", "not answered")
"""Names of the status codes of a challenge."""
_CHALLENGE = (
    "challenger", "bond", "base", "outcome", "amount", "deadline", "status", "signers", "copy_of",
)  # fmt: skip


@dataclass(frozen=True)
class Challenge:
    """A challenged verdict.

    Attributes:
        proposal: id of the proposal.
        challenger: who put up the bond.
        bond: base units.
        base: snapshot that the verdict is about.
        outcome: what it says, code of `OUTCOMES`.
        amount: shares that it would mint.
        deadline: chain time until which others may answer.
        status: 0 none, 1 pending, 2 upheld, 3 refused, 4 nobody answered.
        signers: who signed the verdict.
        copy_of: the proposal that it calls copied; 0 for none.
    """

    proposal: int
    challenger: Address
    bond: Amount
    base: int
    outcome: int
    amount: int
    deadline: Seconds
    status: int
    signers: tuple[Address, ...]
    copy_of: int

    @property
    def status_name(self) -> str:
        """The status as words."""
        known = self.status < len(CHALLENGE_STATUSES)
        return CHALLENGE_STATUSES[self.status] if known else "unknown"


def challenge_of(registry: DataRegistry, proposal: int) -> Challenge:
    """The challenge of a proposal.

    Args:
        registry: the data market.
        proposal: id of the proposal.

    Returns:
        It; status 0 where there is none.
    """
    raw = values_of(registry.contracts.challenges.call("challenge_of", proposal), _CHALLENGE)
    signers = raw[7] if isinstance(raw[7], list | tuple) else ()
    return Challenge(
        proposal=proposal,
        challenger=Address(str(raw[0])),
        bond=Amount(int_of(raw[1])),
        base=int_of(raw[2]),
        outcome=int_of(raw[3]),
        amount=int_of(raw[4]),
        deadline=Seconds(int_of(raw[5])),
        status=int_of(raw[6]),
        signers=tuple(Address(str(who)) for who in signers),
        copy_of=int_of(raw[8]),
    )


def mark_of(registry: DataRegistry, proposal: int) -> Mark:
    """What the Verdicts keep of a proposal.

    Args:
        registry: the data market.
        proposal: its id.

    Returns:
        The mark.
    """
    return Mark.from_word(int(registry.contracts.verdicts.call("marks", proposal)))


def plan_challenge(
    docket: Docket, challenger: Address, proposal: int, base: int | None = None
) -> WritePlan:
    """Plan a challenge of the verdict that k evaluators published, or that somebody posted.

    Args:
        docket: proposals and their evidence; read anew here.
        challenger: who puts up the bond.
        proposal: id of the proposal.
        base: snapshot that the verdict is about; the newest that has one when None.

    Returns:
        The approval where needed, and the challenge.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: it is closed, is challenged already, or its verdict is what a challenge has
            found; it has no verdict, or its rules allow no challenge; or the challenger has too
            little money.
    """
    registry = docket.registry
    docket.refresh()
    found = registry.proposal(proposal)
    if found.status != OPEN:
        raise BadInputError(f"proposal {proposal} is {found.status_name}: only an open one is held")
    rules = docket.rules(proposal)
    bond = rules.challenge_bond
    if bond == 0:
        raise BadInputError(
            f"the rules of proposal {proposal} allow no challenge: their challenge bond is 0"
        )
    groups = [*_posted(registry, found), *_liable(docket, found, rules)]
    bases = [group.verdict.base for group in groups]
    if base is None and bases:
        base = max(bases)
    groups = [group for group in groups if group.verdict.base == base]
    if not groups:
        raise BadInputError(
            f"no {rules.threshold} evaluators have published the same verdict on proposal "
            f"{proposal}"
            + ("" if base is None else f" and snapshot {base}")
            + ": there is nothing to challenge yet"
        )
    earlier = challenge_of(registry, proposal)
    chosen = _challengeable(earlier, groups, rules.tolerance_bps)
    contracts = registry.contracts
    check_money(contracts.token, challenger, bond, "the challenge's bond")
    verdict = chosen.verdict
    call = Call(
        contracts.challenges,
        "challenge",
        (proposal, verdict.to_struct(), list(chosen.signatures)),
        f"challenge the verdict {OUTCOMES[verdict.outcome]} with {verdict.amount} shares on "
        f"proposal {proposal} with a bond of {in_tokens(bond)}",
    )
    return WritePlan((*approval(contracts.token, challenger, contracts.challenges, bond), call))


@dataclass(frozen=True)
class _Signed:
    verdict: Verdict
    signatures: tuple[bytes, ...]


def _posted(registry: DataRegistry, proposal: Proposal) -> list[_Signed]:
    """What was posted, the newest first: who posts need not have published it.

    More than k may have signed; a challenge takes exactly k of them.
    """
    threshold = registry.rules_at(proposal.dataset, proposal.version).threshold
    commitment = Digest(proposal.terms.commitment())
    return [
        _Signed(
            Verdict(
                proposal=proposal.id,
                commitment=commitment,
                base=event.args["base"],
                holdout_epoch=1,
                outcome=OUTCOME_OK,
                copy_of=0,
                amount=event.args["amount"],
                evidence=Digest(event.args["evidence"]),
            ),
            tuple(event.args["signatures"][:threshold]),
        )
        for event in reversed(registry.contracts.events(proposal.block))
        if event.name == "VerdictPosted" and event.args["proposal"] == proposal.id
    ]


def _liable(docket: Docket, proposal: Proposal, rules: Rules) -> list[_Signed]:
    """What k evaluators published alike who have a stake to lose; who leaves has it still."""
    registry = docket.registry
    contract = registry.contracts.challenges
    least = max(1, registry.dataset(proposal.dataset).rules.evaluator_stake)
    liable = [
        one
        for one in rules.evaluators
        if int(contract.call("stake_of", proposal.dataset, one)) >= least
    ]
    published = docket.published(proposal.id)
    return [
        _Signed(agreed[0].verdict, tuple(evidence.signature for evidence in agreed))
        for base in sorted({evidence.verdict.base for evidence in published}, reverse=True)
        for agreed in agreeing(published, liable, rules.threshold, base)
    ]


def _challengeable(earlier: Challenge, groups: list[_Signed], tolerance_bps: int) -> _Signed:
    """The first verdict that may be challenged: not again what a challenge has found.

    Raises:
        BadInputError: there is none, or a challenge waits.
    """
    if earlier.status == PENDING:
        raise BadInputError(
            f"proposal {earlier.proposal} is challenged already: wait for the answer, until chain "
            f"time {earlier.deadline} at the latest"
        )
    for group in groups:
        verdict = group.verdict
        low, high = sorted((earlier.amount, verdict.amount))
        differs = (high - low) * BPS > tolerance_bps * high or (
            (earlier.base, earlier.outcome, earlier.copy_of)
            != (verdict.base, verdict.outcome, verdict.copy_of)
        )
        if earlier.status == NONE or differs:
            return group
    raise BadInputError(
        f"proposal {earlier.proposal} was challenged before, and its verdict is what the "
        f"challenge has found ({earlier.status_name})"
    )


def plan_answer(docket: Docket, proposal: int) -> WritePlan | None:
    """Plan the answer to a challenge by what k others measured on the same snapshot.

    Args:
        docket: proposals and their evidence.
        proposal: id of the challenged proposal.

    Returns:
        One transaction; None while fewer than k others agree, or none is wanted any more.
    """
    registry = docket.registry
    challenge = challenge_of(registry, proposal)
    if challenge.status != PENDING:
        return None
    if registry.contracts.chain.next_timestamp() >= challenge.deadline:
        return None
    agreed = docket.settled(proposal, challenge.base, without=challenge.signers)
    if not agreed:
        return None
    return WritePlan((_answer(docket, proposal, agreed),))


def _answer(docket: Docket, proposal: int, agreed: list[SignedEvidence]) -> Call:
    return Call(
        docket.registry.contracts.challenges,
        "answer",
        (proposal, agreed[0].verdict.to_struct(), [evidence.signature for evidence in agreed]),
        f"answer the challenge of proposal {proposal}",
    )


def plan_lapse(registry: DataRegistry, proposal: int) -> WritePlan:
    """Plan the end of a proposal whose challenge nobody answered.

    Args:
        registry: the data market.
        proposal: its id.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: no challenge of it waits, or it may still be answered.
    """
    found = registry.proposal(proposal)
    challenge = challenge_of(registry, proposal)
    now = registry.contracts.chain.next_timestamp()
    if challenge.status != PENDING:
        raise BadInputError(f"the challenge of proposal {proposal} is {challenge.status_name}")
    if now < challenge.deadline:
        raise BadInputError(
            f"the challenge of proposal {proposal} may be answered until chain time "
            f"{challenge.deadline}; it is {now} now"
        )
    call = Call(
        registry.contracts.challenges,
        "lapse",
        (astuple(found.terms),),
        f"close proposal {proposal}, which nobody measured again",
    )
    return WritePlan((call,))
