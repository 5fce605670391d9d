"""The contracts page lists every event with its types and every call of the data market."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from databright.contracts import DEPLOY_ORDER, artifact_path

PAGE = Path(__file__).parents[2] / "docs" / "design" / "contracts.md"
SHORT = {"uint256": "u", "address": "a", "bytes32": "b"}
NAMES = [name for name, _ in DEPLOY_ORDER if name != "DatabaseBlueprint"] + ["Database"]
OF_THE_DATA_MARKET = [
    "CuratorToken", "DataAssociation", "Verdicts", "Challenges", "ValuePools", "Charter", "Motions",
    "DataRequests", "Database",
]  # fmt: skip


def abi_of(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(artifact_path(name).read_text())["abi"]
    return found


def kind_of(field: dict[str, Any]) -> str:
    kind = str(field["type"])
    if kind.startswith("tuple"):
        parts = ", ".join(f"{kind_of(part)} {part['name']}" for part in field["components"])
        return f"({parts}){kind.removeprefix('tuple')}"
    return SHORT.get(kind, kind)


def line_of(event: dict[str, Any]) -> str:
    fields = [
        f"{kind_of(field)}{'*' if field['indexed'] else ''} {field['name']}"
        for field in event["inputs"]
    ]
    return f"{event['name']}({', '.join(fields)})"


def listed() -> dict[str, list[str]]:
    """Contract -> the events that the page lists."""
    block = PAGE.read_text().split("## Events with their types")[1].split("```")[1]
    found: dict[str, list[str]] = {}
    name = ""
    for line in block.strip().splitlines():
        if line.startswith("  "):
            found[name].append(line.strip())
        else:
            name = line
            found[name] = []
    return found


def section(name: str) -> str:
    """The page's section of a contract."""
    for part in PAGE.read_text().split("\n## ")[1:]:
        if part.split("\n", 1)[0].split(" ")[0] == name:
            return part
    raise AssertionError(f"{PAGE.name} has no section {name}")


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_listed_with_its_types(name: str) -> None:
    events = [line_of(item) for item in abi_of(name) if item["type"] == "event"]

    assert sorted(listed().get(name, [])) == sorted(events)


def test_no_contract_is_listed_that_is_not_there() -> None:
    assert set(listed()) <= set(NAMES)


@pytest.mark.parametrize("name", OF_THE_DATA_MARKET)
def test_every_call_is_described(name: str) -> None:
    calls = {
        str(item["name"])
        for item in abi_of(name)
        if item["type"] == "function" and item["stateMutability"] not in {"view", "pure"}
    }
    shared = {"withdraw", "withdraw_for"}
    text = section(name)

    assert len(calls) > 0
    assert sorted(one for one in calls - shared if f"`{one}" not in text) == []
