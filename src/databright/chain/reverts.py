"""The reason that a contract gave for refusing."""

from __future__ import annotations

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

_ERROR_STRING = bytes.fromhex("08c379a0")
"""Selector of `Error(string)`, which Vyper and Solidity use for texts."""
_PANIC = bytes.fromhex("4e487b71")
_LEADS = ("execution reverted: ", "execution reverted, ", "reverted with reason string ")


def revert_reason(data: object, text: str = "") -> str:
    """Read the text of a revert.

    Args:
        data: the error's data field: hex of what the contract returned, or anything else.
        text: the error's message, used where the data tell nothing.

    Returns:
        The contract's own text, or an empty string.
    """
    if isinstance(data, str) and data.startswith("0x"):
        try:
            returned = bytes.fromhex(data[2:])
        except ValueError:
            returned = b""
        decoded = decode_revert(returned)
        if decoded:
            return decoded
    for lead in _LEADS:
        if lead in text:
            return text.split(lead, 1)[1].strip().strip('"')
    return ""


def decode_revert(returned: bytes) -> str:
    """Read the bytes that a reverted call returned.

    Args:
        returned: ABI-encoded `Error(string)` or `Panic(uint256)`, or anything else.

    Returns:
        The text; empty where there is none.
    """
    try:
        if returned[:4] == _ERROR_STRING:
            return str(decode(["string"], returned[4:])[0])
        if returned[:4] == _PANIC:
            return f"panic 0x{decode(['uint256'], returned[4:])[0]:02x}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ""
    return ""
