"""What the replay of the data market knows at every moment, and what all of its parts share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.verifier import points_again, typed
from tests.verifier.calls import VERDICT, terms_of
from tests.verifier.checks import Checks
from tests.verifier.export import Event, Market
from tests.verifier.polls import MAX_REPAID, OPEN, Poll, Polls, Said
from tests.verifier.rules_again import UNIT, Rules, rules_by_version
from tests.verifier.snapshots_again import ACCEPTED, Registry

OK, COPY, HARMFUL, FRAUD = range(4)
REJECTED, EXPIRED, WITHDRAWN, REVISED, VOIDED = 3, 4, 5, 6, 7
FOREVER = 2**12 - 1
"""Last version of the rules that names an evaluator that no version has dropped."""
Verdict = dict[str, Any]


@dataclass
class Mark:
    """What evaluators and challengers did to a proposal.

    Attributes:
        pending: it is challenged.
        measured: evidence is published.
        decided_at: chain time; 0 = never.
        posted: the verdict shown last, and when.
    """

    pending: bool = False
    measured: bool = False
    decided_at: int = 0
    posted: tuple[Verdict, int] | None = None


@dataclass(frozen=True)
class Member:
    """For which versions an evaluator is named, and whether its stake lets it count."""

    first: int = 0
    last: int = 0
    counts: bool = False


@dataclass
class Challenge:
    """The last challenge of a proposal.

    Attributes:
        challenger: who put up the bond.
        bond: base units.
        verdict: what is challenged; of an upheld one, what the others found.
        signers: of the challenged one.
        deadline: chain time until which it may be answered.
        status: 1 pending, 2 upheld, 3 refused, 4 unanswered.
        claimed: what was challenged, once it is decided.
    """

    challenger: str
    bond: int
    verdict: Verdict
    signers: list[str]
    deadline: int
    status: int = 1
    claimed: Verdict = field(default_factory=dict)


@dataclass
class Dataset:
    """One dataset.

    Attributes:
        created: chain time.
        versions: its rules; version 1 first.
        registry: entries and snapshots.
        count: proposals.
        epoch: the epoch in which it minted last, and how much.
        num_motions: motions.
    """

    created: int
    versions: list[Rules]
    registry: Registry = field(default_factory=Registry)
    count: int = 0
    epoch: tuple[int, int] = (-1, 0)
    num_motions: int = 0


@dataclass
class Request:
    """One request: what is left of its escrow, and what it has brought."""

    dataset: int
    initiator: str
    curve: Sequence[tuple[int, int]]
    deadline: int
    left: int
    shares: int = 0
    open_proposals: int = 0
    is_over: bool = False

    def award(self, amount: int) -> int:
        """Price of the next shares: share by share over the steps of the curve."""
        area, place, end = 0, self.shares, self.shares + amount
        for number, (until, rate) in enumerate(self.curve):
            upper = end if number == len(self.curve) - 1 else min(end, until)
            area += max(upper - place, 0) * rate
            place = max(upper, place)
        return min(self.left, area // 1_000)


@dataclass
class Assembly:
    """The replayed state.

    Attributes:
        market: the chain.
        checks: where comparisons go.
        polls: votes.
        terms: of every proposal, from its event.
        marks: of every proposal.
        datasets: by id.
        requests: by id.
        members: (dataset, evaluator) -> when it counts.
        stakes: (dataset, evaluator) -> base units.
        leaving: evaluators that leave.
        challenges: by proposal.
        motions: by id: kind, payload, bond, electorate, from when on it can be enacted.
        held: accepted proposal whose bond is kept -> the snapshot whose values it waits for.
        signers: executed proposal -> who signed what was executed.
        verdicts: executed proposal -> what was executed.
        credited: contract -> (account, amount) that no event of it names.
        pools: (dataset, snapshot) -> its value pool.
    """

    market: Market
    checks: Checks
    polls: Polls
    terms: dict[int, dict[str, Any]] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=lambda: defaultdict(Mark))
    datasets: dict[int, Dataset] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    members: dict[tuple[int, str], Member] = field(default_factory=lambda: defaultdict(Member))
    stakes: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    leaving: set[tuple[int, str]] = field(default_factory=set)
    challenges: dict[int, Challenge] = field(default_factory=dict)
    motions: dict[int, dict[str, Any]] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    signers: dict[int, list[str]] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    credited: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    pools: dict[tuple[int, int], Any] = field(default_factory=dict)

    def same(self, name: str, told: Any, found: Any) -> bool:
        """Compare."""
        return self.checks.same(name, told, found)

    def holds(self, name: str, condition: bool, said: Any = "") -> bool:
        """Note whether a statement is true."""
        return self.checks.holds(name, condition, said)

    def among(
        self, about: str, events: Sequence[Event], expected: Iterable[Said], names: Iterable[str]
    ) -> None:
        """The events of these names must be these; several of one name in this order."""
        for name in sorted(set(names)):
            told = [dict(e.args) for e in events if e.name == name and e.contract != "MarketToken"]
            self.same(f"{about}: {name}", told, [dict(v) for n, v in expected if n == name])

    # -- terms

    def check_terms(self, about: str, values: tuple[Any, ...]) -> dict[str, Any]:
        """Terms that a call brought hash to the commitment of the terms in the event."""
        told = terms_of(values)
        known = self.terms[told["proposal"]]
        commitment = points_again.commitment
        self.same(f"{about}: terms and commitment", commitment(told), commitment(known))
        return known

    def poll_of(self, proposal: int) -> Poll:
        """The vote on a proposal."""
        return self.polls.polls[proposal]

    def expiry(self, poll: Poll) -> int:
        """From when on a proposal without a verdict expires."""
        return max(poll.deadline, self.marks[poll.id].decided_at) + 2 * poll.period

    # -- evaluators

    def counts(self, dataset: int, evaluator: str, version: int) -> bool:
        """Whether a signature counts."""
        member = self.members[dataset, evaluator]
        return member.counts and member.first <= version <= member.last

    def check_signers(
        self, about: str, dataset: int, version: int, digest: bytes, signatures: Sequence[bytes]
    ) -> list[str]:
        """Who signed; at least k evaluators whose stake counts, each once, ascending."""
        found = [typed.signer(digest, signature) for signature in signatures]
        ascending = sorted(set(found), key=lambda address: int(address, 16))
        self.same(f"{about}: signers, each once, ascending", found, ascending)
        strangers = [one for one in found if not self.counts(dataset, one, version)]
        self.same(f"{about}: signers that do not count", [], strangers)
        threshold = self.datasets[dataset].versions[version - 1]["threshold"]
        enough = len(found) >= threshold
        self.holds(f"{about}: signed by at least {threshold}", enough, len(found))
        return found

    def check_verdict(
        self, about: str, poll: Poll, values: tuple[Any, ...], signatures: Sequence[bytes]
    ) -> tuple[Verdict, list[str]]:
        """A verdict that the contracts may take, and who signed it for this chain's Verdicts."""
        verdict = dict(zip(VERDICT, values, strict=True))
        outcome, copied = verdict["outcome"], verdict["copy_of"]
        right = outcome <= FRAUD and verdict["holdout_epoch"] == 1 and verdict["amount"] < 2**52
        right = right and (outcome == COPY) == bool(copied)
        right = right and not (outcome != OK and verdict["amount"])
        if outcome == COPY:
            other = self.polls.polls[copied]
            earlier = (other.opened, copied) < (poll.opened, poll.id)
            right = right and not other.is_motion and earlier
        self.holds(f"{about}: a verdict of the right form", right, values[:5])
        separator = typed.domain(self.market.chain_id, self.market.addresses["Verdicts"])
        digest = typed.digest(separator, typed.VERDICT, (poll.id, poll.commitment, *values))
        signers = self.check_signers(about, poll.dataset, poll.version, digest, signatures)
        return verdict, signers

    def turn_of(self, poll: Poll) -> list[str]:
        """Whose turn it is to measure a proposal."""
        named, number = poll.rules["evaluators"], poll.id % UNIT
        return [named[(number + i) % len(named)] for i in range(poll.rules["threshold"])]

    # -- closing

    def settled(
        self, poll: Poll, status: int, payees: Sequence[str], bond_back: int,
        shares: int = 0, snapshot: int = 0,
    ) -> list[Said]:  # fmt: skip
        """Close a proposal: fees, what goes back, the award. Without payees the fee goes back."""
        terms, price = self.terms[poll.id], poll.rules["relay_price"]
        poll.status = status
        fee = terms["fee"] - MAX_REPAID * price
        fee_back = (MAX_REPAID - poll.repaid) * price + (0 if payees else fee)
        said: list[Said] = []
        for number, payee in enumerate(payees):
            part = fee // len(payees)
            part = fee - part * (len(payees) - 1) if number == 0 else part
            said.append(("FeePaid", {"proposal": poll.id, "to": payee, "amount": part}))
        values = {
            "proposal": poll.id, "status": status, "shares": shares, "snapshot": snapshot,
            "bond_back": bond_back, "fee_back": fee_back,
        }  # fmt: skip
        said.append(("Settled", values))
        if shares:
            minted = {"dataset": poll.dataset, "to": terms["payee"], "amount": shares}
            said.append(("Minted", minted))
        if terms["request"]:
            cost = terms["fee"] - fee_back if status == ACCEPTED else 0
            said += self._awarded(terms, shares, cost)
        return said

    def _awarded(self, terms: Mapping[str, Any], shares: int, fee: int) -> list[Said]:
        request = self.requests[terms["request"]]
        request.open_proposals -= 1
        if not shares and not fee:
            return []
        award = request.award(shares)
        back = min(request.left - award, fee)
        request.left -= award + back
        request.shares += shares
        values = {
            "request": terms["request"], "to": terms["payee"], "proposer": terms["proposer"],
            "award": award, "fee_back": back,
        }  # fmt: skip
        return [("AwardPaid", values)]

    def open_of(self, proposer: str) -> int:
        """Open proposals of an account, over all datasets."""
        polls = self.polls.polls
        return sum(
            terms["proposer"] == proposer and polls[number].status == OPEN
            for number, terms in self.terms.items()
        )


def new_poll(assembly: Assembly, event: Event, key: str, who: str) -> Poll:
    """The vote that an event opened."""
    number = int(event.args[key])
    versions = assembly.datasets[number // UNIT].versions
    rules = {**versions[-1]}
    for name in ("curators", "weights"):
        rules[name] = versions[0][name]
    is_motion = key == "motion"
    named = points_again.moved if is_motion else points_again.commitment
    return Poll(
        number, str(event.args[who]), named(event.args), event.time, len(versions), rules, is_motion
    )


def new_dataset(market: Market, event: Event) -> Dataset:
    """A dataset under its first rules."""
    rules = rules_by_version(market, event.args["dataset"])[0][1]
    return Dataset(event.time, [rules])
