"""kill -9 of anvil, of the proxy, or of both, at moments that a seed draws, under load.

No acknowledged transaction may be lost, none may be executed twice, and the state must equal that
of an undisturbed run of the same list. Five kills; DATABRIGHT_LONG=1 does a hundred.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import select
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing.encoding import HexStr

from databright.chain.devnet import genesis, launcher
from databright.chain.devnet.anvil import AnvilSource, find_anvil
from databright.chain.devnet.journal import Journal
from databright.chain.ethereum import EthereumChain, connect
from databright.chain.jsonrpc import JsonRpc
from databright.errors import ChainError
from databright.units import Address
from tests.end_to_end.evidence import tell

NUM_KILLS = 100 if os.environ.get("DATABRIGHT_LONG") == "1" else 5
NUM_SENDERS = 3
NOBODY = Address("0x000000000000000000000000000000000000dEaD")
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.long,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]


class Load(threading.Thread):
    """Sends transfers one after the other from an account of its own.

    Args:
        chain: where to.
        account: who sends.
        acknowledged: told after each acknowledged transaction.
    """

    def __init__(
        self, chain: EthereumChain, account: LocalAccount, acknowledged: threading.Semaphore
    ) -> None:
        super().__init__(daemon=True)
        self.chain = chain
        self.account = account
        self.acknowledged = acknowledged
        self.hashes: list[str] = []
        self.error: Exception | None = None
        self.enough = threading.Event()

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                raw = self.account.sign_transaction(
                    {
                        "type": 2,
                        "chainId": self.chain.chain_id,
                        "nonce": len(self.hashes),
                        "to": HexStr(NOBODY),
                        "value": 1 + len(self.hashes),
                        "gas": 21_000,
                        "maxFeePerGas": 10**10,
                        "maxPriorityFeePerGas": 0,
                    }
                ).raw_transaction
                self.hashes.append(self.chain.send(bytes(raw)))
                self.acknowledged.release()
        except ChainError as error:
            self.error = error
            self.acknowledged.release(10_000)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(text) for text in (task / "children").read_text().split()]
    return found


def kill_anvil(proxy: int) -> None:
    # None is there while the proxy starts another.
    for pid in children(proxy):
        os.kill(pid, signal.SIGKILL)


async def undisturbed(home: Path, journal: Journal, folder: Path) -> tuple[str, str, int]:
    node = await AnvilSource(find_anvil(os.environ) or Path(), folder).start(genesis.load(home))
    try:
        num_blocks = 0
        for entry in journal.after(0):
            await node.mine(entry.raw, entry.timestamp)
            num_blocks += 1
        head = await node.request("eth_getBlockByNumber", ["latest", False])
        assert isinstance(head, dict)
        return str(head["stateRoot"]), str(head["hash"]), num_blocks
    finally:
        await node.close()


def test_kills_lose_no_acknowledged_transaction_and_repeat_none(tmp_path: Path) -> None:
    seed = int(os.environ.get("DATABRIGHT_KILL_SEED", secrets.randbits(32)))
    print(f"DATABRIGHT_KILL_SEED={seed}")  # noqa: T201 (shown when the test fails)
    draw = random.Random(seed)
    accounts: list[LocalAccount] = [Account.create() for _ in range(NUM_SENDERS)]
    home = tmp_path / "chain"
    running = launcher.start(
        home,
        {Address(account.address): 10**24 for account in accounts},
        backend="anvil",
        dump_every=draw.choice((7, 40, 10_000)),
    )
    chain = connect(running.rpc_url, timeout_s=120.0)
    acknowledged = threading.Semaphore(0)
    loads = [Load(chain, account, acknowledged) for account in accounts]
    killed: Counter[str] = Counter()
    for load in loads:
        load.start()
    try:
        for _ in range(NUM_KILLS):
            for _ in range(draw.randrange(1, 60)):
                acknowledged.acquire()
            assert [load.error for load in loads] == [None] * NUM_SENDERS
            target = draw.choice(("anvil", "proxy", "both"))
            killed[target] += 1
            if target in {"anvil", "both"}:
                kill_anvil(running.process.pid)
            if target in {"proxy", "both"}:
                orphans = children(running.process.pid)
                running.kill()
                for pid in orphans:
                    await_end(pid)
                running = launcher.start(home)
        for load in loads:
            load.enough.set()
        for load in loads:
            load.join()
        assert [load.error for load in loads] == [None] * NUM_SENDERS
        lost, repeated = check_chain(chain, loads)
        head = chain.head()
        state_root = state_root_of(chain, head.number)
    finally:
        for load in loads:
            load.enough.set()
        running.kill()
    journal = Journal(home)
    other = tmp_path / "undisturbed"
    other.mkdir()
    again = asyncio.run(undisturbed(home, journal, other))
    assert again == (state_root, head.hash, head.number)
    journal.close()
    tell(
        "chain-kills",
        "Kills of the development chain under load",
        "DATABRIGHT_LONG=1 .venv/bin/python -m pytest tests/end_to_end/test_devnet_kill.py",
        [
            ("seed (DATABRIGHT_KILL_SEED)", seed),
            ("kill -9 of anvil alone", killed["anvil"]),
            ("kill -9 of the proxy alone", killed["proxy"]),
            ("kill -9 of both", killed["both"]),
            ("senders at once", NUM_SENDERS),
            ("acknowledged transactions", sum(len(load.hashes) for load in loads)),
            ("acknowledged and lost", lost),
            ("blocks beyond one for each transaction", repeated),
            ("state root", f"`{state_root}`"),
            ("state root of the same list, undisturbed", f"`{again[0]}`"),
        ],
    )


def state_root_of(chain: EthereumChain, number: int) -> str:
    block = JsonRpc(chain.rpc_url, 30.0).patiently("eth_getBlockByNumber", [hex(number), False])
    return str(block["stateRoot"])


def check_chain(chain: EthereumChain, loads: list[Load]) -> tuple[int, int]:
    """Check that all is there once; give what was lost and what was repeated."""
    hashes = [tx_hash for load in loads for tx_hash in load.hashes]
    assert len(set(hashes)) == len(hashes) > NUM_KILLS
    receipts = [chain.receipt(tx_hash) for tx_hash in hashes]
    lost = sum(1 for receipt in receipts if receipt is None or receipt.status != 1)
    assert lost == 0
    blocks = Counter(receipt.block_number for receipt in receipts if receipt is not None)
    assert set(blocks.values()) == {1}, "one transaction is one block"
    repeated = chain.head().number - len(hashes)
    assert repeated == 0, "a block is one transaction, so more blocks are repetitions"
    for load in loads:
        assert chain.nonce(Address(load.account.address)) == len(load.hashes)
    assert chain.balance(NOBODY) == sum(
        len(load.hashes) * (len(load.hashes) + 1) // 2 for load in loads
    )
    return lost, repeated


def await_end(pid: int) -> None:
    """Wait for a process that is no child of ours, without polling.

    Args:
        pid: a process that the kernel is killing; it may be gone already.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready = select.poll()
    ready.register(handle, select.POLLIN)
    assert ready.poll(10_000), f"anvil {pid} outlived its proxy"
    os.close(handle)
