"""Lines about tranches that were taken down."""

from __future__ import annotations

from collections.abc import Sequence

from databright.data_market.takedown import Tombstone


def tombstone_lines(stones: Sequence[Tombstone]) -> list[str]:
    """What people read of tranches that were taken down.

    Args:
        stones: the tranches.

    Returns:
        One line each, and one for each node that says that it has erased its copy.
    """
    lines = []
    for stone in stones:
        lines.append(
            f"tranche {stone.tranche} was taken down: in snapshots {stone.born} to "
            f"{stone.ended - 1}, income to {stone.to}"
        )
        lines += [
            f"  {item.node} has erased it"
            + (
                f": {item.num_erased} contents, log {item.log.hex()}"
                if item.is_signed
                else f", by a log that is not in the store or not signed: {item.log.hex()}"
            )
            for item in stone.erasures
        ]
    return lines
