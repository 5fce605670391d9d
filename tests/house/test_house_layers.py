from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOWN = "Imports go down only"
SIDES = "Worker and trusted side share only offers, projections and jobs"
PROVIDERS = "Rooms meet a port's base, never a provider"
PROTECTIONS = "Protections are independent"
METHODS = "Valuation methods are independent"
EVALUATION = "Evaluation imports no port"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "*.json", "*.vy")
    shutil.copytree(ROOT / "src" / "databright", tmp_path / "src" / "databright", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


VIOLATIONS = [
    pytest.param(
        {"compute_market/worker/spy.py": "import databright.compute_market.trusted"},
        SIDES,
        id="worker imports trusted",
    ),
    pytest.param(
        {"programs/spy.py": "import databright.compute_market.trusted"},
        DOWN,
        id="programs import trusted",
    ),
    pytest.param(
        {"data_market/spy.py": "import databright.storage.local"},
        PROVIDERS,
        id="a market imports a port's provider",
    ),
    pytest.param(
        {"data_market/spy.py": "import databright.model_market"},
        DOWN,
        id="a market imports its sibling",
    ),
    pytest.param(
        {
            "compute_market/trusted/protections/__init__.py": "",
            "compute_market/trusted/protections/one.py": "",
            "compute_market/trusted/protections/two.py": (
                "import databright.compute_market.trusted.protections.one"
            ),
        },
        PROTECTIONS,
        id="a protection imports its sibling",
    ),
    pytest.param(
        {"storage/spy.py": "import databright.data_market"}, DOWN, id="a port imports a market"
    ),
    pytest.param({"utilities/__init__.py": ""}, DOWN, id="an undeclared room"),
    pytest.param(
        {"evaluation/spy.py": "import databright.storage.base"},
        EVALUATION,
        id="evaluation imports a port",
    ),
    pytest.param(
        {
            "evaluation/methods/__init__.py": "",
            "evaluation/methods/one.py": "",
            "evaluation/methods/two.py": "import databright.evaluation.methods.one",
        },
        METHODS,
        id="a valuation method imports its sibling",
    ),
]


@pytest.mark.parametrize(("files", "contract"), VIOLATIONS)
def test_a_deliberate_violation_is_caught(copy: Path, files: dict[str, str], contract: str) -> None:
    for place, text in files.items():
        file = copy / "src" / "databright" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(f'"""Made for a test."""\n{text}\n')
    done = lint(copy)
    assert done.returncode == 1, done.stdout
    assert f"{contract} BROKEN" in done.stdout, done.stdout
