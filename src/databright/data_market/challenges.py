"""Challenged verdicts, and the stakes of evaluators that a challenge can take."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

from databright.chain.structs import int_of, values_of
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.data_market.docket import Docket
from databright.data_market.registry import OPEN, DataRegistry
from databright.data_market.verdicts import Mark, agreeing
from databright.errors import BadInputError
from databright.records.evidence import OUTCOMES, SignedEvidence
from databright.records.terms import split_proposal_id
from databright.units import BPS, Address, Amount, Seconds, in_tokens

NONE: Final = 0
PENDING: Final = 1
CHALLENGE_STATUSES: Final = ("none", "pending", "upheld", "refused", "not answered")
"""Names of the status codes of a challenge."""
LEAVING: Final = Seconds(180 * 86_400)
"""A stake can be taken so long after its owner has left."""
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


@dataclass(frozen=True)
class Stake:
    """What an evaluator has at stake in a dataset.

    Attributes:
        dataset: id of the dataset.
        evaluator: whose.
        amount: base units.
        required: what the rules ask for now, base units.
        leaving_at: chain time at which it left; 0 = it has not.
        is_named: whether the rules name it.
        counts: whether its signatures count for proposals made now.
    """

    dataset: int
    evaluator: Address
    amount: Amount
    required: Amount
    leaving_at: Seconds
    is_named: bool
    counts: bool


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
    """Plan a challenge of the verdict that k evaluators published.

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
    if base is None:
        bases = {evidence.verdict.base for evidence in docket.published(proposal)}
        newest = sorted(bases, reverse=True)
        base = next((number for number in newest if _liable(docket, proposal, number)), None)
    groups = [] if base is None else _liable(docket, proposal, base)
    if not groups:
        raise BadInputError(
            f"no {rules.threshold} evaluators have published the same verdict on proposal "
            f"{proposal}"
            + ("" if base is None else f" and snapshot {base}")
            + ": there is nothing to challenge yet"
        )
    earlier = challenge_of(registry, proposal)
    agreed = _challengeable(earlier, groups, rules.tolerance_bps)
    contracts = registry.contracts
    check_money(contracts.token, challenger, bond, "the challenge's bond")
    verdict = agreed[0].verdict
    call = Call(
        contracts.challenges,
        "challenge",
        (proposal, verdict.to_struct(), [evidence.signature for evidence in agreed]),
        f"challenge the verdict {OUTCOMES[verdict.outcome]} with {verdict.amount} shares on "
        f"proposal {proposal} with a bond of {in_tokens(bond)}",
    )
    return WritePlan((*approval(contracts.token, challenger, contracts.challenges, bond), call))


def _liable(docket: Docket, proposal: int, base: int) -> list[list[SignedEvidence]]:
    """What k evaluators agree on who have a stake to lose; who leaves has it still."""
    rules, registry = docket.rules(proposal), docket.registry
    dataset = split_proposal_id(proposal)[0]
    contract = registry.contracts.challenges
    least = max(1, registry.dataset(dataset).rules.evaluator_stake)
    liable = [
        one for one in rules.evaluators if int(contract.call("stake_of", dataset, one)) >= least
    ]
    return agreeing(docket.published(proposal), liable, rules.threshold, base)


def _challengeable(
    earlier: Challenge, groups: list[list[SignedEvidence]], tolerance_bps: int
) -> list[SignedEvidence]:
    """The first verdict that may be challenged: not again what a challenge has found.

    Raises:
        BadInputError: there is none, or a challenge waits.
    """
    if earlier.status == PENDING:
        raise BadInputError(
            f"proposal {earlier.proposal} is challenged already: wait for the answer, until chain "
            f"time {earlier.deadline} at the latest"
        )
    for agreed in groups:
        verdict = agreed[0].verdict
        low, high = sorted((earlier.amount, verdict.amount))
        differs = (high - low) * BPS > tolerance_bps * high or (
            (earlier.base, earlier.outcome, earlier.copy_of)
            != (verdict.base, verdict.outcome, verdict.copy_of)
        )
        if earlier.status == NONE or differs:
            return agreed
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


def stake_of(registry: DataRegistry, dataset: int, evaluator: Address) -> Stake:
    """What an evaluator has at stake in a dataset.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        evaluator: whose.

    Returns:
        The stake.

    Raises:
        UnknownEntityError: no such dataset.
    """
    rules = registry.dataset(dataset).rules
    contracts = registry.contracts
    return Stake(
        dataset=dataset,
        evaluator=evaluator,
        amount=Amount(int(contracts.challenges.call("stake_of", dataset, evaluator))),
        required=rules.evaluator_stake,
        leaving_at=Seconds(int(contracts.challenges.call("leaving_at", dataset, evaluator))),
        is_named=evaluator in rules.evaluators,
        counts=bool(contracts.verdicts.call("is_evaluator", dataset, evaluator)),
    )


def plan_stake(
    registry: DataRegistry, evaluator: Address, dataset: int, amount: Amount | None = None
) -> WritePlan:
    """Plan to put money at stake as an evaluator of a dataset.

    Args:
        registry: the data market.
        evaluator: whose money.
        dataset: id of the dataset.
        amount: base units; what is missing of the required stake when None.

    Returns:
        The approval where needed, and the stake.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: the rules do not name the evaluator, it is leaving, nothing is missing, or
            there is too little money.
    """
    before = stake_of(registry, dataset, evaluator)
    if not before.is_named:
        raise BadInputError(
            f"{evaluator} is not an evaluator of dataset {dataset}: use the key of one of them"
        )
    if before.leaving_at:
        raise BadInputError(
            f"{evaluator} leaves dataset {dataset} since chain time {before.leaving_at}: it can "
            "put money at stake again when it has taken the old stake out"
        )
    put = Amount(before.required - before.amount) if amount is None else amount
    if put <= 0:
        raise BadInputError(
            f"{evaluator} has {in_tokens(before.amount)} at stake in dataset {dataset} and "
            f"{in_tokens(before.required)} is asked for: say how much more with --amount"
        )
    contracts = registry.contracts
    check_money(contracts.token, evaluator, put, "the stake")
    call = Call(
        contracts.challenges,
        "stake",
        (dataset, put),
        f"put {in_tokens(put)} at stake as an evaluator of dataset {dataset}",
    )
    return WritePlan((*approval(contracts.token, evaluator, contracts.challenges, put), call))


def plan_unstake(registry: DataRegistry, evaluator: Address, dataset: int) -> WritePlan:
    """Plan to leave as an evaluator, or to take the stake out when the wait is over.

    Args:
        registry: the data market.
        evaluator: whose stake.
        dataset: id of the dataset.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: nothing is at stake, or it is locked still.
    """
    before = stake_of(registry, dataset, evaluator)
    if before.amount == 0:
        raise BadInputError(f"{evaluator} has nothing at stake in dataset {dataset}")
    now = registry.contracts.chain.next_timestamp()
    free_at = before.leaving_at + LEAVING
    if before.leaving_at and now < free_at:
        raise BadInputError(
            f"the stake of {evaluator} in dataset {dataset} is locked until chain time {free_at}; "
            f"it is {now} now"
        )
    purpose = (
        f"take the stake of {in_tokens(before.amount)} in dataset {dataset} out as a credit"
        if before.leaving_at
        else f"leave as an evaluator of dataset {dataset}; the stake is free in 180 days"
    )
    return WritePlan((Call(registry.contracts.challenges, "unstake", (dataset,), purpose),))
