"""`databright doctor`: what is missing on this machine, each with the line that installs it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from databright.config import home_path, open_home
from databright.errors import ConfigError

_OLDEST_PYTHON = (3, 11)
_OLDEST_NODE = 20
_LEAST_DISK = 5 * 1024**3
_ANVIL_VARIABLE = "DATABRIGHT_ANVIL"
_ANVIL_PLACE = Path("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        name: the thing.
        state: `ok`; `missing` where something named in `for_what` cannot run; `weaker` where
            it runs with less.
        detail: version or place, or what is wrong.
        for_what: what needs it.
        fix: the line that installs it, empty when it is there.
    """

    name: str
    state: str
    detail: str
    for_what: str
    fix: str = ""


def _version_of(words: list[str]) -> str:
    """First line that a program prints of itself, empty where it does not run."""
    try:
        # Bounded, so that a program that hangs is told as one that does not work.
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else ""


def _python() -> Finding:
    needed = "everything"
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Finding(
            "python",
            "weaker",
            f"{sys.platform} {platform.machine()}",
            needed,
            "use Linux on x86-64: nothing else is tested",
        )
    if sys.version_info < _OLDEST_PYTHON:
        return Finding(
            "python",
            "missing",
            platform.python_version(),
            needed,
            "apt-get install python3 python3-venv   # 3.11 or newer",
        )
    return Finding("python", "ok", platform.python_version(), needed)


def _package(name: str, for_what: str, fix: str, state: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name), for_what)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, state, "not installed", for_what, fix)


def _node() -> Finding:
    needed = "the real EVM node of the development chain"
    fix = "install Node.js 20 or newer, then: make setup"
    version = _version_of(["node", "--version"])
    digits = version.removeprefix("v").split(".")[0]
    if not digits.isdigit():
        return Finding("node", "weaker", "not found; eth-tester is used", needed, fix)
    if int(digits) < _OLDEST_NODE:
        return Finding("node", "weaker", f"{version} is too old", needed, fix)
    return Finding("node", "ok", version, needed)


def _program(name: str, words: list[str], for_what: str, fix: str) -> Finding:
    version = _version_of(words)
    if not version:
        return Finding(name, "weaker", "not found", for_what, fix)
    return Finding(name, "ok", version, for_what)


def anvil_candidates(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Places where the anvil binary may lie, best first.

    Args:
        home: the home folder.
        environ: the process's environment variables.

    Returns:
        Paths, which need not exist.
    """
    named = [Path(environ[_ANVIL_VARIABLE])] if environ.get(_ANVIL_VARIABLE) else []
    on_path = shutil.which("anvil", path=environ.get("PATH"))
    checkout = Path(__file__).resolve().parents[3]
    return [
        *named,
        checkout / _ANVIL_PLACE,
        home / _ANVIL_PLACE,
        *([Path(on_path)] if on_path else []),
    ]


def _anvil(home: Path, environ: Mapping[str, str]) -> Finding:
    needed = "the real EVM node of the development chain"
    for place in anvil_candidates(home, environ):
        version = _version_of([str(place), "--version"]) if place.is_file() else ""
        if version:
            return Finding("anvil", "ok", f"{version} at {place}", needed)
    return Finding(
        "anvil",
        "weaker",
        "not found; eth-tester is used",
        needed,
        "npm install   # in the checkout; or name the binary in " + _ANVIL_VARIABLE,
    )


def _disk(home: Path) -> Finding:
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < _LEAST_DISK:
        return Finding(
            "disk",
            "weaker",
            detail,
            "data, chain and blobs",
            "free 5 GiB there, or choose another folder with --home",
        )
    return Finding("disk", "ok", detail, "data, chain and blobs")


def _home(home: Path) -> Finding:
    needed = "all state"
    if not home.exists():
        return Finding("home", "ok", f"{home} will be made at first use", needed)
    if home.is_dir() and not any(home.iterdir()):
        return Finding("home", "ok", f"{home} is empty and will be used", needed)
    try:
        opened = open_home(home)
    except ConfigError as error:
        return Finding("home", "missing", str(error), needed, "see the sentence before")
    return Finding("home", "ok", f"{opened.path}, schema {opened.schema}", needed)


def examine(home: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Look for everything that some part of the system uses; nothing is changed.

    Args:
        home: the home folder that would be used.
        environ: the process's environment variables.

    Returns:
        One finding for each thing.
    """
    setup = "make setup"
    return [
        _python(),
        _package("torch", "workers and evaluation", "pip install torch==2.13.0", "missing"),
        _package("fastapi", "the page", setup, "missing"),
        _package("scikit-learn", "the demo's data", setup, "missing"),
        _node(),
        _program("npm", ["npm", "--version"], "installing anvil", "comes with Node.js"),
        _anvil(home, environ),
        _package("eth-tester", "the chain without anvil", setup, "weaker"),
        _program(
            "chromium", ["chromium", "--version"], "browser tests", "apt-get install chromium"
        ),
        _program(
            "bubblewrap",
            ["bwrap", "--version"],
            "sandboxed workers",
            "apt-get install bubblewrap",
        ),
        _disk(home),
        _home(home),
    ]


def _doctor(
    home: Path | None = typer.Option(None, "--home", help="Home folder to look at."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Name what is missing on this machine, and the line that installs it."""
    findings = examine(home_path(home, os.environ), os.environ)
    broken = any(finding.state == "missing" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": not broken, "findings": [asdict(f) for f in findings]}))
    else:
        for finding in findings:
            typer.echo(f"{finding.state:8} {finding.name:13} {finding.detail}")
            if finding.fix:
                typer.echo(f"{'':8} {'':13} for {finding.for_what}: {finding.fix}")
    if broken:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the verb `doctor`.

    Args:
        app: the whole command line.
    """
    app.command("doctor")(_doctor)
