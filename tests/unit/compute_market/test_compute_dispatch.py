"""Leases and answers: what is resent, what is handed out, what is refused."""

from __future__ import annotations

import hashlib

import pytest

from databright.compute_market.trusted.dispatch import PREDICT, TRAIN, Dispatcher, Work
from databright.errors import NotAuthorisedError, ProtocolError
from databright.transport import hub_pb2
from databright.units import Address, Digest

OWNER, OTHER = Address("0x" + "1" * 40), Address("0x" + "2" * 40)
BLOB = b"rows"
DIGEST = Digest(hashlib.sha256(BLOB).digest())
RESULT = Digest(hashlib.sha256(b"result").digest())


def lease(attempt: int = 0, kind: hub_pb2.LeaseKind.ValueType = TRAIN) -> hub_pb2.Lease:
    return hub_pb2.Lease(kind=kind, job=1, epoch=1, segment=2, attempt=attempt, rows=DIGEST)


def ref(attempt: int = 0, kind: hub_pb2.LeaseKind.ValueType = TRAIN) -> hub_pb2.WorkRef:
    return hub_pb2.WorkRef(kind=kind, job=1, segment=2, attempt=attempt)


def commit(attempt: int = 0) -> hub_pb2.FromWorker:
    body = hub_pb2.Commit(work=ref(attempt), commitment=bytes(32), signature=bytes(65))
    return hub_pb2.FromWorker(commit=body)


def reveal(kind: hub_pb2.LeaseKind.ValueType = TRAIN) -> hub_pb2.FromWorker:
    body = hub_pb2.Reveal(work=ref(kind=kind), salt=bytes(32), result=RESULT)
    return hub_pb2.FromWorker(reveal=body)


def bodies(sent: list[hub_pb2.FromHub]) -> list[str | None]:
    return [message.WhichOneof("body") for message in sent]


def test_a_worker_that_comes_back_is_sent_everything_it_owes() -> None:
    hub, work = Dispatcher(), Work(TRAIN, 1, 2, OWNER)
    hub.put(work, lease(), {DIGEST: BLOB})
    first: list[hub_pb2.FromHub] = []
    token = hub.opened(OWNER, first.append)
    hub.put(work, lease(), {DIGEST: BLOB})
    assert bodies(first) == ["lease"]
    hub.received(OWNER, commit())
    hub.want_reveal(work)
    hub.want_reveal(work)
    assert bodies(first) == ["lease", "reveal"]
    second: list[hub_pb2.FromHub] = []
    hub.opened(OWNER, second.append)
    hub.closed(OWNER, token)  # the older session ends late
    assert hub.connected() == [OWNER]
    assert bodies(second) == ["lease", "reveal"]
    hub.drop(work)
    assert bodies(second) == ["lease", "reveal", "drop"]
    assert hub.answer(work) is None


def test_a_worker_that_forgot_its_answer_is_asked_again_once_it_has_it_again() -> None:
    hub, work = Dispatcher(), Work(TRAIN, 1, 2, OWNER)
    hub.put(work, lease(), {DIGEST: BLOB})
    hub.received(OWNER, commit())
    hub.want_reveal(work)
    sent: list[hub_pb2.FromHub] = []
    hub.opened(OWNER, sent.append)
    assert bodies(sent) == ["lease", "reveal"]  # killed meanwhile: it cannot answer this yet
    hub.received(OWNER, commit())
    assert bodies(sent) == ["lease", "reveal", "reveal"]
    hub.received(OWNER, reveal())
    hub.want_blob(work)
    again: list[hub_pb2.FromHub] = []
    hub.opened(OWNER, again.append)
    hub.received(OWNER, commit())
    assert bodies(again) == ["lease", "upload", "upload"]
    hub.uploaded(OWNER, RESULT, b"result")
    hub.received(OWNER, commit())
    assert bodies(again) == ["lease", "upload", "upload"]


def test_a_prediction_is_asked_for_again_after_a_second_reveal() -> None:
    hub, work = Dispatcher(), Work(PREDICT, 1, 2, OWNER)
    hub.put(work, lease(kind=PREDICT), {})
    hub.received(OWNER, reveal(PREDICT))
    hub.want_blob(work)
    sent: list[hub_pb2.FromHub] = []
    hub.opened(OWNER, sent.append)
    hub.received(OWNER, reveal(PREDICT))
    assert bodies(sent) == ["lease", "upload", "upload"]


def test_blobs_go_to_the_owner_of_a_lease_alone_and_only_while_it_lasts() -> None:
    hub, work = Dispatcher(), Work(TRAIN, 1, 2, OWNER)
    hub.put(work, lease(), {DIGEST: BLOB})
    assert hub.blob(OWNER, DIGEST) == BLOB
    for owner, digest in ((OTHER, DIGEST), (OWNER, RESULT)):
        with pytest.raises(NotAuthorisedError, match="no lease"):
            hub.blob(owner, digest)
    hub.drop_job(TRAIN, 1)
    with pytest.raises(NotAuthorisedError):
        hub.blob(OWNER, DIGEST)


def test_a_result_is_taken_only_when_it_was_revealed_and_asked_for() -> None:
    hub, work = Dispatcher(), Work(TRAIN, 1, 2, OWNER)
    hub.put(work, lease(), {})
    with pytest.raises(ProtocolError, match="before all replicas"):
        hub.received(OWNER, reveal())
    hub.received(OWNER, commit())
    hub.want_reveal(work)
    hub.received(OWNER, reveal())
    with pytest.raises(NotAuthorisedError, match="not asked"):
        hub.expects(OWNER, RESULT)
    hub.want_blob(work)
    hub.expects(OWNER, RESULT)
    with pytest.raises(NotAuthorisedError):
        hub.expects(OTHER, RESULT)
    hub.uploaded(OWNER, RESULT, b"result")
    tracked = hub.answer(work)
    assert tracked is not None
    assert tracked.blob == b"result"


def test_answers_to_an_older_attempt_are_late_and_ignored() -> None:
    hub, work = Dispatcher(), Work(TRAIN, 1, 2, OWNER)
    hub.put(work, lease(attempt=1), {})
    hub.received(OWNER, commit(attempt=0))
    hub.received(OTHER, commit(attempt=1))
    tracked = hub.answer(work)
    assert tracked is not None
    assert tracked.commitment is None


def test_a_prediction_is_revealed_without_commitment() -> None:
    hub, work = Dispatcher(), Work(PREDICT, 1, 2, OWNER)
    hub.put(work, lease(kind=PREDICT), {})
    hub.received(OWNER, reveal(kind=PREDICT))
    tracked = hub.answer(work)
    assert tracked is not None
    assert tracked.revealed == (bytes(32), RESULT)


def test_malformed_messages_end_the_session() -> None:
    hub, work = Dispatcher(), Work(TRAIN, 1, 2, OWNER)
    hub.put(work, lease(), {})
    short = hub_pb2.Commit(work=ref(), commitment=b"", signature=b"")
    with pytest.raises(ProtocolError, match="32 bytes"):
        hub.received(OWNER, hub_pb2.FromWorker(commit=short))
    with pytest.raises(ProtocolError, match="does not send"):
        hub.received(OWNER, hub_pb2.FromWorker())
