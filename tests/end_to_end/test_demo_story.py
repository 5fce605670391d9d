"""The demo, run as a user runs it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import databright.wiring.demo
from databright.lifecycle import STEPS

SCHEMA = Path(databright.wiring.demo.__file__).parent / "story.schema.json"
PAGE = re.compile(r"The market's page: (http://127\.0\.0\.1:\d+/)")
DEMO_S = 600


@dataclass(frozen=True)
class Run:
    seed: int
    home: Path
    story: dict[str, Any]
    page: str
    printed: str


def play(folder: Path, seed: int) -> Run:
    """Run the program, and ask for the page while it runs."""
    home, out = folder / "home", folder / "out.json"
    words = ["--once", "--seed", str(seed), "--json", str(out), "--home", str(home)]
    environment = {**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    page, lines = "", []
    with subprocess.Popen(
        [sys.executable, "-m", "databright.cli.main", "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "opens dataset" in line and not page:
                found = PAGE.search("".join(lines))
                assert found is not None
                with urllib.request.urlopen(found[1], timeout=60) as answer:  # noqa: S310 - loopback
                    page = answer.read().decode()
        code = process.wait(timeout=DEMO_S)
    printed = "".join(lines)
    assert code == 0, printed[-4000:]
    return Run(seed, home, json.loads(out.read_text()), page, printed)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    seed = secrets.randbelow(10**6)
    print(f"demo seed {seed}")  # noqa: T201 - a failure must be repeatable
    return play(tmp_path_factory.mktemp("demo"), seed)


def test_the_json_follows_its_schema(run: Run) -> None:
    jsonschema.validate(run.story, json.loads(SCHEMA.read_text()))
    assert run.story["seed"] == run.seed


def test_five_are_accepted_and_two_rejected_for_the_right_reasons(run: Run) -> None:
    proposals = run.story["proposals"]
    assert [p["verdict"] for p in proposals if p["kind"] == "honest"] == ["accepted"] * 5
    flipped = next(p for p in proposals if p["kind"] == "flipped")
    assert flipped["verdict"] == "rejected"
    assert flipped["copy_of"] is None
    assert flipped["ci95"][1] < 0
    copy = next(p for p in proposals if p["kind"] == "copy")
    assert copy["verdict"] == "rejected"
    assert copy["copy_of"] in {p["id"] for p in proposals if p["kind"] == "honest"}
    assert "copies" in copy["reason"]
    assert copy["shares"] == flipped["shares"] == "0"


def test_the_small_cap_is_refused_with_the_owners_it_takes(run: Run) -> None:
    assert run.story["refused_plan"] == {
        "cap_bps": 500,
        "owners_needed": 60,
        "owners_available": 6,
    }


def test_the_liar_alone_is_rejected_and_nobody_saw_too_much(run: Run) -> None:
    job = run.story["job"]
    assert len({r["worker"] for r in job["rejected_results"]}) == 1
    assert max(job["exposure_by_owner_bps"].values()) <= job["cap_bps"] == 7_500
    assert job["holdout_accuracy"] >= 0.93


def test_the_ledger_balances(run: Run) -> None:
    assert run.story["conservation"]["difference"] == "0"
    split = run.story["prediction"]["split"]
    assert sum(int(amount) for amount in split.values()) == int(run.story["prediction"]["paid"])
    assert {"contributor", "worker", "model_owner", "node", "buyer", "burn"} <= {
        payment["role"] for payment in run.story["payments"]
    }


def test_every_step_of_the_story_is_a_transaction(run: Run) -> None:
    names = {event["name"] for event in run.story["events"]}
    wanted = {step.event for step in STEPS} - {"DataFeePaid", "SegmentPaid", "Withdrawn"}
    assert wanted <= names | {"SegmentPaid", "Claimed"}


def test_the_page_answered_and_the_story_is_a_page(run: Run) -> None:
    assert "<table" in run.page or "<html" in run.page
    story = (run.home / "story.html").read_text()
    assert run.story["job"]["weights_sha256"] in story
    assert "<script" not in story


def test_no_process_is_left(run: Run) -> None:
    left = [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(run.home).encode() in _read(path)
    ]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_another_reader_recomputes_every_figure(run: Run) -> None:
    verifier = Path(__file__).parents[1] / "verifier" / "verify.py"
    (run.home / "out.json").write_text(json.dumps(run.story))
    done = subprocess.run(
        [
            sys.executable,
            str(verifier),
            "--story",
            str(run.home / "out.json"),
            "--home",
            str(run.home),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_the_same_seed_gives_the_same_weights(run: Run, tmp_path: Path) -> None:
    again = play(tmp_path, run.seed)
    assert again.story["job"]["weights_sha256"] == run.story["job"]["weights_sha256"]
    assert [p["log_loss_gain"] for p in again.story["proposals"]] == [
        p["log_loss_gain"] for p in run.story["proposals"]
    ]
