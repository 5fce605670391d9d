from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from databright.contracts import DEPLOY_ORDER, artifact_path
from databright.errors import BadInputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "compile_contracts", ROOT / "scripts" / "compile_contracts.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_artifacts_are_what_a_fresh_compile_gives(script: ModuleType) -> None:
    assert script.differences(script.compile_all(), artifact_path("Database").parent) == []


def test_the_check_tells_what_differs(script: ModuleType, tmp_path: Path) -> None:
    texts = {"One.json": "1", "Two.json": "2"}
    (tmp_path / "One.json").write_text("1 ")
    (tmp_path / "Three.json").write_text("3")
    assert script.differences(texts, tmp_path) == [
        "One.json: differs from a fresh compile",
        "Three.json: no source",
        "Two.json: not there",
    ]

    (tmp_path / "One.json").write_text("1")
    (tmp_path / "Two.json").write_text("2")
    (tmp_path / "Three.json").unlink()
    assert script.differences(texts, tmp_path) == []


@pytest.mark.parametrize("name", [name for name, _ in DEPLOY_ORDER] + ["Database"])
def test_every_contract_fits_the_chain(name: str) -> None:
    found = json.loads(artifact_path(name).read_text())

    assert found["name"] == name
    assert (found["compiler"], found["evm_version"]) == ("0.4.3", "prague")
    assert 0 < found["runtime_bytes"] <= 24_576
    # EIP-3860: creation code.
    assert len(found["bytecode"]) // 2 <= 49_152


def test_an_unknown_contract_is_refused() -> None:
    with pytest.raises(BadInputError, match="there is no contract 'Bank'"):
        artifact_path("Bank")
