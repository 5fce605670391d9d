"""Reading a long range of blocks from an endpoint that refuses long answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from databright.chain.jsonrpc import RpcError

MAX_SPAN = 100_000
"""Most blocks that are asked for at once."""


def read_spans(ask: Callable[[int, int], list[Any]], first: int, last: int) -> list[Any]:
    """Ask for a range, in halves where it is refused.

    Args:
        ask: (first height, last height) -> entries.
        first: first height.
        last: last height, included.

    Returns:
        All entries, in the order of their spans.

    Raises:
        RpcError: even a single block is refused.
    """
    found: list[Any] = []
    spans = [(first, last)]
    while spans:
        low, high = spans.pop()
        if low > high:
            continue
        if high - low >= MAX_SPAN:
            spans += [(low + MAX_SPAN, high), (low, low + MAX_SPAN - 1)]
            continue
        try:
            found += ask(low, high)
        except RpcError:
            if low == high:
                raise
            middle = (low + high) // 2
            spans += [(middle + 1, high), (low, middle)]
    return found
