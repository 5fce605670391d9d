from __future__ import annotations

import pytest

from databright.chain.refusals import explain, refusals, told
from databright.cli.main import error_record, main
from databright.errors import TransactionFailedError


@pytest.mark.parametrize("reason", sorted(refusals()))
def test_a_known_text_is_told_with_cause_and_fix(reason: str) -> None:
    found = refusals()[reason]
    said = told(reason)
    assert said.startswith(reason)
    assert said.endswith(found.do)
    assert found.happened in said
    assert found.why in said


def test_an_unknown_text_is_told_as_it_is_but_printable_and_short() -> None:
    assert explain("stranger: no") is None
    assert told("stranger: no") == "stranger: no"
    assert told("bell \x07 and \x1b[2J") == "bell ? and ?[2J"
    assert len(told("x" * 10_000)) == 300


def test_no_text_is_said_to_be_none() -> None:
    assert told("") == "no reason given"


def test_json_errors_carry_the_parts() -> None:
    failed = TransactionFailedError("it reverted", reason="verdicts: stale base")
    record = error_record(failed)["error"]
    found = refusals()["verdicts: stale base"]
    assert (record["happened"], record["why"], record["do"]) == (
        found.happened,
        found.why,
        found.do,
    )
    assert "why" not in error_record(TransactionFailedError("no", reason="x"))["error"]


def test_a_wrong_flag_is_no_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "--no-such"]) == 2
    assert "No such option" in capsys.readouterr().err
