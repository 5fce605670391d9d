"""What is measured: samples of gas by row, the goals of the rows, and who measures them."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.report import Figure, Row

POPCOUNT_S255 = (255).bit_count()
"""Nodes of the suffix tree that funding snapshot 255 touches."""
GOALS: Mapping[str, float] = {
    "propose": 88_000,
    "propose_holder": 92_000,
    "vote": 35_000,
    "vote_first": 57_000,
    "vote_batch64": 8_400,
    "vote_relayed": 14_000,
    "execute_holder": 125_000,
    "execute_new": 155_000,
    "delegate": 65_000,
    "delegate_first": 102_000,
    "fund_newest": 52_000,
    "fund_older_s256": 49_500 + 5_250 * POPCOUNT_S255,
    "claim_s1": 50_000,
    "claim_s16": 50_000 + 2_350 * 4,
    "claim_s256": 50_000 + 2_350 * 8,
    "claim_many64": 15_000,
    "transfer": 72_000,
    "transfer_new_holder": 100_000,
    "runtime_bytes_largest": 16_000,
}
"""Row -> goal; gas of a whole transaction, or for each member of a batch; bytes of code."""
MEANS = frozenset({"execute_holder", "execute_new", "vote_batch64"})
"""Rows whose value is the mean, since what is written shares slots: three snapshots lie in one, so
that every third is dearer, and 128 proposals' states of a voter, so that every second batch is."""
BYTES = "runtime_bytes_"
"""How rows of code begin; all others are gas."""


@dataclass(frozen=True)
class Plan:
    """How much is played.

    Attributes:
        num_voters: voters of each proposal.
        num_rounds: rounds of governance.
    """

    num_voters: int = 50
    num_rounds: int = 3


FULL = Plan()
QUICK = Plan(num_voters=8)


@dataclass
class Samples:
    """Gas by row, in the order of measuring.

    Attributes:
        by_row: row -> samples.
    """

    by_row: dict[str, list[float]] = field(default_factory=dict)

    def add(self, row: str, amount: int, *, shared_by: int = 1) -> None:
        """Keep a sample.

        Args:
            row: the row's name.
            amount: gas of a whole transaction, or bytes of code.
            shared_by: members of the batch that the transaction carried.
        """
        self.by_row.setdefault(row, []).append(
            amount if shared_by == 1 else round(amount / shared_by, 1)
        )

    def figures(self) -> dict[str, Figure]:
        """Sum them up.

        Returns:
            Row -> figure, in the order of the goals, then by name.
        """
        return {row: figure_of(row, self.by_row[row]) for row in in_order(self.by_row)}


def in_order(rows: Collection[str]) -> list[str]:
    """Sort rows: those with a goal in the order of the goals, then the others by name.

    Args:
        rows: names.

    Returns:
        The same names.
    """
    return [row for row in GOALS if row in rows] + sorted(set(rows) - set(GOALS))


def figure_of(row: str, samples: list[float]) -> Figure:
    """Sum up a row's samples.

    Args:
        row: its name.
        samples: at least one, in the order of measuring.

    Returns:
        The median, or for the rows of `MEANS` the mean, with mean, worst and first.
    """
    mean = round(statistics.fmean(samples), 1)
    return Figure(
        value=mean if row in MEANS else statistics.median(samples),
        unit="bytes" if row.startswith(BYTES) else "gas",
        runs=len(samples),
        spread=max(samples) - min(samples),
        mean=mean,
        worst=max(samples),
        first=samples[0],
    )


class Producer(Protocol):
    """One side of the comparison: plays its scenes on chains of its own."""

    @property
    def name(self) -> str:
        """Name and version, as the table shows them."""
        ...

    def measure(self, plan: Plan) -> Samples:
        """Play everything.

        Args:
            plan: how much.

        Returns:
            The samples of the rows that this side has. Errors: MissingToolError where this
            machine cannot play it.
        """
        ...


def rows_of(own: Mapping[str, Figure], peers: Mapping[str, Mapping[str, Figure]]) -> list[Row]:
    """Put our figures beside the peers'.

    Args:
        own: row -> our figure.
        peers: name of a peer -> row -> its figure.

    Returns:
        One row for each of our figures; a row that only a peer has is not among them.
    """
    rows = []
    for name in in_order(own):
        peer = next((peer for peer, figures in peers.items() if name in figures), None)
        rows.append(
            Row(
                name=name,
                figure=own[name],
                better="lower",
                goal=GOALS.get(name),
                peer=peer,
                peer_value=None if peer is None else peers[peer][name].value,
            )
        )
    return rows
