from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from databright.data_market.private_losses import PrivateLosses, loss_blob
from databright.errors import ConfigError
from databright.records.tensors import load_tensors
from databright.units import Digest


def test_losses_come_back_by_their_hash(tmp_path: Path) -> None:
    losses = PrivateLosses(tmp_path / "losses")
    blob = loss_blob(np.array([0.5, 0.25]), np.array([True, False]))
    digest = losses.put(blob)
    assert digest == hashlib.sha256(blob).digest()
    assert losses.put(blob) == digest
    assert PrivateLosses(tmp_path / "losses").get(digest) == blob
    tensors = load_tensors(blob, max_bytes=1_000, max_tensors=2)
    assert tensors["correct"].tolist() == [1, 0]
    assert tensors["loss"].tolist() == [0.5, 0.25]


def test_missing_and_damaged_losses_are_none(tmp_path: Path) -> None:
    losses = PrivateLosses(tmp_path / "losses")
    assert losses.get(Digest(bytes(32))) is None
    digest = losses.put(b"some losses")
    (tmp_path / "losses" / digest.hex()).write_bytes(b"other bytes")
    assert losses.get(digest) is None


def test_the_folder_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "losses"
    PrivateLosses(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o750)
    with pytest.raises(ConfigError, match="chmod 700"):
        PrivateLosses(folder)
