"""When a proposal can be closed, and how: the contracts' rule, read before it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from databright.data_market.registry import DataRegistry, Proposal
from databright.data_market.verdicts import Mark
from databright.records.evidence import OUTCOME_OK, Verdict
from databright.records.rules import Rules
from databright.units import BPS, Seconds

EXPIRY_PERIODS: Final = 2
"""Voting periods without execution, after the vote or a challenge, until a proposal expires."""
MAX_PASSED: Final = 32
"""Closed or late proposals that one settlement looks past."""
_SPAN_AT: Final = 159
_M24: Final = 2**24 - 1


class Step(StrEnum):
    """What anybody can do with an open proposal now."""

    WAIT = "wait"
    POST = "post its verdict"
    EXECUTE = "execute it"
    EXPIRE = "let it expire"


@dataclass(frozen=True)
class Moment:
    """A proposal as it stands.

    Attributes:
        proposal: the proposal.
        rules: of its version.
        mark: what the Verdicts keep of it.
        now: chain time.
        span: so long at most an earlier proposal, under any rules until then, can hold this one up.
    """

    proposal: Proposal
    rules: Rules
    mark: Mark
    now: Seconds
    span: Seconds

    @property
    def is_over(self) -> bool:
        """Whether no ballot can be cast any more."""
        return self.now >= self.proposal.deadline

    @property
    def expires_at(self) -> Seconds:
        """Chain time from which on it can expire."""
        found = self.proposal
        over = max(found.deadline, self.mark.decided_at)
        last = found.opened_at + self.span
        return Seconds(max(over + EXPIRY_PERIODS * found.period, last + found.period))

    @property
    def is_expired(self) -> bool:
        """Whether anybody may let it expire."""
        return not self.mark.is_pending and self.now >= self.expires_at

    @property
    def is_carried(self) -> bool:
        """Whether the ballots cast carry it."""
        found = self.proposal
        return found.yes > found.no and found.yes + found.no >= quorum(self.rules, found.electorate)

    @property
    def is_settled_early(self) -> bool:
        """Whether no ballot can change the outcome; lent weight can be taken back, so not by it."""
        found = self.proposal
        if self.is_carried and 2 * (found.yes - found.lent_yes) > found.electorate:
            return True
        return found.electorate > 0 and 2 * (found.no - found.lent_no) >= found.electorate


def span_of(registry: DataRegistry, proposal: Proposal) -> Seconds:
    """How long an earlier proposal can hold this one up at most, under any rules until its own.

    Args:
        registry: the data market.
        proposal: the later proposal.

    Returns:
        Review and two periods, the longest of all versions so far.
    """
    word = int(registry.contracts.verdicts.call("rules_word", proposal.dataset, proposal.version))
    return Seconds((word >> _SPAN_AT) & _M24)


def quorum(rules: Rules, electorate: int) -> int:
    """Weight that must be cast on a proposal.

    Args:
        rules: of its version.
        electorate: weight that may vote on it.

    Returns:
        Votes, rounded up.
    """
    return -(-rules.quorum_bps * electorate // BPS)


def next_step(moment: Moment, verdict: Verdict | None, shown: int) -> Step:
    """What can be done with a proposal now.

    Args:
        moment: the proposal as it stands.
        verdict: what k evaluators signed on the newest snapshot; None if they have not.
        shown: what a mark would keep of that verdict; 0 without one.

    Returns:
        The step; WAIT while the contracts would refuse all others.
    """
    if moment.is_expired:
        return Step.EXPIRE
    if moment.mark.is_pending or verdict is None:
        return Step.WAIT
    if moment.is_settled_early or (moment.is_over and moment.is_carried):
        return Step.EXECUTE
    gains = verdict.outcome == OUTCOME_OK and verdict.amount > 0
    window = moment.rules.optimistic_window
    if window and gains and moment.proposal.no <= moment.proposal.yes:
        if moment.mark.posted != shown:
            # One verdict a snapshot: another on it would begin the window anew for ever.
            is_posted = moment.mark.posted and moment.mark.posted_base == verdict.base
            begun = moment.now >= moment.proposal.votes_from
            return Step.POST if begun and not is_posted else Step.WAIT
        return Step.EXECUTE if moment.now >= moment.mark.posted_at + window else Step.WAIT
    return Step.EXECUTE if moment.is_over else Step.WAIT
