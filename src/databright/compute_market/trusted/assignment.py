"""Who computes which shard: pure functions that a stranger can redo from the chain alone.

First assignment of a job
-------------------------
    seed       = sha256(hash of the block after the funding block (32) | job id (32, big-endian))
    candidates = owners that take work at that block, in order of registration
    for shard 0, 1, ...: `replicas` times: of the candidates that are not on this shard yet and that
        the caps allow, the one with (rows of the shard that it has never seen, its shards of this
        job, sha256(seed | shard (4, big-endian) | owner (20))) smallest: who has seen rows before
        is preferred, so that repeated jobs spread a dataset no further than they must.

Replacement of a voided owner: the same rule for one owner, among those that were never reserved
for that shard; a shard reserved for an owner counts for ever, voided or not.

Caps: an owner's shards ever reserved * 10,000 <= job cap * num_shards (as the contract demands),
and its distinct rows of the snapshot, over all jobs of the dataset, / rows of the snapshot, in bps
rounded up, <= the dataset's cap; its rows of this job likewise <= the job's cap. A row keeps its
number for ever: its place among the rows of all entries that the dataset ever had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databright.errors import PlanRefusedError
from databright.units import BPS, Address, BasisPoints, Digest, ceil_bps

Bitmap = int
"""A set of row numbers of the dataset: bit i = row i."""


@dataclass(frozen=True)
class Caps:
    """What bounds an owner's exposure.

    Attributes:
        total_rows: rows of the trained snapshot.
        dataset_bps: the dataset's cap, over all jobs.
        job_bps: this job's cap.
    """

    total_rows: int
    dataset_bps: BasisPoints
    job_bps: BasisPoints


@dataclass(frozen=True)
class Holding:
    """What one owner has been reserved for.

    Attributes:
        shards: shards of this job, ever.
        seen: rows of the dataset through all jobs, ever.
    """

    shards: frozenset[int] = frozenset()
    seen: Bitmap = 0


def assignment_seed(block_hash: bytes, job: int) -> Digest:
    """Seed of a job's first assignment.

    Args:
        block_hash: of the first block after the funding block, 32 bytes.
        job: id.

    Returns:
        The seed.
    """
    return Digest(hashlib.sha256(block_hash + job.to_bytes(32, "big")).digest())


def draw(seed: Digest, shard: int, owner: Address) -> bytes:
    """An owner's lot for a shard; the smallest wins.

    Args:
        seed: of the job.
        shard: number.
        owner: address.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(seed + shard.to_bytes(4, "big") + bytes.fromhex(owner[2:])).digest()


def may_hold(holding: Holding, shard: int, shards: Sequence[Bitmap], caps: Caps) -> bool:
    """Whether the caps let an owner see one more shard.

    Args:
        holding: what it has.
        shard: the shard's number.
        shards: rows of every shard of the job.
        caps: the bounds.

    Returns:
        True when every cap holds afterwards.
    """
    after = holding.shards | {shard}
    if len(after) * BPS > caps.job_bps * len(shards):
        return False
    own = 0
    for number in after:
        own |= shards[number]
    if ceil_bps(own.bit_count(), caps.total_rows) > caps.job_bps:
        return False
    seen = holding.seen | shards[shard]
    return ceil_bps(seen.bit_count(), caps.total_rows) <= caps.dataset_bps


def choose(
    seed: Digest,
    shard: int,
    shards: Sequence[Bitmap],
    candidates: Sequence[Address],
    holdings: Mapping[Address, Holding],
    caps: Caps,
) -> Address | None:
    """The next owner of a shard.

    Args:
        seed: of the job.
        shard: number.
        shards: rows of every shard of the job.
        candidates: owners that take work.
        holdings: what each owner has; absent = nothing.
        caps: the bounds.

    Returns:
        The owner, or None when nobody may.
    """
    free = [
        owner
        for owner in candidates
        if shard not in holdings.get(owner, Holding()).shards
        and may_hold(holdings.get(owner, Holding()), shard, shards, caps)
    ]
    return min(
        free,
        key=lambda o: _rank(seed, shard, o, shards[shard], holdings.get(o, Holding())),
        default=None,
    )


def _rank(
    seed: Digest, shard: int, owner: Address, rows: Bitmap, holding: Holding
) -> tuple[int, int, bytes]:
    unseen = (rows & ~holding.seen).bit_count()
    return unseen, len(holding.shards), draw(seed, shard, owner)


def assign(
    seed: Digest,
    shards: Sequence[Bitmap],
    candidates: Sequence[Address],
    replicas: int,
    caps: Caps,
    holdings: Mapping[Address, Holding] | None = None,
) -> list[tuple[Address, ...]]:
    """First assignment of a job.

    Args:
        seed: of the job.
        shards: rows of every shard.
        candidates: owners that take work, in order of registration.
        replicas: owners of each shard.
        caps: the bounds.
        holdings: rows that owners have through earlier jobs; absent = none.

    Returns:
        For each shard its owners, in the order of choice.

    Raises:
        PlanRefusedError: the caps leave a shard without enough owners.
    """
    held = dict(holdings or {})
    chosen: list[tuple[Address, ...]] = []
    for shard in range(len(shards)):
        owners: list[Address] = []
        for _ in range(replicas):
            owner = choose(seed, shard, shards, candidates, held, caps)
            if owner is None:
                needed = owners_needed(replicas, caps.job_bps)
                raise PlanRefusedError(
                    f"shard {shard} finds {len(owners)} of {replicas} owners that the exposure cap "
                    f"of {caps.job_bps} bps allows, among {len(candidates)} that take work: wait "
                    "for more workers, or make more and smaller shards",
                    owners_needed=needed,
                    owners_available=len(candidates),
                )
            owners.append(owner)
            held[owner] = add_shard(held.get(owner, Holding()), shard, shards)
        chosen.append(tuple(owners))
    return chosen


def add_shard(holding: Holding, shard: int, shards: Sequence[Bitmap]) -> Holding:
    """A holding after one more reservation.

    Args:
        holding: before.
        shard: number.
        shards: rows of every shard.

    Returns:
        After.
    """
    return Holding(holding.shards | {shard}, holding.seen | shards[shard])


def owners_needed(replicas: int, cap_bps: int) -> int:
    """Independent owners without which a cap cannot be kept.

    Args:
        replicas: owners of each row.
        cap_bps: share of the rows that one owner may see, > 0.

    Returns:
        ceil(replicas / cap).
    """
    return max(replicas, -(-replicas * BPS // cap_bps))
