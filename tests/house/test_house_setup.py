from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "all.txt").read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))


def test_every_requirement_is_one_exact_version_by_name() -> None:
    lines = (ROOT / "requirements" / "all.txt").read_text().splitlines()
    exact = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+\Z")
    assert [line for line in lines if not line.startswith("#") and not exact.match(line)] == []
    assert pins()["torch"] == "2.13.0"


def test_everything_declared_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    # PostgreSQL's driver is brought by whoever uses that database.
    groups = [project["dependencies"], *(v for k, v in extras.items() if k != "postgres")]
    declared = [line for group in groups for line in group]
    names = [re.split(r"[<>=\[;~!]", line)[0].lower().replace("_", "-") for line in declared]
    known = {name.replace("_", "-") for name in pins()}
    assert [name for name in names if name not in known] == []


def test_the_npm_packages_are_exact_and_nothing_is_locked_to_addresses() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["private"] is True
    for version in package["devDependencies"].values():
        assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version)
    assert "package-lock=false" in (ROOT / ".npmrc").read_text()
    assert not (ROOT / "package-lock.json").exists()


@pytest.mark.parametrize(
    ("shell", "script"), [("sh", "scripts/setup"), ("sh", "scripts/check"), ("bash", ".ci/run")]
)
def test_scripts_are_well_formed_and_executable(shell: str, script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert path.read_text().startswith(("#!/bin/sh\n", "#!/bin/bash\n"))


def test_a_skip_is_a_failure_where_nothing_may_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        "def test_skipped() -> None:\n    pytest.skip('install it: apt-get install it')\n"
        "def test_fine() -> None:\n    pass\n"
    )
    (tmp_path / "test_two.py").write_text(
        "import pytest\npytest.skip('no', allow_module_level=True)\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for flag, expected in (("0", 0), ("1", 1)):
        done = subprocess.run(
            [str(ROOT / ".venv/bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "DATABRIGHT_NO_SKIP": flag},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in ((expected,) if flag == "0" else (1, 2)), done.stdout
    assert "apt-get install it" in done.stdout or "interrupted" in done.stdout.lower()
