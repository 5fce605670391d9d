"""What every benchmark leaves: a JSON file, a printed table, and a page of docs/benchmarks/.

The JSON file holds `machine`, `rows` and `peers`. A row has `name`, `value`, `unit`, `better`,
`goal`, `peer`, `peer_value`, `runs` and `spread` (largest minus smallest sample), and where they
were measured `mean`, `worst` and `first`. `goal`, `peer` and `peer_value` are null where there is
none. A row that could not be measured is absent. `peers` has every figure of each peer, those
without a counterpart included.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, overload

from rich.console import Console

Better: TypeAlias = Literal["lower", "higher"]
Machine: TypeAlias = Mapping[str, str | int]
Peers: TypeAlias = "Mapping[str, Mapping[str, Figure]]"
_HEADINGS = ("row", "value", "unit", "goal", "", "peer", "runs", "mean", "worst", "first")
_NUMBERS = frozenset({"value", "goal", "peer", "runs", "mean", "worst", "first"})
_TENTHS_FROM = 1_000  # below it, four digits are told


@overload
def plain(number: float) -> float | int: ...
@overload
def plain(number: None) -> None: ...
def plain(number: float | None) -> float | int | None:
    """Write a whole number as an integer: 65671.0 and 65671 are one figure.

    Args:
        number: a finite number, or None.

    Returns:
        The same value.
    """
    return int(number) if number is not None and number == int(number) else number


@dataclass(frozen=True)
class Figure:
    """What the samples of a row come to.

    Attributes:
        value: the row's figure, in its unit.
        unit: e.g. "gas", "bytes", "s".
        runs: number of samples.
        spread: largest minus smallest sample.
        mean: mean of the samples, or None where it is not told.
        worst: worst sample, or None.
        first: first sample, when nothing had been touched, or None.
    """

    value: float
    unit: str
    runs: int
    spread: float
    mean: float | None = None
    worst: float | None = None
    first: float | None = None

    def record(self) -> dict[str, object]:
        """Its members as JSON values; those that are not told are left out."""
        extra = {"mean": self.mean, "worst": self.worst, "first": self.first}
        return {
            "value": plain(self.value),
            "unit": self.unit,
            "runs": self.runs,
            "spread": plain(self.spread),
            **{key: plain(number) for key, number in extra.items() if number is not None},
        }


@dataclass(frozen=True)
class Row:
    """One row of a benchmark.

    Attributes:
        name: its name; never changed, since results are compared by it.
        figure: what was measured.
        better: which direction is better.
        goal: what it shall come to at most (or at least, where higher is better), or None.
        peer: name and version of what it is compared with, or None.
        peer_value: the peer's figure, or None.
    """

    name: str
    figure: Figure
    better: Better
    goal: float | None = None
    peer: str | None = None
    peer_value: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        value = self.figure.value
        return value <= self.goal if self.better == "lower" else value >= self.goal

    def record(self) -> dict[str, object]:
        """The row as JSON values."""
        measured = self.figure.record()
        head = {key: measured.pop(key) for key in ("value", "unit")}
        return {
            "name": self.name,
            **head,
            "better": self.better,
            "goal": plain(self.goal),
            "peer": self.peer,
            "peer_value": plain(self.peer_value),
            **measured,
        }


@dataclass(frozen=True)
class Report:
    """Everything that a run of a benchmark found.

    Attributes:
        title: heading of the page.
        text: what was measured and how; Markdown, for the page.
        machine: what it ran on.
        rows: our figures.
        peers: name of a peer -> row -> its figure.
    """

    title: str
    text: str
    machine: Machine
    rows: Sequence[Row]
    peers: Peers = field(default_factory=dict)

    def write_json(self, path: Path) -> None:
        """Write the JSON file.

        Args:
            path: where; its folder is made.
        """
        record = {
            "machine": dict(self.machine),
            "rows": [row.record() for row in self.rows],
            "peers": {
                peer: [{"name": name, **figure.record()} for name, figure in figures.items()]
                for peer, figures in self.peers.items()
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    def write_page(self, path: Path) -> None:
        """Write the page.

        Args:
            path: where; its folder is made.
        """
        machine = ", ".join(f"{key} {value}" for key, value in self.machine.items())
        parts = [f"# {self.title}", self.text.strip(), f"Measured on: {machine}."]
        for heading, cells in self._tables():
            parts.append(f"## {heading}\n\n{_markdown(cells)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print the tables; narrow terminals wrap them, nothing is cut off.

        Args:
            console: where to.
        """
        for heading, cells in self._tables():
            text = f"{heading}\n\n{_aligned(cells)}\n"
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _tables(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        tables = []
        if self.rows:
            lines = [_HEADINGS, *(_line(row) for row in self.rows)]
            names = sorted({row.peer for row in self.rows if row.peer is not None})
            beside = f" (peer: {', '.join(names)})" if names else ""
            tables.append((f"DataBright{beside}", _without_empty(lines)))
        for peer, figures in self.peers.items():
            lines = [_HEADINGS]
            lines += [_line(Row(name, figure, "lower")) for name, figure in figures.items()]
            tables.append((peer, _without_empty(lines)))
        return tables


def machine_now(**programs: str) -> dict[str, str | int]:
    """Tell what this runs on, without naming the machine.

    Args:
        programs: name -> version of what else took part.

    Returns:
        Processor, cores that may be used, system, Python, and the programs.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **programs,
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _text(number: float | None) -> str:
    if number is None:
        return ""
    short = plain(number)
    if isinstance(short, int):
        return f"{short:,}"
    return f"{number:,.1f}" if abs(number) >= _TENTHS_FROM else f"{number:.4g}"


def _line(row: Row) -> tuple[str, ...]:
    figure = row.figure
    verdict = {None: "", True: "met", False: "missed"}[row.is_met]
    return (
        row.name,
        _text(figure.value),
        figure.unit,
        _text(row.goal),
        verdict,
        _text(row.peer_value),
        _text(figure.runs),
        _text(figure.mean),
        _text(figure.worst),
        _text(figure.first),
    )


def _without_empty(lines: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    kept = [place for place in range(len(lines[0])) if any(line[place] for line in lines[1:])]
    return [tuple(line[place] for place in kept) for line in lines]


def _markdown(cells: list[tuple[str, ...]]) -> str:
    rule = tuple("---:" if name in _NUMBERS else "---" for name in cells[0])
    return "\n".join("| " + " | ".join(line) + " |" for line in (cells[0], rule, *cells[1:]))


def _aligned(cells: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    to_the_right = [name in _NUMBERS for name in cells[0]]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_the_right, strict=True)
        ).rstrip()
        for line in cells
    )
