"""The exposure cap: no owner is ever reserved more of a dataset than its rules allow.

The assignment keeps the cap by itself; this is the second, independent guard before a reservation
is sent: the permanent ledger of rows, rebuilt from the chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from databright.custody.exposure import ExposureLedger
from databright.units import Address, BasisPoints


def check_reservation(
    ledger: ExposureLedger,
    dataset: int,
    wanted: Mapping[Address, Sequence[NDArray[np.int64]]],
    total_rows: int,
    cap_bps: BasisPoints,
) -> None:
    """Refuse a reservation that would pass an owner's cap.

    Args:
        ledger: rows reserved so far, over all jobs.
        dataset: dataset id.
        wanted: owner -> row numbers of each shard it would get.
        total_rows: rows of the trained snapshot.
        cap_bps: the dataset's cap.

    Raises:
        ExposureExceededError: an owner would pass the cap.
    """
    for owner, shards in wanted.items():
        ledger.check(dataset, owner, np.concatenate(list(shards)), total_rows, cap_bps)
