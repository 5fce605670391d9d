"""What an evaluator does by hand: retire a holdout."""

from __future__ import annotations

from databright.client.writing import Desk, Written
from databright.data_market.docket import Docket
from databright.data_market.measuring import Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.retirement import plan_retirement
from databright.programs.child import ComputeChild
from databright.wiring.node import state_folder


class EvaluatorView:
    """Retiring holdouts.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

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
