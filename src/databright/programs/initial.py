"""First weights, drawn so that anybody can redo them without a library's random generator."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

TAG = b"databright/initial/v1"


def uniform_weights(
    name: str, shape: tuple[int, ...], fan_in: int, seed: int
) -> NDArray[np.float32]:
    """He-uniform weights: uniform in (-b, b) with b = sqrt(6 / fan_in).

    The stream is SHAKE-256(TAG | 0x00 | seed as 32 bytes big-endian | name in UTF-8), read as
    little-endian unsigned 32-bit numbers u in C order; weight = float32((u + 0.5) / 2**31 * b - b).

    Args:
        name: the weight's name in the program.
        shape: its shape.
        fan_in: inputs of one output unit, >= 1.
        seed: 0 to 2**256 - 1.

    Returns:
        float32 array of that shape.

    Source: He et al., "Delving deep into rectifiers", ICCV 2015, section 2.2.
    """
    message = TAG + b"\0" + seed.to_bytes(32, "big") + name.encode()
    stream = hashlib.shake_256(message).digest(4 * math.prod(shape))
    unit = (np.frombuffer(stream, dtype="<u4").astype(np.float64) + 0.5) / 2.0**31
    bound = math.sqrt(6.0 / fan_in)
    return (unit * bound - bound).astype(np.float32).reshape(shape)


def zero_weights(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Weights of zero, as biases start.

    Args:
        shape: the weight's shape.

    Returns:
        float32 array of that shape.
    """
    return np.zeros(shape, dtype=np.float32)
