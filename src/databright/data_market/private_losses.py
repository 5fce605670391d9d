"""Per-sample losses that stay on the evaluator until the holdout is retired.

A loss for each hidden row would let a proposer fit the holdout, so only hashes are published.
Files are named by hash, in a folder of mode 0700; a half-written one is never visible.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from databright.errors import ConfigError
from databright.records.tensors import dump_tensors
from databright.units import Digest

_FOLDER_MODE: Final = 0o700


def loss_blob(losses_N: NDArray[np.float64], right_N: NDArray[np.bool_]) -> bytes:
    """Write losses as a tensor blob.

    Args:
        losses_N: nats for each holdout row, float64.
        right_N: whether each was predicted right.

    Returns:
        Tensors `loss` float64 [N] and `correct` uint8 [N].
    """
    return dump_tensors({"loss": losses_N, "correct": right_N.astype(np.uint8)})


class PrivateLosses:
    """A folder of loss blobs by hash.

    Args:
        folder: made when missing.

    Raises:
        ConfigError: others may read the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            raise ConfigError(f"{folder} is open to others: run chmod 700 {folder}")
        self._folder = folder

    def put(self, blob: bytes) -> Digest:
        """Keep a blob.

        Args:
            blob: the bytes.

        Returns:
            Its SHA-256; the file is durable when this returns.
        """
        digest = Digest(hashlib.sha256(blob).digest())
        path = self._folder / digest.hex()
        if not path.exists():
            temporary = self._folder / f".{digest.hex()}.{os.getpid()}"
            with temporary.open("wb") as file:
                file.write(blob)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        return digest

    def get(self, digest: Digest) -> bytes | None:
        """Give a blob back.

        Args:
            digest: its SHA-256.

        Returns:
            The bytes, or None when they are not here or damaged.
        """
        path = self._folder / digest.hex()
        if not path.is_file():
            return None
        blob = path.read_bytes()
        return blob if hashlib.sha256(blob).digest() == digest else None
