"""Every provider of a chain behaves alike: devnet on anvil, devnet on eth-tester."""

from __future__ import annotations

import itertools
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from databright.chain.base import Header
from databright.chain.bindings import Artifact, Contract, Signer, deploy
from databright.chain.devnet import launcher
from databright.chain.devnet.anvil import find_anvil
from databright.chain.devnet.launcher import Devnet
from databright.chain.ethereum import EthereumChain, connect
from databright.chain.follower import next_batch
from databright.chain.jsonrpc import JsonRpc, RpcError
from databright.errors import (
    BadInputError,
    ChainError,
    TransactionFailedError,
    WrongChainError,
)
from databright.units import Address
from tests.verifier import ethereum

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


@pytest.fixture(scope="module", params=BACKENDS)
def devnet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devnet]:
    home = tmp_path_factory.mktemp("chain") / "home"
    running = launcher.start(home, {Address(RICH.address): FUNDS}, backend=request.param)
    yield running
    running.stop()


@pytest.fixture
def chain(devnet: Devnet) -> EthereumChain:
    return connect(devnet.rpc_url, devnet.record.chain_id, devnet.record.genesis_hash)


@pytest.fixture(scope="module")
def token(devnet: Devnet) -> Contract:
    chain = connect(devnet.rpc_url)
    artifact = Artifact.load("MarketToken")
    address, _ = deploy(chain, Signer(RICH), artifact, "Test", "TST", [RICH.address], [1_000_000])
    return Contract(chain, address, artifact)


def rpc(url: str, body: object, **headers: str) -> tuple[int, object]:
    request = urllib.request.Request(  # noqa: S310 (loopback)
        url,
        data=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def sign(chain: EthereumChain, account: LocalAccount, nonce: int, **changes: object) -> bytes:
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain.chain_id,
        "nonce": nonce,
        "to": NOBODY,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
        **changes,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    return bytes(account.sign_transaction(fields).raw_transaction)


# ---------------------------------------------------------------------- identity


def test_another_chain_is_refused_before_anything_is_sent(devnet: Devnet) -> None:
    with pytest.raises(WrongChainError, match="chain id"):
        connect(devnet.rpc_url, 1)
    with pytest.raises(WrongChainError, match="starts from block"):
        connect(devnet.rpc_url, devnet.record.chain_id, "0x" + 64 * "0")


def test_a_silent_address_is_a_chain_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ChainError, match="did not answer"):
            connect(f"http://127.0.0.1:{taken.getsockname()[1]}", timeout_s=0.1)


def test_an_address_that_is_no_url_is_refused() -> None:
    with pytest.raises(BadInputError, match="http"):
        connect("127.0.0.1:8545")


# ---------------------------------------------------------------------- blocks and transactions


def test_one_transaction_is_one_block_and_time_goes_on(chain: EthereumChain) -> None:
    before = chain.head()
    signer = Signer(RICH)
    blocks = [signer.send(chain, NOBODY, b"", value=1).block_number for _ in range(3)]
    assert blocks == [before.number + 1, before.number + 2, before.number + 3]
    headers = [chain.header(number) for number in range(before.number, before.number + 4)]
    known = [header for header in headers if header is not None]
    assert len(known) == 4
    for older, newer in itertools.pairwise(known):
        assert newer.parent_hash == older.hash
        assert newer.timestamp > older.timestamp
    assert chain.header(chain.head().number + 1) is None
    assert chain.next_timestamp() >= chain.head().timestamp


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_stranger_can_recompute_blocks_and_senders(chain: EthereumChain, kind: int) -> None:
    price = {"maxFeePerGas": None, "maxPriorityFeePerGas": None, "gasPrice": 10**10}
    listed = {"accessList": [{"address": NOBODY, "storageKeys": ["0x" + "07" * 32]}]}
    changes: dict[str, object] = {} if kind == 2 else dict(price)
    changes |= {"gas": 30_000} | ({"type": kind} if kind else {"type": None})
    raw = sign(
        chain, RICH, chain.nonce(Address(RICH.address)), **changes, **(listed if kind else {})
    )
    tx_hash = chain.send(raw)
    receipt = chain.wait(tx_hash)
    assert chain.sender(tx_hash) == Address(RICH.address)
    with pytest.raises(ChainError, match="no transaction"):
        chain.sender("0x" + 64 * "0")
    ask = JsonRpc(chain.rpc_url, 30.0).patiently
    block: Any = ask("eth_getBlockByNumber", [hex(receipt.block_number), True])
    found: Any = ask("eth_getTransactionReceipt", [tx_hash])
    (tx,) = block["transactions"]
    assert "0x" + ethereum.header_hash(block).hex() == block["hash"] == receipt.block_hash
    assert ethereum.transaction_bytes(tx) == raw
    assert ethereum.transaction_sender(tx) == RICH.address
    roots = [ethereum.ordered_root([part]).hex() for part in (raw, ethereum.receipt_bytes(found))]
    assert roots == [block["transactionsRoot"][2:], block["receiptsRoot"][2:]]


