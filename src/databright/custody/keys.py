"""The keystore: for each actor of this machine one folder with its keys, encrypted.

::

    KEYSTORE/NAME/           0700, files 0600
      actor.json             name, address, HPKE public key, insecure or not; no secret
      account.json           the secp256k1 key as an Ethereum keystore (version 3)
      secrets.bin            HPKE and TLS private keys: "DBKS" | version | salt (16) | nonce (12) |
                             ChaCha20-Poly1305, key = HKDF-SHA256(secp256k1 key, salt, domain)
      tls.pem                self-signed certificate

The passphrase guards the Ethereum keystore, whose key guards the rest: one slow derivation for
each unlocking. An actor made with ``insecure=True`` has no passphrase and says so in its files;
whoever reads the folder has its keys.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keyfile.keyfile import create_keyfile_json, decode_keyfile_json

from databright.custody.context import length_prefixed
from databright.custody.envelopes import PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, generate_hpke
from databright.custody.tls import make_tls_identity
from databright.errors import (
    BadInputError,
    ConfigError,
    CustodyError,
    MalformedDataError,
    NotAuthorisedError,
)
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.transport.tls import der_of_pem, pin_of
from databright.units import Address, Digest

SCRYPT_N = 1 << 17
"""Cost of a passphrase: 128 MiB and a few tenths of a second."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_MAGIC = b"DBKS\x01"
_DOMAIN = b"databright/keys/v1"
_MAX_FILE_BYTES = 1 << 16
_ACTOR_FIELDS = {"address", "hpke_public_key", "insecure", "name", "schema_version"}


@dataclass(frozen=True)
class PublicActor:
    """What everybody may know of an actor; read without its passphrase.

    Attributes:
        name: its folder's name.
        address: its Ethereum address.
        hpke_public_key: 1,216 bytes, to seal contents to it.
        tls_certificate_pem: its self-signed certificate.
        insecure: whether it has no passphrase.
    """

    name: str
    address: Address
    hpke_public_key: bytes = field(repr=False)
    tls_certificate_pem: bytes = field(repr=False)
    insecure: bool

    @property
    def tls_pin(self) -> Digest:
        """Its TLS identity: its certificate's pin, the one that the registry has.

        Raises:
            CustodyError: tls.pem holds no certificate.
        """
        try:
            return pin_of(der_of_pem(self.tls_certificate_pem))
        except NotAuthorisedError as exc:
            raise CustodyError(
                f"tls.pem of {self.name!r} is damaged: restore it from a copy"
            ) from exc


@dataclass(frozen=True)
class ActorKeys(PublicActor):
    """An unlocked actor. Secrets stay out of its repr.

    Attributes:
        account_key: secp256k1 private key, 32 bytes.
        hpke_private_key: 96 bytes.
        tls_key_pem: private key of the certificate, PKCS 8 PEM.
    """

    account_key: bytes = field(repr=False)
    hpke_private_key: bytes = field(repr=False)
    tls_key_pem: bytes = field(repr=False)

    def account(self) -> LocalAccount:
        """The signer of transactions and messages.

        Returns:
            An eth-account account.
        """
        return cast(LocalAccount, Account.from_key(self.account_key))


