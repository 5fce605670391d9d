from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from databright.cli.doctor import anvil_candidates, examine
from databright.cli.main import main
from databright.config import open_home

NAMES = {
    "python",
    "torch",
    "fastapi",
    "scikit-learn",
    "node",
    "npm",
    "anvil",
    "eth-tester",
    "chromium",
    "bubblewrap",
    "disk",
    "home",
}


def test_everything_is_named_and_what_lacks_has_its_line(tmp_path: Path) -> None:
    findings = examine(tmp_path / "home", {"PATH": ""})
    assert {finding.name for finding in findings} == NAMES
    for finding in findings:
        assert (finding.state == "ok") == (finding.fix == "")
        assert finding.state in ("ok", "missing", "weaker")
    assert not (tmp_path / "home").exists()


def test_programs_that_are_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.name: finding for finding in examine(tmp_path / "home", {})}
    for name, line in (
        ("node", "Node.js 20"),
        ("chromium", "apt-get install chromium"),
        ("bubblewrap", "apt-get install bubblewrap"),
    ):
        assert found[name].state == "weaker"
        assert line in found[name].fix


def test_an_old_node_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "node"
    program.write_text("#!/bin/sh\necho v18.19.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    found = {finding.name: finding for finding in examine(tmp_path / "home", {})}
    assert found["node"].detail == "v18.19.0 is too old"


def test_a_named_anvil_comes_first(tmp_path: Path) -> None:
    named = tmp_path / "anvil"
    assert anvil_candidates(tmp_path, {"DATABRIGHT_ANVIL": str(named)})[0] == named


def test_a_bad_home_is_found_and_fails_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = open_home(tmp_path / "home").path
    home.chmod(0o755)
    assert main(["doctor", "--json", "--home", str(home)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    (found,) = [one for one in report["findings"] if one["name"] == "home"]
    assert "chmod 700" in found["detail"]


def test_an_old_home_is_exported_whole_and_private(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    (home / "store").mkdir(parents=True)
    home.chmod(0o700)
    (home / "home.json").write_text('{"schema": 0, "versions": {}}')
    (home / "store" / "blob").write_bytes(b"x")
    assert main(["home", "show", "--home", str(home)]) == 2
    assert f"home export FILE.tar --home {home}" in capsys.readouterr().err
    file = tmp_path / "copy.tar"
    words = ["home", "export", str(file), "--home", str(home)]
    assert main([*words, "--dry-run"]) == 0
    assert not file.exists()
    assert main(words) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["home/home.json", "home/store/blob"]
    assert main(words) == 2
    assert "exists; choose another name" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["home/copy.tar", "no-folder/copy.tar"])
def test_an_export_that_cannot_be_written_leaves_nothing(tmp_path: Path, place: str) -> None:
    home = open_home(tmp_path / "home").path
    before = sorted(tmp_path.rglob("*"))
    assert main(["home", "export", str(tmp_path / place), "--home", str(home)]) == 2
    assert sorted(tmp_path.rglob("*")) == before
