"""Predictions of one payer hold up nobody else's."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from databright.errors import ProtocolError
from databright.model_market import serving
from databright.model_market.serving import MAX_OF_ONE_PAYER, PredictionServer
from databright.units import Address, Amount, Digest

GREEDY = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
OTHER = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
SAMPLES = b"samples"
_MODEL = Digest(bytes(32))
_INPUT = Digest(hashlib.sha256(SAMPLES).digest())


class Served(PredictionServer):
    """A server whose answers to the greedy payer wait until the test lets them go."""

    def __init__(self) -> None:
        nothing: Any = SimpleNamespace(
            deployment=SimpleNamespace(chain_id=1), predictions=SimpleNamespace(address=OTHER)
        )
        super().__init__(nothing, nothing, nothing, nothing, nothing)
        self.let_go = threading.Event()
        self.answering = threading.Semaphore(0)

    def _asked(self, prediction: int) -> serving._Asked:
        payer = OTHER if prediction >= 100 else GREEDY
        return serving._Asked(payer, _INPUT, Amount(1), _MODEL, _MODEL, 1, _MODEL)

    def _answer(self, prediction: int, samples: bytes) -> tuple[bytes, Address]:
        if prediction < 100:
            self.answering.release()
            assert self.let_go.wait(20)
        return samples, OTHER


def test_a_payer_with_slow_predictions_does_not_hold_up_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "check_signer", lambda *_: None)
    server = Served()
    with ThreadPoolExecutor(MAX_OF_ONE_PAYER) as pool:
        try:
            slow = [pool.submit(server.predict, n, SAMPLES, b"") for n in range(MAX_OF_ONE_PAYER)]
            for _ in slow:
                assert server.answering.acquire(timeout=20)
            for number in (0, MAX_OF_ONE_PAYER):  # the same again, and one more
                with pytest.raises(ProtocolError, match="under way"):
                    server.predict(number, SAMPLES, b"")
            assert server.predict(100, SAMPLES, b"") == (SAMPLES, OTHER)
        finally:
            server.let_go.set()
        assert all(one.result(20)[0] == SAMPLES for one in slow)
    assert server.predict(100, SAMPLES, b"") == (SAMPLES, OTHER)
    assert not server._under_way