class Keystore:
    """Actors of one folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, made with mode 0700 if it is not there.

        Args:
            folder: where the actors' folders lie.

        Raises:
            ConfigError: it cannot be used, or other users may open it.
        """
        self._folder = Path(folder)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigError(
                f"cannot use {self._folder} as a keystore: {exc.strerror}; choose a folder that"
                " you may write to"
            ) from exc
        _check_private(self._folder)

    def names(self) -> list[str]:
        """Names of the actors.

        Returns:
            The names, sorted.
        """
        found = (path for path in self._folder.iterdir() if (path / "actor.json").is_file())
        return sorted(path.name for path in found if _NAME.match(path.name))

    def create(self, name: str, passphrase: str = "", *, insecure: bool = False) -> ActorKeys:
        """Make an actor with new keys.

        Args:
            name: 1 to 64 of a-z, 0-9 and dashes, not starting with a dash.
            passphrase: guards the keys; not empty unless insecure.
            insecure: keep the keys without a passphrase, for demos alone.

        Returns:
            The unlocked actor. Its folder appears whole or not at all.

        Raises:
            BadInputError: a malformed or taken name, no passphrase, or one that is not used.
            ConfigError: the folder cannot be written.
        """
        folder = self._actor_folder(name)
        if insecure == bool(passphrase):
            raise BadInputError(
                f"the passphrase of actor {name!r} must not be empty; only demo keys are made"
                " without one, by asking for insecure keys and giving none"
            )
        if folder.exists():
            raise BadInputError(f"actor {name!r} exists already in {self._folder}: choose a name")
        actor = _new_actor(name, insecure=insecure)
        try:
            draft = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
            try:
                for file_name, content in _files(actor, passphrase).items():
                    _write_private(draft / file_name, content)
                draft.rename(folder)  # fails if another process made the same name meanwhile
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as exc:
            raise ConfigError(f"cannot write actor {name!r}: {exc.strerror}") from exc
        return actor

    def public(self, name: str) -> PublicActor:
        """Read what everybody may know of an actor.

        Args:
            name: its name.

        Returns:
            Address, public keys and certificate.

        Raises:
            BadInputError: there is no such actor.
            CustodyError: its files are damaged.
            ConfigError: its files cannot be read, or other users may open them.
        """
        folder = self._existing(name)
        try:
            fields = loads_object(
                _read_private(folder / "actor.json"), max_bytes=_MAX_FILE_BYTES, max_depth=1
            )
            return _public_actor(name, fields, _read_private(folder / "tls.pem"))
        except MalformedDataError as exc:
            raise CustodyError(
                f"actor.json of {name!r} is damaged: {exc}; restore it from a copy"
            ) from exc

    def load(self, name: str, passphrase: str = "") -> ActorKeys:
        """Unlock an actor.

        Args:
            name: its name.
            passphrase: the one it was created with; empty for an insecure actor.

        Returns:
            Its keys.

        Raises:
            BadInputError: there is no such actor.
            CustodyError: a wrong passphrase, or damaged files.
            ConfigError: its files cannot be read, or other users may open them.
        """
        public, folder = self.public(name), self._existing(name)
        key = _unlock(public, _read_private(folder / "account.json"), passphrase)
        hpke_private, tls_key = _open_secrets(public, key, _read_private(folder / "secrets.bin"))
        return ActorKeys(
            **public.__dict__, account_key=key, hpke_private_key=hpke_private, tls_key_pem=tls_key
        )

    def _actor_folder(self, name: str) -> Path:
        if not _NAME.match(name):
            raise BadInputError(
                f"{name[:80]!r} is no actor name: use 1 to 64 of a-z, 0-9 and dashes"
            )
        return self._folder / name

    def _existing(self, name: str) -> Path:
        folder = self._actor_folder(name)
        if not folder.is_dir():
            known = ", ".join(self.names())[:200] or "nobody yet"
            raise BadInputError(f"no actor {name!r} in {self._folder}; there are: {known}")
        _check_private(folder)
        return folder


def _new_actor(name: str, *, insecure: bool) -> ActorKeys:
    account = Account.create()
    address = Address(account.address)
    hpke_private, hpke_public = generate_hpke()
    tls_key, certificate = make_tls_identity(address)
    return ActorKeys(
        name=name,
        address=address,
        hpke_public_key=hpke_public,
        tls_certificate_pem=certificate,
        insecure=insecure,
        account_key=bytes(account.key),
        hpke_private_key=hpke_private,
        tls_key_pem=tls_key,
    )


