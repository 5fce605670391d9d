"""The tutorial's commands do what it says: each is run as written, in order, in one market."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from databright.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    blocks = FENCE.findall(TUTORIAL.read_text())
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    place = tmp_path / "market"
    monkeypatch.setenv("DATABRIGHT_HOME", str(place))
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "databright.cli.main", "up", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["home"] == str(place)
            yield place
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run one command; those of databright in this process, which saves a second each."""
    if words[0] == "databright":
        code = main(words[1:])
        printed = capsys.readouterr()
        assert code == 0, (words, printed.err)
        return printed.out
    assert words[:2] == ["python", "examples/digits.py"], words
    subprocess.run([sys.executable, str(ROOT / words[1]), *words[2:]], check=True, env=os.environ)
    return ""


def test_the_tutorial_runs_as_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {" ".join(words): run(words, capsys) for words in commands()}
    assert len(found) > 35
    assert "would store" in next(text for line, text in found.items() if "--dry-run" in line)
    assert "accepted" in found["databright proposal watch 1000001"]
    assert "accepted" in found["databright proposal watch 1000002"]
    assert "snapshot 2 of 600 rows" in found["databright dataset show 1"]
    assert "finished, 18 of 18 segments" in found["databright job show 1"]
    said = found["databright predict 1 digits/sample.csv --max-price 0.05 --as carol"]
    classes = said.split(": ")[1].split()
    labels = [
        line.split(",")[-1] for line in (home.parent / "digits/sample.csv").read_text().split()
    ]
    assert sum(a == b for a, b in zip(classes, labels, strict=True)) >= 8
    alice = found["databright balance alice"]  # the later of two: after the claim
    assert "credits 0.000000, dividends 0.000000" in alice
    assert float(alice.split()[1]) > 10  # bond and fee are back, award and dividends on top
