"""A log's batches reach a real chain exactly once, wherever the publisher is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from sqlalchemy import Engine

from databright.chain.base import Chain
from databright.chain.bindings import Artifact, Contract, Signer, deploy
from databright.chain.devnet import launcher
from databright.chain.devnet.launcher import Devnet
from databright.chain.ethereum import connect
from databright.discussion.anchor import Anchorer, read_anchored
from databright.discussion.batches import Batches
from databright.discussion.proofs import check_log, read_items
from databright.errors import ConfigError
from databright.units import Address
from tests.discussing import DOMAIN, NOW, Room, make_room

KEYS = [Account.from_key(bytes([0x50 + n]) * 32) for n in range(64)]
EVERY_S = 60


class CutError(Exception):
    """The process ends here."""


class CutOff:
    """A real chain whose next transaction ends the process, before or after it is sent."""

    def __init__(self, chain: Chain, moment: str) -> None:
        self._chain = chain
        self._moment = moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def send(self, raw: bytes) -> str:
        if self._moment == "before":
            raise CutError
        self._chain.send(raw)
        raise CutError


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    home = tmp_path_factory.mktemp("chain") / "home"
    funds = {Address(str(key.address)): 10**24 for key in KEYS}
    running = launcher.start(home, funds)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chain(devnet: Devnet) -> Chain:
    return connect(devnet.rpc_url, devnet.record.chain_id, devnet.record.genesis_hash)


@pytest.fixture(scope="module")
def signers() -> Iterator[Signer]:
    """A key for each test, since a publisher's batches are consecutive."""
    return iter([Signer(key) for key in KEYS])


@pytest.fixture
def signer(signers: Iterator[Signer]) -> Signer:
    return next(signers)


@pytest.fixture
def contract(chain: Chain, signer: Signer) -> Contract:
    artifact = Artifact.load("DiscussionAnchor")
    address, _ = deploy(chain, signer, artifact)
    return Contract(chain, address, artifact)


@pytest.fixture
def room(engine: Engine) -> Room:
    return make_room(engine)


def anchorer(room: Room, contract: Contract, signer: Signer, cut: str | None = None) -> Anchorer:
    bound = contract
    if cut is not None:
        chain: Any = CutOff(contract.chain, cut)
        bound = Contract(chain, contract.address, contract.artifact)
    return Anchorer(
        Batches(room.log.engine),
        bound,
        signer,
        from_block=0,
        every_s=EVERY_S,
        clock=room.clock,
    )


def anchored(contract: Contract, signer: Signer) -> list[tuple[int, int]]:
    return [(one.first, one.count) for one in read_anchored(contract, signer.address, 0)]


def whole(room: Room, contract: Contract, signer: Signer) -> None:
    report = check_log(
        read_items(room.log, 0, 200), read_anchored(contract, signer.address, 0), DOMAIN
    )
    assert report.problems == ()
    assert report.anchored == report.entries == room.log.size() > 0


def test_entries_wait_for_company_but_not_for_long(
    room: Room, contract: Contract, signer: Signer
) -> None:
    publisher = anchorer(room, contract, signer)
    assert not publisher.step()
    room.say("curator")
    room.clock.now += EVERY_S - 1
    room.say("curator")
    assert not publisher.step()
    assert not room.thread().comments[0].anchored
    room.clock.now += 1
    assert publisher.step()
    assert not publisher.step()
    room.say("curator")
    assert [one.anchored for one in room.thread().comments] == [True, True, False]
    room.clock.now += EVERY_S
    assert publisher.step()
    assert anchored(contract, signer) == [(0, 2), (2, 1)]
    whole(room, contract, signer)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_publisher_that_is_cut_off_sends_the_same_bytes_again(
    room: Room, contract: Contract, signer: Signer, moment: str
) -> None:
    room.say("curator")
    room.clock.now += EVERY_S
    with pytest.raises(CutError):
        anchorer(room, contract, signer, moment).step()
    stored = Batches(room.log.engine).oldest_open()
    assert stored is not None
    assert stored.raw != b""
    nonce = contract.chain.nonce(signer.address)
    room.say("curator")  # is no part of the batch that was signed
    assert anchorer(room, contract, signer).step()
    done = Batches(room.log.engine).containing(0)
    assert done is not None
    assert (done.tx, done.raw) == (stored.tx, stored.raw)
    # The transaction was already in a block, or went into one now: never both.
    assert contract.chain.nonce(signer.address) == nonce + (moment == "before")
    assert anchored(contract, signer) == [(0, 1)]
    room.clock.now += EVERY_S
    assert anchorer(room, contract, signer).step()
    assert anchored(contract, signer) == [(0, 1), (1, 1)]
    whole(room, contract, signer)


def test_bytes_that_can_never_get_in_are_signed_anew(
    room: Room, contract: Contract, signer: Signer
) -> None:
    room.say("curator")
    room.clock.now += EVERY_S
    with pytest.raises(CutError):
        anchorer(room, contract, signer, "before").step()
    stored = Batches(room.log.engine).oldest_open()
    signer.send(contract.chain, signer.address, b"", value=1)  # takes the nonce
    assert anchorer(room, contract, signer).step()
    done = Batches(room.log.engine).containing(0)
    assert stored is not None
    assert done is not None
    assert done.tx != stored.tx
    assert anchored(contract, signer) == [(0, 1)]
    whole(room, contract, signer)


def test_what_a_reorganisation_took_back_is_anchored_again(
    room: Room, contract: Contract, chain: Chain, signer: Signer
) -> None:
    """The contract's twin stands for the same contract on the branch that won: it knows nothing."""
    for _ in range(2):
        room.say("curator")
        room.clock.now += EVERY_S
        assert anchorer(room, contract, signer).step()
    address, _ = deploy(chain, signer, contract.artifact)
    twin = Contract(chain, address, contract.artifact)
    batches = Batches(room.log.engine)
    for batch in batches.all():
        batches.store_signed(batch, b"", "")  # signed for the other address
    again = anchorer(room, twin, signer)
    assert [again.step(), again.step(), again.step()] == [True, True, False]
    assert anchored(twin, signer) == [(0, 1), (1, 1)]
    whole(room, twin, signer)


def test_a_database_older_than_the_chain_is_told(
    room: Room, contract: Contract, signer: Signer
) -> None:
    contract.transact(signer, "anchor", 0, 5, b"\x01" * 32)
    with pytest.raises(ConfigError, match="has anchored 5 entries"):
        anchorer(room, contract, signer).step()
    room.say("curator")
    room.clock.now += EVERY_S
    with pytest.raises(ConfigError, match="has anchored 5 entries"):
        anchorer(room, contract, signer).step()


def test_somebody_else_with_the_same_key_is_told(
    room: Room, contract: Contract, signer: Signer
) -> None:
    room.say("curator")
    room.clock.now += EVERY_S
    with pytest.raises(CutError):
        anchorer(room, contract, signer, "before").step()
    contract.transact(signer, "anchor", 0, 1, b"\x01" * 32)
    with pytest.raises(ConfigError, match="somebody else publishes with this key"):
        anchorer(room, contract, signer).step()
    assert room.clock.now > NOW


def test_publishers_do_not_hinder_one_another(
    room: Room, contract: Contract, signer: Signer, signers: Iterator[Signer]
) -> None:
    other = next(signers)
    contract.transact(other, "anchor", 0, 9, b"\x01" * 32)
    room.say("curator")
    room.clock.now += EVERY_S
    assert anchorer(room, contract, signer).step()
    assert anchored(contract, other) == [(0, 9)]
    whole(room, contract, signer)
