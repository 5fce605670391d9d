"""What an evaluator does by hand: put money at stake, leave, retire a holdout."""

from __future__ import annotations

from databright.client.writing import Desk, Written
from databright.data_market.docket import Docket
from databright.data_market.measuring import Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.retirement import plan_retirement
from databright.data_market.stakes import Stake, plan_stake, plan_unstake, stake_of
from databright.programs.child import ComputeChild
from databright.units import Address, Amount
from databright.wiring.node import state_folder


class EvaluatorView:
    """Stakes, and retiring holdouts.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def stake(
        self, dataset: int, amount: Amount | None = None, *, dry_run: bool = False
    ) -> Written:
        """Put money at stake, so that the actor's signatures count.

        Args:
            dataset: id of the dataset.
            amount: base units; what is missing of the required stake when None.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_stake(self._desk.market.registry, self._desk.actor.address, dataset, amount)
        return self._desk.write(plan, dry_run=dry_run)

    def unstake(self, dataset: int, *, dry_run: bool = False) -> Written:
        """Leave as an evaluator; called again 180 days later, take the stake out.

        Args:
            dataset: id of the dataset.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_unstake(self._desk.market.registry, self._desk.actor.address, dataset)
        return self._desk.write(plan, dry_run=dry_run)

    def stake_of(self, dataset: int, evaluator: Address | None = None) -> Stake:
        """What an evaluator has at stake.

        Args:
            dataset: id of the dataset.
            evaluator: whose; the actor's own when None.

        Returns:
            The stake.
        """
        who = evaluator or self._desk.actor.address
        return stake_of(self._desk.market.registry, dataset, who)

    def retire_holdout(self, request: int, *, dry_run: bool = False) -> Written:
        """Publish a request's hidden rows and all per-sample losses measured on them.

        Args:
            request: its id.
            dry_run: show only.

        Returns:
            What was done.
        """
        actor, market = self._desk.actor, self._desk.market
        docket = Docket(market.registry)
        losses = PrivateLosses(state_folder(market.home, actor.keys.name) / "losses")
        with ComputeChild() as compute:
            measurer = Measurer(docket, actor.reader, compute)
            plan = plan_retirement(docket, measurer, losses, actor.reader, request)
            return self._desk.write(plan, dry_run=dry_run)
