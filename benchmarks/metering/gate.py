"""The gate: gas is exact, so that a row which became dearer is a change that somebody made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from benchmarks.report import plain
from databright.errors import ConfigError, MalformedDataError
from databright.records.strict_json import loads_object

TOLERANCE_BPS = 100
"""How much dearer a row may be, in basis points of the recorded figure."""
_MAX_BYTES = 1_048_576
Snapshot: TypeAlias = Mapping[str, Mapping[str, float]]
"""Who was measured -> row -> figure."""


def compare(recorded: Mapping[str, float], measured: Mapping[str, float]) -> list[str]:
    """Hold measured figures against recorded ones; lower is better.

    Args:
        recorded: row -> figure of the snapshot.
        measured: row -> figure of now.

    Returns:
        What is wrong, a sentence for each row: dearer by more than the tolerance, no longer
        measured, or measured but not recorded. Nothing where all is well.
    """
    wrong = []
    for row, before in recorded.items():
        now = measured.get(row)
        if now is None:
            wrong.append(f"{row} is recorded with {before:,} and was not measured")
        elif (now - before) * 10_000 > before * TOLERANCE_BPS:
            more = f" ({(now / before - 1) * 100:+.2f} %)" if before else ""
            wrong.append(f"{row} is dearer: {now:,} against {before:,} recorded{more}")
    unknown = [row for row in measured if row not in recorded]
    return wrong + [f"{row} is measured and not recorded: record it" for row in unknown]


def compare_all(recorded: Snapshot, measured: Snapshot) -> list[str]:
    """Hold everybody's figures against the snapshot.

    Args:
        recorded: the snapshot.
        measured: figures of now; who is not in it is not looked at.

    Returns:
        What is wrong, a sentence for each row.
    """
    return [
        f"{name}: {sentence}"
        for name, figures in measured.items()
        for sentence in compare(recorded.get(name, {}), figures)
    ]


def load(path: Path) -> dict[str, dict[str, float]]:
    """Read a snapshot.

    Args:
        path: the file.

    Returns:
        Who was measured -> row -> figure.

    Raises:
        ConfigError: there is none, or it is damaged.
    """
    try:
        found = loads_object(path.read_bytes(), max_bytes=_MAX_BYTES, allow_floats=True)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist: make it with --record") from error
    except MalformedDataError as error:
        raise ConfigError(f"{path} is damaged ({error}): restore it") from error
    snapshot: dict[str, dict[str, float]] = {}
    for name, figures in found.items():
        if not isinstance(figures, dict):
            raise ConfigError(f"{path} holds no figures for {name!r}: restore it")
        snapshot[name] = {}
        for row, value in figures.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ConfigError(f"{path} holds {value!r} for {row!r} of {name!r}: restore it")
            snapshot[name][row] = value
    return snapshot


def record(path: Path, measured: Snapshot) -> None:
    """Write a snapshot; who was not measured keeps the recorded figures.

    Args:
        path: the file.
        measured: figures of now.
    """
    kept = load(path) if path.exists() else {}
    new = {
        name: {row: plain(value) for row, value in figures.items()}
        for name, figures in measured.items()
        if figures
    }
    merged = {**kept, **new}
    path.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf-8")
