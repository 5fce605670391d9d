"""What the gas benchmark stands on: exact gas, and a second of its own for every block."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.metering.session import BLOCK_S, START, Session, account, open_session
from databright.chain.bindings import Artifact
from databright.chain.devnet.anvil import find_anvil
from databright.errors import TransactionFailedError
from databright.units import Address

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]
SENDER = account("sender")
TARGET = Address(account("target").address)
# Stores the first word of its call data at slot 0; reverts when that is 0.
RUNTIME = bytes.fromhex("5f358015600a575f55005b5f5ffd")
STORE = Artifact("Store", (), bytes.fromhex("600e8060095f395ff3") + RUNTIME, "", "prague")
# Two of PUSH0, CALLDATALOAD, DUP1, ISZERO, PUSH1, JUMPI.
STEPS = 2 * 2 + 3 + 3 + 3 + 3 + 10


@pytest.fixture
def session() -> Iterator[Session]:
    with open_session([SENDER]) as running:
        yield running


def test_a_plain_transfer_takes_the_gas_that_the_protocol_says(session: Session) -> None:
    assert session.send(SENDER, TARGET, b"", value=1).gas == 21_000
    # EIP-7623: at least 10 for each zero byte, 40 for each other.
    assert session.send(SENDER, TARGET, b"\x00\x01").gas == 21_000 + 10 + 40


def test_a_storing_transaction_takes_the_gas_that_the_protocol_says(session: Session) -> None:
    expected = session.next_address(SENDER, 1)
    session.send(SENDER, TARGET, b"")
    store = session.deploy(SENDER, STORE)
    assert store.address == expected
    assert store.runtime_bytes() == len(RUNTIME)
    words = 31 * 4 + 16
    fresh = session.send(SENDER, store.address, (1).to_bytes(32)).gas
    assert fresh == 21_000 + words + STEPS + 2_100 + 20_000
    changed = session.send(SENDER, store.address, (2).to_bytes(32)).gas
    assert changed == 21_000 + words + STEPS + 2_100 + 2_900


def test_a_reverted_transaction_is_no_sample(session: Session) -> None:
    store = session.deploy(SENDER, STORE)
    with pytest.raises(TransactionFailedError, match="revert"):
        session.send(SENDER, store.address, bytes(32))
    assert session.send(SENDER, TARGET, b"").gas == 21_000


def test_every_transaction_has_a_later_second(session: Session) -> None:
    times = [session.send(SENDER, TARGET, b"").timestamp for _ in range(3)]
    session.advance(100)
    times.append(session.send(SENDER, TARGET, b"").timestamp)
    assert times == [START + BLOCK_S * n for n in (1, 2, 3)] + [START + BLOCK_S * 4 + 100]


def test_time_does_not_go_back(session: Session) -> None:
    with pytest.raises(ValueError, match="go back"):
        session.advance(-1)


def test_keys_are_the_same_in_every_run_and_differ_by_role() -> None:
    assert account("voter", 1).address == account("voter", 1).address
    assert len({account(role, i).address for role in ("voter", "oracle") for i in range(3)}) == 6
