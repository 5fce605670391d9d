"""What a curator does: vote, sign ballots, hand them in, lend weight, take it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from databright.client.writing import Desk, Written
from databright.data_market.calibration import Calibration, calibration
from databright.data_market.lending import (
    Loan,
    loan,
    loans,
    plan_lend,
    plan_take_back,
    plan_vote_lent,
)
from databright.data_market.shares import votes
from databright.data_market.voting import (
    Sorted,
    cast_of,
    draft_ballot,
    plan_cancel,
    plan_relay,
    plan_vote,
    sort_ballots,
    weight_on,
)
from databright.records.ballots import SignedBallot
from databright.units import Address, BasisPoints, Seconds


class CuratorView:
    """Votes and lent weight.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry
        self._me = desk.actor.address

    def vote(self, proposal: int, *, support: bool, dry_run: bool = False) -> Written:
        """Vote on a proposal or a motion with one's own weight.

        Args:
            proposal: its id.
            support: True for yes.
            dry_run: show only.

        Returns:
            What was done.
        """
        return self.vote_many({proposal: support}, dry_run=dry_run)

    def vote_many(self, ballots: Mapping[int, bool], *, dry_run: bool = False) -> Written:
        """Vote on several proposals and motions with one's own weight.

        Args:
            ballots: id -> True for yes.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_vote(self._registry, self._me, ballots)
        return self._desk.write(plan, dry_run=dry_run)

    def sign_ballots(
        self, ballots: Mapping[int, bool], *, deadline: Seconds | None = None
    ) -> list[SignedBallot]:
        """Sign ballots that anybody may hand in; nothing is sent.

        Args:
            ballots: id of a proposal or a motion -> True for yes.
            deadline: chain time after which they count no more; the longest that each vote can
                last when None.

        Returns:
            The signed ballots.
        """
        account = self._desk.actor.keys.account()
        found = []
        for number, support in ballots.items():
            ballot, domain = draft_ballot(
                self._registry, self._me, number, support=support, deadline=deadline
            )
            found.append(SignedBallot.make(ballot, account, domain))
        return found

    def sort_ballots(self, ballots: Sequence[SignedBallot]) -> Sorted:
        """Tell signed ballots that count now from those that do not.

        Args:
            ballots: as they were collected.

        Returns:
            Both, with the reasons.
        """
        return sort_ballots(self._registry, ballots)

    def relay(self, ballots: Sequence[SignedBallot], *, dry_run: bool = False) -> Written:
        """Hand in the signed ballots that count; the market repays the first 64 of a proposal.

        Args:
            ballots: of any voters.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_relay(self._registry, self.sort_ballots(ballots).good)
        return self._desk.write(plan, dry_run=dry_run)

    def cancel_ballots(self, dataset: int, *, dry_run: bool = False) -> Written:
        """Make all signed ballots of the actor in a dataset worthless that are not cast yet.

        Args:
            dataset: its id.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_cancel(self._registry, self._me, dataset)
        return self._desk.write(plan, dry_run=dry_run)

    def vote_lent(
        self, proposal: int, *, support: bool, confidence: BasisPoints, dry_run: bool = False
    ) -> Written:
        """Vote on a proposal or a motion with the weight that others lent.

        Args:
            proposal: its id.
            support: True for yes.
            confidence: how sure one is, 1/10,000; lenders who ask for more are left out.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_vote_lent(
            self._registry, self._me, proposal, support=support, confidence=confidence
        )
        return self._desk.write(plan, dry_run=dry_run)

    def lend(
        self,
        dataset: int,
        oracle: Address,
        *,
        cap: int,
        expiry: Seconds,
        least_confidence: BasisPoints = BasisPoints(0),
        dry_run: bool = False,
    ) -> Written:
        """Lend weight to an oracle.

        Args:
            dataset: where it counts.
            oracle: who may cast it.
            cap: most weight.
            expiry: chain time of its end.
            least_confidence: of a ballot that may use it, 1/10,000.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_lend(
            self._registry,
            self._me,
            dataset,
            oracle,
            cap=cap,
            expiry=expiry,
            least_confidence=least_confidence,
        )
        return self._desk.write(plan, dry_run=dry_run)

    def take_back(self, dataset: int, *, dry_run: bool = False) -> Written:
        """End a loan.

        Args:
            dataset: where it was lent.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_take_back(self._registry, self._me, dataset)
        return self._desk.write(plan, dry_run=dry_run)

    def loan(self, dataset: int) -> Loan:
        """What the actor lends in a dataset.

        Args:
            dataset: its id.

        Returns:
            The loan.
        """
        self._registry.dataset(dataset)
        return loan(self._registry, dataset, self._me)

    def loans(self, dataset: int | None = None) -> list[Loan]:
        """Who lends to whom.

        Args:
            dataset: one dataset's; None for all.

        Returns:
            Loans that stand, by dataset and lender.
        """
        if dataset is not None:
            self._registry.dataset(dataset)
        return loans(self._registry, dataset=dataset)

    def calibration(self, oracle: Address) -> Calibration:
        """How well an oracle's confidence fits what became of the proposals.

        Args:
            oracle: whose.

        Returns:
            Its record.
        """
        return calibration(self._registry, oracle)

    def votes(self, dataset: int) -> int:
        """The actor's weight in a dataset now.

        Args:
            dataset: its id.

        Returns:
            Votes.
        """
        return votes(self._registry, dataset, self._me)

    def weight_on(self, proposal: int) -> int:
        """The actor's weight on a proposal or a motion: what it had just before it opened.

        Args:
            proposal: its id.

        Returns:
            Votes.
        """
        return weight_on(self._registry, proposal, self._me)

    def cast_on(self, proposal: int) -> int:
        """How the actor's weight was cast.

        Args:
            proposal: id of a proposal or a motion.

        Returns:
            0 not at all, 1 by an own ballot, 2 lent for it, 3 lent against it.
        """
        return cast_of(self._registry, proposal, self._me)