def test_finality_is_the_head_at_depth_one_and_lags_behind_otherwise(devnet: Devnet) -> None:
    near = connect(devnet.rpc_url)
    far = connect(devnet.rpc_url, finality_depth=64)
    assert near.finalised_number() == near.head().number
    assert far.finalised_number() == max(0, near.head().number - 63)
    assert near.safe_number() == near.head().number
    assert far.safe_number() == max(0, near.head().number - 31)
    tags = connect(devnet.rpc_url, finality_depth=0)
    assert 0 <= tags.finalised_number() <= tags.safe_number() <= near.head().number


def test_balances_and_nonces_move(chain: EthereumChain) -> None:
    nonce, had = chain.nonce(Address(RICH.address)), chain.balance(NOBODY)
    receipt = Signer(RICH).send(chain, NOBODY, b"", value=7)
    assert receipt.status == 1
    assert receipt.gas_used == 21_000
    assert chain.nonce(Address(RICH.address)) == nonce + 1
    assert chain.balance(NOBODY) == had + 7
    assert chain.receipt("0x" + 64 * "1") is None
    assert chain.code(NOBODY) == b""


def test_the_same_bytes_may_be_sent_again(chain: EthereumChain) -> None:
    raw = sign(chain, RICH, chain.nonce(Address(RICH.address)))
    first = chain.send(raw)
    head, had = chain.head().number, chain.balance(NOBODY)
    assert chain.send(raw) == first
    assert (chain.head().number, chain.balance(NOBODY)) == (head, had)


def test_nonce_gaps_and_used_nonces_are_refused(chain: EthereumChain) -> None:
    Signer(RICH).send(chain, NOBODY, b"", value=1)
    head, nonce = chain.head().number, chain.nonce(Address(RICH.address))
    with pytest.raises(RpcError, match="nonce gap"):
        chain.send(sign(chain, RICH, nonce + 1))
    with pytest.raises(RpcError, match="nonce too low"):
        chain.send(sign(chain, RICH, nonce - 1, value=10**15 + nonce))
    assert chain.head().number == head


def test_a_refused_transaction_leaves_no_block_and_may_come_again(chain: EthereumChain) -> None:
    head = chain.head().number
    account: LocalAccount = Account.create()
    raw = sign(chain, account, 0, value=5)
    with pytest.raises(RpcError, match=r"(?i)insufficient|sufficient|balance"):
        chain.send(raw)
    assert chain.head().number == head
    Signer(RICH).send(chain, Address(account.address), b"", value=10**18)
    chain.send(raw)
    assert chain.head().number == head + 2


def test_transactions_of_another_chain_and_garbage_are_refused(chain: EthereumChain) -> None:
    with pytest.raises(RpcError, match="signed for chain id 1,"):
        chain.send(sign(chain, RICH, chain.nonce(Address(RICH.address)), chainId=1))
    for raw in (b"", b"\x02", b"\x03\xc0", b"\xc0", bytes(100), b"\x02" + b"\xff" * 40):
        with pytest.raises(RpcError, match=r"not a signed transaction|0x-prefixed"):
            chain.send(raw)


def test_deployment_calls_events_and_named_results(chain: EthereumChain, token: Contract) -> None:
    assert token.call("symbol") == "TST"
    assert token.call("balanceOf", RICH.address) == 1_000_000 - token.call("balanceOf", NOBODY)
    before = token.call("balanceOf", NOBODY)
    receipt = token.transact(Signer(RICH), "transfer", NOBODY, 5)
    (event,) = token.events(receipt.logs)
    assert (event.name, event.tx_hash) == ("Transfer", receipt.tx_hash)
    assert event.args == {"sender": RICH.address, "receiver": NOBODY, "value": 5}
    assert token.call("balanceOf", NOBODY) == before + 5
    logs = chain.logs(0, chain.head().number, [token.address])
    assert token.events(logs)[-1] == event
    assert chain.logs(0, chain.head().number, [NOBODY]) == []
    assert chain.logs(0, chain.head().number, []) == []


def test_reverts_carry_the_contracts_reason(chain: EthereumChain, token: Contract) -> None:
    head = chain.head().number
    with pytest.raises(TransactionFailedError, match="transfer failed") as refused:
        token.transact(Signer(RICH), "transfer", NOBODY, 10**30)
    assert refused.value.reason.startswith("token: ")
    assert chain.head().number == head, "an estimate that reverts sends nothing"
    with pytest.raises(TransactionFailedError) as mined:
        Signer(RICH).send(
            chain, token.address, token.encode("transfer", NOBODY, 10**30), gas=200_000
        )
    assert mined.value.reason == refused.value.reason
    assert chain.head().number == head + 1


