"""The verifier's hand-written signatures are those of the contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector

import databright.contracts
from tests.verifier.calls import CALLS, called
from tests.verifier.signatures_of_events import EVENTS, topic_of

ARTIFACTS = Path(databright.contracts.__file__).parent / "artifacts"
UNREAD = {("Database", "OperatorSet"), ("Database", "Approval")}
"""Events that say nothing about money, votes or shares."""
OF_THE_TOKEN = {"Approval", "AuthorizationUsed", "AuthorizationCanceled"}


def _entries(kind: str) -> list[tuple[str, Any]]:
    return [
        (path.stem, entry)
        for path in sorted(ARTIFACTS.glob("*.json"))
        for entry in json.loads(path.read_bytes())["abi"]
        if entry["type"] == kind
    ]


def test_every_event_is_read_by_its_signature() -> None:
    emitted = {
        (contract, entry["name"]): bytes(event_abi_to_log_topic(entry))
        for contract, entry in _entries("event")
    }
    known = {
        (contract, text.split("(")[0]): topic_of(contract, text.split("(")[0])
        for contract, texts in EVENTS.items()
        for text in texts
    }
    unread = {key for key in emitted if key not in known}
    assert unread == UNREAD | {key for key in unread if key[0] == "MarketToken"}
    assert {name for contract, name in unread if contract == "MarketToken"} <= OF_THE_TOKEN
    assert known == {key: topic for key, topic in emitted.items() if key in known}


def test_every_call_is_read_by_its_selector() -> None:
    selectors = {
        bytes(function_abi_to_4byte_selector(entry)): entry["name"]
        for _, entry in _entries("function")
    }
    found = {called(selector) for selector in selectors} - {""}
    assert found == set(CALLS)
    assert all(called(one) in {"", name} for one, name in selectors.items())
