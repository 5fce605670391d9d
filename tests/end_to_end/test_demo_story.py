"""The demo, run as a user runs it, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema

import databright.wiring.demo
from databright.lifecycle import STEPS
from tests.played import Run, play

SCHEMA = Path(databright.wiring.demo.__file__).parent / "story.schema.json"


def test_the_json_follows_its_schema(demo_run: Run) -> None:
    jsonschema.validate(demo_run.story, json.loads(SCHEMA.read_text()))
    assert demo_run.story["seed"] == demo_run.seed


def test_five_are_accepted_and_two_rejected_for_the_right_reasons(demo_run: Run) -> None:
    proposals = demo_run.story["proposals"]
    honest = [p["verdict"] for p in proposals if p["kind"] == "honest"]
    assert sorted(honest) == ["accepted"] * 5 + ["revised"]
    flipped = next(p for p in proposals if p["kind"] == "flipped")
    assert flipped["verdict"] == "rejected"
    assert flipped["copy_of"] is None
    assert flipped["ci95"][1] < 0
    copy = next(p for p in proposals if p["kind"] == "copy")
    assert copy["verdict"] == "rejected"
    assert copy["copy_of"] in {p["id"] for p in proposals if p["kind"] == "honest"}
    assert "copies" in copy["reason"]
    assert copy["shares"] == flipped["shares"] == "0"


def test_the_small_cap_is_refused_with_the_owners_it_takes(demo_run: Run) -> None:
    assert demo_run.story["refused_plan"] == {
        "cap_bps": 500,
        "owners_needed": 60,
        "owners_available": 6,
    }


def test_the_liar_alone_is_rejected_and_nobody_saw_too_much(demo_run: Run) -> None:
    job = demo_run.story["job"]
    assert len({r["worker"] for r in job["rejected_results"]}) == 1
    assert max(job["exposure_by_owner_bps"].values()) <= job["cap_bps"] == 7_500
    assert job["holdout_accuracy"] >= 0.93


def test_the_ledger_balances(demo_run: Run) -> None:
    assert demo_run.story["conservation"]["difference"] == "0"
    split = demo_run.story["prediction"]["split"]
    assert sum(int(amount) for amount in split.values()) == int(
        demo_run.story["prediction"]["paid"]
    )
    assert {"contributor", "worker", "model_owner", "node", "buyer", "burn"} <= {
        payment["role"] for payment in demo_run.story["payments"]
    }


def test_every_step_of_the_story_is_a_transaction(demo_run: Run) -> None:
    names = {event["name"] for event in demo_run.story["events"]}
    wanted = {step.event for step in STEPS} - {"DataFeePaid", "SegmentPaid", "Withdrawn"}
    assert wanted <= names | {"SegmentPaid", "Claimed"}


def test_the_page_answered_and_the_story_is_a_page(demo_run: Run) -> None:
    assert "<table" in demo_run.page or "<html" in demo_run.page
    story = (demo_run.home / "story.html").read_text()
    assert demo_run.story["job"]["weights_sha256"] in story
    assert "<script" not in story


def test_no_process_is_left(demo_run: Run) -> None:
    left = [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(demo_run.home).encode() in _read(path)
    ]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_another_reader_recomputes_every_figure(demo_run: Run) -> None:
    verifier = Path(__file__).parents[1] / "verifier" / "verify.py"
    (demo_run.home / "out.json").write_text(json.dumps(demo_run.story))
    done = subprocess.run(
        [
            sys.executable,
            str(verifier),
            "--story",
            str(demo_run.home / "out.json"),
            "--home",
            str(demo_run.home),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_the_same_seed_gives_the_same_weights(demo_run: Run, tmp_path: Path) -> None:
    again = play(tmp_path, demo_run.seed)
    assert again.story["job"]["weights_sha256"] == demo_run.story["job"]["weights_sha256"]
    assert [p["log_loss_gain"] for p in again.story["proposals"]] == [
        p["log_loss_gain"] for p in demo_run.story["proposals"]
    ]
