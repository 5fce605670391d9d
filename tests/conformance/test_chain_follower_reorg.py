"""The follower against anvil's own reorganisations: after each, the index equals a fresh one."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Iterator

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databright.chain.base import Header, Log
from databright.chain.bindings import Artifact, Contract, Signer, deploy
from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import EthereumChain, connect
from databright.chain.follower import next_batch
from databright.chain.jsonrpc import JsonRpc
from databright.errors import BadInputError, ChainError
from databright.units import Address

ANVIL = find_anvil(os.environ)
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(ANVIL is None, reason="no anvil: run `npm install` in the checkout"),
]
RICH: LocalAccount = Account.from_key("0x" + "5a" * 32)
NOBODY = Address("0x000000000000000000000000000000000000dEaD")


@pytest.fixture(scope="module")
def rpc() -> Iterator[JsonRpc]:
    with subprocess.Popen(
        [str(ANVIL), "--host", "127.0.0.1", "--port", "0", "--accounts", "0", "--color", "never"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "Listening on" in line)
            drain = threading.Thread(target=process.stdout.read)
            drain.start()
            yield JsonRpc("http://" + line.split()[-1], 30.0)
        finally:
            process.kill()
        drain.join()


@pytest.fixture(scope="module")
def token(rpc: JsonRpc) -> Contract:
    rpc.once("anvil_setBalance", [RICH.address, hex(10**24)])
    chain = connect(rpc.rpc_url)
    artifact = Artifact.load("MarketToken")
    address, _ = deploy(chain, Signer(RICH), artifact, "T", "T", [RICH.address], [10**9])
    return Contract(chain, address, artifact)


class Store:
    """What a caller keeps; `apply` stands for its one SQL transaction."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.logs: list[Log] = []
        self.rollbacks: list[int] = []

    def follow(self, chain: EthereumChain, token: Contract, *, limit: int, keep: int) -> None:
        while True:
            recent = [(header.number, header.hash) for header in self.headers[-keep:]]
            batch = next_batch(chain, [token.address], recent, limit)
            if batch.empty:
                return
            if batch.rollback_to is not None:
                self.rollbacks.append(batch.rollback_to)
                self.headers = [h for h in self.headers if h.number <= batch.rollback_to]
                self.logs = [g for g in self.logs if g.block_number <= batch.rollback_to]
            self.headers += batch.headers
            self.logs += batch.logs


def connected(token: Contract) -> EthereumChain:
    chain = token.chain
    assert isinstance(chain, EthereumChain)
    return chain


def transfers(token: Contract, count: int) -> None:
    for _ in range(count):
        token.transact(Signer(RICH), "transfer", NOBODY, 1)


@pytest.mark.parametrize("depth", [1, 2, 3, 17, 63, 64])
def test_a_reorganisation_is_rolled_back_to_the_common_ancestor(
    rpc: JsonRpc, token: Contract, depth: int
) -> None:
    chain = connected(token)
    transfers(token, 3)
    rpc.once("anvil_mine", [hex(64)])
    # A block without transactions may come back the same; the deepest one must differ.
    transfers(token, 1)
    if depth > 1:
        rpc.once("anvil_mine", [hex(depth - 1)])
    store = Store()
    store.follow(chain, token, limit=500, keep=100)
    head, before = chain.head(), len(store.logs)
    rpc.once("anvil_reorg", [depth, []])
    store.follow(chain, token, limit=500, keep=100)
    assert store.rollbacks == [head.number - depth]
    fresh = Store()
    fresh.follow(chain, token, limit=7, keep=100)
    assert (store.headers, store.logs) == (fresh.headers, fresh.logs)
    assert len(store.logs) == before - 1, "the transfer is gone with its block"
    assert store.headers[-1] == chain.head() != head


def test_a_shorter_chain_is_followed_down(rpc: JsonRpc, token: Contract) -> None:
    chain = connected(token)
    transfers(token, 4)
    store = Store()
    store.follow(chain, token, limit=500, keep=100)
    head = chain.head()
    rpc.once("anvil_rollback", [2])
    store.follow(chain, token, limit=500, keep=100)
    assert store.rollbacks == [head.number - 2]
    assert store.headers[-1] == chain.head()


def test_a_reorganisation_below_what_is_kept_is_an_error(rpc: JsonRpc, token: Contract) -> None:
    chain = connected(token)
    transfers(token, 1)
    rpc.once("anvil_mine", [hex(10)])
    store = Store()
    store.follow(chain, token, limit=500, keep=4)
    rpc.once("anvil_reorg", [11, []])
    with pytest.raises(ChainError, match="below block"):
        store.follow(chain, token, limit=500, keep=4)


def test_malformed_positions_are_refused(token: Contract) -> None:
    chain = connected(token)
    with pytest.raises(BadInputError, match="ascending"):
        next_batch(chain, [], [(1, "0x01"), (3, "0x03")])
    with pytest.raises(BadInputError, match="1 to"):
        next_batch(chain, [], [], 0)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=6),
    limit=st.integers(1, 9),
    seed=st.integers(0, 2**16),
)
def test_after_any_reorganisations_the_index_equals_a_fresh_one(
    rpc: JsonRpc, token: Contract, steps: list[tuple[int, int]], limit: int, seed: int
) -> None:
    chain, draw = connected(token), random.Random(seed)
    rpc.once("anvil_mine", [hex(14)])
    store = Store()
    store.follow(chain, token, limit=500, keep=200)
    for num_transfers, depth in steps:
        transfers(token, num_transfers)
        if draw.random() < 0.7:
            store.follow(chain, token, limit=limit, keep=200)
        if depth:
            rpc.once("anvil_reorg", [depth, []])
    store.follow(chain, token, limit=limit, keep=200)
    fresh = Store()
    fresh.follow(chain, token, limit=500, keep=200)
    assert (store.headers, store.logs) == (fresh.headers, fresh.logs)
