"""`databright deploy` on a real anvil: killed at any point, it goes on and deploys once."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from databright.chain.bindings import Signer
from databright.chain.deploying import Terms
from databright.chain.devnet import launcher
from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import EthereumChain
from databright.cli.main import main
from databright.custody.keys import Keystore
from databright.errors import ConfigError, NonceSpentError
from databright.records.deployment import CONTRACTS, FILE, Deployment
from databright.units import Address, Amount
from databright.wiring.deploying import DeploymentFile, carry_out, deploy_market, verify_market
from databright.wiring.session import KEYS_FOLDER, open_market
from tests.end_to_end.deploy_chain import Ground, anvil, command, key

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]
NUM = len(CONTRACTS)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with anvil(tmp_path_factory.mktemp("anvil")) as found:
        yield found


def terms(holder: Address) -> Terms:
    return Terms(Amount(50_000_000), ((holder, 10**15),))


def test_a_dry_run_shows_everything_and_leaves_nothing(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ground.home(tmp_path / "home", "owner")
    before = sorted(home.rglob("*")), ground.chain().head()
    words = ["deploy", "--rpc", ground.rpc_url, "--home", home]
    shown: Any = command(capsys, *words, "--dry-run")
    assert [call["contract"] for call in shown["calls"]] == list(CONTRACTS)
    assert all(call["gas"] > 100_000 for call in shown["calls"])
    assert shown["dry_run"] is True
    assert int(shown["max_cost"]) > 0
    assert (sorted(home.rglob("*")), ground.chain().head()) == before

    done: Any = command(capsys, *words, "--out", tmp_path / "market.json")
    assert done["deployment"]["addresses"] == shown["deployment"]["addresses"]
    assert done["created"] == list(CONTRACTS)
    record = Deployment.read(tmp_path / "market.json")
    assert record.rpc_url == ""
    assert Deployment.load(home) == record.at(ground.rpc_url)
    for call in shown["calls"]:
        receipt = ground.chain().receipt(record.contracts[call["contract"]].tx_hash)
        assert receipt is not None
        assert receipt.gas_used <= call["gas"]
    assert open_market(home).registry.num_datasets() == 0


def test_kill_9_in_the_middle_and_the_next_run_goes_on(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ground.home(tmp_path / "home", "owner")
    words = ["deploy", "--rpc", ground.rpc_url, "--home", str(home)]
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "databright.cli.main", *words],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        while "gas" not in process.stdout.readline():
            pass  # what an earlier run made is told first
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        assert not (home / FILE).exists()
    done: Any = command(capsys, *words)
    assert len(done["created"]) <= NUM - 3
    again: Any = command(capsys, *words)
    assert again["created"] == []
    assert ground.chain().nonce(key(home, "owner")) == NUM
    verified: Any = command(capsys, "chain", "verify", "--home", home)
    assert verified["ok"] is True


class Crash(BaseException):
    """The process ends here."""


class Dying:
    """A chain whose caller dies before or after one of the next requests.

    Args:
        chain: the chain.
        draw: says when.
        num_done: contracts that are there already: looking at each takes three requests.
    """

    def __init__(self, chain: EthereumChain, draw: random.Random, num_done: int) -> None:
        self._chain = chain
        self._left = draw.randrange(1, 3 * num_done + 15)
        self._is_after = draw.random() < 0.5

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._chain, name)
        if not callable(found):
            return found

        def asked(*args: object, **more: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._is_after:
                raise Crash
            answer = found(*args, **more)
            if self._left == 0:
                raise Crash
            return answer

        return asked


def test_a_crash_at_any_request_loses_and_repeats_nothing(ground: Ground, tmp_path: Path) -> None:
    seed = int(os.environ.get("DATABRIGHT_SEED") or secrets.randbits(32))
    print(f"DATABRIGHT_SEED={seed}")  # noqa: T201 (shown when the test fails)
    draw = random.Random(seed)
    home = ground.home(tmp_path / "home", "owner")
    signer = Signer(Keystore(home / KEYS_FOLDER).load("owner").account())
    chain, crashes, in_flight = ground.chain(), 0, 0
    file = DeploymentFile(home, chain, signer.address)
    num_done, done = 0, None
    while done is None:
        try:
            dying: Any = Dying(chain, draw, num_done)
            done = carry_out(dying, signer, file, terms(signer.address), print)
        except Crash:
            crashes += 1
            held = file.load()
            if held is not None:
                num_done = sum(made.is_done for made in held[0].contracts.values())
                in_flight += held[1] is not None
        assert crashes < 100 * NUM, f"it does not get on: {num_done} of {NUM} after {crashes} runs"
    assert crashes > NUM
    assert in_flight > 0
    assert done.is_complete
    assert chain.nonce(signer.address) == NUM
    (home / FILE).write_bytes(done.at(ground.rpc_url).to_bytes())
    _, checks = verify_market(home)
    assert [check for check in checks if not check.ok] == []


def cut_off(ground: Ground, home: Path, num_done: int) -> tuple[Signer, DeploymentFile]:
    """Leave a deployment behind of which so many contracts are there."""
    signer = Signer(Keystore(home / KEYS_FOLDER).load("owner").account())
    chain = ground.chain()
    file = DeploymentFile(home, chain, signer.address)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if len(said) == num_done:
            raise Crash

    with pytest.raises(Crash):
        carry_out(chain, signer, file, terms(signer.address), say)
    return signer, file


def test_a_nonce_used_by_something_else_ends_it_with_what_to_do(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ground.home(tmp_path / "home", "owner")
    signer, file = cut_off(ground, home, 3)
    chain = ground.chain()
    signer.send(chain, signer.address, b"", value=1)
    words = ["deploy", "--rpc", ground.rpc_url, "--home", home]
    head = chain.head().number
    told: Any = command(capsys, *words, code=1)
    assert told["error"]["kind"] == NonceSpentError.__name__
    for part in ("nonce 3", "DataAssociation", f"3 of {NUM}", "key create NAME"):
        assert part in told["error"]["message"]
    assert chain.head().number == head
    assert not (home / FILE).exists()
    # The way out that the message names.
    assert main(["key", "create", "second", "--insecure", "--home", str(home)]) == 0
    ground.cheat("anvil_setBalance", key(home, "second"), hex(10**19))
    done: Any = command(capsys, *words, "--as", "second")
    assert len(done["created"]) == NUM
    assert file.path.exists()


def test_other_terms_do_not_go_on_with_a_deployment(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ground.home(tmp_path / "home", "owner")
    cut_off(ground, home, 2)
    head = ground.chain().head().number
    words = ["deploy", "--rpc", ground.rpc_url, "--home", home]
    told: Any = command(capsys, *words, "--min-stake", "51", code=2)
    assert "began another market" in told["error"]["message"]
    assert "min_stake" in told["error"]["message"]
    assert ground.chain().head().number == head
    assert command(capsys, *words)["is_home_market"] is True


@pytest.mark.parametrize("num_done", [1, 2, NUM])
def test_a_lost_record_is_not_deployed_over(ground: Ground, tmp_path: Path, num_done: int) -> None:
    home = ground.home(tmp_path / "home", "owner")
    signer, file = cut_off(ground, home, num_done)
    file.path.unlink()
    nonce = ground.chain().nonce(signer.address)
    with pytest.raises(ConfigError, match="has deployed on chain"):
        deploy_market(home, "owner", terms(signer.address), rpc_url=ground.rpc_url)
    assert ground.chain().nonce(signer.address) == nonce


def test_a_key_without_gas_money_sends_nothing(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ground.home(tmp_path / "home", "owner")
    ground.cheat("anvil_setBalance", key(home, "owner"), hex(10**12))
    told: Any = command(capsys, "deploy", "--rpc", ground.rpc_url, "--home", home, code=2)
    assert "has 0.000001 of chain 31337's coin" in told["error"]["message"]
    assert ground.chain().nonce(key(home, "owner")) == 0
    assert not (home / "deployments").exists()


def test_bad_words_are_refused_before_anything_is_sent(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ground.home(tmp_path / "home", "owner")
    (tmp_path / "mine.txt").write_text("not to be overwritten")
    bad = {
        ("--holder", "owner"): "write WHO=AMOUNT",
        ("--holder", "owner=1", "--holder", "owner=2"): "named twice",
        ("--holder", "nobody=1"): "nobody",
        ("--min-stake", "-1"): "is not an amount",
        ("--token", "0x12"): "no address",
        ("--token", key(home, "owner"), "--holder", "owner=1"): "leave one out",
        ("--token", key(home, "owner")): "there is no contract",
        ("--out", tmp_path / "mine.txt"): "is no record of a deployment",
        ("--out", tmp_path / "none" / "x.json"): "there is no folder",
        ("--as", "nobody"): "nobody",
    }
    for words, says in bad.items():
        told: Any = command(
            capsys, "deploy", "--rpc", ground.rpc_url, "--home", home, *words, code=2
        )
        assert says in told["error"]["message"]
    assert "give its JSON-RPC address with --rpc" in str(
        command(capsys, "deploy", "--home", home, code=2)
    )
    assert (tmp_path / "mine.txt").read_text() == "not to be overwritten"
    assert ground.chain().nonce(key(home, "owner")) == 0


def test_the_development_chain_takes_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with anvil(tmp_path) as elsewhere:
        home = elsewhere.home(tmp_path / "home", "owner")
        running = launcher.start(tmp_path / "chain", {key(home, "owner"): 10**22}, backend="anvil")
        try:
            words = ["--rpc", running.rpc_url, "--home", home]
            done: Any = command(capsys, "deploy", *words)
            assert len(done["created"]) == NUM
            verified: Any = command(capsys, "chain", "verify", "--home", home)
            assert verified["ok"] is True
            # Another chain behind the address: nothing of it is compared but its identity.
            other: Any = command(
                capsys, "chain", "verify", "--rpc", elsewhere.rpc_url, "--home", home, code=1
            )
            assert [check["what"] for check in other["checks"]] == ["chain id", "genesis"]
            assert other["ok"] is False
        finally:
            running.stop()
