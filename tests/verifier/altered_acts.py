"""Ways to alter what a story says about its acts, and the check that must see each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Story = dict[str, Any]


def _other(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return value[:-1] if value else [1]
    if value.startswith("0x"):
        return "0x" + 40 * "1"
    if value.isdigit():
        return str(int(value) + 1)
    return value[:-1] + ("a" if value[-1] != "a" else "b")


def _field(act: str, name: str) -> Callable[[Story], None]:
    def alter(story: Story) -> None:
        story[act][name] = _other(story[act][name])

    return alter


def _part(name: str) -> Callable[[Story], None]:
    def alter(story: Story) -> None:
        story["batch"]["parts"][0][name] = _other(story["batch"]["parts"][0][name])

    return alter


def _swapped_parts(story: Story) -> None:
    story["batch"]["parts"].reverse()


def _swapped_signers(story: Story) -> None:
    act = story["challenge"]
    act["first_signers"], act["second_signers"] = act["second_signers"], act["first_signers"]


def _swapped_sides(story: Story) -> None:
    act = story["override"]
    act["oracle_support"], act["own_support"] = act["own_support"], act["oracle_support"]


def _reversed_transfer(story: Story) -> None:
    act = story["transfer"]
    act["from"], act["to"] = act["to"], act["from"]


def _shorter_thread(story: Story) -> None:
    story["revision"]["thread"] = story["revision"]["thread"][1:]


def _other_eraser(story: Story) -> None:
    story["takedown"]["erased_by"].reverse()
    story["takedown"]["erased_by"].append(story["takedown"]["to"])


def _pardoned_revision(story: Story) -> None:
    row = next(row for row in story["proposals"] if row["verdict"] == "revised")
    row["verdict"] = "rejected"


def _paid_revision(story: Story) -> None:
    row = next(row for row in story["proposals"] if row["verdict"] == "revised")
    row["shares"] = "5"


def _hidden_revision(story: Story) -> None:
    story["proposals"] = [row for row in story["proposals"] if row["verdict"] != "revised"]


def _extra_field(story: Story) -> None:
    story["relay"]["tip"] = "1"


_NAMES = {
    "batch": ("root",),
    "revision": ("thread",),
    "override": ("oracle", "oracle_support", "own_support", "weight"),
    "relay": ("ballots", "repaid"),
    "challenge": (
        "challenger", "bond", "base", "claimed_amount", "measured_outcome", "measured_amount",
        "first_signers", "second_signers", "status", "reward", "burnt",
    ),
    "transfer": ("shares", "credited"),
    "takedown": ("motion", "to", "snapshot", "redirected", "erased_by", "flagged_models"),
    "point_proof": ("proposal", "index", "bytes", "snapshot", "models"),
}  # fmt: skip
_POINT = {
    "proposal": "point proof: of", "index": "point proof: of", "snapshot": "point proof: of",
    "bytes": "point proof: bytes", "models": "point proof: models told",
}  # fmt: skip

ALTERED = [
    *(
        pytest.param(
            _field(act, name),
            _POINT[name] if act == "point_proof" else f"{act}: {name}",
            id=f"{act}.{name}",
        )
        for act, names in _NAMES.items()
        for name in names
    ),
    *(
        pytest.param(_part(name), "batch: parts", id=f"batch.parts.{name}")
        for name in ("owner", "cid", "num_rows")
    ),
    pytest.param(_swapped_parts, "batch: parts", id="swapped parts"),
    pytest.param(_swapped_signers, "challenge: first_signers", id="swapped signers"),
    pytest.param(_swapped_sides, "override: oracle_support", id="swapped sides"),
    pytest.param(_reversed_transfer, "transfer can be read", id="reversed transfer"),
    pytest.param(_shorter_thread, "revision: thread", id="shorter thread"),
    pytest.param(_other_eraser, "takedown: erased_by", id="another eraser"),
    pytest.param(_pardoned_revision, ": verdict", id="a revised one as rejected"),
    pytest.param(_paid_revision, ": shares", id="a revised one with shares"),
    pytest.param(_hidden_revision, "proposals", id="a revised one left out"),
    pytest.param(_extra_field, "relay: fields", id="a field too many"),
    *(
        pytest.param(_field(act, name), f"{act} can be read", id=f"{act}.{name} unknown")
        for act, name in (
            ("override", "lender"), ("relay", "relayer"), ("takedown", "tranche"),
            ("challenge", "proposal"), ("transfer", "tranche"),
        )
    ),
]  # fmt: skip
"""(how, which check sees it)."""
