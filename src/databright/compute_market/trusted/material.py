"""What a job is made of, read from chain, store and custody: spec, program, shards, exposure."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from databright.chain.market_contracts import MarketContracts
from databright.chain.snapshots import row_numbers
from databright.compute_market.jobs import JobSpec, check_draws
from databright.compute_market.projections import JobHistory, Opened
from databright.compute_market.trusted.assignment import Bitmap, Caps, Holding
from databright.compute_market.trusted.custodian import Custodian
from databright.compute_market.trusted.settlement import read_blob
from databright.custody.exposure import ExposureLedger
from databright.errors import BadInputError, StorageError
from databright.programs.oplist import MAX_PROGRAM_BYTES, Program, program_from_json
from databright.programs.schedule import batch_indices, shard_rows
from databright.programs.validate import check_graph
from databright.records.rows import Rows
from databright.records.tensors import dump_tensors
from databright.storage.base import Store
from databright.units import Address, BasisPoints, Digest

_LOG = logging.getLogger(__name__)
_MAX_SPEC_BYTES = 64 * 1024


@dataclass(frozen=True)
class Material:
    """One job, ready to be worked on.

    Attributes:
        spec: what is trained on what.
        program: the program.
        program_json: its blob.
        rows: training rows, in plain; they never leave but in leases.
        shards: places in `rows` of each shard.
        numbers: lasting number of each row in the dataset, int64 [N].
        caps: what bounds an owner's exposure.
    """

    spec: JobSpec
    program: Program
    program_json: bytes
    rows: Rows
    shards: Sequence[NDArray[np.int64]]
    numbers: NDArray[np.int64]
    caps: Caps

    @property
    def bitmaps(self) -> list[Bitmap]:
        """Rows of each shard by their lasting numbers, as bitmaps."""
        return [bitmap(self.numbers[rows]) for rows in self.shards]

    def shard_blob(self, shard: int) -> bytes:
        """The rows of a shard, as they are leased.

        Args:
            shard: number.

        Returns:
            Tensor blob of x and y.
        """
        chosen = self.shards[shard]
        return dump_tensors({"x": self.rows.x_NF[chosen], "y": self.rows.y_N[chosen]})

    def batches_blob(self, shard: int, round_number: int) -> bytes:
        """Row numbers of every batch of a segment.

        Args:
            shard: number.
            round_number: from 0.

        Returns:
            Tensor blob of `batches`.
        """
        plan = batch_indices(
            len(self.shards[shard]),
            self.spec.steps,
            self.program.batch_size,
            self.spec.seed,
            shard,
            round_number,
        )
        return dump_tensors({"batches": plan})


def bitmap(rows: NDArray[np.int64]) -> Bitmap:
    """Row numbers as a bitmap.

    Args:
        rows: numbers >= 0.

    Returns:
        Bit i set for row i.
    """
    if not rows.size:
        return 0
    bits = np.zeros(int(rows.max()) + 1, dtype=np.bool_)
    bits[rows] = True
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def read_spec(store: Store, opened: Opened) -> JobSpec:
    """The spec of a job, checked against what was paid for.

    Args:
        store: the content store.
        opened: the job on chain.

    Returns:
        The spec.

    Raises:
        BadInputError: the blob says something else than the chain.
        StorageError: the store has no such blob.
    """
    spec = JobSpec.from_json(read_blob(store, opened.spec, _MAX_SPEC_BYTES))
    for name in ("dataset", "snapshot", "program", "num_shards", "num_rounds", "replicas"):
        said, paid = getattr(spec, name), getattr(opened, name)
        if said != paid:
            raise BadInputError(
                f"job {opened.job} was paid for {name} {paid!r}, its spec blob says {said!r}"
            )
    if spec.cap_bps != opened.cap_bps:
        raise BadInputError(f"the cap of job {opened.job} differs between chain and spec blob")
    return spec


def read_material(
    contracts: MarketContracts, store: Store, custodian: Custodian, opened: Opened
) -> Material:
    """Read everything that a job needs.

    Args:
        contracts: the market.
        store: the content store.
        custodian: opens the rows.
        opened: the job on chain.

    Returns:
        The material.

    Raises:
        BadInputError: spec or program is malformed.
        StorageError: a blob is missing.
        CustodyError: this node cannot open the rows.
    """
    spec = read_spec(store, opened)
    program_json = read_blob(store, spec.program, MAX_PROGRAM_BYTES)
    program = program_from_json(program_json)
    check_graph(program)
    check_draws(spec, program.batch_size)
    rows = custodian.training_rows(spec.dataset, spec.snapshot)
    numbers = row_numbers(contracts, spec.dataset, spec.snapshot)
    if len(rows) != len(numbers):
        raise BadInputError(
            f"{len(rows)} rows of snapshot {spec.snapshot} were opened, the chain has "
            f"{len(numbers)}"
        )
    dataset_bps = int(contracts.charter.call("max_exposure_bps", spec.dataset))
    return Material(
        spec=spec,
        program=program,
        program_json=program_json,
        rows=rows,
        shards=shard_rows(len(rows), spec.num_shards, spec.seed),
        numbers=numbers,
        caps=Caps(len(rows), BasisPoints(dataset_bps), spec.cap_bps),
    )


def exposure_of(
    contracts: MarketContracts,
    store: Store,
    present: NDArray[np.int64],
    dataset: int,
    jobs: Mapping[int, JobHistory],
) -> ExposureLedger:
    """The permanent ledger of a dataset's rows, from the reservations of all its jobs.

    A row is named by its lasting number, the same in every snapshot. Rows that are no part of the
    trained snapshot any more say nothing of it and are left out. A job whose spec blob is lost
    counts as a copy of its snapshot.

    Args:
        contracts: the market.
        store: the content store.
        present: lasting numbers of the rows of the snapshot that is to be trained.
        dataset: dataset id.
        jobs: all jobs.

    Returns:
        The ledger.
    """
    ledger = ExposureLedger()
    for owner, rows in _reserved(contracts, store, present, dataset, jobs):
        ledger.reserve(dataset, owner, rows)
    return ledger


def _reserved(
    contracts: MarketContracts,
    store: Store,
    present: NDArray[np.int64],
    dataset: int,
    jobs: Mapping[int, JobHistory],
) -> Iterator[tuple[Address, NDArray[np.int64]]]:
    """Owners and the present rows of each shard that was ever reserved for them."""
    known: dict[int, NDArray[np.int64]] = {}
    for history in jobs.values():
        snapshot = history.opened.snapshot
        if history.opened.dataset != dataset or not history.reservations:
            continue
        if snapshot not in known:
            known[snapshot] = row_numbers(contracts, dataset, snapshot)
        shards = [
            np.intersect1d(known[snapshot][places], present)
            for places in _shards(store, history.opened, len(known[snapshot]))
        ]
        for item in history.reservations:
            for shard in item.shards:
                yield item.owner, shards[shard]


def _shards(store: Store, opened: Opened, num_rows: int) -> Sequence[NDArray[np.int64]]:
    try:
        seed = read_spec(store, opened).seed
    except (BadInputError, StorageError) as error:
        _LOG.warning("job %d counts as a full copy for its owners: %s", opened.job, error)
        return [np.arange(num_rows, dtype=np.int64)] * opened.num_shards
    return shard_rows(num_rows, opened.num_shards, seed)


def holdings_of(
    contracts: MarketContracts,
    store: Store,
    present: NDArray[np.int64],
    history: JobHistory,
    jobs: Mapping[int, JobHistory],
) -> dict[Address, Holding]:
    """What each owner has been reserved for, as the assignment needs it.

    Args:
        contracts: the market.
        store: the content store.
        present: lasting numbers of the rows of the snapshot that is trained.
        history: the job.
        jobs: all jobs.

    Returns:
        Owner -> holding.
    """
    seen: dict[Address, Bitmap] = {}
    for owner, rows in _reserved(contracts, store, present, history.opened.dataset, jobs):
        seen[owner] = seen.get(owner, 0) | bitmap(rows)
    owners = dict.fromkeys([*seen, *(item.owner for item in history.reservations)])
    return {
        owner: Holding(frozenset(history.shards_of(owner)), seen.get(owner, 0)) for owner in owners
    }


def digest_text(digest: Digest) -> str:
    """A digest as people see it.

    Args:
        digest: 32 bytes.

    Returns:
        Its first 12 hex digits.
    """
    return digest.hex()[:12]
