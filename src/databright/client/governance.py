"""What keeps a dataset honest: challenges of verdicts, motions of its curators, takedowns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databright.client.writing import Desk, Made, Written
from databright.data_market.challenges import Challenge, challenge_of, plan_challenge
from databright.data_market.docket import Docket
from databright.data_market.motions import (
    Motion,
    motion_of,
    motions_of,
    plan_enactment,
    plan_rules_motion,
    plan_takedown_motion,
    text_of,
)
from databright.data_market.takedown import Tombstone, taints, tombstones
from databright.records.motions import MotionText
from databright.units import Address


class GovernanceView:
    """Challenges, motions and takedowns.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry
        self._me = desk.actor.address

    def challenge(
        self, proposal: int, *, base: int | None = None, dry_run: bool = False
    ) -> Written:
        """Challenge the verdict that k evaluators published: others measure again.

        Args:
            proposal: its id.
            base: snapshot that the verdict is about; the newest that has one when None.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_challenge(Docket(self._registry), self._me, proposal, base)
        return self._desk.write(plan, dry_run=dry_run)

    def challenge_of(self, proposal: int) -> Challenge:
        """The challenge of a proposal.

        Args:
            proposal: its id.

        Returns:
            It; status 0 where there is none.
        """
        self._registry.proposal(proposal)
        return challenge_of(self._registry, proposal)

    def move_rules(
        self, dataset: int, changes: Mapping[str, Any], *, reason: str, dry_run: bool = False
    ) -> Written:
        """Move that a dataset change its rules.

        Args:
            dataset: its id.
            changes: field of the rules -> new value; the others stay.
            reason: why.
            dry_run: show only.

        Returns:
            What was done, with the motion's id.
        """
        plan = plan_rules_motion(self._registry, self._me, dataset, changes, reason)
        return self._desk.write(plan, self._moved(), dry_run=dry_run)

    def move_takedown(
        self, tranche: int, to: Address, *, reason: str, dry_run: bool = False
    ) -> Written:
        """Move that a tranche be taken down.

        Args:
            tranche: id of the accepted proposal.
            to: who gets its unclaimed and future income.
            reason: why.
            dry_run: show only.

        Returns:
            What was done, with the motion's id.
        """
        plan = plan_takedown_motion(self._registry, self._me, tranche, to, reason)
        return self._desk.write(plan, self._moved(), dry_run=dry_run)

    def _moved(self) -> Made:
        return Made(self._desk.market.contracts.motions, "Moved", "motion")

    def enact(self, motion: int, *, dry_run: bool = False) -> Written:
        """Enact a carried motion whose delay is over.

        Args:
            motion: its id.
            dry_run: show only.

        Returns:
            What was done.
        """
        return self._desk.write(plan_enactment(self._registry, motion), dry_run=dry_run)

    def motion(self, motion: int) -> Motion:
        """One motion.

        Args:
            motion: its id.

        Returns:
            Its state.
        """
        return motion_of(self._registry, motion)

    def text(self, motion: int) -> MotionText | None:
        """The words of a motion.

        Args:
            motion: its id.

        Returns:
            Reason and content; None where they are not in the store, or not what is voted on.
        """
        return text_of(self._registry, motion_of(self._registry, motion))

    def motions(self, dataset: int | None = None) -> list[Motion]:
        """Motions of a dataset.

        Args:
            dataset: its id; None for all.

        Returns:
            By dataset, in order.
        """
        chosen = range(1, self._registry.num_datasets() + 1) if dataset is None else [dataset]
        return [motion for number in chosen for motion in motions_of(self._registry, number)]

    def tombstones(self, dataset: int | None = None) -> list[Tombstone]:
        """Tranches that were taken down, and who erased them.

        Args:
            dataset: one dataset's; None for all.

        Returns:
            In order of their takedown.
        """
        return tombstones(self._registry, dataset)

    def taints(self, dataset: int, snapshot: int) -> list[int]:
        """Taken-down tranches that a snapshot consisted of.

        Args:
            dataset: id of the dataset.
            snapshot: its version.

        Returns:
            Ids of the tranches; a model trained on the snapshot knows them.
        """
        return taints(self._registry, dataset, snapshot)
