"""Whole numbers, addresses and digests as fixed bytes: the words that hashes are taken of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eth_utils.address import to_checksum_address

from databright.errors import BadInputError
from databright.units import Address

WORD_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
MAX_UINT256: Final = 2**256 - 1


def check_uint256(name: str, value: int) -> None:
    """Hold a number against a word's range.

    Args:
        name: what the error calls it.
        value: the number.

    Raises:
        BadInputError: it is no whole number from 0 to 2**256 - 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UINT256:
        raise BadInputError(f"{name} is {str(value)[:90]}: use a whole number from 0 to 2**256 - 1")


def check_word(name: str, value: bytes) -> None:
    """Hold bytes against a word's length.

    Args:
        name: what the error calls them.
        value: the bytes.

    Raises:
        BadInputError: they are not exactly 32 bytes.
    """
    if not isinstance(value, bytes) or len(value) != WORD_BYTES:
        size = f"{len(value)} bytes" if isinstance(value, bytes) else type(value).__name__
        raise BadInputError(f"{name} is {size}: give {WORD_BYTES} bytes")


def address_bytes(name: str, address: Address) -> bytes:
    """Read an address.

    Args:
        name: what the error calls it.
        address: EIP-55.

    Returns:
        Its 20 bytes.

    Raises:
        BadInputError: no address, or one without its checksum.
    """
    try:
        raw = bytes.fromhex(address.removeprefix("0x"))
        if len(raw) == ADDRESS_BYTES and address_of(raw) == address:
            return raw
    except (AttributeError, TypeError, ValueError):
        pass
    raise BadInputError(
        f"{name} is {str(address)[:60]!r}: give an address of 20 bytes in hex with 0x, in the"
        " mixed case of its checksum"
    )


def address_of(raw: bytes) -> Address:
    """Write an address.

    Args:
        raw: 20 bytes.

    Returns:
        The address, EIP-55.
    """
    return Address(str(to_checksum_address(raw)))


def encode_words(words: Iterable[int | bytes]) -> bytes:
    """Encode static values as the contracts' ABI does.

    Args:
        words: numbers below 2**256, addresses as 20 bytes, digests as 32 bytes.

    Returns:
        32 bytes for each, big-endian; shorter bytes are padded on the left.
    """
    return b"".join(
        word.to_bytes(WORD_BYTES, "big") if isinstance(word, int) else word.rjust(WORD_BYTES, b"\0")
        for word in words
    )
