"""Votes on proposals and motions: own ones, many at once, and what was signed for a relayer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from databright.chain.writes import Call, WritePlan
from databright.data_market.entities import OPEN, STATUSES, Tally, read_tally
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError, NotAuthorisedError, UnknownEntityError
from databright.records.ballots import MAX_BALLOTS, Ballot, SignedBallot
from databright.records.signatures import Domain
from databright.records.terms import split_proposal_id
from databright.units import Address, Digest, Seconds

NO_ADDRESS: Final = Address("0x" + "0" * 40)
MAX_BATCH: Final = 64
"""Most proposals of one dataset that one transaction votes on."""
CAST: Final = ("nothing cast", "own ballot", "lent weight for it", "lent weight against it")
"""What `cast_of` tells, in words."""
OWN: Final = 1


@dataclass(frozen=True)
class Votable:
    """What is voted on: a proposal or a motion.

    Attributes:
        id: its id.
        dataset: id of the dataset.
        proposer: who made it: its weight does not count.
        tally: ballots and times.
    """

    id: int
    dataset: int
    proposer: Address
    tally: Tally

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{'motion' if self.tally.is_motion else 'proposal'} {self.id}"


def votable(registry: DataRegistry, number: int) -> Votable:
    """A proposal or a motion.

    Args:
        registry: the data market.
        number: its id.

    Returns:
        What is voted on.

    Raises:
        UnknownEntityError: there is none of that id.
    """
    dataset, _ = split_proposal_id(number)
    token = registry.contracts.curator_token
    tally = read_tally(int(token.call("tallies", number)))
    if tally.status == 0:
        raise UnknownEntityError(
            f"there is no proposal or motion {number}: 'databright proposal list' and 'databright "
            "motion list' show them"
        )
    if tally.is_motion:
        proposer = Address(str(token.call("mover_of", number)))
    else:
        proposer = registry.proposal(number).proposer
    return Votable(number, dataset, proposer, tally)


def check_voting(registry: DataRegistry, number: int) -> Votable:
    """What can be voted on now.

    Args:
        registry: the data market.
        number: id of a proposal or a motion.

    Returns:
        It.

    Raises:
        UnknownEntityError: there is none of that id.
        BadInputError: its vote has not begun or is over.
    """
    found = votable(registry, number)
    now = registry.contracts.chain.next_timestamp()
    tally = found.tally
    if tally.status != OPEN or now >= tally.deadline:
        if tally.status != OPEN:
            raise BadInputError(
                f"voting on {found.name} is over: it is {STATUSES[tally.status]} already"
            )
        raise BadInputError(
            f"voting on {found.name} is over: its deadline was chain time {tally.deadline} and it "
            f"is {now} now"
        )
    if now < tally.votes_from:
        raise BadInputError(
            f"voting on {found.name} begins at chain time {tally.votes_from}, in "
            f"{tally.votes_from - now} s: it is under review until then"
        )
    return found


def check_weight(registry: DataRegistry, found: Votable, voter: Address) -> int:
    """Weight with which somebody can vote.

    Args:
        registry: the data market.
        found: what is voted on.
        voter: who votes.

    Returns:
        Votes, above 0.

    Raises:
        BadInputError: it is the voter's own, there is no weight, or it voted already.
    """
    if voter == found.proposer:
        raise BadInputError(
            f"{found.name} is {voter}'s own: a proposer's weight does not count on it"
        )
    weight = weight_on(registry, found.id, voter)
    if weight == 0:
        genesis = int(registry.contracts.curator_token.call("genesis_weight", found.dataset, voter))
        if genesis:
            raise BadInputError(
                f"{voter}'s genesis weight of {genesis} in dataset {found.dataset} has faded to 0 "
                f"beside the votes that were earned before {found.name} opened: contributors vote"
            )
        raise BadInputError(
            f"{voter} has no weight in dataset {found.dataset} from before {found.name} opened: "
            "only genesis curators and earlier contributors vote on it"
        )
    if cast_of(registry, found.id, voter) == OWN:
        raise BadInputError(f"{voter} has voted on {found.name} already: a vote is final")
    return weight


def plan_vote(registry: DataRegistry, voter: Address, ballots: Mapping[int, bool]) -> WritePlan:
    """Plan votes with one's own weight.

    Args:
        registry: the data market.
        voter: who votes.
        ballots: id of a proposal or a motion -> True for it.

    Returns:
        One transaction for each dataset, or each 64 votes in it.

    Raises:
        UnknownEntityError: there is nothing of an id.
        BadInputError: nothing named; a vote has not begun or is over; the voter's own proposal; no
            weight; or voted already.
    """
    if not ballots:
        raise BadInputError("name at least one proposal or motion to vote on")
    by_dataset: dict[int, list[tuple[Votable, int]]] = {}
    for number in ballots:
        found = check_voting(registry, number)
        weight = check_weight(registry, found, voter)
        by_dataset.setdefault(found.dataset, []).append((found, weight))
    token = registry.contracts.curator_token
    calls: list[Call] = []
    for listed in by_dataset.values():
        for start in range(0, len(listed), MAX_BATCH):
            part = listed[start : start + MAX_BATCH]
            purpose = "vote " + "; ".join(
                f"{'for' if ballots[found.id] else 'against'} {found.name} with weight {weight}"
                for found, weight in part
            )
            if len(part) == 1:
                number = part[0][0].id
                calls.append(Call(token, "vote", (number, ballots[number]), purpose))
                continue
            numbers = [found.id for found, _ in part]
            supports = sum(ballots[number] << i for i, number in enumerate(numbers))
            calls.append(Call(token, "vote_many", (numbers, supports), purpose))
    return WritePlan(tuple(calls))


def draft_ballot(
    registry: DataRegistry, voter: Address, number: int, *, support: bool, deadline: Seconds | None
) -> tuple[Ballot, Domain]:
    """What a voter has to sign so that a relayer can vote for it.

    Args:
        registry: the data market.
        voter: who votes.
        number: id of a proposal or a motion; its vote may begin later.
        support: True for it.
        deadline: chain time after which the ballot counts no more; the longest that the vote can
            last when None.

    Returns:
        The ballot, and where it counts.

    Raises:
        UnknownEntityError: there is none of that id.
        BadInputError: the vote is over, it is the voter's own, there is no weight, voted already,
            or the deadline is past or before the vote begins.
    """
    found = votable(registry, number)
    now = registry.contracts.chain.next_timestamp()
    tally = found.tally
    if tally.status != OPEN or now >= tally.deadline:
        raise BadInputError(
            f"voting on {found.name} is over: its deadline was chain time {tally.deadline} and it "
            f"is {now} now"
        )
    check_weight(registry, found, voter)
    last = Seconds(tally.votes_from + 2 * tally.period) if deadline is None else deadline
    if last <= max(now, tally.votes_from):
        raise BadInputError(
            f"the ballot's deadline {last} is before it could be cast: it is chain time {now} and "
            f"ballots count from {tally.votes_from}"
        )
    token = registry.contracts.curator_token
    nonce = int(token.call("ballot_nonce", found.dataset, voter))
    named = commitment_of(registry, found)
    return Ballot(voter, number, named, support, nonce, last), ballot_domain(registry)


def commitment_of(registry: DataRegistry, found: Votable) -> Digest:
    """What the chain commits to now under the id of what is voted on.

    Args:
        registry: the data market.
        found: a proposal or a motion.

    Returns:
        32 bytes, as a signed ballot names them.
    """
    contracts = registry.contracts
    opener = contracts.motions if found.tally.is_motion else contracts.association
    return Digest(bytes(opener.call("commitment", found.id)))


def ballot_domain(registry: DataRegistry) -> Domain:
    """Where this market's signed ballots count.

    Args:
        registry: the data market.

    Returns:
        Chain and CuratorToken.
    """
    contracts = registry.contracts
    return Domain(contracts.deployment.chain_id, contracts.curator_token.address)


@dataclass(frozen=True)
class Sorted:
    """Signed ballots, told apart.

    Attributes:
        good: those that count now, each voter once on each proposal.
        refused: (ballot, why not).
    """

    good: tuple[SignedBallot, ...]
    refused: tuple[tuple[SignedBallot, str], ...]


def sort_ballots(registry: DataRegistry, ballots: Sequence[SignedBallot]) -> Sorted:
    """Tell signed ballots that count from those that would be passed over.

    Args:
        registry: the data market.
        ballots: as they were collected.

    Returns:
        The good ones by proposal, and the others with the reason.
    """
    good: dict[tuple[int, Address], SignedBallot] = {}
    refused: list[tuple[SignedBallot, str]] = []
    for signed in ballots:
        ballot = signed.ballot
        try:
            _check_ballot(registry, signed)
        except (BadInputError, UnknownEntityError, NotAuthorisedError) as error:
            refused.append((signed, str(error)))
            continue
        if (ballot.proposal, ballot.voter) in good:
            refused.append((signed, f"{ballot.voter} has another ballot on it in this batch"))
            continue
        good[ballot.proposal, ballot.voter] = signed
    return Sorted(tuple(good[key] for key in sorted(good)), tuple(refused))


def _check_ballot(registry: DataRegistry, signed: SignedBallot) -> None:
    ballot = signed.ballot
    if signed.domain != ballot_domain(registry):
        raise BadInputError(
            f"it was signed for contract {signed.domain.contract} on chain "
            f"{signed.domain.chain_id}, which is not this market"
        )
    found = check_voting(registry, ballot.proposal)
    if ballot.commitment != commitment_of(registry, found):
        raise BadInputError(
            f"it was signed for another {found.name}, of commitment {ballot.commitment.hex()}: the "
            "chain was reorganised since then, so its voter must sign anew"
        )
    contracts = registry.contracts
    now = contracts.chain.next_timestamp()
    if now > ballot.deadline:
        raise BadInputError(f"it counted until chain time {ballot.deadline}; it is {now} now")
    nonce = int(contracts.curator_token.call("ballot_nonce", found.dataset, ballot.voter))
    if nonce != ballot.nonce:
        raise BadInputError(
            f"it was cancelled: its nonce is {ballot.nonce}, the voter's is {nonce}"
        )
    check_weight(registry, found, ballot.voter)
    if not contracts.chain.code(ballot.voter):
        # A contract says itself what it has signed (ERC-1271), on chain.
        signed.check()


def plan_relay(registry: DataRegistry, ballots: Sequence[SignedBallot]) -> WritePlan:
    """Plan to hand in signed ballots.

    Args:
        registry: the data market.
        ballots: those that count, at least one; neighbours of one proposal are cheapest.

    Returns:
        One transaction for each 64 ballots.

    Raises:
        BadInputError: there is none.
    """
    if not ballots:
        raise BadInputError("no ballot counts now: nothing to hand in")
    token = registry.contracts.curator_token
    calls = []
    for start in range(0, len(ballots), MAX_BALLOTS):
        part = ballots[start : start + MAX_BALLOTS]
        packed = [signed.packed() for signed in part]
        calls.append(Call(token, "vote_signed", (packed,), f"hand in {len(part)} signed ballots"))
    return WritePlan(tuple(calls))


def plan_cancel(registry: DataRegistry, voter: Address, dataset: int) -> WritePlan:
    """Plan to make all signed ballots of a voter in a dataset worthless that are not cast yet.

    Args:
        registry: the data market.
        voter: who signed them.
        dataset: id of the dataset.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
    """
    registry.contracts.database(dataset)
    token = registry.contracts.curator_token
    nonce = int(token.call("ballot_nonce", dataset, voter))
    purpose = f"cancel the ballots of {voter} in dataset {dataset} signed with nonce {nonce}"
    return WritePlan((Call(token, "cancel_ballots", (dataset,), purpose),))


def weight_on(registry: DataRegistry, number: int, voter: Address) -> int:
    """Weight that a voter has on a proposal or a motion: what it had just before it opened.

    Args:
        registry: the data market.
        number: id of the proposal or motion.
        voter: the account.

    Returns:
        Votes; of the proposer too, whose weight does not count on it.
    """
    return int(registry.contracts.curator_token.call("weight_on", number, voter))


def cast_of(registry: DataRegistry, number: int, voter: Address) -> int:
    """How a voter's weight was cast.

    Args:
        registry: the data market.
        number: id of a proposal or a motion.
        voter: the account.

    Returns:
        0 not at all, 1 by an own ballot, 2 lent for it, 3 lent against it.
    """
    return int(registry.contracts.curator_token.call("ballot_of", number, voter))
