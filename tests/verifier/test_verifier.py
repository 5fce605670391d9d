"""The verifier on a told story: all holds as it is, and whatever is altered is seen."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.verifier import ethereum
from tests.verifier.check_job import check_job
from tests.verifier.checks import Checks
from tests.verifier.conftest import Told
from tests.verifier.content import RAW, Content, canonical, cid
from tests.verifier.export import ZERO, Market, read_market
from tests.verifier.numbers_again import logits
from tests.verifier.verify import EXPORT, STORE, main

Story = dict[str, Any]
SCRIPT = Path(__file__).resolve().parent / "verify.py"


def names(checks: Checks) -> str:
    return "; ".join(check.name for check in checks.failed)


def test_every_figure_holds(told: Told) -> None:
    checks = told.failed()
    assert names(checks) == ""
    assert len(checks.lines) > 500


def test_the_story_is_the_one_that_was_asked_for(told: Told) -> None:
    story = told.story
    kinds = [(row["kind"], row["verdict"]) for row in story["proposals"]]
    assert kinds.count(("honest", "accepted")) == 5
    assert kinds.count(("flipped", "rejected")) == kinds.count(("copy", "rejected")) == 1
    assert story["refused_plan"]["owners_needed"] == 60
    assert story["job"]["holdout_accuracy"] >= 0.93
    assert len({row["worker"] for row in story["job"]["rejected_results"]}) == 1


def _plus_one(text: str) -> str:
    return str(int(text) + 1)


def _payment(story: Story) -> None:
    story["payments"][3]["amount"] = _plus_one(story["payments"][3]["amount"])


def _payee(story: Story) -> None:
    story["payments"][0]["to"] = "0x" + 40 * "1"


def _role(story: Story) -> None:
    story["payments"][0]["role"] = "buyer"


def _missing_payment(story: Story) -> None:
    story["payments"].pop()


def _gain(story: Story) -> None:
    story["proposals"][1]["log_loss_gain"] += 1e-12


def _interval(story: Story) -> None:
    story["proposals"][2]["ci95"][1] += 1e-12


def _shares(story: Story) -> None:
    story["proposals"][0]["shares"] = _plus_one(story["proposals"][0]["shares"])


def _verdict(story: Story) -> None:
    bad = next(row for row in story["proposals"] if row["verdict"] == "rejected")
    bad["verdict"] = "accepted"


def _copy_of(story: Story) -> None:
    copy = next(row for row in story["proposals"] if row["copy_of"])
    copy["copy_of"] += 1


def _reason(story: Story) -> None:
    story["proposals"][0]["reason"] += " "


def _contributor(story: Story) -> None:
    story["proposals"][0]["contributor"] = story["proposals"][1]["contributor"]


def _missing_proposal(story: Story) -> None:
    story["proposals"].pop()


def _owners_needed(story: Story) -> None:
    story["refused_plan"]["owners_needed"] = 59


def _owners_available(story: Story) -> None:
    story["refused_plan"]["owners_available"] += 1


def _exposure(story: Story) -> None:
    owner = next(iter(story["job"]["exposure_by_owner_bps"]))
    story["job"]["exposure_by_owner_bps"][owner] -= 1


def _weights(story: Story) -> None:
    story["job"]["weights_sha256"] = hashlib.sha256(b"other").hexdigest()


def _program(story: Story) -> None:
    story["job"]["program"] = hashlib.sha256(b"other").hexdigest()


def _accuracy(story: Story) -> None:
    story["job"]["holdout_accuracy"] += 0.001


def _segments(story: Story) -> None:
    story["job"]["segments"] += 1


def _accused(story: Story) -> None:
    honest = [*story["job"]["exposure_by_owner_bps"]]
    honest.remove(story["job"]["rejected_results"][0]["worker"])
    story["job"]["rejected_results"][0]["worker"] = honest[0]


def _pardoned(story: Story) -> None:
    story["job"]["rejected_results"].pop()


def _paid(story: Story) -> None:
    story["prediction"]["paid"] = _plus_one(story["prediction"]["paid"])


def _split(story: Story) -> None:
    first, second = [*story["prediction"]["split"]][:2]
    split = story["prediction"]["split"]
    split[first], split[second] = _plus_one(split[first]), str(int(split[second]) - 1)


def _in(story: Story) -> None:
    story["conservation"]["in"] = _plus_one(story["conservation"]["in"])


def _held(story: Story) -> None:
    story["conservation"]["held"] = _plus_one(story["conservation"]["held"])


def _difference(story: Story) -> None:
    story["conservation"]["difference"] = "1"


def _missing_event(story: Story) -> None:
    story["events"].pop(5)


def _event_name(story: Story) -> None:
    story["events"][5]["name"] = "Claimed"


def _event_block(story: Story) -> None:
    story["events"][-1]["block"] += 1


@pytest.mark.parametrize(
    ("alter", "seen"),
    [
        (_payment, "payments that differ"),
        (_payee, "payments that differ"),
        (_role, "payments that differ"),
        (_missing_payment, "number of payments"),
        (_gain, "log_loss_gain"),
        (_interval, "ci95"),
        (_shares, "proposal 1: shares"),
        (_verdict, "verdict"),
        (_copy_of, "copy_of"),
        (_reason, "the reason is a signer's"),
        (_contributor, "contributor"),
        (_missing_proposal, "proposals"),
        (_owners_needed, "owners needed"),
        (_owners_available, "owners available"),
        (_exposure, "exposure by owner"),
        (_weights, "weights averaged again"),
        (_program, "program"),
        (_accuracy, "holdout accuracy"),
        (_segments, "segments"),
        (_accused, "rejected results"),
        (_pardoned, "rejected results"),
        (_paid, "prediction: paid"),
        (_split, "prediction: split"),
        (_in, "conservation"),
        (_held, "conservation"),
        (_difference, "what does not balance"),
        (_missing_event, "events that the story leaves out"),
        (_event_name, "events that the chain does not show"),
        (_event_block, "events that the chain does not show"),
    ],
)
def test_an_altered_figure_is_seen(told: Told, alter: Callable[[Story], None], seen: str) -> None:
    story, _ = told.altered()
    alter(story)
    assert seen in names(told.failed(story))


# -- an altered chain


def _logs(document: Story) -> list[Any]:
    return [receipt for receipt in document["receipts"] if len(receipt["logs"]) > 1]


def _drop_log(document: Story) -> None:
    _logs(document)[-1]["logs"].pop()


def _change_log(document: Story) -> None:
    log = _logs(document)[-1]["logs"][0]
    log["data"] = log["data"][:-1] + ("0" if log["data"][-1] != "0" else "1")


def _failed_receipt(document: Story) -> None:
    document["receipts"][-1]["status"] = "0x0"


def _more_gas(document: Story) -> None:
    gas = int(document["receipts"][-1]["cumulativeGasUsed"], 16)
    document["receipts"][-1]["cumulativeGasUsed"] = hex(gas + 1)


def _last_block_with_transactions(document: Story) -> Any:
    return [block for block in document["blocks"] if block["transactions"]][-1]


def _change_input(document: Story) -> None:
    tx = _last_block_with_transactions(document)["transactions"][0]
    tx["input"] += "00"


def _change_sender(document: Story) -> None:
    tx = _last_block_with_transactions(document)["transactions"][0]
    tx["from"] = ZERO


def _drop_transaction(document: Story) -> None:
    _last_block_with_transactions(document)["transactions"].pop()


def _change_time(document: Story) -> None:
    block = document["blocks"][len(document["blocks"]) // 2]
    block["timestamp"] = hex(int(block["timestamp"], 16) + 1)


def _reseal(document: Story) -> None:
    """A block altered and hashed anew: the next one still names the old hash."""
    block = document["blocks"][len(document["blocks"]) // 2]
    block["timestamp"] = hex(int(block["timestamp"], 16) + 1)
    block["hash"] = "0x" + ethereum.header_hash(block).hex()


def _other_genesis(document: Story) -> None:
    document["deployment"]["genesis_hash"] = "0x" + 64 * "1"


def _balance(document: Story) -> None:
    first = next(iter(document["balances"]))
    document["balances"][first] = _plus_one(document["balances"][first])


ROOTS = "blocks with other transactions or receipts than their roots say"
SIGNED = "transactions with another hash or sender than their signature says"


@pytest.mark.parametrize(
    ("alter", "seen"),
    [
        (_drop_log, ROOTS),
        (_change_log, ROOTS),
        (_failed_receipt, ROOTS),
        (_more_gas, ROOTS),
        (_change_input, SIGNED),
        (_change_sender, SIGNED),
        (_drop_transaction, ROOTS),
        (_change_time, "header hashes"),
        (_reseal, "every header names the one before"),
        (_other_genesis, "genesis hash"),
        (_balance, "balances"),
    ],
)
def test_an_altered_export_is_seen(told: Told, alter: Callable[[Story], None], seen: str) -> None:
    _, document = told.altered()
    alter(document)
    assert seen in names(told.failed(document=document))


def test_an_export_that_is_none_is_a_failed_check(told: Told) -> None:
    assert names(told.failed(document={"blocks": []})) == "the export can be read"


# -- an altered store


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
    store = told.other_store(tmp_path / "store")
    path = store / "blocks" / digest.hex()[:2] / digest.hex()[2:4] / cid(RAW, digest)
    blob = bytearray(path.read_bytes())
    path.unlink()
    if how == "flipped":
        blob[len(blob) // 2] ^= 1
        path.write_bytes(blob)
    failed = told.failed(store=store).failed
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
    assert "committed" in names(checks)
    assert "signed" in names(checks)
    checks = Checks()
    check_job(told.story, _market(told), Content(told.store), checks)
    assert names(checks) == ""


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
    _split(story)
    (tmp_path / "wrong.json").write_text(json.dumps(story))
    assert main(["--quiet", "--story", str(tmp_path / "wrong.json"), "--home", str(home)]) == 1
    assert "FAIL prediction: split" in capsys.readouterr().out
