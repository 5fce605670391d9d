"""Plays the data market twice, by the contracts and by the rules, and compares each call.

An action is a function of a `Player` and a `Pick`, a list of small numbers. So one code is driven
by Hypothesis, by seeded generators in long runs, and by scenarios.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeVar

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from tests.contracts.stateful.data_model import (
    Dataset,
    Market,
    Proposal,
    Refused,
    Rules,
    Terms,
    Verdict,
)
from tests.contracts.stateful.data_model_changes import create_dataset
from tests.contracts.stateful.data_model_income import Difference
from tests.contracts.stateful.data_model_verdicts import Signatures
from tests.contracts.stateful.evm import GENESIS_TIME, Outcome
from tests.contracts.stateful.world import NUM_PEOPLE, WEALTH, Key, World, artifact

T = TypeVar("T")
START: Final = GENESIS_TIME + 1_000
NUM_PICKS: Final = 10
TERMS_TYPES: Final = (
    "uint256", "uint256", "address", "address", "bytes32", "bytes32", "bytes32",
    *("uint256",) * 5,
)  # fmt: skip
REFUSALS: Final = {
    "curator: already voted": "one ballot of a voter on a proposal",
    "curator: no voting now": "ballots count in their time only",
    "curator: no weight": "only weight from before the proposal votes",
    "curator: own proposal": "an oracle does not vote on its own proposal",
    "curator: no ballot counts": "a signed ballot counts once, in time and uncancelled",
    "curator: other terms": "terms are those committed to",
    "association: other terms": "terms are those committed to",
    "verdicts: other terms": "terms are those committed to",
    "association: earlier is open": "proposals settle in order of commitment",
    "association: call pass_by": "proposals settle in order of commitment",
    "association: is passed": "the mark of settled proposals never moves down",
    "association: mint cap": "an epoch mints at most its cap",
    "association: deposit too low": "bond and fee are paid when one proposes",
    "association: not the proposer": "only its proposer takes a proposal off",
    "association: voting has begun": "nobody backs out once the vote has begun",
    "association: voting is over": "nobody backs out once the vote has begun",
    "association: is challenged": "a challenge holds everything up",
    "verdicts: is challenged": "a challenge holds everything up",
    "challenges: was challenged": "what a challenge has confirmed is not challenged again",
    "challenges: too many signatures": "somebody is left to answer a challenge",
    "challenges: is leaving": "who leaves does not come back before the stake is out",
    "verdicts: another is posted": "a posted verdict stands its window first",
    "verdicts: is posted": "a posted verdict stands its window first",
    "verdicts: is contestable": "a posted verdict stands its window first",
    "verdicts: voting is not over": "nothing is decided before the vote is",
    "verdicts: has expired": "a proposal expires once, and not early",
    "verdicts: too early to expire": "a proposal expires once, and not early",
    "verdicts: proposal is not open": "a proposal is closed once",
    "curator: not open": "a proposal is closed once",
    "verdicts: too few signatures": "k evaluators sign",
    "verdicts: not an evaluator's": "k evaluators sign",
    "verdicts: not an evaluator": "k evaluators sign",
    "verdicts: signers not ascending": "k evaluators sign",
    "verdicts: copy of a later one": "only an earlier commitment can have been copied",
    "verdicts: values contestable": "a bond is held while values can be contested",
    "verdicts: no bond is held": "a bond is held while values can be contested",
    "database: stale base": "what is minted was measured on the newest snapshot",
    "database: not all shares": "only who holds a whole tranche removes it, once",
    "database: has ended": "only who holds a whole tranche removes it, once",
    "database: allowance too low": "shares move by their owner's will only",
    "database: balance too low": "shares move by their owner's will only",
    "database: is taken down": "a tranche is taken down once",
    "database: other snapshot": "an authorization pays the snapshot that it names",
    "challenges: stake is locked": "a stake stays slashable for 180 days",
    "challenges: signed the first": "others than the first evaluators answer a challenge",
    "challenges: too late": "a challenge is answered in time or lapses",
    "challenges: may be answered": "a challenge is answered in time or lapses",
    "challenges: none is pending": "a challenge is decided once",
    "motions: motion is not open": "a motion is counted and enacted once, after its delay",
    "motions: motion not carried": "a motion is counted and enacted once, after its delay",
    "motions: voting is not over": "a motion is counted and enacted once, after its delay",
    "motions: delay is not over": "a motion is counted and enacted once, after its delay",
    "motions: motion is void": "a motion is counted and enacted once, after its delay",
    "motions: other payload": "what was moved is what is enacted",
    "pools: values are final": "values are vetoed in their window, paid after it",
    "pools: values are not final": "values are vetoed in their window, paid after it",
    "pools: values may still come": "a pool waits 90 days for values",
    "pools: values exceed their sum": "a pool pays no more than it holds",
    "pools: wrong path": "values are paid by proof alone",
    "requests: is closed": "a closed request takes and pays nothing",
    "requests: is open": "an escrow waits for its request's end",
    "requests: proposals are open": "an escrow waits for its request's end",
    "charter: stake too low": "rules bind stakes, bonds and windows to one another",
    "charter: nobody may challenge": "rules bind stakes, bonds and windows to one another",
    "charter: too few evaluators": "rules bind stakes, bonds and windows to one another",
    "charter: delay out of range": "rules bind stakes, bonds and windows to one another",
    "charter: epochs are fixed": "rules bind stakes, bonds and windows to one another",
}
"""Reason of a refusal -> the invariant that breaks where the call goes through nevertheless."""
OTHERWISE: Final = "a call is refused where the rules refuse it"
REASON: Final = "a refusal says why"
ALLOWED: Final = "what the rules allow goes through"
RETURNS: Final = "a call returns what the rules say"
CALL_INVARIANTS: Final = frozenset({*REFUSALS.values(), OTHERWISE, REASON, ALLOWED, RETURNS})


class Pick:
    """Small numbers that an action chooses by."""

    def __init__(self, values: Sequence[int]) -> None:
        self._values = list(values)
        self._next = 0

    def __call__(self, count: int) -> int:
        """One of 0 .. count - 1; 0 when there are no more numbers."""
        value = self._values[self._next] if self._next < len(self._values) else 0
        self._next += 1
        return value % count

    def one(self, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[self(len(choices))]

    def chance(self, count: int) -> bool:
        """True once in so many times."""
        return self(count) == count - 1


@cache
def _topic(contract: str, name: str) -> tuple[bytes, tuple[dict[str, Any], ...]]:
    """First topic and inputs of an event."""
    item = next(
        entry
        for entry in artifact(contract)["abi"]
        if entry["type"] == "event" and entry["name"] == name
    )
    types = ",".join(str(part["type"]) for part in item["inputs"])
    return keccak(text=f"{name}({types})"), tuple(item["inputs"])


def events_of(outcome: Outcome, contract: str, name: str) -> list[dict[str, Any]]:
    """The events of that name, by a contract's ABI."""
    topic, inputs = _topic(contract, name)
    return [
        _decoded(inputs, log.topics, log.data) for log in outcome.logs if log.topics[0] == topic
    ]