def _files(actor: ActorKeys, passphrase: str) -> Mapping[str, bytes]:
    password = passphrase.encode("utf-8")
    if actor.insecure:  # there is nothing to guess, so nothing is made slow
        keyfile = create_keyfile_json(actor.account_key, password, kdf="pbkdf2", iterations=1)
    else:
        keyfile = create_keyfile_json(
            actor.account_key, password, kdf="scrypt", iterations=SCRYPT_N
        )
    described = {
        "address": actor.address,
        "hpke_public_key": actor.hpke_public_key.hex(),
        "insecure": actor.insecure,
        "name": actor.name,
        "schema_version": 1,
    }
    return {
        "actor.json": dumps_canonical(described),
        "account.json": dumps_canonical(keyfile),
        "secrets.bin": _seal_secrets(actor),
        "tls.pem": actor.tls_certificate_pem,
    }


def _secrets_cipher(account_key: bytes, salt: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt, _DOMAIN).derive(account_key))


def _secrets_aad(actor: PublicActor) -> bytes:
    return length_prefixed(
        _DOMAIN, actor.address.encode("ascii"), actor.hpke_public_key, actor.tls_pin
    )


def _seal_secrets(actor: ActorKeys) -> bytes:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    cipher = _secrets_cipher(actor.account_key, salt)
    plain = actor.hpke_private_key + actor.tls_key_pem
    return _MAGIC + salt + nonce + cipher.encrypt(nonce, plain, _secrets_aad(actor))


def _open_secrets(actor: PublicActor, account_key: bytes, blob: bytes) -> tuple[bytes, bytes]:
    salt, nonce = blob[5:21], blob[21:33]
    if blob[:5] != _MAGIC or len(nonce) != 12:
        raise CustodyError(f"secrets.bin of {actor.name!r} is damaged: restore it from a copy")
    try:
        cipher = _secrets_cipher(account_key, salt)
        plain = cipher.decrypt(nonce, blob[33:], _secrets_aad(actor))
    except InvalidTag as exc:
        raise CustodyError(
            f"the keys of {actor.name!r} do not fit one another: one of its files was altered or"
            " belongs to another actor; restore the whole folder from a copy"
        ) from exc
    return plain[:PRIVATE_KEY_BYTES], plain[PRIVATE_KEY_BYTES:]


def _unlock(actor: PublicActor, keyfile: bytes, passphrase: str) -> bytes:
    if not actor.insecure and not passphrase:
        raise CustodyError(f"actor {actor.name!r} needs its passphrase")
    try:
        fields = loads_object(keyfile, max_bytes=_MAX_FILE_BYTES, max_depth=8)
        key = bytes(decode_keyfile_json(fields, passphrase.encode("utf-8")))
        address = Account.from_key(key).address
    except MalformedDataError as exc:
        raise CustodyError(f"account.json of {actor.name!r} is damaged: {exc}") from exc
    except (ValueError, TypeError, KeyError, NotImplementedError) as exc:
        raise CustodyError(
            f"wrong passphrase for actor {actor.name!r}, or account.json is damaged"
        ) from exc
    if address != actor.address:
        raise CustodyError(f"account.json of {actor.name!r} holds the key of {address}")
    return key


def _public_actor(name: str, fields: dict[str, JsonValue], certificate: bytes) -> PublicActor:
    if set(fields) != _ACTOR_FIELDS or fields["schema_version"] != 1 or fields["name"] != name:
        raise MalformedDataError(f"it does not describe actor {name!r} in schema version 1")
    address, public, insecure = (
        fields["address"],
        fields["hpke_public_key"],
        fields["insecure"],
    )
    if not (isinstance(address, str) and isinstance(public, str) and isinstance(insecure, bool)):
        raise MalformedDataError("a field has another type")
    if not re.fullmatch(f"[0-9a-f]{{{2 * PUBLIC_KEY_BYTES}}}", public):
        raise MalformedDataError("hpke_public_key is no HPKE key")
    return PublicActor(name, Address(address), bytes.fromhex(public), certificate, insecure)


def _check_private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path} is open to other users (mode {mode:o}): run chmod go-rwx {path}; if others"
            " use this machine, take its keys for known to them"
        )


def _read_private(path: Path) -> bytes:
    try:
        _check_private(path)
        with path.open("rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
