"""Which rows belong to which shard, and which rows each step sees: pure functions of a seed.

Everything is drawn from SHAKE-256, never from a library's random generator, so that anybody can
redo it. The one primitive is a permutation of 0..n-1 named by a tag and whole numbers:

    message = tag (ASCII) | 0x00 | each number as 32 bytes big-endian
    keys    = SHAKE-256(message), 8n bytes, read as n little-endian unsigned 64-bit numbers
    result  = 0..n-1 sorted by key; equal keys by number

Shards:  perm = permutation("databright/shards/v1", seed; n); shard k = sorted(perm[k::num_shards]).
Batches: for epoch 0, 1, ...: permutation("databright/batches/v1", seed, shard, round, epoch;
shard_len), all concatenated; the first steps * batch_size entries, cut into rows of batch_size.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError

SHARDS_TAG = "databright/shards/v1"
BATCHES_TAG = "databright/batches/v1"
MAX_ROWS = 2**31 - 1
MAX_DRAWS = 2**26


def shard_rows(num_rows: int, num_shards: int, seed: int) -> list[NDArray[np.int64]]:
    """Split row numbers into shards at random; sizes differ by at most one.

    Args:
        num_rows: rows of the snapshot, at least num_shards.
        num_shards: shards, >= 1.
        seed: 0 to 2**256 - 1, e.g. a block hash read as a number.

    Returns:
        Per shard, its row numbers in ascending order, int64.

    Raises:
        BadInputError: a number is out of range.
    """
    if not 1 <= num_shards <= num_rows <= MAX_ROWS:
        raise BadInputError(
            f"{num_rows} rows cannot make {num_shards} shards: at least one row a shard is needed"
        )
    order = permutation(SHARDS_TAG, (seed,), num_rows)
    return [np.sort(order[shard::num_shards]) for shard in range(num_shards)]


def batch_indices(
    shard_len: int, steps: int, batch_size: int, seed: int, shard: int, round_number: int
) -> NDArray[np.int32]:
    """Row numbers of every step's batch, within the shard; each epoch sees each row once.

    Args:
        shard_len: rows of the shard, >= 1.
        steps: H, >= 1.
        batch_size: B, >= 1; may be larger than the shard.
        seed: 0 to 2**256 - 1.
        shard: the shard's number, >= 0.
        round_number: the round, >= 0.

    Returns:
        int32 [H, B], 0 to shard_len - 1.

    Raises:
        BadInputError: a number is out of range.
    """
    if min(shard_len, steps, batch_size) < 1 or shard_len > MAX_ROWS:
        raise BadInputError(
            f"shard_len {shard_len}, steps {steps} and batch_size {batch_size} must be at least 1"
        )
    num_draws = steps * batch_size
    if num_draws > MAX_DRAWS:
        raise BadInputError(
            f"{steps} steps of {batch_size} rows are {num_draws} draws: at most {MAX_DRAWS}, make "
            "segments shorter"
        )
    num_epochs = -(-num_draws // shard_len)
    drawn = [
        permutation(BATCHES_TAG, (seed, shard, round_number, epoch), shard_len)
        for epoch in range(num_epochs)
    ]
    return np.concatenate(drawn)[:num_draws].reshape(steps, batch_size).astype(np.int32)


def permutation(tag: str, numbers: tuple[int, ...], length: int) -> NDArray[np.int64]:
    """A permutation of 0..length-1, as the module's docstring defines it.

    Args:
        tag: names the use.
        numbers: what the draw depends on, each 0 to 2**256 - 1.
        length: number of elements, >= 0.

    Returns:
        int64 [length].

    Raises:
        BadInputError: a number is out of range.
    """
    if any(not 0 <= number < 2**256 for number in numbers):
        raise BadInputError(f"seed, shard, round and epoch must be 0 to 2**256 - 1, got {numbers}")
    message = tag.encode("ascii") + b"\0" + b"".join(n.to_bytes(32, "big") for n in numbers)
    stream = hashlib.shake_256(message).digest(8 * length)
    keys = np.frombuffer(stream, dtype="<u8")
    return np.argsort(keys, kind="stable").astype(np.int64)
