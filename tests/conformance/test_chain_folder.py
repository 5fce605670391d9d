"""A chain's folder over restarts and kills: same address, blocks, logs, receipts and state."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from databright.chain.bindings import Artifact, Contract, Signer, deploy
from databright.chain.devnet import launcher
from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import connect
from databright.errors import ConfigError, MissingToolError
from databright.units import Address

RICH: LocalAccount = Account.from_key("0x" + "5a" * 32)
NOBODY = Address("0x000000000000000000000000000000000000dEaD")
FUNDS = 10**24
BACKENDS = (
    pytest.param(
        "anvil",
        marks=[
            pytest.mark.anvil,
            pytest.mark.skipif(
                find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
            ),
        ],
    ),
    "eth-tester",
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_restarts_keep_address_blocks_logs_and_receipts(tmp_path: Path, backend: str) -> None:
    home = tmp_path / "chain"
    running = launcher.start(home, {Address(RICH.address): FUNDS}, backend=backend, dump_every=4)
    chain = connect(running.rpc_url)
    with pytest.raises(ConfigError, match="already runs"):
        launcher.start(home)
    artifact = Artifact.load("MarketToken")
    address, made = deploy(chain, Signer(RICH), artifact, "Test", "TST", [RICH.address], [1_000])
    token = Contract(chain, address, artifact)
    receipts = [token.transact(Signer(RICH), "transfer", NOBODY, 1) for _ in range(6)]
    running.advance_clock(77)

    def seen() -> tuple[object, ...]:
        head = chain.head()
        blocks = [chain.header(number) for number in range(head.number + 1)]
        logs = chain.logs(0, head.number, [address])
        again = [chain.receipt(receipt.tx_hash) for receipt in (made, *receipts)]
        state = token.call("balanceOf", NOBODY), chain.balance(Address(RICH.address))
        return blocks, logs, again, state, chain.code(address)

    before = seen()
    try:
        for crash in (True, False, True):
            if crash:
                running.kill()
            else:
                running.stop()
            running = launcher.start(home)
            assert running.record.backend == backend
            assert running.rpc_url == chain.rpc_url
            assert seen() == before
        token.transact(Signer(RICH), "transfer", NOBODY, 1)
        assert token.call("balanceOf", NOBODY) == 7
    finally:
        running.stop()


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_backend_other_accounts_or_a_busy_port_are_refused(
    tmp_path: Path, backend: str
) -> None:
    home = tmp_path / "chain"
    launcher.start(home, {Address(RICH.address): FUNDS}, backend=backend).stop()
    other = "eth-tester" if backend == "anvil" else "anvil"
    with pytest.raises(ConfigError, match=f"was made with {backend}"):
        launcher.start(home, backend=other)
    with pytest.raises(ConfigError, match="first start only"):
        launcher.create(home, {Address(RICH.address): FUNDS, NOBODY: 1})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="stop the program"):
            launcher.start(home, port=taken.getsockname()[1])


def test_without_anvil_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.create(tmp_path / "chain", {Address(RICH.address): FUNDS})
    monkeypatch.setenv("DATABRIGHT_ANVIL", str(tmp_path / "missing"))
    with pytest.raises(MissingToolError, match="DATABRIGHT_ANVIL"):
        launcher.start(tmp_path / "chain", backend="anvil")
