"""The keystore, and its TLS identities used by gRPC on both ends of a connection."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent import futures
from dataclasses import replace
from pathlib import Path
from typing import cast

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from eth_account import Account

from databright.custody.context import SealContext
from databright.custody.envelopes import unwrap_dek, wrap_dek
from databright.custody.keys import ActorKeys, Keystore
from databright.custody.tls import make_tls_identity, tls_name
from databright.errors import BadInputError, ConfigError, CustodyError
from databright.transport.tls import TlsIdentity, peer_pin
from databright.units import Address

FILES = ["account.json", "actor.json", "secrets.bin", "tls.pem"]


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


def all_secrets(actor: ActorKeys) -> tuple[bytes, bytes, bytes]:
    return actor.account_key, actor.hpke_private_key, actor.tls_key_pem


def test_an_actor_is_made_and_loaded_the_same(keystore: Keystore, tmp_path: Path) -> None:
    made = keystore.create("alice", "a passphrase")
    loaded = Keystore(tmp_path / "keys").load("alice", "a passphrase")
    assert loaded == made
    assert all_secrets(loaded) == all_secrets(made)
    assert str(loaded.account().address) == made.address
    assert not made.insecure
    assert json.loads((tmp_path / "keys/alice/account.json").read_text())["crypto"]["kdf"] == (
        "scrypt"
    )


def test_the_account_is_an_ordinary_ethereum_keystore(keystore: Keystore, tmp_path: Path) -> None:
    made = keystore.create("demo", insecure=True)
    text = (tmp_path / "keys/demo/account.json").read_text()
    assert bytes(Account.decrypt(text, "")) == made.account_key


def test_public_halves_fit_the_private_ones(keystore: Keystore) -> None:
    made = keystore.create("demo", insecure=True)
    public = keystore.public("demo")
    assert public.insecure
    assert public.address == made.address
    context = SealContext(1, made.address, 0, "v")
    envelope = wrap_dek(bytes(32), public.hpke_public_key, context, made.address)
    assert unwrap_dek(envelope, made.hpke_private_key, context, made.address) == bytes(32)
    certificate = x509.load_pem_x509_certificate(public.tls_certificate_pem)
    key = load_pem_private_key(made.tls_key_pem, None)
    assert certificate.public_key() == key.public_key()
    der = certificate.public_bytes(Encoding.DER)
    assert public.tls_pin == made.tls_pin == hashlib.sha256(der).digest()
    assert made.tls_pin == TlsIdentity(made.tls_key_pem, made.tls_certificate_pem).pin


def test_actors_differ(keystore: Keystore) -> None:
    made = [keystore.create(f"demo-{number}", insecure=True) for number in range(20)]
    for secrets in zip(*(all_secrets(actor) for actor in made), strict=True):
        assert len(set(secrets)) == 20
    assert len({actor.tls_pin for actor in made}) == 20
    assert keystore.names() == sorted(actor.name for actor in made)


def test_secrets_are_on_disk_encrypted_only_and_private(keystore: Keystore, tmp_path: Path) -> None:
    made = keystore.create("alice", "a passphrase")
    folder = tmp_path / "keys" / "alice"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        content = path.read_bytes()
        for secret in all_secrets(made):
            assert secret not in content
            assert secret.hex().encode() not in content


def test_secrets_stay_out_of_the_repr(keystore: Keystore) -> None:
    made = keystore.create("demo", insecure=True)
    for secret in all_secrets(made):
        assert repr(secret) not in repr(made)
        assert secret.hex() not in repr(made)


def test_a_wrong_passphrase_is_told(keystore: Keystore) -> None:
    keystore.create("alice", "right")
    for wrong in ("Right", "right "):
        with pytest.raises(CustodyError, match="wrong passphrase for actor 'alice'"):
            keystore.load("alice", wrong)
    with pytest.raises(CustodyError, match="needs its passphrase"):
        keystore.load("alice")


def test_an_empty_passphrase_is_for_insecure_keys_only(keystore: Keystore, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="must not be empty"):
        keystore.create("alice")
    with pytest.raises(BadInputError, match="giving none"):
        keystore.create("alice", "pass", insecure=True)
    assert keystore.names() == []
    keystore.create("demo", insecure=True)
    assert json.loads((tmp_path / "keys/demo/actor.json").read_text())["insecure"] is True


def test_a_taken_name_keeps_its_keys(keystore: Keystore) -> None:
    made = keystore.create("demo", insecure=True)
    with pytest.raises(BadInputError, match="exists already"):
        keystore.create("demo", insecure=True)
    assert keystore.load("demo") == made


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "../x", "a/b", "a" * 65, "é", "a\n"])
def test_a_malformed_name_is_refused(keystore: Keystore, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="no actor name"):
        keystore.create(name, insecure=True)
    with pytest.raises(BadInputError, match="no actor name"):
        keystore.load(name)
    with pytest.raises(BadInputError, match="no actor name"):
        keystore.public(name)
    assert list((tmp_path / "keys").iterdir()) == []


def test_an_unknown_actor_is_told_with_those_known(keystore: Keystore) -> None:
    keystore.create("demo", insecure=True)
    with pytest.raises(BadInputError, match=r"no actor 'dema'.*demo"):
        keystore.load("dema")


@pytest.mark.parametrize("target", ["", "demo", *(f"demo/{name}" for name in FILES)])
def test_keys_open_to_others_are_refused(keystore: Keystore, tmp_path: Path, target: str) -> None:
    keystore.create("demo", insecure=True)
    path = tmp_path / "keys" / target
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(ConfigError, match="chmod go-rwx"):
        Keystore(tmp_path / "keys").load("demo")


@pytest.mark.parametrize("name", FILES)
def test_damaged_or_foreign_files_are_refused(
    keystore: Keystore, tmp_path: Path, name: str
) -> None:
    keystore.create("demo", insecure=True)
    keystore.create("other", insecure=True)
    path, foreign = tmp_path / "keys/demo" / name, tmp_path / "keys/other" / name
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], foreign.read_bytes()):
        path.write_bytes(content)
        with pytest.raises((CustodyError, BadInputError)):
            keystore.load("demo")
    path.unlink()
    with pytest.raises(ConfigError, match="cannot read"):
        keystore.load("demo")


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot use"):
        Keystore(tmp_path / "file")


@pytest.mark.parametrize(
    "certificate",
    [
        b"",
        b"x",
        b"-----BEGIN CERTIFICATE-----\nAA\n",
        b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
    ],
)
def test_a_pin_needs_a_certificate(keystore: Keystore, certificate: bytes) -> None:
    made = keystore.create("demo", insecure=True)
    with pytest.raises(CustodyError, match=r"tls\.pem of 'demo' is damaged"):
        _ = replace(made, tls_certificate_pem=certificate).tls_pin


def test_a_new_certificate_of_the_same_key_is_noticed(keystore: Keystore, tmp_path: Path) -> None:
    made = keystore.create("demo", insecure=True)
    old = x509.load_pem_x509_certificate(made.tls_certificate_pem)
    renewed = x509.CertificateBuilder(
        issuer_name=old.issuer,
        subject_name=old.subject,
        public_key=old.public_key(),
        serial_number=old.serial_number + 1,
        not_valid_before=old.not_valid_before_utc,
        not_valid_after=old.not_valid_after_utc,
    ).sign(cast(EllipticCurvePrivateKey, load_pem_private_key(made.tls_key_pem, None)), SHA256())
    (tmp_path / "keys/demo/tls.pem").write_bytes(renewed.public_bytes(Encoding.PEM))
    with pytest.raises(CustodyError, match="do not fit one another"):
        keystore.load("demo")


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Answer with the pin of the caller's certificate."""
    return request + peer_pin(context)


