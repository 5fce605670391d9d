"""The store's port: contents by address, every block's hash checked whenever it is read.

A provider is one file in this folder with two functions, found by the file's name::

    def open_provider(**settings) -> Store      opens it as the settings say
    def open_scratch(folder: Path) -> Store     opens an empty one for the conformance suite
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol

from databright.errors import (
    BadInputError,
    BlobCorruptError,
    BlobMissingError,
    ConfigError,
    MalformedDataError,
)
from databright.storage.unixfs import (
    MAX_LEVELS,
    RAW,
    check_block,
    cid_text,
    content_size,
    decode_node,
    import_parts,
    parse_cid,
    raw_cid,
    read_parts,
)
from databright.units import Cid, Digest

DEFAULT_MAX_BYTES = 1 << 30
"""Largest content that `get` builds in memory unless the caller says otherwise."""
_NOT_PROVIDERS = {"base", "unixfs"}


class Store(Protocol):
    """Contents by address."""

    def put(self, data: bytes) -> Cid:
        """Keep a content; putting it again changes nothing. Durable when it returns."""
        ...

    def put_stream(self, chunks: Iterable[bytes]) -> Cid:
        """Keep a content given in pieces of any length; it is visible only when whole."""
        ...

    def get(self, cid: Cid, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """Give a content of at most max_bytes, checked."""
        ...

    def read_range(self, cid: Cid, offset: int, length: int) -> bytes:
        """Give a range of a content, checked; shorter at the content's end."""
        ...

    def size(self, cid: Cid) -> int:
        """Length of a content in bytes."""
        ...

    def has(self, cid: Cid) -> bool:
        """Whether the content's root is here; roots are written after all that they link to."""
        ...

    def cid_of_sha256(self, digest: Digest) -> Cid | None:
        """Address of the content with that sha256, or None if it is not here."""
        ...

    def cids(self) -> Iterator[Cid]:
        """Every address that `get` answers: contents, and the blocks of longer ones."""
        ...

    def erase(self, cid: Cid) -> None:
        """Remove a content for good, with every block of it."""
        ...


