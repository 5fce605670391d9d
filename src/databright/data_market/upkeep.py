"""Chores that anybody may do once they are due: bonds, challenges, motions, value pools."""

from __future__ import annotations

from dataclasses import astuple
from typing import Final

from databright.chain.bindings import Event
from databright.chain.structs import int_of, values_of
from databright.chain.writes import Call
from databright.data_market.challenges import PENDING, challenge_of
from databright.data_market.journal import Journal
from databright.data_market.motions import (
    CARRIED,
    OPEN,
    PATIENCE,
    enact_call,
    motion_of,
    settle_call,
)
from databright.data_market.registry import ACCEPTED, DataRegistry
from databright.records.terms import split_proposal_id
from databright.units import Seconds

POOL_PATIENCE: Final = Seconds(90 * 86_400)
"""A value pool that got no values for so long falls to the shares."""
_POOL: Final = ("amount", "since", "root", "total", "posted_at", "is_released")


class Upkeep:
    """Finds chores; what was done is read from the chain.

    Args:
        registry: the data market.
    """

    def __init__(self, registry: DataRegistry) -> None:
        self._registry = registry
        contracts = registry.contracts
        self._journal = Journal(
            contracts,
            (
                contracts.association,
                contracts.verdicts,
                contracts.challenges,
                contracts.motions,
                contracts.pools,
            ),
        )
        self._clear()

    def _clear(self) -> None:
        self._held: dict[int, int] = {}
        self._challenged: set[int] = set()
        self._motions: set[int] = set()
        self._pools: set[tuple[int, int]] = set()

    def due(self) -> list[tuple[str, Call]]:
        """Chores that are due now.

        Returns:
            What each is about, and its transaction.

        Raises:
            ChainError: the chain cannot be reached.
        """
        anew, events = self._journal.read()
        if anew:
            self._clear()
        for event in events:
            self._apply(event)
        now = self._registry.contracts.chain.next_timestamp()
        return [*self._bonds(now), *self._lapses(now), *self._counts(now), *self._releases(now)]

    def _apply(self, event: Event) -> None:
        args = event.args
        if event.name == "Settled" and int(args["status"]) == ACCEPTED:
            if int(args["bond_back"]) == 0:
                self._held[int(args["proposal"])] = int(args["snapshot"])
        elif event.name == "BondReleased":
            self._held.pop(int(args["proposal"]), None)
        elif event.name == "Challenged":
            self._challenged.add(int(args["proposal"]))
        elif event.name == "ChallengeDecided":
            self._challenged.discard(int(args["proposal"]))
        elif event.name == "Moved":
            self._motions.add(int(args["motion"]))
        elif event.name == "Enacted" or (event.name == "MotionSettled" and not args["is_carried"]):
            self._motions.discard(int(args["motion"]))
        elif event.name == "PoolFunded":
            self._pools.add((int(args["dataset"]), int(args["snapshot"])))
        elif event.name in {"ValuesPosted", "PoolReleased"}:
            self._pools.discard((int(args["dataset"]), int(args["snapshot"])))

    def _bonds(self, now: int) -> list[tuple[str, Call]]:
        contracts = self._registry.contracts
        found = []
        for proposal, snapshot in list(self._held.items()):
            terms = self._registry.proposal(proposal).terms
            dataset = split_proposal_id(proposal)[0]
            if terms.bond == 0 or not int(contracts.verdicts.call("held_for", proposal)):
                del self._held[proposal]
            elif contracts.pools.call("is_settled", dataset, snapshot) or now >= int(
                contracts.verdicts.call("held_until", proposal)
            ):
                what = f"give the bond of proposal {proposal} back"
                call = Call(contracts.verdicts, "release_bond", (astuple(terms),), what)
                found.append((f"bond {proposal}", call))
        return found

    def _lapses(self, now: int) -> list[tuple[str, Call]]:
        contracts = self._registry.contracts
        found = []
        for proposal in sorted(self._challenged):
            challenge = challenge_of(self._registry, proposal)
            if challenge.status == PENDING and now >= challenge.deadline:
                terms = self._registry.proposal(proposal).terms
                what = f"close proposal {proposal}, which nobody measured again"
                call = Call(contracts.challenges, "lapse", (astuple(terms),), what)
                found.append((f"challenge {proposal}", call))
        return found

    def _counts(self, now: int) -> list[tuple[str, Call]]:
        found = []
        for number in sorted(self._motions):
            motion = motion_of(self._registry, number)
            if motion.status == OPEN and now >= motion.tally.deadline:
                found.append((f"motion {number}", settle_call(self._registry, motion)))
            elif motion.status == CARRIED and now >= motion.ready_at + PATIENCE:
                self._motions.discard(number)
            elif motion.status == CARRIED and now >= motion.ready_at:
                call = enact_call(self._registry, motion)
                if call is not None:
                    found.append((f"motion {number}", call))
        return found

    def _releases(self, now: int) -> list[tuple[str, Call]]:
        pools = self._registry.contracts.pools
        found = []
        for dataset, snapshot in sorted(self._pools):
            pool = values_of(pools.call("pool", dataset, snapshot), _POOL)
            if not int_of(pool[4]) and not pool[5] and now >= int_of(pool[1]) + POOL_PATIENCE:
                what = f"let the value pool of snapshot {snapshot} fall to the shares"
                call = Call(pools, "release", (dataset, snapshot), what)
                found.append((f"pool {dataset}@{snapshot}", call))
        return found
