"""Blobs that were altered or are gone are seen, and the program exits by what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.verifier.check_job import check_job
from tests.verifier.checks import Checks
from tests.verifier.conftest import Told, failed_names
from tests.verifier.content import RAW, Content, canonical, cid
from tests.verifier.export import Market, read_market
from tests.verifier.numbers_again import logits
from tests.verifier.verify import EXPORT, PROOF, STORE, main

Story = dict[str, Any]
SCRIPT = Path(__file__).resolve().parent / "verify.py"


def _market(told: Told) -> Market:
    return read_market(told.document)


def _result(told: Told) -> bytes:
    return bytes(_market(told).named("SegmentAccepted")[-1].args["result"])


def _figures(told: Told) -> bytes:
    return bytes(_market(told).named("Executed")[0].args["evidence"])


def _losses(told: Told) -> bytes:
    found = Content(told.store).json(_figures(told))["losses_after"]
    return bytes.fromhex(found)


def _receipt(told: Told) -> bytes:
    return bytes(_market(told).named("SegmentAccepted")[0].args["receipt"])


def _rows(told: Told) -> bytes:
    reveal = _market(told).one("HoldoutRetired").args["reveal"]
    return bytes.fromhex(Content(told.store).json(reveal)["rows"])


def _void(told: Told) -> bytes:
    return bytes(_market(told).named("Voided", kind=1)[0].args["evidence"])


@pytest.mark.parametrize("which", [_result, _figures, _losses, _receipt, _rows, _void])
@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_an_altered_blob_is_seen(
    told: Told, tmp_path: Path, which: Callable[[Told], bytes], how: str
) -> None:
    digest = which(told)
    (tmp_path / "home").mkdir()
    home = told.other_home(tmp_path / "home")
    path = home / STORE / "blocks" / digest.hex()[:2] / digest.hex()[2:4] / cid(RAW, digest)
    blob = bytearray(path.read_bytes())
    path.unlink()
    if how == "flipped":
        blob[len(blob) // 2] ^= 1
        path.write_bytes(blob)
    failed = told.failed(home=home).failed
    assert any(cid(RAW, digest) in check.told or digest.hex() in check.told for check in failed)


# -- lies that agree with their hashes


class SwappedReceipts(Content):
    """A store as a hub could have filled it that wrote one owner's words under another's name."""

    def json(self, digest: bytes, kind: str | None = None) -> dict[str, Any]:
        found = super().json(digest, kind)
        if kind == "databright/receipt/v1":
            first, second = found["segments"][0]["results"][:2]
            first["salt"], second["salt"] = second["salt"], first["salt"]
            first["signature"] = second["signature"]
        return found


def test_words_put_into_another_s_mouth_are_seen(told: Told) -> None:
    checks = Checks()
    check_job(told.story, _market(told), SwappedReceipts(told.store), checks)
    assert "committed" in failed_names(checks)
    assert "signed" in failed_names(checks)
    checks = Checks()
    check_job(told.story, _market(told), Content(told.store), checks)
    assert failed_names(checks) == ""


def test_the_program_s_right_answers_are_counted_on_the_revealed_rows(told: Told) -> None:
    market, content = _market(told), Content(told.store)
    finished, opened = market.one("JobFinished").args, market.one("JobOpened").args
    rows, weights = content.tensors(_rows(told)), content.tensors(finished["weights"])
    found = logits(content.blob(opened["program"]), weights, rows["x"])
    right = int((found.argmax(axis=1) == rows["y"]).sum())
    assert abs(right / len(rows["y"]) - told.story["job"]["holdout_accuracy"]) < 0.01


# -- the command line


def _home(told: Told, folder: Path, document: Story) -> Path:
    folder.mkdir()
    (folder / STORE).symlink_to(told.store)
    (folder / PROOF).write_bytes((told.home / PROOF).read_bytes())
    (folder / EXPORT).write_bytes(canonical(document))
    return folder


def test_the_program_exits_by_what_it_found(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = _home(told, tmp_path / "home", told.document)
    (tmp_path / "story.json").write_text(json.dumps(told.story))
    right = ["--story", str(tmp_path / "story.json"), "--home", str(home)]
    # As users start it: a process of its own, from any folder.
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *right], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    assert b"checks hold" in done.stdout
    story, _ = told.altered()
    story["prediction"]["paid"] = str(int(story["prediction"]["paid"]) + 1)
    (tmp_path / "wrong.json").write_text(json.dumps(story))
    assert main(["--quiet", "--story", str(tmp_path / "wrong.json"), "--home", str(home)]) == 1
    assert "FAIL prediction: paid" in capsys.readouterr().out
