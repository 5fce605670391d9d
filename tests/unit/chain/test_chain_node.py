"""The development chain's rules on a real in-process EVM, with deaths at chosen moments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing.encoding import HexStr

from databright.chain.devnet import genesis
from databright.chain.devnet.evm import EvmLostError, RpcFault
from databright.chain.devnet.genesis import Genesis
from databright.chain.devnet.journal import Journal
from databright.chain.devnet.node import DevNode
from databright.chain.devnet.rpc import SignedTransaction, parse_transaction
from databright.chain.devnet.tester import EthTester, EthTesterSource
from databright.errors import BadInputError, ConfigError
from databright.records.strict_json import JsonValue
from databright.units import Address

RICH: LocalAccount = Account.from_key("0x" + "5a" * 32)
NOBODY = "0x000000000000000000000000000000000000dEaD"
CHAIN_ID = 4242


class Mortal:
    """A real EVM that ends at planned blocks, before or after it made them."""

    def __init__(self, evm: EthTester, plan: dict[int, list[str]]) -> None:
        self._evm, self._plan, self._blocks = evm, plan, 0
        self._dead = False

    @property
    def version(self) -> str:
        return self._evm.version

    def _check(self) -> None:
        if self._dead:
            raise EvmLostError("dead")

    async def request(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        self._check()
        return await self._evm.request(method, params)

    async def mine(self, raw: bytes | None, timestamp: int) -> str:
        self._check()
        moments = self._plan.get(self._blocks + 1, [])
        moment = moments.pop(0) if moments else ""
        self._dead = bool(moment)
        if moment == "before":
            raise EvmLostError("died before the block")
        made = await self._evm.mine(raw, timestamp)
        self._blocks += 1
        if moment == "after":
            raise EvmLostError("died after the block")
        return made

    async def set_clock(self, timestamp: int) -> None:
        await self._evm.set_clock(timestamp)

    async def dump(self) -> bytes | None:
        return None

    async def load(self, state: bytes) -> None:
        await self._evm.load(state)

    async def close(self) -> None:
        self._dead = True


class MortalSource:
    """Starts EVMs that follow one plan of deaths: block -> what happens at each try."""

    name = "mortal"

    def __init__(self, plan: dict[int, list[str]]) -> None:
        self.plan = plan
        self.starts = 0

    async def start(self, made: Genesis) -> Mortal:
        self.starts += 1
        return Mortal(await EthTesterSource().start(made), self.plan)


def transfer(nonce: int, value: int = 1) -> SignedTransaction:
    signed = RICH.sign_transaction(
        {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": HexStr(NOBODY),
            "value": value,
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 0,
        }
    )
    return parse_transaction(["0x" + bytes(signed.raw_transaction).hex()], CHAIN_ID)


def make(home: Path, plan: dict[int, list[str]] | None = None) -> tuple[DevNode, MortalSource]:
    made = genesis.create(home, {Address(RICH.address): 10**24}, chain_id=CHAIN_ID)
    source = MortalSource(plan or {})
    return DevNode(home, made, Journal(home), source, clock=lambda: 1.0), source


async def head_of(node: DevNode) -> tuple[int, str]:
    block = await node.read("eth_getBlockByNumber", ["latest", False])
    assert isinstance(block, dict)
    return int(str(block["number"]), 16), str(block["hash"])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_death_at_any_side_of_a_block_loses_and_repeats_nothing(
    tmp_path: Path, moment: str
) -> None:
    async def play(home: Path, plan: dict[int, list[str]]) -> tuple[tuple[int, str], int]:
        node, source = make(home, plan)
        await node.start()
        for nonce in range(3):
            tx = transfer(nonce)
            assert await node.send(tx) == tx.hash
        await node.advance(50)
        found = await head_of(node)
        balance = await node.read("eth_getBalance", [NOBODY, "latest"])
        assert balance == "0x3"
        await node.stop()
        return found, source.starts

    (tmp_path / "calm").mkdir()
    calm, one = asyncio.run(play(tmp_path / "calm", {}))
    (tmp_path / "storm").mkdir()
    (tmp_path / "storm" / genesis.FILE).write_bytes((tmp_path / "calm" / genesis.FILE).read_bytes())
    storm, several = asyncio.run(play(tmp_path / "storm", {2: [moment, moment], 4: [moment]}))
    assert storm == calm
    assert calm[0] == 4
    assert (one, several) == (1, 4)


def test_a_row_that_was_journaled_but_never_executed_is_executed_at_the_next_start(
    tmp_path: Path,
) -> None:
    node, _ = make(tmp_path / "home")
    journal = Journal(tmp_path / "home")
    tx = transfer(0)
    journal.append_tx(tx.raw, tx.hash, 5_000_000_000)
    journal.close()

    async def play() -> None:
        node, _ = make(tmp_path / "home")
        await node.start()
        assert (await head_of(node))[0] == 1
        assert await node.send(tx) == tx.hash, "sent again by a client that got no answer"
        assert (await head_of(node))[0] == 1
        await node.stop()

    del node
    asyncio.run(play())


def test_a_refused_row_is_left_out_of_replay_and_may_be_sent_again(tmp_path: Path) -> None:
    async def play() -> None:
        node, _ = make(tmp_path / "home")
        await node.start()
        poor = transfer(0, value=10**25)
        for _ in range(2):
            with pytest.raises(RpcFault):
                await node.send(poor)
        await node.send(transfer(0))
        before = await head_of(node)
        await node.stop()
        again, _ = make(tmp_path / "home")
        await again.start()
        assert await head_of(again) == before
        assert before[0] == 1
        await again.stop()

    asyncio.run(play())


def test_a_transaction_that_kills_the_node_each_time_is_refused_in_the_end(tmp_path: Path) -> None:
    async def play() -> None:
        node, _ = make(tmp_path / "home", {2: ["before"] * 6})
        await node.start()
        await node.send(transfer(0))
        with pytest.raises(RpcFault, match="the node ends whenever"):
            await node.send(transfer(1))
        assert (await head_of(node))[0] == 1
        await node.stop()

    asyncio.run(play())


def test_concurrent_senders_get_one_block_each_in_order(tmp_path: Path) -> None:
    async def play() -> None:
        node, _ = make(tmp_path / "home", {3: ["after"], 5: ["before"]})
        await node.start()
        txs = [transfer(nonce) for nonce in range(6)]
        copies = await asyncio.gather(*(node.send(tx) for tx in [*txs, *txs]))
        assert copies == [tx.hash for tx in [*txs, *txs]]
        assert (await head_of(node))[0] == 6
        await node.stop()

    asyncio.run(play())


def test_a_journal_that_gives_other_blocks_is_refused(tmp_path: Path) -> None:
    async def play() -> None:
        node, _ = make(tmp_path / "home")
        await node.start()
        await node.send(transfer(0))
        await node.stop()
        journal = Journal(tmp_path / "home")
        journal.note_mined(1, "0x" + 64 * "7")
        journal.close()
        again, _ = make(tmp_path / "home")
        with pytest.raises(ConfigError, match="replaying row 1 of the journal"):
            await again.start()

    asyncio.run(play())


def test_another_genesis_is_refused(tmp_path: Path) -> None:
    async def play() -> None:
        node, _ = make(tmp_path / "home")
        await node.start()
        await node.stop()
        journal = Journal(tmp_path / "home")
        journal.set_meta("genesis_hash", "0x" + 64 * "7")
        journal.close()
        again, _ = make(tmp_path / "home")
        with pytest.raises(ConfigError, match="is recorded"):
            await again.start()

    asyncio.run(play())


def test_time_rises_with_each_block_and_advances_last(tmp_path: Path) -> None:
    async def play() -> None:
        node, _ = make(tmp_path / "home")
        await node.start()
        await node.send(transfer(0))
        first = await node.advance(100)
        await node.send(transfer(1))
        assert await node.advance(100) == first + 101
        for seconds in (0, -5, 10**10):
            with pytest.raises(BadInputError, match="1 to"):
                await node.advance(seconds)
        await node.stop()

    asyncio.run(play())


def test_after_a_stop_nothing_is_answered(tmp_path: Path) -> None:
    async def play() -> None:
        node, source = make(tmp_path / "home")
        await node.start()
        await node.stop()
        with pytest.raises(ConnectionAbortedError):
            await node.read("eth_blockNumber", [])
        assert source.starts == 1

    asyncio.run(play())
