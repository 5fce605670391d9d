"""`up` and `demo` that cannot start: busy ports, no anvil, homes of other releases."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from databright.chain.devnet import launcher
from databright.chain.devnet.journal import FILE as JOURNAL
from databright.cli.main import main
from databright.client import Client
from databright.config import HOME_SCHEMA, open_home
from databright.errors import ConfigError
from databright.wiring.local_market import CHAIN_FOLDER, LocalMarket

ROOT = Path(__file__).resolve().parents[2]
STARTS = (["up"], ["demo", "--once"])


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("databright: ")
    assert printed.err.count("\n") == 1
    return printed.err


def rows_of(journal: Path) -> list[str]:
    """What it holds; its bytes also change when SQLite folds its log in."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as opened:
        return list(opened.iterdump())


@pytest.mark.parametrize("words", STARTS, ids=lambda words: words[0])
def test_a_busy_port_of_the_page_is_told_before_anything_is_made(
    words: list[str], busy_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    said = refused(capsys, *words, "--home", str(home), "--port", str(busy_port))
    assert f"port {busy_port}" in said
    assert "--port" in said.split(str(busy_port))[1]
    assert not home.exists()
    assert "no TCP port" in refused(capsys, *words, "--home", str(home), "--port", "70000")
    assert "choose one of" in refused(capsys, *words, "--home", str(home), "--chain", "geth")
    assert not home.exists()


def test_a_busy_port_of_the_chain_is_told_and_the_home_stays_as_it_was(
    tmp_path: Path, busy_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    home = open_home(tmp_path / "home").path
    first = LocalMarket(home)
    try:
        first.start_chain(list(first.ensure_keys(["deployer"]).values()))
    finally:
        first.stop()
    file = home / CHAIN_FOLDER / launcher.FILE
    record = json.loads(file.read_text())
    port = record["rpc_url"].rsplit(":", 1)[1]
    file.write_text(json.dumps(record).replace(f":{port}", f":{busy_port}"))
    before = (rows_of(home / CHAIN_FOLDER / JOURNAL), file.read_bytes())
    assert any("INSERT" in row for row in before[0])
    said = refused(capsys, "up", "--home", str(home))
    assert f"port {busy_port} is recorded for this chain" in said
    assert "stop the program that uses it" in said
    assert (rows_of(home / CHAIN_FOLDER / JOURNAL), file.read_bytes()) == before


@pytest.fixture(scope="module")
def bare_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in a checkout where npm never ran."""
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copytree(
        ROOT / "src", checkout / "src", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    return checkout


@pytest.mark.parametrize("words", STARTS, ids=lambda words: words[0])
def test_no_anvil_is_told_with_the_line_that_installs_it(
    words: list[str], bare_checkout: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    environ = {k: v for k, v in os.environ.items() if k != "DATABRIGHT_ANVIL"}
    environ |= {"PATH": str(tmp_path), "PYTHONPATH": str(bare_checkout / "src")}
    argv = [sys.executable, "-m", "databright.cli.main", *words, "--chain", "anvil"]
    argv += ["--home", str(home)]
    for more, says in (
        ({}, "npm install"),
        ({"DATABRIGHT_ANVIL": str(tmp_path / "nowhere")}, "which is no program: correct it"),
    ):
        done = subprocess.run(
            argv, env={**environ, **more}, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
        assert not home.exists()


def home_of_schema(path: Path, schema: int) -> Path:
    open_home(path)
    record = {"schema": schema, "versions": {"databright": "9.9"}}
    (path / "home.json").write_text(json.dumps(record))
    (path / "keys").mkdir(mode=0o700)
    return path


VERBS = (
    ["up"],
    ["key", "list"],
    ["key", "create", "someone", "--insecure"],
    ["dataset", "list"],
    ["vote", "1", "--yes", "--as", "someone"],
    ["worker", "start", "--as", "someone"],
)


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_an_old_home_is_left_alone_and_its_way_out_is_named(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_of_schema(tmp_path / "old", 0)
    before = sorted(home.rglob("*"))
    said = refused(capsys, *words, "--home", str(home))
    assert f"databright home export FILE.tar --home {home}" in said
    assert "schema 0" in said
    assert sorted(home.rglob("*")) == before
    with pytest.raises(ConfigError, match="home export"):
        Client(home, "someone")
    tar = tmp_path / "kept.tar"
    assert main(["home", "export", str(tar), "--home", str(home)]) == 0
    assert tar.is_file()


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_a_newer_home_names_the_release_that_it_needs(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_of_schema(tmp_path / "newer", HOME_SCHEMA + 1)
    before = sorted(home.rglob("*"))
    assert "install databright 9.9" in refused(capsys, *words, "--home", str(home))
    assert sorted(home.rglob("*")) == before


def test_the_demo_plays_in_no_home_that_holds_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_of_schema(tmp_path / "old", 0)
    before = sorted(home.rglob("*"))
    assert "name a new folder with --home" in refused(capsys, "demo", "--home", str(home))
    assert sorted(home.rglob("*")) == before
