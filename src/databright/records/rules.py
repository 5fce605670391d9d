"""The rules that govern a dataset: the contract's struct, and the ranges that it holds them to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from databright.errors import BadInputError, MalformedDataError
from databright.units import BPS, Address, Amount, BasisPoints, Digest, Seconds, in_tokens

MAX_PERIOD: Final = Seconds(45 * 86_400)
"""Longest vote, review and delay."""
MIN_PERIOD: Final = Seconds(4)
"""Shortest vote: a quarter of it is at least a second."""
MAX_WEIGHT: Final = 2**51 - 1
"""Most genesis weight of a dataset in all, and most shares that an epoch mints."""
_MAX_BOND = 2**48 - 1
_MAX_RELAY = 2**32 - 1
_MAX_MONEY = 2**96 - 1
_MAX_TIME = 2**32 - 1
_MAX_WINDOW = 2**24 - 1
_MAX_LIST = 16
_MAX_PROGRAMS = 8
_NUM_DIGESTS = 3
_NUM_LISTS = 5


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A dataset's rules of one version, in the order of the contract's struct.

    Attributes:
        metadata: digest of the dataset card.
        schema: digest of the schema.
        licence: digest of the licence's text.
        closes_at: chain time from which nothing can be proposed; 0 = never.
        quorum_bps: votes needed, of the supply without the proposer's weight.
        review_minutes: minutes between a proposal and the first ballot, in which evaluators
            measure and the proposer may withdraw.
        voting_period: seconds in which ballots count.
        bond: what a proposer's first open proposal locks; the second locks twice as much.
        evaluation_fee: what a proposer pays for the measurement.
        relay_price: what a relayer is repaid for each signed ballot.
        mint_cap: most shares that one epoch mints.
        epoch_length: seconds of an epoch.
        price_per_use: data fee of a job.
        prediction_bps: share of a prediction's income that goes to the data.
        max_exposure_bps: share of the data that one worker owner may ever see.
        a_bps: share of income that goes by shares, in whole percent; the rest goes by measured
            values.
        threshold: k, evaluators that must sign the same verdict.
        optimistic_window: seconds that a posted verdict must stand to need no quorum; 0 = every
            proposal needs one.
        challenge_bond: what a challenge of a verdict costs; 0 = there are none.
        evaluator_stake: what an evaluator must have at stake for its signature to count.
        tolerance_bps: difference between two measured amounts that slashes nobody.
        change_delay: seconds between a carried motion and its effect.
        evaluators: n >= 2k operators that measure.
        nodes: trusted nodes that may open the data; the evaluators are among them.
        curators: genesis curators; none in later versions, where they stay.
        weights: their genesis weight, same order.
        programs: allowed program digests; empty = any.
    """

    metadata: Digest
    schema: Digest
    licence: Digest
    closes_at: Seconds = Seconds(0)
    quorum_bps: BasisPoints
    review_minutes: int = 0
    voting_period: Seconds
    bond: Amount
    evaluation_fee: Amount
    relay_price: Amount = Amount(0)
    mint_cap: int
    epoch_length: Seconds
    price_per_use: Amount
    prediction_bps: BasisPoints
    max_exposure_bps: BasisPoints
    a_bps: BasisPoints = BasisPoints(BPS)
    threshold: int
    optimistic_window: Seconds = Seconds(0)
    challenge_bond: Amount = Amount(0)
    evaluator_stake: Amount = Amount(0)
    tolerance_bps: BasisPoints = BasisPoints(500)
    change_delay: Seconds = Seconds(7 * 86_400)
    evaluators: tuple[Address, ...]
    nodes: tuple[Address, ...]
    curators: tuple[Address, ...] = ()
    weights: tuple[int, ...] = ()
    programs: tuple[Digest, ...] = ()

    def check(self, *, is_first: bool = True) -> Rules:
        """Refuse rules that the contract or the market's promises do not allow.

        Args:
            is_first: whether they open a dataset and name its curators, or change its rules and
                name none.

        Returns:
            These rules, so that a call can be chained.

        Raises:
            BadInputError: a value out of range; the message names it and says what to use.
        """
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInputError(f"{name} is {value}: use {low} to {high}")
        self._check_relations()
        self._check_people()
        self._check_curators(is_first=is_first)
        if len(self.programs) > _MAX_PROGRAMS or len(set(self.programs)) != len(self.programs):
            raise BadInputError(f"name at most {_MAX_PROGRAMS} different programs")
        return self

    def _check_relations(self) -> None:
        if self.a_bps % 100:
            raise BadInputError(f"a_bps is {self.a_bps}: use a whole percent, a multiple of 100")
        if self.change_delay < self.voting_period:
            raise BadInputError(
                f"change_delay is {self.change_delay} s, less than the voting_period of "
                f"{self.voting_period} s: a change must not overtake an open vote"
            )
        if self.optimistic_window and not self.challenge_bond:
            raise BadInputError(
                "optimistic_window lets a verdict pass without a quorum, so somebody must be able "
                "to challenge it: set challenge_bond too"
            )
        if self.evaluator_stake * self.threshold < 2 * self.challenge_bond:
            raise BadInputError(
                f"{self.threshold} evaluators with {in_tokens(self.evaluator_stake)} at stake each "
                f"cannot repay a challenger twice its bond of {in_tokens(self.challenge_bond)}: "
                "raise evaluator_stake or lower challenge_bond"
            )

    def _check_people(self) -> None:
        if not self.threshold >= 1 or len(self.evaluators) < 2 * self.threshold:
            raise BadInputError(
                f"{len(self.evaluators)} evaluators with threshold {self.threshold}: a challenge "
                "needs k evaluators who did not sign, so name at least 2k evaluators and k >= 1"
            )
        for name in ("evaluators", "nodes"):
            listed: Sequence[Address] = getattr(self, name)
            if not 1 <= len(listed) <= _MAX_LIST or len(set(listed)) != len(listed):
                raise BadInputError(f"{name}: name 1 to {_MAX_LIST} different addresses")
        strangers = [address for address in self.evaluators if address not in self.nodes]
        if strangers:
            raise BadInputError(
                f"evaluator {strangers[0]} is not among the admitted nodes: it could not open the "
                "data; add it to nodes"
            )

    def _check_curators(self, *, is_first: bool) -> None:
        if not is_first:
            if self.curators or self.weights:
                raise BadInputError("genesis curators stay as they are: name none in new rules")
            return
        if not 1 <= len(self.curators) <= _MAX_LIST or len(set(self.curators)) != len(
            self.curators
        ):
            raise BadInputError(f"curators: name 1 to {_MAX_LIST} different addresses")
        if len(self.weights) != len(self.curators) or any(weight < 1 for weight in self.weights):
            raise BadInputError(
                f"{len(self.curators)} curators with weights {list(self.weights)}: give each "
                "curator one weight above 0"
            )
        if sum(self.weights) > MAX_WEIGHT:
            raise BadInputError(
                f"the curators' weights are {sum(self.weights)} in all: at most {MAX_WEIGHT}"
            )

    def to_struct(self) -> tuple[object, ...]:
        """The rules as the contract takes them.

        Returns:
            Values in the order of the struct.
        """
        values = [getattr(self, name) for name in FIELDS]
        return tuple(list(value) if isinstance(value, tuple) else value for value in values)

    @classmethod
    def from_struct(cls, values: Sequence[object]) -> Rules:
        """Read what the contract returned.

        Args:
            values: the struct's values in order.

        Returns:
            The rules.

        Raises:
            MalformedDataError: another form: the contract is not of this version.
        """
        last = len(FIELDS) - _NUM_LISTS
        head = [Digest(word) for word in values[:_NUM_DIGESTS] if isinstance(word, bytes)]
        numbers = [value for value in values[_NUM_DIGESTS:last] if isinstance(value, int)]
        lists = [tuple(value) for value in values[last:] if isinstance(value, list | tuple)]
        if [len(head), len(numbers), len(lists)] != [_NUM_DIGESTS, last - _NUM_DIGESTS, _NUM_LISTS]:
            raise MalformedDataError("the charter's rules do not have this version's form")
        people = [tuple(Address(str(item)) for item in listed) for listed in lists[:3]]
        weights = tuple(int(item) for item in lists[3])
        programs = tuple(Digest(bytes(item)) for item in lists[4])
        read = [*head, *numbers, *people, weights, programs]
        found: dict[str, Any] = dict(zip(FIELDS, read, strict=True))
        return cls(**found)


FIELDS: Final = tuple(field.name for field in fields(Rules))
"""Names of the struct's fields in order."""
_RANGES: Final[dict[str, tuple[int, int]]] = {
    "closes_at": (0, _MAX_TIME),
    "quorum_bps": (0, BPS),
    "review_minutes": (0, MAX_PERIOD // 60),
    "voting_period": (MIN_PERIOD, MAX_PERIOD),
    "bond": (0, _MAX_BOND),
    "evaluation_fee": (0, _MAX_BOND),
    "relay_price": (0, _MAX_RELAY),
    "mint_cap": (1, MAX_WEIGHT),
    "epoch_length": (1, _MAX_TIME),
    "price_per_use": (0, _MAX_MONEY),
    "prediction_bps": (0, BPS),
    "max_exposure_bps": (1, BPS),
    "a_bps": (0, BPS),
    "optimistic_window": (0, _MAX_WINDOW),
    "challenge_bond": (0, _MAX_MONEY),
    "evaluator_stake": (0, _MAX_MONEY),
    "tolerance_bps": (0, BPS),
    "change_delay": (0, MAX_PERIOD),
}
"""Field -> smallest and largest value."""
