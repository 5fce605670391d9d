from __future__ import annotations

import json
from pathlib import Path

import pytest

from databright.config import (
    HOME_SCHEMA,
    Settings,
    home_path,
    load_settings,
    open_home,
    record_versions,
)
from databright.errors import ConfigError


def test_the_flag_wins_over_the_variable_over_the_default(tmp_path: Path) -> None:
    environ = {"DATABRIGHT_HOME": str(tmp_path / "variable")}
    assert home_path(tmp_path / "flag", environ) == tmp_path / "flag"
    assert home_path(None, environ) == tmp_path / "variable"
    assert home_path(None, {}).name == "databright"
    assert home_path(Path("relative"), {}).is_absolute()


def test_a_new_home_is_private_and_records_versions(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "home"
    home = open_home(path, versions={"databright": "0.1.0"})
    assert path.stat().st_mode & 0o777 == path.parent.stat().st_mode & 0o777 == 0o700
    assert (path / "home.json").stat().st_mode & 0o777 == 0o600
    assert home == open_home(path)
    changed = record_versions(home, {"anvil": "1.7.1"})
    assert changed.versions == {"databright": "0.1.0", "anvil": "1.7.1"}
    assert open_home(path) == changed
    assert [file.name for file in path.iterdir()] == ["home.json"]


def written(path: Path, text: str) -> Path:
    path.mkdir(mode=0o700)
    (path / "home.json").write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps({"schema": HOME_SCHEMA - 1, "versions": {}}), "home export FILE.tar"),
        (json.dumps({"schema": HOME_SCHEMA + 1, "versions": {"databright": "9"}}), "databright 9"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ("[" * 10_000, "damaged"),
        (json.dumps({"schema": HOME_SCHEMA}), "damaged"),
        (json.dumps({"schema": True, "versions": {}}), "wrong type"),
        (json.dumps({"schema": HOME_SCHEMA, "versions": {"a": 1}}), "wrong type"),
        (" " * 70_000, "larger than"),
    ],
)
def test_a_home_that_cannot_be_read_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path / "home", text)
    with pytest.raises(ConfigError, match=says):
        open_home(path)
    assert (path / "home.json").read_text() == text


def test_a_home_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "home"
    open_home(path)
    path.chmod(0o750)
    with pytest.raises(ConfigError, match="chmod 700"):
        open_home(path)


def test_a_folder_with_other_things_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    path.mkdir(mode=0o700)
    (path / "cat.png").write_bytes(b"")
    with pytest.raises(ConfigError, match="holds other files"):
        open_home(path)
    assert not (path / "home.json").exists()


def test_a_demo_run_does_not_stand_in_the_way_of_the_default_home(tmp_path: Path) -> None:
    run = open_home(tmp_path / "databright" / "demo" / "1-1").path
    assert open_home(tmp_path / "databright").schema == HOME_SCHEMA
    assert open_home(run).path == run


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/databright-home"])
def test_what_is_not_a_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        open_home(tmp_path / place)


def test_settings_are_read_strictly(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    file = tmp_path / "settings.toml"
    file.write_text('[chain]\nbackend = "anvil"\nfinality_depth = 64\n[web]\nport = 8000\n')
    settings = load_settings(tmp_path)
    assert (settings.chain.backend, settings.chain.finality_depth) == ("anvil", 64)
    assert settings.web.port == 8000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "not TOML"),
        ("colour = 1", "no setting colour"),
        ("[chain]\nbakcend = 'anvil'", r"no setting chain\.bakcend"),
        ("chain = 1", "is a group"),
        ("[web]\nport = '80'", "type int"),
        ("[web]\nport = true", "type int"),
        ("[web]\nport = 70000", "between 0 and 65535"),
        ("[chain]\nbackend = 'geth'", "choose one of"),
        ("[chain]\nbackend = 'ethereum'", "address is needed"),
        ("[chain]\nrpc_url = 'http://x'", "no other backend"),
        ("[chain]\nfinality_depth = -1", "between 0 and 1024"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        load_settings(tmp_path)
    assert "settings.toml" in str(caught.value)
