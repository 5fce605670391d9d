"""Texts of strangers: which characters they may hold."""

from __future__ import annotations

import unicodedata
from typing import Final

from databright.errors import BadInputError

# They reorder what is shown, so that a reader sees another text than was signed.
_REORDERING: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def check_prose(name: str, value: str, longest: int, *, empty: bool = False) -> None:
    """Refuse a text of several lines that could not be shown as it was signed.

    Args:
        name: what the message calls it.
        value: the text.
        longest: most characters.
        empty: whether it may be empty.

    Raises:
        BadInputError: too long, empty, or with characters that steer a terminal or reorder text.
    """
    if len(value) > longest or (not empty and not value.strip()):
        raise BadInputError(
            f"{name} has {len(value)} characters: use {'0' if empty else '1'} to {longest}"
        )
    for letter in value:
        kind = unicodedata.category(letter)
        if (kind in {"Cc", "Cs"} and letter not in "\n\t") or letter in _REORDERING:
            raise BadInputError(
                f"{name} holds the character U+{ord(letter):04X}, which readers cannot see: "
                "remove it"
            )


def check_line(name: str, value: str, longest: int) -> None:
    """Refuse a text of one line that could not be shown as it was signed.

    Args:
        name: what the message calls it.
        value: the text.
        longest: most characters.

    Raises:
        BadInputError: as `check_prose`, or it has several lines.
    """
    check_prose(name, value, longest)
    if "\n" in value or "\t" in value:
        raise BadInputError(f"{name} has several lines or tabs: write it in one line")
