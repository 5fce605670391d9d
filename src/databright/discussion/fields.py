"""Values of EIP-712 fields in JSON, as wallets write them, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from eth_utils.address import is_checksum_address

from databright.errors import BadInputError
from databright.records.strict_json import JsonValue
from databright.units import Address

_NUMBER = re.compile(r"(0|[1-9][0-9]{0,77})\Z")
_WORD = re.compile(r"0x[0-9a-f]{64}\Z")
_MOST_ITEMS = 256


def parse_word(text: JsonValue, name: str = "the digest") -> bytes:
    """Read 32 bytes.

    Args:
        text: 0x and 64 lower-case hex digits.
        name: what the message calls it.

    Returns:
        The bytes.

    Raises:
        BadInputError: another form.
    """
    if not isinstance(text, str) or not _WORD.match(text):
        raise BadInputError(f"{name} is {str(text)[:80]!r}: write 0x and 64 lower-case hex digits")
    return bytes.fromhex(text[2:])


def parse_address(text: JsonValue, name: str = "the address") -> Address:
    """Read an address.

    Args:
        text: EIP-55 form.
        name: what the message calls it.

    Returns:
        The address.

    Raises:
        BadInputError: another form.
    """
    if not isinstance(text, str) or len(text) != 42 or not is_checksum_address(text):
        raise BadInputError(f"{name} is {str(text)[:80]!r}, no address with an EIP-55 checksum")
    return Address(text)


def _parse_number(text: JsonValue, name: str) -> int:
    if not isinstance(text, str) or not _NUMBER.match(text) or int(text) >= 2**256:
        raise BadInputError(f"{name} is {str(text)[:90]!r}: write decimal digits in quotes")
    return int(text)


def _parse_text(text: JsonValue, name: str) -> str:
    if not isinstance(text, str):
        raise BadInputError(f"{name} is {str(text)[:80]!r}, not a string")
    return text


def _parse_flag(value: JsonValue, name: str) -> bool:
    if not isinstance(value, bool):
        raise BadInputError(f"{name} is {str(value)[:80]!r}: write true or false")
    return value


def _parse_addresses(value: JsonValue, name: str) -> tuple[Address, ...]:
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise BadInputError(f"{name} must be a list of at most {_MOST_ITEMS} addresses")
    return tuple(parse_address(item, name) for item in value)


_READERS: Final[Mapping[str, Callable[[JsonValue, str], Any]]] = {
    "string": _parse_text,
    "bool": _parse_flag,
    "uint256": _parse_number,
    "bytes32": parse_word,
    "address": parse_address,
    "address[]": _parse_addresses,
}


def from_json(kind: str, name: str, value: JsonValue) -> Any:  # noqa: ANN401 - by the field's type
    """Read a field.

    Args:
        kind: its Solidity type.
        name: its name, for the message.
        value: what the JSON holds.

    Returns:
        A string, bool, int, 32 bytes, address or tuple of addresses.

    Raises:
        BadInputError: another form than the type's.
    """
    return _READERS[kind](value, name)


def to_json(kind: str, value: Any) -> JsonValue:  # noqa: ANN401 - by the field's type
    """Write a field.

    Args:
        kind: its Solidity type.
        value: of that type.

    Returns:
        What JSON holds: numbers as decimal strings, bytes as 0x-prefixed hex.
    """
    if kind == "uint256":
        return str(value)
    if kind == "bytes32":
        return "0x" + bytes(value).hex()
    if kind == "address[]":
        return list(value)
    plain: JsonValue = value
    return plain
