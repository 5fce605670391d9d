"""Certificates that strangers pin: one bad entry must not lock the others out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

import pytest

from databright.compute_market.projections import WorkerEntry
from databright.compute_market.trusted.ledger import MarketLedger
from databright.compute_market.trusted.runtime import WorkerDirectory
from databright.custody.tls import is_identity_of, make_tls_identity
from databright.storage.base import Store, open_store
from databright.transport.tls import der_of_pem
from databright.units import Address, Amount, Digest

HONEST = Address("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A")
STRANGER = Address("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")


class Registry:
    """A ledger of pins alone."""

    def __init__(self, pins: dict[Address, bytes]) -> None:
        self._pins = pins

    def workers(self) -> dict[Address, WorkerEntry]:
        none = Digest(bytes(32))
        return {
            owner: WorkerEntry(owner, Amount(0), Digest(pin), none, Amount(0))
            for owner, pin in self._pins.items()
        }


def certificate(owner: Address) -> bytes:
    return der_of_pem(make_tls_identity(owner)[1])


def put(store: Store, blob: bytes) -> bytes:
    store.put(blob)
    return hashlib.sha256(blob).digest()


@pytest.mark.parametrize(
    "pinned",
    [
        pytest.param(b"\0garbage" * 3, id="no certificate"),
        pytest.param(bytes(17 * 1024), id="longer than any certificate"),
        pytest.param(certificate(STRANGER)[:100], id="half a certificate"),
        pytest.param(certificate(STRANGER) + b"\0", id="bytes after it"),
        pytest.param(certificate(HONEST), id="another's name under another key"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_bad_certificate_shuts_out_its_owner_alone(pinned: bytes, tmp_path: Path) -> None:
    store = open_store("local", folder=tmp_path / "store")
    own = certificate(HONEST)
    pins = {STRANGER: put(store, pinned), HONEST: put(store, own)}
    directory = WorkerDirectory(cast(MarketLedger, Registry(pins)), store)
    directory.refresh()
    assert directory.certificates() == {HONEST: own}
    assert directory.is_complete


def test_only_the_own_form_is_an_identity() -> None:
    mine = certificate(HONEST)
    assert is_identity_of(mine, HONEST)
    assert not is_identity_of(mine, STRANGER)
    broken = bytearray(mine)
    broken[-1] ^= 1  # its signature
    assert not is_identity_of(bytes(broken), HONEST)
