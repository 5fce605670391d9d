"""Triple redundancy: a segment counts when all its replicas gave the same hash."""

from __future__ import annotations

from collections.abc import Mapping

from databright.units import Address, Digest


def agreed(results: Mapping[Address, Digest], replicas: int) -> Digest | None:
    """The result that all replicas gave.

    Args:
        results: owner -> result, of different owners by construction.
        replicas: owners that the job pays for.

    Returns:
        The result, or None when one is missing or differs.
    """
    if len(results) != replicas:
        return None
    distinct = set(results.values())
    return distinct.pop() if len(distinct) == 1 else None
