from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.metering.figures import GOALS, MEANS, Samples, figure_of, rows_of
from benchmarks.report import Figure, Report, Row, machine_now

PEER = "Peer 1.0"


def report() -> Report:
    own = Samples({"vote": [56_000, 34_000, 34_500], "odd": [7.25]}).figures()
    peer = Samples({"vote": [82_748, 65_648, 65_648], "self_delegate": [95_530]}).figures()
    peers = {PEER: peer}
    return Report("Gas", "How.", {"processor": "p", "cores": 2}, rows_of(own, peers), peers)


def written(tmp_path: Path) -> Any:
    file = tmp_path / "deep" / "out.json"
    report().write_json(file)
    return json.loads(file.read_text())


def test_the_file_holds_each_row_with_its_goal_and_its_peer(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert set(found) == {"machine", "rows", "peers"}
    assert found["rows"][0] == {
        "name": "vote",
        "value": 34_500,
        "unit": "gas",
        "better": "lower",
        "goal": GOALS["vote"],
        "peer": PEER,
        "peer_value": 65_648,
        "runs": 3,
        "spread": 22_000,
        "mean": 41_500,
        "worst": 56_000,
        "first": 56_000,
    }


def test_a_row_without_goal_or_peer_says_so(tmp_path: Path) -> None:
    row = written(tmp_path)["rows"][1]
    assert row["name"] == "odd"
    assert row["value"] == 7.25
    assert (row["goal"], row["peer"], row["peer_value"]) == (None, None, None)


def test_a_row_that_was_not_measured_is_absent_and_a_peer_s_own_is_kept(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert [row["name"] for row in found["rows"]] == ["vote", "odd"]
    assert [figure["name"] for figure in found["peers"][PEER]] == ["vote", "self_delegate"]


def test_the_page_and_the_print_show_the_same_rows(tmp_path: Path) -> None:
    page, console = tmp_path / "docs" / "gas.md", Console(file=io.StringIO(), width=40)
    report().write_page(page)
    report().show(console)
    file = console.file
    assert isinstance(file, io.StringIO)
    for text in (page.read_text(), file.getvalue()):
        (line,) = (line for line in text.splitlines() if "vote" in line and "35,000" in line)
        cells = line.replace("|", " ").split()
        assert cells[:6] == ["vote", "34,500", "gas", "35,000", "met", "65,648"]
        assert "self_delegate" in text
    assert "Measured on: processor p, cores 2." in page.read_text()


@pytest.mark.parametrize(
    ("better", "value", "met"),
    [("lower", 10, True), ("lower", 11, False), ("higher", 10, True), ("higher", 9, False)],
)
def test_a_goal_is_met_in_the_direction_that_is_better(
    better: Any, value: float, *, met: bool
) -> None:
    assert Row("r", Figure(value, "s", 1, 0), better, goal=10).is_met is met


def test_the_value_is_the_median_but_for_rows_that_are_means() -> None:
    samples = [1.0, 2.0, 9.0]
    assert figure_of("vote", samples).value == 2
    for row in MEANS:
        assert figure_of(row, samples).value == 4


def test_a_batch_is_told_for_each_member() -> None:
    samples = Samples()
    samples.add("vote_batch64", 512_100, shared_by=64)
    assert samples.by_row == {"vote_batch64": [8_001.6]}


def test_the_machine_is_told_without_its_name() -> None:
    told = machine_now(anvil="1.7.1")
    assert {"processor", "cores", "system", "python", "anvil"} == set(told)
