"""The hub's wire: pins, sessions, blobs, predictions."""

from __future__ import annotations

import hashlib
import importlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest

from databright.custody.tls import make_tls_identity
from databright.errors import (
    BadInputError,
    BlobCorruptError,
    NotAuthorisedError,
    ProtocolError,
)
from databright.transport import hub_pb2, hub_pb2_grpc
from databright.transport.blobs import CHUNK_BYTES, assemble, chunks, first_chunk
from databright.transport.client import HubSession, predict
from databright.transport.hub import HubServer, Send, split_endpoint
from databright.transport.tls import (
    CHANNEL_OPTIONS,
    SERVER_OPTIONS,
    TlsIdentity,
    der_of_pem,
    open_channel,
    pem_of_der,
)
from databright.units import Address, Digest

NODE = Address("0x" + "11" * 20)
OWNERS = [Address("0x" + digit * 40) for digit in "234"]
BLOB = bytes(range(256)) * 10_000  # three chunks
DIGEST = Digest(hashlib.sha256(BLOB).digest())


def identity(owner: Address) -> TlsIdentity:
    return TlsIdentity(*make_tls_identity(owner))


class Recorder:
    """A session handler that writes down what happens."""

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[Address, Any]] = queue.Queue()
        self.sends: dict[Address, Send] = {}
        self.uploads: dict[Digest, bytes] = {}

    def opened(self, owner: Address, send: Send) -> object:
        self.sends[owner] = send
        self.heard.put((owner, "opened"))
        return owner

    def closed(self, owner: Address, token: object) -> None:
        assert token == owner
        self.heard.put((owner, "closed"))

    def received(self, owner: Address, message: hub_pb2.FromWorker) -> None:
        if message.WhichOneof("body") == "hello":
            raise ProtocolError("hello again")
        self.heard.put((owner, message))

    def blob(self, owner: Address, digest: Digest) -> bytes:
        if owner != OWNERS[0] or digest != DIGEST:
            raise NotAuthorisedError("no lease names it")
        return BLOB

    def expects(self, owner: Address, digest: Digest) -> None:
        if owner != OWNERS[0] or digest != DIGEST:
            raise NotAuthorisedError("not asked for")

    def uploaded(self, owner: Address, digest: Digest, blob: bytes) -> None:
        self.uploads[digest] = blob


class Directory:
    """Registered certificates, changed by the tests."""

    def __init__(self, known: dict[Address, bytes]) -> None:
        self.known = known

    def certificates(self) -> Mapping[Address, bytes]:
        return self.known


def answer(prediction: int, samples: bytes, signature: bytes) -> tuple[bytes, Address]:
    if signature != b"paid":
        raise NotAuthorisedError("not the payer")
    if prediction != 1:
        raise BadInputError("no such prediction")
    return samples[::-1], OWNERS[0]


class Setup:
    def __init__(self) -> None:
        self.node = identity(NODE)
        self.workers = {owner: identity(owner) for owner in OWNERS}
        self.directory = Directory({o: self.workers[o].cert_der for o in OWNERS[:2]})
        self.recorder = Recorder()
        self.server = HubServer(NODE, self.node, self.directory, self.recorder, answer)
        self.server.start()
        self.sessions, self.payers = split_endpoint(self.server.endpoint)

    def dial(self, owner: Address, shows: Address | None = None) -> HubSession:
        return HubSession(self.sessions, self.node.cert_der, self.workers[shows or owner], owner)


@pytest.fixture(scope="module")
def hub() -> Iterator[Setup]:
    made = Setup()
    yield made
    made.server.stop(0)


def hear(hub: Setup) -> tuple[Address, Any]:
    return hub.recorder.heard.get(timeout=20)


def test_a_pinned_worker_opens_a_session_and_both_sides_speak(hub: Setup) -> None:
    with hub.dial(OWNERS[0]) as session:
        messages = session.messages()
        assert next(messages).welcome.node == NODE
        assert hear(hub) == (OWNERS[0], "opened")
        refusal = hub_pb2.Refusal(reason="waiting")
        session.send(hub_pb2.FromWorker(refusal=refusal))
        assert hear(hub)[1].refusal.reason == "waiting"
        hub.recorder.sends[OWNERS[0]](hub_pb2.FromHub(lease=hub_pb2.Lease(job=7)))
        assert next(messages).lease.job == 7
    assert hear(hub) == (OWNERS[0], "closed")


