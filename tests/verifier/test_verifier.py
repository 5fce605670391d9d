"""The verifier on a told story: all holds as it is, and whatever is altered is seen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.verifier import ethereum
from tests.verifier.altered_acts import ALTERED
from tests.verifier.conftest import Told, failed_names
from tests.verifier.export import ZERO

Story = dict[str, Any]
SCRIPT = Path(__file__).resolve().parent / "verify.py"


def test_every_figure_holds(told: Told) -> None:
    checks = told.failed()
    assert failed_names(checks) == ""
    assert len(checks.lines) > 500


def test_the_story_is_the_one_that_was_asked_for(told: Told) -> None:
    story = told.story
    kinds = [(row["kind"], row["verdict"]) for row in story["proposals"]]
    assert kinds.count(("honest", "accepted")) == 5
    assert kinds.count(("honest", "revised")) == 1
    assert kinds.count(("flipped", "rejected")) == kinds.count(("copy", "rejected")) == 1
    assert story["refused_plan"]["owners_needed"] == 60
    assert story["job"]["holdout_accuracy"] >= 0.93
    assert len({row["worker"] for row in story["job"]["rejected_results"]}) == 1


@pytest.mark.parametrize(("alter", "seen"), ALTERED)
def test_an_altered_act_is_seen(told: Told, alter: Callable[[Story], None], seen: str) -> None:
    story, _ = told.altered()
    alter(story)
    assert seen in failed_names(told.failed(story))


def _accepted(story: Story) -> Any:
    return next(row for row in story["proposals"] if row["verdict"] == "accepted")


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
    _accepted(story)["log_loss_gain"] += 1e-12


def _interval(story: Story) -> None:
    _accepted(story)["ci95"][1] += 1e-12


def _shares(story: Story) -> None:
    _accepted(story)["shares"] = _plus_one(_accepted(story)["shares"])


def _verdict(story: Story) -> None:
    bad = next(row for row in story["proposals"] if row["verdict"] == "rejected")
    bad["verdict"] = "accepted"


def _copy_of(story: Story) -> None:
    copy = next(row for row in story["proposals"] if row["copy_of"])
    copy["copy_of"] += 1


def _reason(story: Story) -> None:
    _accepted(story)["reason"] += " "


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
        (_shares, ": shares"),
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
    assert seen in failed_names(told.failed(story))


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
    assert seen in failed_names(told.failed(document=document))


def test_an_export_that_is_none_is_a_failed_check(told: Told) -> None:
    assert failed_names(told.failed(document={"blocks": []})) == "the export can be read"


# -- an altered store
