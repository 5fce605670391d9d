"""A store in this process's memory: nothing outlives it. For tests, plans and dry runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from databright.storage.base import BlockStore
from databright.storage.unixfs import cid_text
from databright.units import Cid, Digest


class MemoryStore(BlockStore):
    """Blocks in a dict; single dict operations are atomic, so threads may share one."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, bytes] = {}
        self._index: dict[Digest, Cid] = {}

    def _write_block(self, cid: bytes, block: bytes) -> None:
        self._blocks[cid] = block

    def _read_block(self, cid: bytes) -> bytes | None:
        return self._blocks.get(cid)

    def _has_block(self, cid: bytes) -> bool:
        return cid in self._blocks

    def _remove_block(self, cid: bytes) -> None:
        self._blocks.pop(cid, None)

    def _write_index(self, digest: Digest, cid: Cid) -> None:
        self._index[digest] = cid

    def _read_index(self, digest: Digest) -> Cid | None:
        return self._index.get(digest)

    def cids(self) -> Iterator[Cid]:
        """Every address that `get` answers.

        Returns:
            The addresses, sorted.
        """
        return iter(sorted(cid_text(cid) for cid in list(self._blocks)))


def open_provider() -> MemoryStore:
    """Open an empty store.

    Returns:
        The store.
    """
    return MemoryStore()


def open_scratch(folder: Path) -> MemoryStore:
    """Open an empty store for the conformance suite.

    Args:
        folder: not used.

    Returns:
        The store.
    """
    return MemoryStore()