def test_a_certificate_that_is_not_registered_is_refused_until_it_is(hub: Setup) -> None:
    stranger = OWNERS[2]
    with hub.dial(stranger) as session, pytest.raises(ProtocolError):
        next(session.messages())
    hub.directory.known[stranger] = hub.workers[stranger].cert_der
    try:
        with hub.dial(stranger) as session:
            assert next(session.messages()).welcome.node == NODE
            assert hear(hub) == (stranger, "opened")
        assert hear(hub) == (stranger, "closed")
    finally:
        del hub.directory.known[stranger]


def test_a_worker_cannot_speak_for_another_owner(hub: Setup) -> None:
    with (
        hub.dial(OWNERS[0], shows=OWNERS[1]) as session,
        pytest.raises(NotAuthorisedError, match="not registered with the certificate"),
    ):
        next(session.messages())


def test_a_node_with_another_certificate_is_not_talked_to(hub: Setup) -> None:
    wrong = identity(NODE)
    worker = hub.workers[OWNERS[0]]
    with (
        HubSession(hub.sessions, wrong.cert_der, worker, OWNERS[0]) as session,
        pytest.raises(ProtocolError),
    ):
        next(session.messages())


def test_a_session_that_breaks_the_protocol_is_ended_with_the_reason(hub: Setup) -> None:
    with hub.dial(OWNERS[0]) as session:
        messages = session.messages()
        next(messages)
        assert hear(hub) == (OWNERS[0], "opened")
        session.send(hub_pb2.FromWorker(hello=hub_pb2.Hello(owner=OWNERS[0])))
        with pytest.raises(BadInputError, match="hello again"):
            next(messages)
    assert hear(hub) == (OWNERS[0], "closed")


def test_blobs_travel_both_ways_in_chunks_and_only_where_a_lease_names_them(hub: Setup) -> None:
    with hub.dial(OWNERS[0]) as session:
        assert session.get_blob(DIGEST) == BLOB
        with pytest.raises(NotAuthorisedError, match="no lease"):
            session.get_blob(Digest(bytes(32)))
        session.put_blob(BLOB)
        assert hub.recorder.uploads == {DIGEST: BLOB}
        with pytest.raises(NotAuthorisedError, match="owes no result"):
            session.put_blob(b"something else")
    with hub.dial(OWNERS[1]) as session, pytest.raises(NotAuthorisedError):
        session.get_blob(DIGEST)


def test_a_session_that_another_thread_closed_is_an_error_of_the_protocol(hub: Setup) -> None:
    session = hub.dial(OWNERS[0])
    session.close()
    calls: list[Callable[[], object]] = [
        lambda: next(session.messages()),
        lambda: session.get_blob(DIGEST),
        lambda: session.put_blob(BLOB),
    ]
    for call in calls:
        with pytest.raises(ProtocolError, match="session was closed"):
            call()


@pytest.mark.parametrize("name", [name for name, _ in (*CHANNEL_OPTIONS, *SERVER_OPTIONS)])
def test_grpc_knows_each_option(name: str) -> None:
    """It says nothing of one that it does not know, and goes on without."""
    library = importlib.import_module("grpc._cython.cygrpc").__file__
    assert library is not None
    assert name.encode() + b"\0" in Path(library).read_bytes()


def test_one_worker_cannot_take_all_threads(hub: Setup) -> None:
    greedy = [hub.dial(OWNERS[0]) for _ in range(10)]
    try:
        admitted = 0
        streams = [session.messages() for session in greedy]
        for stream in streams:
            try:
                next(stream)
                admitted += 1
            except ProtocolError as error:
                assert "at once" in str(error)  # noqa: PT017 - some are admitted, some are not
        assert admitted == 6
        for _ in range(admitted):
            assert hear(hub) == (OWNERS[0], "opened")
        with hub.dial(OWNERS[1]) as session:
            assert next(session.messages()).welcome.node == NODE
            assert hear(hub) == (OWNERS[1], "opened")
        assert hear(hub) == (OWNERS[1], "closed")
    finally:
        for session in greedy:
            session.close()
    for _ in range(admitted):
        assert hear(hub) == (OWNERS[0], "closed")
    with hub.dial(OWNERS[0]) as session:
        assert next(session.messages()).welcome.node == NODE
        assert hear(hub) == (OWNERS[0], "opened")
    assert hear(hub) == (OWNERS[0], "closed")


