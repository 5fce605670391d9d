"""What a shareholder does: hold, hand over and remove shares, take what they and values earned."""

from __future__ import annotations

from databright.client.writing import Desk, Written
from databright.data_market.dividends import Pool, plan_claims, plan_value_claim, value_pool
from databright.data_market.shares import (
    Holding,
    Owner,
    holdings,
    owners,
    plan_removal,
    plan_transfer,
)
from databright.records.value_tree import ValueList
from databright.units import Address


class ShareholderView:
    """Shares and their income.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry

    def shares(self, dataset: int | None = None) -> list[Holding]:
        """The actor's shares and waiting dividends.

        Args:
            dataset: one dataset's; None for all.

        Returns:
            By tranche.
        """
        return holdings(self._registry, self._desk.actor.address, dataset)

    def owners(self, tranche: int) -> list[Owner]:
        """Who owns a tranche now.

        Args:
            tranche: id of the accepted proposal.

        Returns:
            The largest first.
        """
        return owners(self._registry, tranche)

    def claimable(self, dataset: int | None = None) -> int:
        """Dividends that wait for the actor.

        Args:
            dataset: one dataset's; None for all.

        Returns:
            Base units.
        """
        return sum(item.claimable for item in self.shares(dataset))

    def claim(self, dataset: int | None = None, *, dry_run: bool = False) -> Written:
        """Take all waiting dividends.

        Args:
            dataset: one dataset's; None for all.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_claims(self._registry, self._desk.actor.address, dataset)
        return self._desk.write(plan, dry_run=dry_run)

    def transfer(self, tranche: int, to: Address, amount: int, *, dry_run: bool = False) -> Written:
        """Hand shares over; dividends earned before it and votes stay.

        Args:
            tranche: id of the accepted proposal.
            to: who gets them.
            amount: shares.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_transfer(self._registry, self._desk.actor.address, tranche, to, amount)
        return self._desk.write(plan, dry_run=dry_run)

    def remove(self, tranche: int, *, dry_run: bool = False) -> Written:
        """Take a tranche out of the snapshots to come; earlier ones keep paying.

        Args:
            tranche: id of the accepted proposal, all of whose shares the actor holds.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_removal(self._registry, self._desk.actor.address, tranche)
        return self._desk.write(plan, dry_run=dry_run)

    def pool(self, dataset: int, snapshot: int) -> Pool:
        """The value pool of a snapshot.

        Args:
            dataset: id of the dataset.
            snapshot: number of the snapshot.

        Returns:
            Its state.
        """
        return value_pool(self._registry, dataset, snapshot)

    def claim_value(self, values: ValueList, *, dry_run: bool = False) -> Written:
        """Take what the actor's values earned in one snapshot.

        Args:
            values: the list whose root the evaluators signed.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_value_claim(self._registry, self._desk.actor.address, values)
        return self._desk.write(plan, dry_run=dry_run)
