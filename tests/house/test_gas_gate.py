from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.metering import gate
from benchmarks.metering.command import SNAPSHOT, main
from databright.errors import ConfigError


@pytest.mark.parametrize(
    ("before", "now"), [(65_648, 65_648), (65_648, 60_000), (10_000, 10_100), (0, 0)]
)
def test_a_row_that_is_no_dearer_than_one_percent_passes(before: float, now: float) -> None:
    assert gate.compare({"vote": before}, {"vote": now}) == []


@pytest.mark.parametrize(("before", "now"), [(10_000, 10_101), (8_000.4, 8_081), (0, 1)])
def test_a_dearer_row_is_told_with_both_figures(before: float, now: float) -> None:
    (told,) = gate.compare({"vote": before, "propose": 5}, {"vote": now, "propose": 5})
    assert told.startswith("vote is dearer")
    assert f"{before:,}" in told
    assert f"{now:,}" in told


def test_a_recorded_row_that_is_not_measured_fails() -> None:
    assert gate.compare({"vote": 5}, {}) == ["vote is recorded with 5 and was not measured"]


def test_a_measured_row_that_is_not_recorded_fails() -> None:
    assert gate.compare({}, {"vote": 5}) == ["vote is measured and not recorded: record it"]


def test_each_row_is_held_on_its_own() -> None:
    recorded = {"a": {"vote": 100.0, "propose": 100.0}, "b": {"vote": 100.0}}
    measured = {"a": {"vote": 50.0, "propose": 102.0}, "b": {"vote": 102.0}}
    told = gate.compare_all(recorded, measured)
    assert [sentence.partition(" is ")[0] for sentence in told] == ["a: propose", "b: vote"]


def test_who_was_not_measured_at_all_is_not_looked_at() -> None:
    assert gate.compare_all({"a": {"vote": 1}, "b": {"vote": 1}}, {"a": {"vote": 1}}) == []


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    gate.record(file, {"a": {"vote": 1, "each": 2.5}, "b": {"vote": 3}})
    gate.record(file, {"a": {}, "b": {"vote": 4.0}})
    assert gate.load(file) == {"a": {"vote": 1, "each": 2.5}, "b": {"vote": 4}}


def test_a_whole_figure_is_written_as_an_integer(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    gate.record(file, {"a": {"vote": 1.0}})
    assert "1.0" not in file.read_text()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": 1}', '{"a": {"vote": "1"}}', '{"a": {"vote": true}}',
                '{"a": {"vote": -1}}', '{"a": {}, "a": {}}']
)  # fmt: skip
def test_a_damaged_snapshot_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text(content)
    with pytest.raises(ConfigError):
        gate.load(file)


def test_a_missing_snapshot_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--record"):
        gate.load(tmp_path / "none.json")


def test_the_committed_snapshot_passes_its_own_gate() -> None:
    recorded = gate.load(SNAPSHOT)
    assert recorded
    assert gate.compare_all(recorded, recorded) == []
    assert json.loads(SNAPSHOT.read_text()) == recorded


@pytest.mark.parametrize("flag", ["--check", "--record"])
def test_the_gate_refuses_the_quick_run(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", flag]) == 2
    assert "full run" in capsys.readouterr().err
