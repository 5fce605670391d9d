"""Labelled adversaries, for tests and the demo alone: workers that cheat on purpose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from databright.errors import BadInputError
from databright.records.tensors import dump_tensors, load_tensors

_MAX_BYTES = 512 * 2**20
_MAX_TENSORS = 1_000


def wrong_weights(result: bytes) -> bytes:
    """Flip the lowest bit of the first number of every tensor.

    Args:
        result: the right result.

    Returns:
        A wrong one, the same for the same input.
    """
    tensors = load_tensors(result, max_bytes=_MAX_BYTES, max_tensors=_MAX_TENSORS)
    for array in tensors.values():
        raw = array.reshape(-1).view(np.uint8)
        if raw.size:
            raw[0] ^= 1
    return dump_tensors(tensors)


FAULTS: dict[str, Callable[[bytes], bytes]] = {"wrong-weights": wrong_weights}
"""Name on the command line -> what it does to a result."""


def fault(name: str | None) -> Callable[[bytes], bytes]:
    """Look up a fault.

    Args:
        name: one of `FAULTS`, or None for an honest worker.

    Returns:
        What is done to each result.

    Raises:
        BadInputError: there is no such fault.
    """
    if name is None:
        return _honest
    if name not in FAULTS:
        raise BadInputError(f"{name!r} is no fault: choose one of {', '.join(sorted(FAULTS))}")
    return FAULTS[name]


def _honest(result: bytes) -> bytes:
    return result
