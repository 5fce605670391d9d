from __future__ import annotations

import subprocess
import sys

import pytest

# What extras bring, and what a base install must do without.
EXTRAS = (
    "torch",
    "fastapi",
    "uvicorn",
    "starlette",
    "jinja2",
    "sklearn",
    "scipy",
    "eth_tester",
    "eth",
    "vyper",
    "boa",
    "hypothesis",
    "pytest",
    "playwright",
    "jsonschema",
    "psycopg",
)
BLOCKER = f"""
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError("blocked: " + name, name=name)
        return None

sys.meta_path.insert(0, Blocker())
"""
QUIET = """
import os, socket
before = set(os.listdir("."))
class NoEnvironment(dict):
    pass
"""
ROOMS = (
    "databright",
    "databright.units",
    "databright.errors",
    "databright.config",
    "databright.records",
    "databright.chain.base",
    "databright.storage.base",
    "databright.database.connection",
    "databright.database.migrations",
    "databright.views.index",
    "databright.views.projections",
    "databright.views.feed",
    "databright.client",
    "databright.cli.main",
    "databright.cli.doctor",
    "databright.cli.home",
    "databright.lifecycle",
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", ROOMS)
def test_the_base_package_imports_without_extras(room: str) -> None:
    done = python(f"{BLOCKER}\nimport {room}")
    assert done.returncode == 0, done.stderr


def test_the_blocker_blocks() -> None:
    assert python(f"{BLOCKER}\nimport jinja2").returncode != 0


def test_the_command_line_answers_without_extras() -> None:
    done = python(
        f"{BLOCKER}\nimport sys\nfrom databright.cli.main import main\nsys.exit(main(['--help']))"
    )
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
