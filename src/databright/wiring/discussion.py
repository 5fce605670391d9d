"""Where the discussion meets the markets: its database, what it asks of them, and its anchoring."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from databright.config import load_settings
from databright.data_market.registry import DataRegistry
from databright.data_market.shares import votes
from databright.database.connection import connect
from databright.discussion.anchor import Anchorer
from databright.discussion.batches import Batches
from databright.discussion.door import Door
from databright.discussion.facts import AUTHOR, CURATOR, HOLDER, NODE, Facts, People
from databright.discussion.log import Limits, Log, Told
from databright.discussion.notices import Notices
from databright.discussion.subjects import Subject
from databright.model_market.registry import model
from databright.records.deployment import Deployment
from databright.records.signatures import Domain
from databright.units import Address
from databright.wiring.session import Actor, OpenMarket, keystore

DISCUSSION_FILE: Final = "discussion.sqlite"
PUBLISHER: Final = "discussion"
"""Keystore name of the key that anchors a home's log; it needs gas money and has no other power."""
MOST_TRANCHES: Final = 200
"""How many of a dataset's newest tranches are looked at for a holder's mark."""
_SETTLED: Final = frozenset({"accepted", "rejected", "expired", "withdrawn"})
_OPEN: Final = frozenset({"none", "open"})
_LOG = logging.getLogger(__name__)


def open_log(home: Path) -> Log:
    """Open the discussion's log of a home; it is made on first use.

    Args:
        home: the home folder, which exists.

    Returns:
        The log.

    Raises:
        ConfigError: the settings or the database cannot be used.
    """
    url = load_settings(home).database.url or f"sqlite:///{home / DISCUSSION_FILE}"
    return Log(connect(url))


def domain_of(deployment: Deployment) -> Domain:
    """What the signatures of a market's discussion are for.

    Args:
        deployment: the market.

    Returns:
        Chain id and address of its DiscussionAnchor.
    """
    return Domain(deployment.chain_id, deployment.addresses["DiscussionAnchor"])


def publisher_of(home: Path) -> Address | None:
    """Whose batches anchor a home's log.

    Args:
        home: the home folder.

    Returns:
        Address of its key `discussion`, or None where there is none.
    """
    store = keystore(home)
    return store.public(PUBLISHER).address if PUBLISHER in store.names() else None


def open_door(market: OpenMarket, log: Log, clock: Callable[[], float] = time.time) -> Door:
    """Open the log for signed actions.

    Args:
        market: whose people write.
        log: where it goes.
        clock: seconds since 1970.

    Returns:
        The door.

    Raises:
        ConfigError: the settings cannot be used.
    """
    chosen = load_settings(market.home).discussion
    limits = Limits(chosen.max_per_hour, chosen.max_strangers_per_hour)
    return Door(log, domain_of(market.deployment), facts_of(market), limits, clock)


def facts_of(market: OpenMarket) -> Facts:
    """What the markets say of subjects and people.

    Args:
        market: the market.

    Returns:
        Questions that read the chain when they are asked.
    """

    def people(subject: Subject) -> People:
        owner, dataset = _owner_and_dataset(market, subject)
        found = market.registry.dataset(dataset)
        rules = found.rules
        return People(
            owners=frozenset({owner}),
            moderators=frozenset({found.creator, *rules.curators, *rules.nodes}),
            nodes=frozenset({*rules.nodes, *rules.evaluators}),
        )

    def marks(subject: Subject, who: Address) -> frozenset[str]:
        _, dataset = _owner_and_dataset(market, subject)
        known = people(subject)
        carried = {
            AUTHOR: who in known.owners,
            NODE: who in known.nodes,
            CURATOR: votes(market.registry, dataset, who) > 0,
            HOLDER: _holds(market.registry, dataset, who),
        }
        return frozenset(mark for mark, carries in carried.items() if carries)

    def names() -> Mapping[str, Address]:
        store = keystore(market.home)
        return {name: store.public(name).address for name in store.names()}

    return Facts(people, marks, names)


def _owner_and_dataset(market: OpenMarket, subject: Subject) -> tuple[Address, int]:
    number = subject.number
    if subject.kind == "dataset":
        return market.registry.dataset(number).creator, number
    if subject.kind == "request":
        request = market.registry.request(number)
        return request.initiator, request.dataset
    if subject.kind == "proposal":
        proposal = market.registry.proposal(number)
        return proposal.proposer, proposal.dataset
    found = model(market.contracts, number)
    return found.owner, found.dataset


def _holds(registry: DataRegistry, dataset: int, who: Address) -> bool:
    token = registry.contracts.curator_token
    newest = reversed(registry.entries(dataset)[-MOST_TRANCHES:])
    return any(int(token.call("balanceOf", who, entry.proposal)) > 0 for entry in newest)


@dataclass
class VerdictWatch:
    """Tells proposers what became of their proposals.

    Attributes:
        registry: the data market.
        notices: where they are told.
        clock: seconds since 1970.
    """

    registry: DataRegistry
    notices: Notices
    clock: Callable[[], float] = time.time
    _done: set[int] = field(default_factory=set)

    def step(self) -> bool:
        """Look at every proposal that is not decided yet.

        Returns:
            True when somebody was told of something.
        """
        told = 0
        for number in range(1, self.registry.num_proposals() + 1):
            if number in self._done:
                continue
            found = self.registry.proposal(number)
            state = found.status_name
            if state not in _OPEN:
                subject = Subject("proposal", str(number))
                verdict = [Told(found.proposer, "verdict")]
                told += self.notices.tell(verdict, f"{subject}/{state}", subject, int(self.clock()))
            if state in _SETTLED:
                self._done.add(number)
        return told > 0


def discussion_passes(market: OpenMarket, log: Log, publisher: Actor | None) -> Callable[[], bool]:
    """What has to be done for a discussion again and again.

    Args:
        market: the market.
        log: the discussion's log.
        publisher: whose key anchors; None anchors nothing.

    Returns:
        One pass; true when something was done.
    """
    watch = VerdictWatch(market.registry, Notices(log.engine))
    if publisher is None:
        _LOG.warning(
            "this home has no key %r, so the discussion is not anchored on chain; make one with "
            "'databright key create %s' and give it gas money",
            PUBLISHER,
            PUBLISHER,
        )
        return watch.step
    anchorer = Anchorer(
        Batches(log.engine),
        market.contracts.discussion,
        publisher.signer,
        from_block=market.deployment.block,
        every_s=load_settings(market.home).discussion.anchor_every_s,
        clock=time.time,
    )

    def one_pass() -> bool:
        told = watch.step()
        return anchorer.step() or told

    return one_pass
