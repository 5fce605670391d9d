"""The verifier on a small market of its own: it holds as it is, and what is altered is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.verifier.altered_acts import ALTERED
from tests.verifier.checks import Checks
from tests.verifier.conftest import Told, failed_names
from tests.verifier.content import RAW, Content, canonical, cid
from tests.verifier.export import Event, Market, read_market
from tests.verifier.signatures_of_data import DATA_EVENTS
from tests.verifier.verify import PROOF, check_data_market

Story = dict[str, Any]


def _seen(
    small: Told, market: Market, story: Story | None = None, home: Path | None = None
) -> Checks:
    checks = Checks()
    with checks.section("data market"):
        check_data_market(story or small.story, market, home or small.home, checks, {})
    return checks


pytestmark = pytest.mark.anvil


@pytest.fixture(scope="module")
def market(small: Told) -> Market:
    return read_market(small.document)


def test_every_figure_holds(small: Told) -> None:
    checks = small.failed()
    assert failed_names(checks) == ""
    assert len(checks.lines) > 1_000


def test_every_event_of_the_data_market_is_played(market: Market) -> None:
    played = {(event.contract, event.name) for event in market.events}
    known = {
        (contract, text.split("(")[0]) for contract, texts in DATA_EVENTS.items() for text in texts
    }
    assert known - played == set()


@pytest.mark.parametrize(("alter", "seen"), ALTERED)
def test_an_altered_act_is_seen(
    small: Told, market: Market, alter: Callable[[Story], None], seen: str
) -> None:
    story, _ = small.altered()
    alter(story)
    assert seen in failed_names(_seen(small, market, story))


# -- a chain that lies


def _lies(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, tuple):
        return ((value[0][0], value[0][1] + 1), *value[1:])
    return "0x" + 40 * "1"


def _altered(event: Event) -> list[Event]:
    # The dataset of a Database's event is not in the event.
    names = [key for key in event.args if (event.contract, key) != ("Database", "dataset")]
    return [replace(event, args={**event.args, name: _lies(event.args[name])}) for name in names]


@pytest.mark.parametrize(
    "contract", [name for name in DATA_EVENTS if name not in {"CuratorToken", "Database"}]
)
def test_a_contract_that_says_something_else_is_seen(
    market: Market, small: Told, contract: str
) -> None:
    _check_lies(market, small, [e for e in market.events if e.contract == contract])


@pytest.mark.parametrize("contract", ["CuratorToken", "Database"])
@pytest.mark.parametrize("half", [0, 1])
def test_ballots_and_income_that_are_told_otherwise_are_seen(
    market: Market, small: Told, contract: str, half: int
) -> None:
    names = sorted({e.name for e in market.events if e.contract == contract})[half::2]
    chosen = [e for e in market.events if e.contract == contract and e.name in names]
    _check_lies(market, small, chosen)


def _check_lies(market: Market, small: Told, events: list[Event]) -> None:
    """The first event of each kind, with each of its values altered, and left out."""
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.name, event)
    unseen = []
    for event in first.values():
        for changed in _altered(event):
            told = [*market.events]
            told[event.index] = changed
            if not _seen(small, replace(market, events=told)).failed:
                unseen.append((event.name, changed.args))
        rest = [one for one in market.events if one is not event]
        told = [replace(one, index=index) for index, one in enumerate(rest)]
        if not _seen(small, replace(market, events=told)).failed:
            unseen.append((event.name, {}))
    assert unseen == []


# -- blobs that lie


@pytest.mark.parametrize("at", [5, 40, 300, -1])
def test_an_altered_point_proof_is_seen(
    small: Told, market: Market, tmp_path: Path, at: int
) -> None:
    home = small.other_home(tmp_path)
    blob = bytearray((home / PROOF).read_bytes())
    blob[at] ^= 1
    (home / PROOF).write_bytes(blob)
    assert "point proof" in failed_names(_seen(small, market, home=home))


def test_a_proof_that_goes_on_is_none(small: Told, market: Market, tmp_path: Path) -> None:
    home = small.other_home(tmp_path)
    blob = (home / PROOF).read_bytes() + b"\0"
    (home / PROOF).write_bytes(blob)
    story, _ = small.altered()
    story["point_proof"]["bytes"] = len(blob)
    assert "point proof can be read" in failed_names(_seen(small, market, story, home))


def test_a_content_that_was_not_erased_is_seen(small: Told, market: Market, tmp_path: Path) -> None:
    home = small.other_home(tmp_path)
    log = Content(small.store).json(market.named("Erased")[0].args["log_digest"])
    digest = Content.digest_of(log["erased"][0])
    path = home / "store" / "blocks" / digest.hex()[:2] / digest.hex()[2:4] / log["erased"][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"kept")
    assert "erased and still in the store" in failed_names(_seen(small, market, home=home))


@pytest.mark.parametrize("name", ["erased_at", "node", "signature", "erased"])
def test_a_deletion_log_that_its_node_did_not_sign_is_seen(
    small: Told, market: Market, tmp_path: Path, name: str
) -> None:
    home = small.other_home(tmp_path)
    event = market.named("Erased")[0]
    log = Content(small.store).json(event.args["log_digest"])
    changes = {
        "erased_at": log["erased_at"] + 1, "node": market.named("Erased")[1].args["node"],
        "signature": log["signature"][:-2] + ("1b" if log["signature"][-2:] == "1c" else "1c"),
        "erased": log["erased"][:1],
    }  # fmt: skip
    blob = canonical({**log, name: changes[name]})
    digest = _put(home, blob)
    told = [*market.events]
    told[event.index] = replace(event, args={**event.args, "log_digest": digest})
    assert "deletion log" in failed_names(_seen(small, replace(market, events=told), home=home))


def test_a_manifest_of_another_root_is_seen(small: Told, market: Market, tmp_path: Path) -> None:
    home = small.other_home(tmp_path)
    event = market.named("Proposed")[0]
    manifest = Content(small.store).json(event.args["manifest"])
    digest = _put(home, canonical({**manifest, "root": 64 * "0"}))
    told = [*market.events]
    told[event.index] = replace(event, args={**event.args, "manifest": digest})
    assert ": manifest" in failed_names(_seen(small, replace(market, events=told), home=home))


def _put(home: Path, blob: bytes) -> bytes:
    digest = hashlib.sha256(blob).digest()
    path = home / "store" / "blocks" / digest.hex()[:2] / digest.hex()[2:4] / cid(RAW, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob)
    return digest


def test_an_altered_export_is_seen_by_its_hashes(small: Told) -> None:
    _, document = small.altered()
    receipt = next(r for r in document["receipts"] if r["logs"])
    receipt["logs"][0]["data"] = "0x" + 64 * "1"
    assert "receipts than their roots say" in failed_names(small.failed(document=document))
    assert json.loads(json.dumps(small.document)) == small.document
