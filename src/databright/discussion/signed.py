"""Signed actions: made with a key, read from bytes, checked by anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from databright.discussion.actions import Action
from databright.errors import BadInputError, NotAuthorisedError
from databright.records.signatures import (
    SIGNATURE_BYTES,
    Domain,
    SignsMessages,
    check_signer,
    message_digest,
    sign,
)
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object

MAX_BYTES: Final = 192 * 1024
"""Largest signed action that is read: 40,000 characters of up to 4 bytes, and its fields."""
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}\Z")
# Half the order of secp256k1: the other half holds the same signatures once more (EIP-2).
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True)
class Signed:
    """An action with its author's signature, not checked yet.

    Attributes:
        action: what was signed.
        signature: 65 bytes, r | s | v.
    """

    action: Action
    signature: bytes

    def to_plain(self) -> dict[str, JsonValue]:
        """The JSON form.

        Returns:
            type, message and signature.
        """
        return {
            "type": self.action.NAME,
            "message": self.action.to_plain(),
            "signature": "0x" + self.signature.hex(),
        }

    def to_bytes(self) -> bytes:
        """The canonical JSON form.

        Returns:
            UTF-8 bytes.
        """
        return dumps_canonical(self.to_plain())


def sign_action(key: SignsMessages, domain: Domain, action: Action) -> Signed:
    """Sign an action.

    Args:
        key: the author's key.
        domain: the market.
        action: what is signed.

    Returns:
        The action with its signature.
    """
    return Signed(action, sign(key, domain, action.message()))


def digest_of(domain: Domain, action: Action) -> bytes:
    """An action's id.

    Args:
        domain: the market.
        action: the action.

    Returns:
        Its EIP-712 digest, 32 bytes.
    """
    return message_digest(domain, action.message())


def check_signed(signed: Signed, domain: Domain) -> bytes:
    """Check that an action's author signed it.

    Args:
        signed: what came in.
        domain: the market.

    Returns:
        The action's digest.

    Raises:
        NotAuthorisedError: somebody else signed it, for another market, or in a form that has a
            twin.
    """
    what, signature = f"the {signed.action.NAME}", signed.signature
    if len(signature) == SIGNATURE_BYTES:
        s, v = int.from_bytes(signature[32:64], "big"), signature[64]
        if s > _HALF_ORDER or v not in (27, 28):
            raise NotAuthorisedError(f"{what} has a signature that is not in its one form")
    check_signer(signature, signed.action.author, domain, signed.action.message(), what)
    return digest_of(domain, signed.action)


def read_signed(data: bytes, kinds: Mapping[str, type[Action]]) -> Signed:
    """Read a signed action that a stranger sent.

    Args:
        data: JSON with type, message and signature; at most 192 KiB.
        kinds: the actions that are taken here, by name.

    Returns:
        The action; its signature is not checked yet.

    Raises:
        MalformedDataError: no such document.
        BadInputError: another kind of action, or a value that it cannot have.
    """
    return signed_of(loads_object(data, max_bytes=MAX_BYTES, max_depth=4), kinds)


def signed_of(record: Mapping[str, JsonValue], kinds: Mapping[str, type[Action]]) -> Signed:
    """Read a signed action from a document that is parsed already.

    Args:
        record: type, message and signature.
        kinds: the actions that are taken here, by name.

    Returns:
        The action; its signature is not checked yet.

    Raises:
        BadInputError: another form, another kind, or a value that it cannot have.
    """
    if set(record) != {"type", "message", "signature"}:
        raise BadInputError(
            f"a signed action has type, message and signature; got {', '.join(record)[:120]}"
        )
    name, message, signature = record["type"], record["message"], record["signature"]
    if not isinstance(name, str) or name not in kinds:
        raise BadInputError(f"type is {str(name)[:40]!r}: here it is one of {', '.join(kinds)}")
    if not isinstance(message, dict):
        raise BadInputError("message must be an object with the action's fields")
    if not isinstance(signature, str) or not _SIGNATURE.match(signature):
        raise BadInputError("signature must be 0x and 130 lower-case hex digits")
    return Signed(kinds[name].from_plain(message), bytes.fromhex(signature[2:]))
