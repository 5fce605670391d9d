"""Ballots again: weights from before the commitment, loans, overrides, late extensions.

Nothing is packed and nothing is remembered in words: weights come from the list of mints, loans
from the list of loans, states from who has voted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from tests.verifier import ethereum, typed
from tests.verifier.export import Event
from tests.verifier.rules_again import UNIT, Rules

OPEN = 1
WHOLE = 64
"""A deadline moves by 64ths of the period, by one period at most."""
LATE = 4
"""The last quarter is late."""
MAX_REPAID = 64
Said = tuple[str, Mapping[str, Any]]
"""An event that must come: its name, its values."""


@dataclass(frozen=True)
class Loan:
    """A loan of votes, or its end (no oracle)."""

    oracle: str
    cap: int
    since: int
    expiry: int
    least: int


@dataclass
class Poll:
    """The vote on a proposal or a motion.

    Attributes:
        id: of the proposal or motion.
        proposer: whose weight does not count.
        commitment: to its terms, or to what it moves: what signatures name.
        opened: chain time.
        version: of the rules.
        rules: of that version.
        is_motion: whether it is one.
        tally: support -> weight.
        lent: support -> weight of it that is lent.
        extension: 64ths of the period.
        own: who has voted, or proposed it.
        cast: lender -> (support, weight, oracle) of lent ballots that stand.
        repaid: ballots that relayers were repaid for.
        status: 1 open, else as the contracts number it.
    """

    id: int
    proposer: str
    commitment: bytes
    opened: int
    version: int
    rules: Rules
    is_motion: bool
    tally: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    lent: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    extension: int = 0
    own: set[str] = field(default_factory=set)
    cast: dict[str, tuple[bool, int, str]] = field(default_factory=dict)
    repaid: int = 0
    status: int = OPEN

    @property
    def dataset(self) -> int:
        """Of which dataset."""
        return self.id // UNIT

    @property
    def period(self) -> int:
        """Seconds of voting."""
        return int(self.rules["voting_period"])

    @property
    def begin(self) -> int:
        """Chain time from which on ballots count."""
        return self.opened + 60 * int(self.rules["review_minutes"])

    @property
    def deadline(self) -> int:
        """Chain time from which on they do not."""
        return self.begin + self.period + self.period * self.extension // WHOLE

    def is_votable(self, time: int) -> bool:
        """Whether ballots count."""
        return self.status == OPEN and self.begin <= time < self.deadline

    def count(self, support: bool, weight: int) -> None:
        """Add to the tally."""
        self.tally[support] += weight

    def extend(self, time: int, led: bool) -> list[Said]:
        """Move the deadline where a late ballot may have changed the outcome."""
        late = self.deadline - time < self.period // LATE
        leads = self.tally[True] > self.tally[False]
        if not late or not (led or leads) or self.extension == WHOLE:
            return []
        missing = time + self.period // LATE - self.deadline
        more = -(-missing * WHOLE // self.period)
        self.extension = min(self.extension + more, WHOLE)
        return [("Extended", {"proposal": self.id, "deadline": self.deadline})]

    @property
    def yes_leads(self) -> bool:
        """Whether more weight is for it than against."""
        return self.tally[True] > self.tally[False]


class Polls:
    """All votes of a market.

    Args:
        separator: of the CuratorToken's EIP-712 domain.
    """

    def __init__(self, separator: bytes) -> None:
        self.separator = separator
        self.polls: dict[int, Poll] = {}
        self.minted: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
        self.loans: dict[tuple[int, str], list[Loan]] = defaultdict(list)
        self.nonces: dict[tuple[int, str], int] = defaultdict(int)

    def step(self, event: Event) -> None:
        """Follow what concerns no single vote."""
        args, key = event.args, (event.args.get("dataset", 0), event.args.get("lender", ""))
        if event.name == "Minted":
            self.minted[args["dataset"]].append((event.time, args["to"], args["amount"]))
        elif event.name == "Lent":
            terms = args["cap"], event.time, args["expiry"], args["least_confidence"]
            self.loans[key].append(Loan(args["oracle"], *terms))
        elif event.name == "TakenBack":
            self.loans[key].append(Loan("", 0, event.time, 0, 0))
        elif event.name == "BallotsCancelled":
            self.nonces[args["dataset"], args["voter"]] += 1

    # -- weights

    def supply(self, dataset: int, time: int) -> int:
        """Votes earned strictly before a time."""
        return sum(amount for when, _, amount in self.minted[dataset] if when < time)

    def weight(self, poll: Poll, account: str) -> int:
        """What an account had strictly before the commitment."""
        mine = [m for m in self.minted[poll.dataset] if m[0] < poll.opened and m[1] == account]
        earned = sum(amount for _, _, amount in mine)
        curators = zip(poll.rules["curators"], poll.rules["weights"], strict=True)
        own = sum(weight for curator, weight in curators if curator == account)
        if not own:
            return earned
        genesis = sum(poll.rules["weights"])
        return int(earned + own * genesis // (genesis + self.supply(poll.dataset, poll.opened)))

    def open(self, poll: Poll) -> int:
        """Open a vote; the weight that may vote."""
        self.polls[poll.id] = poll
        genesis, supply = sum(poll.rules["weights"]), self.supply(poll.dataset, poll.opened)
        weight = self.weight(poll, poll.proposer)
        if weight:
            poll.own.add(poll.proposer)
        return int(supply + genesis * genesis // (genesis + supply) - weight)

    # -- ballots

    def vote(self, poll: Poll, voter: str, support: bool, time: int) -> list[Said]:
        """Cast an own ballot; what is said of it, nothing where it cannot be cast."""
        weight = self.weight(poll, voter)
        if not poll.is_votable(time) or voter in poll.own or not weight:
            return []
        led, said = poll.yes_leads, list[Said]()
        if voter in poll.cast:
            side, lent, _ = poll.cast.pop(voter)
            poll.tally[side] -= lent
            poll.lent[side] -= lent
            taken = {"proposal": poll.id, "lender": voter, "support": side, "weight": lent}
            said = [("Overridden", taken)]
        poll.count(support, weight)
        poll.own.add(voter)
        said += poll.extend(time, led)
        own = {"proposal": poll.id, "voter": voter, "support": support, "weight": weight}
        return [*said, ("Voted", own)]

    def vote_signed(self, ballots: Sequence[Any], relayer: str, time: int) -> list[Said]:
        """Cast the signed ballots that count, and repay the relayer run by run."""
        said: list[Said] = []
        run, last = 0, 0
        for what, r, vs in ballots:
            proposal = what >> 201
            if proposal != last:
                said += self._repaid(last, run, relayer)
                run, last = 0, proposal
            cast = self._signed(what, r, vs, time)
            run += bool(cast)
            said += cast
        return said + self._repaid(last, run, relayer)

    def _signed(self, what: int, r: bytes, vs: bytes, time: int) -> list[Said]:
        voter = ethereum.checksummed((what % 2**160).to_bytes(20, "big"))
        deadline, support = (what >> 160) % 2**40, bool(what >> 200 & 1)
        poll = self.polls.get(what >> 201)
        if poll is None or time > deadline:
            return []
        nonce = self.nonces[poll.dataset, voter]
        who = typed.address_word(voter)
        values = (who, poll.id, poll.commitment, int(support), nonce, deadline)
        digest = typed.digest(self.separator, typed.BALLOT, values)
        word = int.from_bytes(vs, "big")
        signature = r + (word % 2**255).to_bytes(32, "big") + bytes((27 + (word >> 255),))
        try:
            signer = typed.signer(digest, signature)
        except (ValueError, BadSignature, ValidationError):
            return []
        return self.vote(poll, voter, support, time) if signer == voter else []

    def _repaid(self, proposal: int, run: int, relayer: str) -> list[Said]:
        if not run or self.polls[proposal].is_motion:
            return []
        poll = self.polls[proposal]
        paid, price = min(run, MAX_REPAID - poll.repaid), poll.rules["relay_price"]
        if not paid * price:
            return []
        poll.repaid += paid
        values = {"proposal": proposal, "relayer": relayer, "amount": paid * price}
        return [("BallotsRepaid", values)]

    def vote_lent(
        self, poll: Poll, oracle: str, support: bool, confidence: int, lenders: Sequence[str],
        time: int,
    ) -> list[Said]:  # fmt: skip
        """Cast the weight of those lenders whose loan holds here."""
        if not poll.is_votable(time) or poll.proposer == oracle:
            return []
        led, said = poll.yes_leads, list[Said]()
        for lender in map(ethereum.checksummed, lenders):
            loans = self.loans[poll.dataset, lender]
            loan = loans[-1] if loans else Loan("", 0, 0, 0, 0)
            stands = loan.oracle == oracle and loan.since < poll.opened and loan.expiry > time
            if not stands or loan.least > confidence or lender in {*poll.own, *poll.cast}:
                continue
            weight = min(loan.cap, self.weight(poll, lender))
            if not weight:
                continue
            poll.cast[lender] = support, weight, oracle
            poll.count(support, weight)
            poll.lent[support] += weight
            values = {
                "proposal": poll.id, "lender": lender, "oracle": oracle, "support": support,
                "weight": weight, "confidence": confidence,
            }  # fmt: skip
            said.append(("VotedLent", values))
        return said + poll.extend(time, led) if said else []
