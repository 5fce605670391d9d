"""Replicas disagree: two re-runs on the trusted node decide, or nobody is to blame."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from databright.programs.child import ComputeChild
from databright.units import Address, Digest

REASON_WRONG = "wrong-weights"
REASON_LOST = "lost"
REASON_BARRED = "barred"
REASON_SPLIT = "class-split"


@dataclass(frozen=True)
class Decision:
    """What two re-runs say.

    Attributes:
        reruns: both results.
        wrong: owners whose result differs from both re-runs, which agree.
        accepted: result to accept now, when all owners may be paid: the class is split and nobody
            is slashed. None when wrong owners have to be replaced first.
    """

    reruns: tuple[Digest, Digest]
    wrong: tuple[Address, ...]
    accepted: Digest | None


def decide(results: Mapping[Address, Digest], reruns: tuple[Digest, Digest]) -> Decision:
    """Decide a dispute.

    Args:
        results: owner -> result; they are not all equal.
        reruns: results of two runs in fresh processes.

    Returns:
        The decision. When the re-runs differ from each other the numeric class is split: the work
        is paid once, nobody is slashed, and the result of most owners stands (of equally many, the
        smallest hash).
    """
    if reruns[0] != reruns[1]:
        counts = Counter(results.values())
        most = max(counts.values())
        return Decision(reruns, (), min(r for r, n in counts.items() if n == most))
    wrong = tuple(owner for owner, result in results.items() if result != reruns[0])
    return Decision(reruns, wrong, None)


class Rerunner:
    """Two fresh processes that each run every disputed segment of one judgement once.

    Args:
        make_child: starts a compute child.
    """

    def __init__(self, make_child: Callable[[], ComputeChild]) -> None:
        self._make_child = make_child
        self._children: list[ComputeChild] = []

    def __enter__(self) -> Rerunner:
        """Use the processes in a with statement."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End them."""
        for child in self._children:
            child.close()

    def run(
        self, request: tuple[bytes, bytes, bytes, bytes]
    ) -> tuple[tuple[Digest, Digest], bytes]:
        """Run a segment in both.

        Args:
            request: program, weights, shard and batches.

        Returns:
            Both results, and the weights blob of the first.
        """
        if not self._children:
            self._children = [self._make_child(), self._make_child()]
            for child in self._children:
                child.start()
        blobs = [child.train(*request) for child in self._children]
        first, second = (Digest(hashlib.sha256(blob).digest()) for blob in blobs)
        return (first, second), blobs[0]
