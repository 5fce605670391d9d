"""Whom the trusted process trusts: packages in its memory against the list in compute.md."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "design" / "compute.md"
HEADING = "## Trusted base of the node\n"
# grpcio takes its development tools along where they are installed; a node does without.
DEVELOPMENT = ("grpc_tools",)
CODE = f"""
import importlib.abc, importlib.metadata, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {DEVELOPMENT!r}:
            raise ModuleNotFoundError("not on a node: " + name, name=name)
        return None

sys.meta_path.insert(0, Absent())
before = set(sys.modules)
import databright.storage.local
import databright.wiring.node
from eth_account import Account

Account.create().unsafe_sign_hash(bytes(32))  # loads what signs
owners = importlib.metadata.packages_distributions()
found = {{}}
for name in sorted(set(sys.modules) - before):
    file = getattr(sys.modules[name], "__file__", None) or ""
    if "site-packages" in file:
        # An extension module is known by its folder alone.
        top = file.split("site-packages/")[-1].split("/")[0].split(".")[0]
        for owner in owners.get(top, ["of no package: " + top]):
            found.setdefault(owner.lower().replace("_", "-"), []).append(name)
print(json.dumps(found))
"""


@cache
def closure() -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def section() -> str:
    _, _, rest = PAGE.read_text().partition(HEADING)
    assert rest, f"{PAGE.name} lacks {HEADING!r}"
    return rest.partition("\n## ")[0]


def listed() -> list[str]:
    rows = [line for line in section().splitlines() if line.startswith("| ")][1:]
    return [name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)]


def test_the_page_lists_the_packages_in_the_trusted_process() -> None:
    assert sorted(listed()) == sorted(closure())


def test_the_page_counts_them() -> None:
    counted = re.search(r"\*\*([0-9]+) packages\*\*", section())
    assert counted is not None
    assert int(counted[1]) == len(closure())


def test_no_package_is_in_it_that_the_base_install_lacks() -> None:
    """Nothing that an extra brings, torch above all, is in the process that holds the keys."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {re.split(r"[<>=\[;~! ]", line)[0].lower() for line in project["dependencies"]}
    extras = {
        re.split(r"[<>=\[;~! ]", line)[0].lower()
        for lines in project["optional-dependencies"].values()
        for line in lines
    }
    assert (extras - base) & set(closure()) == set()
    assert {"web3", "grpcio", "cryptography", "numpy", "coincurve"} <= set(closure())