@dataclass(frozen=True)
class Seen:
    """What a call brought: its value and its events."""

    value: Any
    outcome: Outcome
    contract: str

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name, by the calling contract's ABI."""
        return events_of(self.outcome, self.contract.split(":", maxsplit=1)[0], name)

    def paid(self, *names: str) -> int:
        """Sum of the amounts of these events."""
        return sum(event["amount"] for name in names for event in self.events(name))


def _decoded(
    inputs: Sequence[dict[str, Any]], topics: Sequence[bytes], data: bytes
) -> dict[str, Any]:
    plain = [part for part in inputs if not part["indexed"]]
    indexed = [part for part in inputs if part["indexed"]]
    found = dict(
        zip([p["name"] for p in plain], decode([p["type"] for p in plain], data), strict=True)
    )
    for part, topic in zip(indexed, topics[1:], strict=True):
        (found[part["name"]],) = decode([part["type"]], topic)
    return found


@dataclass
class Player:
    """Both sides of one market.

    Attributes:
        counts: (action, whether it went through) -> calls.
        watches: who looks on after each call that went through.
    """

    world: World
    model: Market = field(default_factory=lambda: Market(START))
    counts: Counter[tuple[str, bool]] = field(default_factory=Counter)
    action: str = ""
    nonce: int = 0
    watches: list[Callable[[Outcome], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.go_to(START)
        for account in self.everybody:
            self.model.wallets[account] = WEALTH

    @property
    def everybody(self) -> list[str]:
        return self.world.everybody()

    @property
    def people(self) -> list[str]:
        return [key.address for key in self.world.people[:NUM_PEOPLE]]

    @property
    def judges(self) -> list[str]:
        return [key.address for key in self.world.evaluators]

    def go_to(self, time: int) -> None:
        """Chain time of the calls to come."""
        if time >= self.model.now:
            self.model.now = time
            self.world.evm.set_time(time)

    def word(self) -> bytes:
        """32 bytes that were not there before."""
        self.nonce += 1
        return keccak(self.nonce.to_bytes(32))

    def do(
        self,
        contract: str,
        name: str,
        args: Sequence[Any],
        sender: str,
        rule: Callable[[Seen], Any],
    ) -> bool:
        """Make a call by both; whether it went through.

        Args:
            contract: whose function, as `World.at` names it.
            name: the function.
            args: its arguments.
            sender: who calls.
            rule: the same by the rules; what it returns, if anything, the contract must return.

        Raises:
            Difference: contract and rules differ.
        """
        outcome = self.world.call(contract, name, args, sender)
        value = self.world.value(contract, name, outcome.output) if outcome.ok else None
        told = f"{contract}.{name} by {sender}, {tuple(args)}"
        try:
            expected = rule(Seen(value, outcome, contract))
        except Refused as refused:
            reason = str(refused)
            if outcome.ok:
                raise Difference(
                    REFUSALS.get(reason, OTHERWISE), f"refused by the rules: {reason!r}, {told}"
                ) from refused
            if outcome.reason != reason:
                raise Difference(REASON, f"{outcome.reason!r}, not {reason!r}: {told}") from refused
            self.counts[self.action, False] += 1
            return False
        except Difference as difference:
            if outcome.ok:
                raise
            raise Difference(ALLOWED, f"{outcome.reason!r}: {told}") from difference
        if not outcome.ok:
            raise Difference(ALLOWED, f"{outcome.reason!r}: {told}")
        if expected is not None and expected != value:
            raise Difference(RETURNS, f"{value!r}, not {expected!r}: {told}")
        self.counts[self.action, True] += 1
        for watch in self.watches:
            watch(outcome)
        return True

    def found(self, creator: str, rules: Rules) -> Dataset | None:
        """Create a dataset."""
        self.action = "create_dataset"

        def rule(seen: Seen) -> int:
            dataset = create_dataset(self.model, creator, rules)
            if seen.outcome.ok:
                self.world.meet(dataset.id)
            return dataset.id

        if not self.do("Charter", "create_dataset", (rules,), creator, rule):
            return None
        return self.model.datasets[-1]

    def signed(self, digest: bytes, signatures: Signatures) -> list[bytes]:
        """Signatures of a digest; of the unknown one too."""
        stranger = Key.named("stranger")
        return [
            (self.world.key_of(signer) if signer else stranger).sign(digest)
            for signer in signatures.signers
        ]

    def signed_verdict(
        self,
        proposal: Proposal,
        verdict: Verdict,
        signatures: Signatures,
        terms: Terms | None = None,
    ) -> list[bytes]:
        """Signatures of a verdict, for the terms that the call brings or for the right ones."""
        named = keccak(encode(TERMS_TYPES, terms or proposal.terms))
        digest = self.world.verdict_digest(proposal.terms.proposal, named, verdict)
        return self.signed(digest, signatures)
