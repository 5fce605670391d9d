"""Gas of whole transactions on anvil is held to what is recorded: 1 % dearer fails."""

from __future__ import annotations

import os

import pytest

from benchmarks.metering.command import main
from databright.chain.devnet.anvil import find_anvil

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]


def test_no_row_is_dearer_than_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--no-peer"]) == 0, capsys.readouterr().err
