"""A store in a folder: files named by hash under two levels of folders, and nothing else.

::

    FOLDER/            0700
      blocks/ab/cd/CID           one block; ab and cd are the first bytes of its hash in hex
      index/ab/cd/SHA256         text: the CID of a content of several blocks
      writing/NAME               files being written

A file is written under ``writing``, synced, then renamed: at any moment a name in ``blocks`` has
either no file or the whole one, whoever is killed. Several processes may use one folder. What a
killed writer left under ``writing`` is removed at the next opening; the lock that a living
writer holds on its file keeps it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from databright.errors import BadInputError, ConfigError, StorageError
from databright.storage.base import BlockStore
from databright.storage.unixfs import MAX_BLOCK_BYTES, cid_text, parse_cid
from databright.units import Cid, Digest

_MODE = 0o700
_CID_CHARS = 59
_RETRIES = 8


class LocalStore(BlockStore):
    """Blocks as files of one folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, made if it is not there.

        Args:
            folder: readable by its owner alone.

        Raises:
            ConfigError: it cannot be used: no folder, not writable, or open to other users.
        """
        self._folder = Path(folder)
        try:
            self._folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
            mode = stat.S_IMODE(self._folder.stat().st_mode)
            if mode & 0o077:
                raise ConfigError(
                    f"the store's folder {self._folder} is open to other users (mode {mode:o}):"
                    f" run chmod 700 {self._folder}"
                )
            for sub in ("blocks", "index", "writing"):
                (self._folder / sub).mkdir(mode=_MODE, exist_ok=True)
            self._remove_leftovers()
        except OSError as exc:
            raise ConfigError(
                f"cannot use {self._folder} as a store: {exc.strerror}; choose a folder that you"
                " may write to"
            ) from exc

    def _remove_leftovers(self) -> None:
        for path in (self._folder / "writing").iterdir():
            try:
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
            except (BlockingIOError, FileNotFoundError):
                continue  # its writer lives, or another opener was quicker

    def _path(self, kind: str, digest: bytes, name: str) -> Path:
        text = digest.hex()
        return self._folder / kind / text[:2] / text[2:4] / name

    def _block_path(self, cid: bytes) -> Path:
        return self._path("blocks", cid[4:], cid_text(cid))

    def _write_file(self, path: Path, content: bytes) -> None:
        try:
            for _ in range(_RETRIES):
                if self._try_write(path, content):
                    return
        except OSError as exc:
            raise StorageError(
                f"cannot write {path.name} to the store: {exc.strerror}; nothing was kept of it"
            ) from exc
        raise StorageError(
            f"cannot write {path.name}: its temporary file vanished {_RETRIES} times; is another"
            " program cleaning the store's folder?"
        )

    def _try_write(self, path: Path, content: bytes) -> bool:
        descriptor, temporary = tempfile.mkstemp(dir=self._folder / "writing")
        done = False
        try:
            with os.fdopen(descriptor, "wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                self._make_parents(path)
                try:
                    Path(temporary).rename(path)
                except FileNotFoundError:
                    return False  # an opener saw the file before it was locked: once more
                done = True
        finally:
            if not done:
                Path(temporary).unlink(missing_ok=True)
        _sync_folder(path.parent)
        return True

    def _make_parents(self, path: Path) -> None:
        for parent in (path.parent.parent, path.parent):
            try:
                parent.mkdir(mode=_MODE)
            except FileExistsError:
                continue
            _sync_folder(parent.parent)

    def _write_block(self, cid: bytes, block: bytes) -> None:
        if self._read_block(cid) != block:
            self._write_file(self._block_path(cid), block)

    def _read_block(self, cid: bytes) -> bytes | None:
        return self._read_file(self._block_path(cid), MAX_BLOCK_BYTES)

    def _read_file(self, path: Path, max_bytes: int) -> bytes | None:
        try:
            with path.open("rb") as file:
                return file.read(max_bytes + 1)  # one more: an overlong file fails its hash
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StorageError(f"cannot read {path.name} from the store: {exc.strerror}") from exc

    def _has_block(self, cid: bytes) -> bool:
        return self._block_path(cid).is_file()

    def _remove_block(self, cid: bytes) -> None:
        path = self._block_path(cid)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync_folder(path.parent)
        except OSError as exc:
            raise StorageError(
                f"cannot remove {path.name}: {exc.strerror}; it is here still"
            ) from exc

    def _write_index(self, digest: Digest, cid: Cid) -> None:
        path = self._path("index", digest, digest.hex())
        if self._read_file(path, _CID_CHARS) != cid.encode("ascii"):
            self._write_file(path, cid.encode("ascii"))

    def _read_index(self, digest: Digest) -> Cid | None:
        content = self._read_file(self._path("index", digest, digest.hex()), _CID_CHARS)
        if content is None:
            return None
        try:
            return cid_text(parse_cid(content.decode("ascii")))
        except (UnicodeDecodeError, BadInputError):
            return None  # a damaged hint is no hint; the next put writes it anew

    def cids(self) -> Iterator[Cid]:
        """Every address that `get` answers.

        Returns:
            The addresses, sorted.
        """
        return iter(sorted(Cid(path.name) for path in (self._folder / "blocks").glob("*/*/b*")))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_provider(folder: Path | str) -> LocalStore:
    """Open the store of a folder.

    Args:
        folder: made with mode 0700 if it is not there.

    Returns:
        The store.

    Raises:
        ConfigError: the folder cannot be used.
    """
    return LocalStore(Path(folder))


def open_scratch(folder: Path) -> LocalStore:
    """Open a store for the conformance suite.

    Args:
        folder: an empty folder.

    Returns:
        The store.
    """
    return LocalStore(folder / "store")
