"""Snapshots of a dataset again: which entries each consists of, from acceptances and endings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.verifier import points_again
from tests.verifier.calls import TERMS
from tests.verifier.export import ZERO, Event, Market
from tests.verifier.rules_again import UNIT, rules_by_version, version_at

ACCEPTED = 2
ACCEPTANCE, REMOVAL, TAKEDOWN = range(3)


@dataclass(frozen=True)
class Entry:
    """One accepted proposal.

    Attributes:
        proposal: its id, and its tranche's.
        shares: minted.
        born: the snapshot that it made.
        ended: the snapshot from which on it is out; 0 = it is in.
        terms: as proposed.
    """

    proposal: int
    shares: int
    born: int
    ended: int
    terms: dict[str, Any]

    def is_in(self, snapshot: int) -> bool:
        """Whether a snapshot consists of it."""
        return self.born <= snapshot and (self.ended == 0 or snapshot < self.ended)


@dataclass
class Registry:
    """Entries and snapshots of one dataset.

    Attributes:
        entries: by id, in order of acceptance.
        snapshots: (what made it, tranche, percent to the value pool), the first is number 1.
    """

    entries: dict[int, Entry] = field(default_factory=dict)
    snapshots: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def newest(self) -> int:
        """Number of the newest snapshot."""
        return len(self.snapshots)

    def accept(self, terms: dict[str, Any], shares: int, percent: int) -> int:
        """Append an entry; the number of the snapshot that it makes."""
        number = self.newest + 1
        self.entries[terms["proposal"]] = Entry(terms["proposal"], shares, number, 0, terms)
        self.snapshots.append((ACCEPTANCE, terms["proposal"], percent))
        return number

    def end(self, tranche: int, kind: int) -> int:
        """Take an entry out; the newest snapshot then. One that is out already makes none."""
        if not self.entries[tranche].ended:
            percent = self.snapshots[-1][2]
            self.snapshots.append((kind, tranche, percent))
            self.entries[tranche] = replace(self.entries[tranche], ended=self.newest)
        return self.newest

    def entries_in(self, snapshot: int) -> list[Entry]:
        """What a snapshot consists of, in order of acceptance."""
        if not 0 <= snapshot <= self.newest:
            raise ValueError(f"there is no snapshot {snapshot}")
        return [entry for entry in self.entries.values() if entry.is_in(snapshot)]

    def shares_in(self, snapshot: int) -> int:
        """Shares of a snapshot."""
        return sum(entry.shares for entry in self.entries_in(snapshot))

    def row_numbers(self, snapshot: int) -> list[int]:
        """Lasting numbers of a snapshot's rows: places among the rows of all entries ever."""
        found: list[int] = []
        start = 0
        for entry in self.entries.values():
            rows = entry.terms["num_rows"]
            found += range(start, start + rows) if entry.is_in(snapshot) else []
            start += rows
        return found

    def root(self, snapshot: int) -> bytes:
        """Root of a snapshot's tree."""
        return points_again.tree_root(
            [
                points_again.entry_leaf(
                    entry.proposal,
                    points_again.commitment(entry.terms),
                    entry.shares,
                    entry.born,
                )
                for entry in self.entries_in(snapshot)
            ]
        )

    def step(self, market: Market, event: Event) -> None:
        """Follow one event of the chain."""
        if event.name == "Settled" and event.args["status"] == ACCEPTED:
            proposed = market.one("Proposed", proposal=event.args["proposal"])
            dataset = event.args["proposal"] // UNIT
            version = version_at(market, dataset, proposed.index)
            rules = rules_by_version(market, dataset)[version - 1][1]
            percent = 100 - rules["a_bps"] // 100
            self.accept(terms_in(proposed), event.args["shares"], percent)
        elif event.name == "Ended":
            kind = REMOVAL if event.args["redirected_to"] == ZERO else TAKEDOWN
            self.end(event.args["tranche"], kind)


def terms_in(proposed: Event) -> dict[str, Any]:
    """Terms as the event has them."""
    return {name: proposed.args[name] for name in TERMS}


def registry_of(market: Market, dataset: int, index: int | None = None) -> Registry:
    """A dataset's registry as an event finds it; at the end when none is named."""
    registry = Registry()
    for event in market.named("Settled", "Ended"):
        if index is not None and event.index >= index:
            break
        of = event.args.get("dataset", event.args.get("proposal", 0) // UNIT)
        if of == dataset:
            registry.step(market, event)
    return registry
