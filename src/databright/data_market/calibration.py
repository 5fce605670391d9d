"""How well an oracle's confidence fits what became of the proposals that it voted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from databright.chain.bindings import Event
from databright.data_market.entities import ACCEPTED, REJECTED
from databright.data_market.journal import Journal
from databright.data_market.registry import DataRegistry
from databright.units import BPS, Address, BasisPoints


@dataclass(frozen=True)
class Forecast:
    """One proposal that an oracle voted on, with what became of it.

    Attributes:
        proposal: its id.
        support: how the oracle voted.
        confidence: how sure it was, 1/10,000.
        came_true: whether it was accepted with a gain (True) or not (False).
    """

    proposal: int
    support: bool
    confidence: BasisPoints
    came_true: bool

    @property
    def probability(self) -> float:
        """Probability of an acceptance with a gain that the ballot stands for."""
        sure = self.confidence / BPS
        return sure if self.support else 1 - sure

    @property
    def penalty(self) -> float:
        """Squared difference between probability and outcome."""
        return (self.probability - self.came_true) ** 2


@dataclass(frozen=True)
class Calibration:
    """An oracle's record.

    Attributes:
        oracle: whose.
        forecasts: its decided ballots, in order of the chain.
        num_open: proposals that it voted on and that are undecided, or were taken off.
        brier: mean penalty, 0 best, 1 worst; None without a decided ballot.
        brier_of_rate: what always saying the share of those that came true would have got; None
            likewise. An oracle that knows something is below it.
    """

    oracle: Address
    forecasts: tuple[Forecast, ...]
    num_open: int
    brier: float | None
    brier_of_rate: float | None


def score(oracle: Address, forecasts: Sequence[Forecast], num_open: int) -> Calibration:
    """Score forecasts.

    Args:
        oracle: whose.
        forecasts: decided ones.
        num_open: how many are not.

    Returns:
        The record; Brier score as in G. W. Brier, Verification of forecasts expressed in terms of
        probability, 1950.
    """
    if not forecasts:
        return Calibration(oracle, (), num_open, None, None)
    count = len(forecasts)
    rate = sum(item.came_true for item in forecasts) / count
    return Calibration(
        oracle,
        tuple(forecasts),
        num_open,
        sum(item.penalty for item in forecasts) / count,
        rate * (1 - rate),
    )


def calibration(registry: DataRegistry, oracle: Address) -> Calibration:
    """An oracle's record, from the chain's events alone.

    Args:
        registry: the data market.
        oracle: the account.

    Returns:
        One forecast for each proposal: where it voted several times, for lenders of different
        demands, the first counts. Proposals that expired, were withdrawn, revised or voided say
        nothing about it.
    """
    contracts = registry.contracts
    _, events = Journal(contracts, (contracts.curator_token, contracts.association)).read()
    ballots: dict[int, Event] = {}
    outcomes: dict[int, bool] = {}
    for event in events:
        if event.name == "VotedLent" and event.args["oracle"] == oracle:
            ballots.setdefault(int(event.args["proposal"]), event)
        elif event.name == "Settled" and int(event.args["status"]) in {ACCEPTED, REJECTED}:
            gained = int(event.args["status"]) == ACCEPTED and int(event.args["shares"]) > 0
            outcomes[int(event.args["proposal"])] = gained
    decided = [
        Forecast(
            proposal,
            bool(event.args["support"]),
            BasisPoints(int(event.args["confidence"])),
            outcomes[proposal],
        )
        for proposal, event in ballots.items()
        if proposal in outcomes
    ]
    return score(oracle, decided, len(ballots) - len(decided))
