"""Key envelopes: a content's key for each admitted reader, by HPKE MLKEM768-X25519.

An envelope is a version byte and the HPKE ciphertext (encapsulation 1,120 bytes, key 32, tag 16).
A public key is ML-KEM-768 (1,184 bytes) | X25519 (32); a private key is the ML-KEM seed (64) |
X25519 (32). The hybrid keeps data shut that is recorded today for tomorrow's machines.

Source: RFC 9180 (HPKE); draft-ietf-hpke-pq for the MLKEM768-X25519 KEM.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from databright.custody.context import SealContext, address_bytes
from databright.custody.stream import KEY_BYTES
from databright.errors import BadInputError, MalformedDataError, SealBrokenError
from databright.records.strict_json import dumps_canonical, loads_object
from databright.units import Address

PUBLIC_KEY_BYTES = 1184 + 32
PRIVATE_KEY_BYTES = 64 + 32
ENVELOPE_BYTES = 1 + 1120 + KEY_BYTES + 16
MAX_RECIPIENTS = 256
"""Most readers of one content."""
MAX_ENVELOPES_BYTES = 1 << 20
"""Largest record of envelopes that is read."""

_VERSION = b"\x01"


def _suite() -> hpke.Suite:
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def _private(key: bytes) -> hpke.MLKEM768X25519PrivateKey:
    if len(key) != PRIVATE_KEY_BYTES:
        raise BadInputError(f"an HPKE private key has {PRIVATE_KEY_BYTES} bytes, got {len(key)}")
    return hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(key[:64]), X25519PrivateKey.from_private_bytes(key[64:])
    )


def generate_hpke() -> tuple[bytes, bytes]:
    """Make a reader's key pair.

    Returns:
        (private key, 96 bytes; public key, 1,216 bytes).
    """
    kem, curve = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    return (
        kem.private_bytes_raw() + curve.private_bytes_raw(),
        kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw(),
    )


def wrap_dek(dek: bytes, hpke_public_key: bytes, context: SealContext, recipient: Address) -> bytes:
    """Put a content's key into an envelope.

    Args:
        dek: the key, 32 bytes.
        hpke_public_key: the reader's, 1,216 bytes.
        context: where the content belongs.
        recipient: the reader's address, EIP-55.

    Returns:
        The envelope, 1,169 bytes; it opens for this reader and context alone.

    Raises:
        BadInputError: a key that is none, or a malformed address.
    """
    if len(dek) != KEY_BYTES or len(hpke_public_key) != PUBLIC_KEY_BYTES:
        raise BadInputError(
            f"a content key has {KEY_BYTES} bytes and a public key {PUBLIC_KEY_BYTES},"
            f" got {len(dek)} and {len(hpke_public_key)}"
        )
    info = context.envelope_info(recipient)
    try:
        public = hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(hpke_public_key[:1184]),
            X25519PublicKey.from_public_bytes(hpke_public_key[1184:]),
        )
        return _VERSION + _suite().encrypt(dek, public, info=info)
    except ValueError as exc:
        raise BadInputError(f"the public key of {recipient} is no HPKE key: {exc}") from exc


def unwrap_dek(
    envelope: bytes, private_key: bytes, context: SealContext, recipient: Address
) -> bytes:
    """Take a content's key out of an envelope.

    Args:
        envelope: what `wrap_dek` gave.
        private_key: the reader's, 96 bytes.
        context: where the content must belong.
        recipient: the reader's address, EIP-55.

    Returns:
        The key, 32 bytes.

    Raises:
        SealBrokenError: the envelope was altered, or is for another reader or content.
        BadInputError: a private key of another length, or a malformed address.
    """
    private = _private(private_key)
    info = context.envelope_info(recipient)
    if len(envelope) != ENVELOPE_BYTES or envelope[:1] != _VERSION:
        raise SealBrokenError(
            f"not a key envelope of version 1: {len(envelope)} bytes, expected {ENVELOPE_BYTES}"
        )
    try:
        return _suite().decrypt(envelope[1:], private, info=info)
    except (InvalidTag, ValueError) as exc:
        raise SealBrokenError(
            f"the key envelope does not open for {recipient}: it was altered, or made for another"
            " reader, key or content"
        ) from exc


@dataclass(frozen=True)
class Envelopes:
    """The key envelopes of one content.

    Attributes:
        by_recipient: reader's address -> envelope; at least one.
    """

    by_recipient: Mapping[Address, bytes]

    def __post_init__(self) -> None:
        """Refuse what no reader could use.

        Raises:
            BadInputError: a field is out of its range.
        """
        if not 1 <= len(self.by_recipient) <= MAX_RECIPIENTS:
            raise BadInputError(
                f"{len(self.by_recipient)} readers: a content has 1 to {MAX_RECIPIENTS}"
            )
        for recipient, envelope in self.by_recipient.items():
            address_bytes(recipient)
            if len(envelope) != ENVELOPE_BYTES:
                raise BadInputError(
                    f"the envelope of {recipient} has {len(envelope)} bytes,"
                    f" expected {ENVELOPE_BYTES}"
                )

    def to_blob(self) -> bytes:
        """Write the record.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "envelopes": {
                    address: base64.b64encode(envelope).decode("ascii")
                    for address, envelope in self.by_recipient.items()
                },
                "version": 1,
            }
        )

    @classmethod
    def from_blob(cls, blob: bytes) -> Envelopes:
        """Read the record.

        Args:
            blob: its canonical JSON, at most 1 MiB.

        Returns:
            The envelopes.

        Raises:
            MalformedDataError: any other bytes.
        """
        document = loads_object(blob, max_bytes=MAX_ENVELOPES_BYTES, max_depth=2)
        members = document.get("envelopes")
        if set(document) != {"envelopes", "version"} or document["version"] != 1:
            raise MalformedDataError("not a record of key envelopes of version 1")
        if not isinstance(members, dict):
            raise MalformedDataError("the record's envelopes are no object")
        found: dict[Address, bytes] = {}
        for address, text in members.items():
            if not isinstance(text, str):
                raise MalformedDataError(f"the envelope of {address[:60]} is no text")
            try:
                found[Address(address)] = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError) as exc:
                raise MalformedDataError(f"the envelope of {address[:60]} is no base64") from exc
        try:
            record = cls(found)
        except BadInputError as exc:
            raise MalformedDataError(f"a record of key envelopes is unusable: {exc}") from exc
        if record.to_blob() != blob:
            raise MalformedDataError("the record of key envelopes is not in its canonical form")
        return record

    def of(self, recipient: Address) -> bytes:
        """The envelope of a reader.

        Args:
            recipient: the reader's address.

        Returns:
            The envelope.

        Raises:
            SealBrokenError: the content was not sealed to that reader.
        """
        envelope = self.by_recipient.get(recipient)
        if envelope is None:
            raise SealBrokenError(
                f"the content has no key envelope for {recipient}, only for"
                f" {', '.join(sorted(self.by_recipient))[:300]}: ask one of those to re-wrap its"
                " key once this reader is admitted"
            )
        return envelope
