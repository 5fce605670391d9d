from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import databright.cli
from databright import __version__
from databright.cli.main import error_record, exit_code, main, role_names
from databright.errors import (
    BadInputError,
    ChainError,
    ConfigError,
    DatabrightError,
    PlanRefusedError,
    TransactionFailedError,
)


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_no_words_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: databright" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["no-such-verb"], ["doctor", "--no-such-flag"]])
def test_words_that_mean_nothing_are_one_line_and_exit_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("databright: ")
    assert told.err.count("\n") == 1


def test_errors_are_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-verb", "--json"]) == 2
    record = json.loads(capsys.readouterr().err)
    assert record["error"]["kind"] == "UsageError"


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInputError("x"), 2), (ConfigError("x"), 2), (ChainError("x"), 1)],
)
def test_bad_input_is_told_from_failure(error: DatabrightError, code: int) -> None:
    assert exit_code(error) == code


def test_errors_carry_their_figures() -> None:
    refused = PlanRefusedError("too few", owners_needed=60, owners_available=6)
    assert error_record(refused)["error"]["owners_needed"] == 60
    failed = TransactionFailedError("it reverted", reason="escrow: stale epoch")
    assert error_record(failed)["error"]["reason"] == "escrow: stale epoch"


def test_roles_are_found_by_name() -> None:
    assert "doctor" in role_names()
    assert "main" not in role_names()


def test_a_role_without_its_packages_does_not_take_the_others_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lonely.py").write_text("import no_such_package_of_anybody\n")
    monkeypatch.setattr(databright.cli, "__path__", [*databright.cli.__path__, str(tmp_path)])
    assert main(["doctor", "--help"]) == 0
    capsys.readouterr()
    assert main(["lonely", "--any", "thing"]) == 2
    assert "no_such_package_of_anybody" in capsys.readouterr().err
    sys.modules.pop("databright.cli.lonely", None)


def test_a_broken_installation_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("import databright.no_such_room\n")
    monkeypatch.setattr(databright.cli, "__path__", [*databright.cli.__path__, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_room"):
        main(["doctor"])