def test_a_peer_that_never_says_hello_is_cut_off(
    hub: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databright.transport.hub._HELLO_S", 0.2)
    worker = hub.workers[OWNERS[0]]
    never = threading.Event()

    def silent() -> Iterator[hub_pb2.FromWorker]:
        never.wait(20)
        yield from ()

    with open_channel(hub.sessions, hub.node.cert_der, worker) as channel:
        try:
            with pytest.raises(grpc.RpcError):
                next(iter(hub_pb2_grpc.HubStub(channel).Session(silent())))
            assert not never.is_set()
        finally:
            never.set()


def test_a_session_that_does_not_read_is_ended_and_holds_up_nobody(
    hub: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databright.transport.hub._MAX_OUTBOX", 8)
    with hub.dial(OWNERS[0]) as session:
        messages = session.messages()
        assert next(messages).welcome.node == NODE
        assert hear(hub) == (OWNERS[0], "opened")
        send = hub.recorder.sends[OWNERS[0]]
        lease = hub_pb2.Lease(program=bytes(2**20))

        def flood() -> None:
            for _ in range(64):  # more than the outbox and the wire's window hold
                send(hub_pb2.FromHub(lease=lease))

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        thread.join(timeout=20)
        assert not thread.is_alive()
        with pytest.raises(ProtocolError):
            for _ in messages:
                pass
    assert hear(hub) == (OWNERS[0], "closed")


def test_payers_need_no_certificate_and_get_errors_as_they_are(hub: Setup) -> None:
    def ask(prediction: int, signature: bytes) -> tuple[bytes, Address]:
        return predict(
            hub.payers,
            hub.node.cert_der,
            prediction=prediction,
            samples=b"abc",
            signature=signature,
        )

    assert ask(1, b"paid") == (b"cba", OWNERS[0])
    with pytest.raises(NotAuthorisedError, match="not the payer"):
        ask(1, b"")
    with pytest.raises(BadInputError, match="no such prediction"):
        ask(2, b"paid")


def test_a_busy_port_is_replaced_by_a_free_one_and_a_free_one_is_kept() -> None:
    node, recorder = identity(NODE), Recorder()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        first = HubServer(NODE, node, Directory({}), recorder, answer, ports=(busy, 0))
        assert first.ports[0] != busy
    first.start()
    kept = first.ports
    first.stop(0)
    second = HubServer(NODE, node, Directory({}), recorder, answer, ports=kept)
    assert second.ports == kept
    second.stop(0)


def test_a_blob_that_is_not_what_its_hash_says_is_refused() -> None:
    parts = list(chunks(BLOB))
    assert len(parts) == 3
    assert max(len(part.data) for part in parts) == CHUNK_BYTES
    assert assemble(parts[0], parts[1:]) == BLOB
    with pytest.raises(BlobCorruptError):
        assemble(parts[0], parts[1:-1])
    with pytest.raises(ProtocolError, match="longer"):
        assemble(parts[0], [*parts[1:], hub_pb2.Chunk(data=b"x")])
    parts[2].data = bytes(len(parts[2].data))
    with pytest.raises(BlobCorruptError):
        assemble(parts[0], parts[1:])
    with pytest.raises(ProtocolError, match="at most"):
        first_chunk(iter([hub_pb2.Chunk(digest=bytes(32), size=2**40)]))
    with pytest.raises(ProtocolError, match="SHA-256"):
        first_chunk(iter([]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:1",
        "a:1,b",
        "a:0,b:1",
        "a:1,b:1,c:1",
        ":1,:2",
        "a:x,b:1",
        "a:\N{SUPERSCRIPT TWO},b:1",
        "a:\N{ARABIC-INDIC DIGIT ONE},b:1",
        "unix:/run/x:1,b:1",
        "dns:///a:1,b:1",
        "a\n:1,b:1",
    ],
)
def test_a_malformed_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="no endpoint"):
        split_endpoint(text)


def test_certificates_go_to_pem_and_back() -> None:
    made = identity(NODE)
    assert pem_of_der(made.cert_der) == made.cert_pem
    assert made.pin == hashlib.sha256(made.cert_der).digest()
    assert "PRIVATE" not in repr(made)
    with pytest.raises(NotAuthorisedError):
        der_of_pem(b"nothing")