def test_wrong_arguments_are_refused_before_anything_is_sent(token: Contract) -> None:
    with pytest.raises(BadInputError, match="cannot take 1 arguments"):
        token.call("transfer", NOBODY)
    with pytest.raises(BadInputError, match="do not fit"):
        token.call("transfer", NOBODY, -1)
    with pytest.raises(BadInputError, match="no such function"):
        token.call("mint")
    with pytest.raises(ChainError, match="no such contract"):
        Contract(token.chain, NOBODY, token.artifact).call("symbol")


def test_signers_of_one_key_do_not_lose_transactions(chain: EthereumChain) -> None:
    # The second signer takes the nonce between the first one's signature and its sending.
    first, second = Signer(RICH), Signer(RICH)
    had, seen = chain.balance(NOBODY), list[str]()

    def cut_in(_: bytes, tx_hash: str) -> None:
        if not seen:
            second.send(chain, NOBODY, b"", value=1)
        seen.append(tx_hash)

    receipt = first.send(chain, NOBODY, b"", value=1, on_signed=cut_in)
    assert len(set(seen)) == 2, "it was signed again with the next nonce"
    assert receipt.tx_hash == seen[1]
    assert chain.receipt(seen[0]) is None
    assert chain.balance(NOBODY) == had + 2


def test_the_follower_reads_every_block_once(chain: EthereumChain, token: Contract) -> None:
    token.transact(Signer(RICH), "transfer", NOBODY, 1)
    held: list[Header] = []
    num_logs = 0
    while not (
        batch := next_batch(chain, [token.address], [(h.number, h.hash) for h in held], 3)
    ).empty:
        assert batch.rollback_to is None
        held += batch.headers
        num_logs += len(batch.logs)
    assert [header.number for header in held] == list(range(chain.head().number + 1))
    assert num_logs == len(chain.logs(0, chain.head().number, [token.address])) > 0


# ---------------------------------------------------------------------- clock


def test_the_clock_moves_only_by_the_launchers_call(devnet: Devnet, chain: EthereumChain) -> None:
    before = chain.head()
    reached = devnet.advance_clock(5_000)
    assert chain.head() == chain.header(before.number + 1)
    assert chain.head().timestamp == reached >= before.timestamp + 5_000
    assert chain.next_timestamp() >= reached
    for seconds in (0, -1, 10**12):
        with pytest.raises(BadInputError, match="advanced by 1 to"):
            devnet.advance_clock(seconds)
    with pytest.raises(ChainError, match="does not answer"):
        launcher.advance_clock(devnet.home.parent, 1)


# ---------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    "method",
    [
        "anvil_setBalance",
        "evm_increaseTime",
        "evm_setNextBlockTimestamp",
        "hardhat_reset",
        "debug_traceTransaction",
        "eth_sendTransaction",
        "eth_accounts",
        "personal_sign",
        "eth_sign",
    ],
)
def test_cheat_methods_are_refused(devnet: Devnet, method: str) -> None:
    _, answer = rpc(devnet.rpc_url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": []})
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == -32601
    assert method in answer["error"]["message"]


def test_batches_of_reads_are_answered_in_order_and_capped(devnet: Devnet) -> None:
    read = {"jsonrpc": "2.0", "method": "eth_chainId", "params": []}
    _, answers = rpc(devnet.rpc_url, [{**read, "id": number} for number in range(100)])
    assert isinstance(answers, list)
    assert [answer["id"] for answer in answers] == list(range(100))
    assert {answer["result"] for answer in answers} == {hex(devnet.record.chain_id)}
    for batch in ([], [{**read, "id": 1}] * 101):
        _, refused = rpc(devnet.rpc_url, batch)
        assert isinstance(refused, dict)
        assert "1 to 100" in refused["error"]["message"]
    send = {**read, "id": 1, "method": "eth_sendRawTransaction", "params": ["0x"]}
    _, one = rpc(devnet.rpc_url, [send])
    assert isinstance(one, list)
    assert "one by one" in one[0]["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example"}, 403),
        ({"Origin": "https://rebound.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_requests_from_elsewhere_are_refused(
    devnet: Devnet, headers: dict[str, str], status: int
) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    assert rpc(devnet.rpc_url, body, **headers)[0] == status
    assert rpc(devnet.rpc_url, body)[0] == 200


def test_malformed_bodies_are_refused_and_the_chain_goes_on(devnet: Devnet) -> None:
    good = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    for body in (
        b"{",
        b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","method":"evm_mine"}',
        b"[" * 100_000,
        b'"text"',
        b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}',
        b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}',
    ):
        _, answer = rpc(devnet.rpc_url, body)
        assert isinstance(answer, dict)
        assert "error" in answer
    assert rpc(devnet.rpc_url, b" " * (4 * 1024 * 1024 + 1))[0] == 413
    assert rpc(devnet.rpc_url, good)[0] == 200