@pytest.fixture
def identities() -> dict[str, tuple[Address, bytes, bytes]]:
    addresses = {
        "hub": Address("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"),
        "worker": Address("0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"),
        "stranger": Address("0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69"),
    }
    return {name: (who, *make_tls_identity(who)) for name, who in addresses.items()}


@pytest.fixture
def hub_port(identities: dict[str, tuple[Address, bytes, bytes]]) -> Iterator[int]:
    """A gRPC server that lets in the worker alone, on a free port."""
    _, key, certificate = identities["hub"]
    server = grpc.server(futures.ThreadPoolExecutor(1))
    handler = grpc.unary_unary_rpc_method_handler(echo)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", {"Say": handler}),)
    )
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], identities["worker"][2], require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield port
    server.stop(None).wait()


def say(port: int, trusted: bytes, key: bytes, certificate: bytes, name: str | None) -> bytes:
    credentials = grpc.ssl_channel_credentials(trusted, key, certificate)
    options = [("grpc.ssl_target_name_override", name)] if name else []
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        call = channel.unary_unary("/test.Echo/Say", None, None)
        answer: bytes = call(b"hello", timeout=20)
        return answer


def test_grpc_takes_the_identities_on_both_ends(
    hub_port: int, identities: dict[str, tuple[Address, bytes, bytes]]
) -> None:
    hub, _, trusted = identities["hub"]
    _, key, certificate = identities["worker"]
    pin = TlsIdentity(key, certificate).pin
    for name in (None, "localhost", tls_name(hub)):
        assert say(hub_port, trusted, key, certificate, name) == b"hello" + pin


def test_grpc_refuses_strangers_on_either_end(
    hub_port: int, identities: dict[str, tuple[Address, bytes, bytes]]
) -> None:
    _, key, certificate = identities["worker"]
    _, stranger_key, stranger = identities["stranger"]
    for trusted, own_key, own in (
        (identities["hub"][2], stranger_key, stranger),  # the hub does not know the caller
        (stranger, key, certificate),  # the caller does not trust the hub
    ):
        with pytest.raises(grpc.RpcError) as refused:
            say(hub_port, trusted, own_key, own, None)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
