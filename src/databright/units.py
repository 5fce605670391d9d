"""Units of the market as types: money, shares, ratios, digests, addresses.

Every quantity that crosses a room's door carries its unit in its type. Money is an integer
count of base units of the market's one ERC-20 token; it is never a float. In JSON it is a
decimal string, so that no reader rounds it.
"""

from __future__ import annotations

import re
from typing import NewType

from databright.errors import BadInputError

Amount = NewType("Amount", int)
"""Money: base units of the market token, >= 0."""
Shares = NewType("Shares", int)
"""Ownership of one tranche: micro-nats of measured gain, >= 0."""
BasisPoints = NewType("BasisPoints", int)
"""A ratio in 1/10,000; exposures are rounded up."""
Seconds = NewType("Seconds", int)
"""A duration or a chain time in whole seconds."""
Cid = NewType("Cid", str)
"""A CIDv1 in base32, profile unixfs-v1-2025 (1 MiB chunks, raw leaves, 1,024 links)."""
Digest = NewType("Digest", bytes)
"""A SHA-256 digest, 32 bytes."""
Address = NewType("Address", str)
"""An Ethereum address with its EIP-55 checksum."""

BPS = 10_000
"""Basis points in one whole."""
DECIMALS = 6
"""Decimals of the market token: a token is 10**6 base units."""
MICRO_NATS = 1_000_000
"""Shares minted for a gain of one nat per sample."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})\Z")


def parse_amount(text: str) -> Amount:
    """Read money from its decimal string.

    Args:
        text: decimal digits without sign, point, exponent or leading zero, below 2**256.

    Returns:
        The amount in base units.

    Raises:
        BadInputError: the text is anything else.
    """
    if not _DECIMAL.match(text) or int(text) >= 2**256:
        raise BadInputError(
            f"{text[:80]!r} is not an amount: write whole base units as decimal digits, e.g. '1500'"
        )
    return Amount(int(text))


def in_tokens(amount: int) -> str:
    """Write money for people.

    Args:
        amount: base units.

    Returns:
        Tokens with six decimals, e.g. 12.500000.
    """
    whole, part = divmod(amount, 10**DECIMALS)
    return f"{whole}.{part:0{DECIMALS}d}"


def ceil_bps(part: int, whole: int) -> BasisPoints:
    """Ratio of two counts in basis points, rounded up.

    Args:
        part: count, 0 <= part.
        whole: count, > 0.

    Returns:
        ceil(part / whole * 10,000).

    Raises:
        BadInputError: whole is not positive or part is negative.
    """
    if whole <= 0 or part < 0:
        raise BadInputError(f"a ratio needs 0 <= part and 0 < whole, got {part} of {whole}")
    return BasisPoints(-(-part * BPS // whole))
