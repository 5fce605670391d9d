from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from databright.discussion.anchor import Anchored
from databright.discussion.batches import Batches
from databright.discussion.documents import from_plain, to_plain
from databright.discussion.proofs import (
    Item,
    LogReport,
    Proof,
    check_log,
    check_proof,
    prove,
    read_items,
)
from databright.errors import (
    BadInputError,
    DatabrightError,
    MalformedDataError,
    UnknownEntityError,
)
from tests.discussing import DOMAIN, Room, address

PUBLISHER = address("creator")


def seal(room: Room) -> list[Anchored]:
    """Batch what is there, as if the chain had anchored it."""
    batches = Batches(room.log.engine)
    while batch := batches.plan(int(room.clock.now), 0):
        batches.settle(batch, "0x" + "77" * 32, 12)
    return [Anchored(one.first, one.count, one.root, one.tx, 12) for one in batches.all()]


def story(room: Room) -> list[str]:
    """Comments, an edit, a hidden one, and two drafts of which one became a proposal."""
    first = room.say("stranger", "one")
    second = room.edit("stranger", first, first)
    room.hide("node", first)
    told = room.share()
    on_it = room.say("reviewer", "early", subject=f"draft/{told}")
    room.link("proposer", told)
    secret = room.share("proposer", "holder")
    room.say("holder", "secret", subject=f"draft/{secret}")
    return [first, second, told, on_it, secret]


def check(room: Room, anchored: list[Anchored]) -> LogReport:
    return check_log(read_items(room.log, 0, 200), anchored, DOMAIN)


def test_a_whole_log_holds(room: Room) -> None:
    story(room)
    anchored = seal(room)
    report = check(room, anchored)
    assert report == LogReport(entries=8, batches=1, anchored=8, sealed=3, problems=())
    room.say("stranger", "later")
    assert check(room, anchored).problems == ()
    assert (check(room, anchored).entries, check(room, anchored).anchored) == (9, 8)


def test_what_is_not_for_everybody_is_handed_out_as_hashes(room: Room) -> None:
    _, _, told, on_it, secret = story(room)
    items = {item.digest: item for item in read_items(room.log, 0, 200)}
    assert items[told].record is None
    assert items[secret].record is None
    assert items[on_it].record is not None
    shown = str([item.record for item in items.values()])
    assert "early" in shown
    for hidden in ("secret", "More *rows*", "1,2", address("holder")):
        assert hidden not in shown


TAMPER: list[tuple[str, str]] = [
    ("UPDATE discussion_log SET received_at = received_at + 1 WHERE seq = 1", "were altered"),
    ("UPDATE discussion_log SET record = replace(record, 'one', 'two') WHERE seq = 0", "signed by"),
    ("DELETE FROM discussion_log WHERE seq = 7", "the log ends at 6"),
    ("DELETE FROM discussion_log WHERE seq = 2", "entry 2 is missing"),
    ("UPDATE discussion_log SET digest = '0x' || substr(digest, 4) || '0' WHERE seq = 0", "holds"),
    (
        "UPDATE discussion_log SET seq = 90 WHERE seq = 0;"
        "UPDATE discussion_log SET seq = 0 WHERE seq = 1;"
        "UPDATE discussion_log SET seq = 1 WHERE seq = 90",
        "were altered",
    ),
]


@pytest.mark.parametrize(("change", "says"), TAMPER)
def test_what_was_altered_is_told(room: Room, change: str, says: str) -> None:
    story(room)
    anchored = seal(room)
    assert check(room, anchored).problems == ()
    with room.log.engine.begin() as connection:
        for statement in change.split(";"):
            connection.execute(text(statement))
    problems = check(room, anchored).problems
    assert problems
    assert says in " ".join(problems)


def test_a_chain_that_leaves_entries_out_is_told(room: Room) -> None:
    story(room)
    (batch,) = seal(room)
    late = replace(batch, first=1, count=7)
    assert "from 1 on, not from 0" in " ".join(check(room, [late]).problems)


def test_every_entry_is_proved_and_the_proof_goes_through_json(room: Room) -> None:
    digests = story(room)
    seal(room)
    for digest in digests:
        proof = prove(room.log, digest, DOMAIN, PUBLISHER)
        check_proof(proof)
        again = from_plain(Proof, to_plain(proof))
        check_proof(again)
        assert again == proof


def test_what_is_not_anchored_has_no_proof(room: Room) -> None:
    digest = room.say("stranger")
    with pytest.raises(BadInputError, match="not anchored yet"):
        prove(room.log, digest, DOMAIN, PUBLISHER)
    with pytest.raises(UnknownEntityError):
        prove(room.log, "0x" + "0" * 64, DOMAIN, PUBLISHER)


CHANGES: list[Callable[[Any], None]] = [
    lambda p: p.update(kind="databright/other/v1"),
    lambda p: p.update(chain_id=1),
    lambda p: p.update(contract="0x0000000000000000000000000000000000000001"),
    lambda p: p.update(first=p["first"] + 1),
    lambda p: p.update(count=p["count"] + 1),
    lambda p: p.update(count=0),
    lambda p: p.update(root="0x" + "1" * 64),
    lambda p: p.update(root="nothing"),
    lambda p: p["path"].reverse(),
    lambda p: p["path"].pop(),
    lambda p: p["path"].append(p["root"]),
    lambda p: p["item"].update(seq=p["item"]["seq"] + 1),
    lambda p: p["item"].update(seq=-1),
    lambda p: p["item"].update(received_at=p["item"]["received_at"] + 1),
    lambda p: p["item"].update(received_at=2**300),
    lambda p: p["item"].update(digest="0x" + "1" * 64),
    lambda p: p["item"].update(signature_hash="0x" + "1" * 64),
    lambda p: p["item"]["record"]["message"].update(body="another"),
    lambda p: p["item"]["record"].update(signature="0x" + "1" * 130),
    lambda p: p["item"]["record"].update(type="Edit"),
    lambda p: p.update(path="0x"),
    lambda p: p.update(more=1),
    lambda p: p.pop("tx"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_proof_that_was_altered_does_not_hold(room: Room, change: Callable[[Any], None]) -> None:
    first = story(room)[0]
    seal(room)
    record = to_plain(prove(room.log, first, DOMAIN, PUBLISHER))
    change(record)
    with pytest.raises(DatabrightError):
        check_proof(from_plain(Proof, record))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=5,
    )
)
def test_documents_of_strangers_are_read_or_refused(value: Any) -> None:
    for kind in (Proof, Item, LogReport):
        with pytest.raises(MalformedDataError):
            from_plain(kind, value)
