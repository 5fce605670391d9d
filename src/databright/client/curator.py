"""What a curator does: vote, lend weight, take it back."""

from __future__ import annotations

from databright.client.writing import Desk, Written
from databright.data_market.shares import votes
from databright.data_market.voting import (
    Loan,
    loan,
    plan_lend,
    plan_take_back,
    plan_vote,
    plan_vote_lent,
)
from databright.units import Address, Seconds


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
        """Vote on a proposal with one's own weight.

        Args:
            proposal: its id.
            support: True for yes.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_vote(self._registry, self._me, proposal, support)
        return self._desk.write(plan, dry_run=dry_run)

    def vote_lent(self, proposal: int, *, support: bool, dry_run: bool = False) -> Written:
        """Vote on a proposal with the weight that others lent.

        Args:
            proposal: its id.
            support: True for yes.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_vote_lent(self._registry, self._me, proposal, support)
        return self._desk.write(plan, dry_run=dry_run)

    def lend(
        self, dataset: int, oracle: Address, *, cap: int, expiry: Seconds, dry_run: bool = False
    ) -> Written:
        """Lend weight to an oracle.

        Args:
            dataset: where it counts.
            oracle: who may cast it.
            cap: most weight.
            expiry: chain time of its end.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_lend(self._registry, self._me, dataset, oracle, cap=cap, expiry=expiry)
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

    def votes(self, dataset: int) -> int:
        """The actor's weight in a dataset now.

        Args:
            dataset: its id.

        Returns:
            Votes.
        """
        return votes(self._registry, dataset, self._me)