class BlockStore(ABC):
    """A store made of blocks: a provider writes the abstract methods and has all of `Store`."""

    @abstractmethod
    def _write_block(self, cid: bytes, block: bytes) -> None:
        """Keep a block durably; a block that is there with other bytes is replaced."""

    @abstractmethod
    def _read_block(self, cid: bytes) -> bytes | None:
        """Give the stored bytes, unchecked, or None."""

    @abstractmethod
    def _has_block(self, cid: bytes) -> bool:
        """Whether there is a block of that name."""

    @abstractmethod
    def _remove_block(self, cid: bytes) -> None:
        """Remove a block durably; one that is not here is no error."""

    @abstractmethod
    def _write_index(self, digest: Digest, cid: Cid) -> None:
        """Remember the address of a content of several blocks."""

    @abstractmethod
    def _read_index(self, digest: Digest) -> Cid | None:
        """Give back what `_write_index` was told."""

    @abstractmethod
    def cids(self) -> Iterator[Cid]:
        """Every address that `get` answers, sorted: contents, and the blocks of longer ones."""

    def put(self, data: bytes) -> Cid:
        """Keep a content.

        Args:
            data: the bytes; putting the same again changes nothing.

        Returns:
            Its address; the content is durable when this returns.

        Raises:
            StorageError: it could not be written.
        """
        return self.put_stream((data,))

    def put_stream(self, chunks: Iterable[bytes]) -> Cid:
        """Keep a content given in pieces.

        Args:
            chunks: pieces of any length.

        Returns:
            Its address. Leaves are written first and the root last, so that a content whose
            writer was killed is never visible.

        Raises:
            StorageError: it could not be written.
        """
        imported = import_parts(chunks, self._write_block)
        if imported.cid != raw_cid(imported.sha256):
            self._write_index(imported.sha256, imported.cid)
        return imported.cid

    def get(self, cid: Cid, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """Give a content.

        Args:
            cid: its address.
            max_bytes: longest content that is built.

        Returns:
            The bytes, every block checked against its hash.

        Raises:
            MalformedDataError: the address is malformed, or the content is longer than max_bytes.
            BlobMissingError: the content or one of its blocks is not here.
            BlobCorruptError: a block does not have its hash.
        """
        root = parse_cid(cid)
        size = content_size(root, self._checked_block)
        if size > max_bytes:
            raise MalformedDataError(
                f"{cid} is {size} bytes long, more than the {max_bytes} allowed here"
            )
        return b"".join(read_parts(root, size, 0, size, self._checked_block))

    def read_range(self, cid: Cid, offset: int, length: int) -> bytes:
        """Give a range of a content, reading only the blocks that it touches.

        Args:
            cid: its address.
            offset: first byte, >= 0.
            length: bytes wanted, >= 0.

        Returns:
            Those bytes; fewer where the content ends before.

        Raises:
            BadInputError: a malformed address or a negative number.
            BlobMissingError: the content or a touched block is not here.
            BlobCorruptError: a touched block does not have its hash.
        """
        if offset < 0 or length < 0:
            raise BadInputError(f"a range needs offset and length >= 0, got {offset}, {length}")
        root = parse_cid(cid)
        size = content_size(root, self._checked_block)
        start, stop = min(offset, size), min(offset + length, size)
        return b"".join(read_parts(root, size, start, stop, self._checked_block))

    def size(self, cid: Cid) -> int:
        """Length of a content.

        Args:
            cid: its address.

        Returns:
            Bytes, as its checked root block states.

        Raises:
            BadInputError: the address is malformed.
            BlobMissingError: the root is not here.
            BlobCorruptError: the root does not have its hash.
        """
        return content_size(parse_cid(cid), self._checked_block)

    def has(self, cid: Cid) -> bool:
        """Whether the content's root is here.

        Args:
            cid: its address.

        Returns:
            True when it is; a root is written only after all that it links to.

        Raises:
            BadInputError: the address is malformed.
        """
        return self._has_block(parse_cid(cid))

    def cid_of_sha256(self, digest: Digest) -> Cid | None:
        """Find a content by the digest of its whole.

        Args:
            digest: sha256 of the content, 32 bytes.

        Returns:
            Its address, or None if it is not here. For a content of several blocks the answer
            comes from an index beside them: whoever must be sure hashes what `get` gives.

        Raises:
            BadInputError: the digest has another length.
        """
        single = raw_cid(digest)
        if self.has(single):
            return single
        cid = self._read_index(digest)
        return cid if cid is not None and self.has(cid) else None

    def erase(self, cid: Cid) -> None:
        """Remove a content for good; what is sealed shares no block with other contents.

        Args:
            cid: its address.

        Raises:
            BadInputError: the address is malformed.
            BlobMissingError: the content is not here.
            StorageError: a block could not be removed; asked again, it goes on.
        """
        root = parse_cid(cid)
        if not self._has_block(root):
            raise BlobMissingError(f"the store has no block {cid}: nothing is left to erase")
        self._remove_tree(root, MAX_LEVELS)

    def _remove_tree(self, cid: bytes, levels: int) -> None:
        # Leaves first: as long as the root is here, a repeated call finds the rest.
        block = self._read_block(cid) if cid[1] != RAW and levels else None
        if block is not None:
            try:
                check_block(cid, block)
                children = decode_node(block)
            except BlobCorruptError:
                children = ()
            for child in children:
                self._remove_tree(child.cid, levels - 1)
        self._remove_block(cid)

    def _checked_block(self, cid: bytes) -> bytes:
        block = self._read_block(cid)
        if block is None:
            raise BlobMissingError(
                f"the store has no block {cid_text(cid)}: fetch it from a store that has it"
            )
        check_block(cid, block)
        return block


def providers() -> list[str]:
    """Names of the stores that this installation can open.

    Returns:
        Module names in this folder, sorted.
    """
    folder = str(Path(__file__).parent)
    names = (module.name for module in pkgutil.iter_modules([folder]))
    return sorted(name for name in names if name not in _NOT_PROVIDERS)


def _provider(name: str) -> ModuleType:
    if name not in providers():
        raise ConfigError(f"no store is called {name!r}: use one of {', '.join(providers())}")
    return importlib.import_module(f"databright.storage.{name}")


def open_store(name: str, **settings: object) -> Store:
    """Open a store by its provider's name.

    Args:
        name: one of `providers()`.
        settings: what that provider asks for, e.g. ``folder`` for ``local``.

    Returns:
        The store.

    Raises:
        ConfigError: an unknown name, or settings that the provider does not take.
    """
    opener = _provider(name).open_provider
    try:
        inspect.signature(opener).bind(**settings)
    except TypeError as exc:
        raise ConfigError(f"the settings of the {name} store do not fit: {exc}") from exc
    store: Store = opener(**settings)
    return store


def open_scratch_store(name: str, folder: Path) -> Store:
    """Open an empty store of a provider, for suites that run over all of them.

    Args:
        name: one of `providers()`.
        folder: an empty folder that the provider may use.

    Returns:
        The store; opened twice on one folder it is the same store if it keeps anything there.

    Raises:
        ConfigError: an unknown name.
    """
    store: Store = _provider(name).open_scratch(folder)
    return store


def cid_digest(cid: Cid) -> Digest:
    """The hash in an address.

    Args:
        cid: address of a content.

    Returns:
        sha256 of its root block, 32 bytes.

    Raises:
        MalformedDataError: no address of this store.
    """
    return Digest(parse_cid(cid)[-32:])
