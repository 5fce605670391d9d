"""ABI values, revert texts, the proxy's request parsing and the answers' parsing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from databright.chain.abi import decode_results, encode_arguments, event_arguments
from databright.chain.answers import read_address, read_bytes, read_hash, read_int, read_receipt
from databright.chain.base import Log
from databright.chain.bindings import Artifact
from databright.chain.devnet.anvil import find_anvil
from databright.chain.devnet.evm import RpcFault
from databright.chain.devnet.rpc import READS, parse_request, parse_transaction
from databright.chain.devnet.wire import MAX_HEAD, HttpRefusal, HttpRequest, read_request
from databright.chain.reverts import decode_revert, revert_reason
from databright.errors import BadInputError, ChainError, MissingToolError
from databright.records.strict_json import JsonValue
from databright.units import Address

SOMEBODY = Address("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A")
PAIR = {
    "name": "pair",
    "type": "tuple",
    "components": [{"name": "who", "type": "address"}, {"name": "amount", "type": "uint256"}],
}
PAIRS = {**PAIR, "type": "tuple[]"}


def test_structs_go_in_by_name_or_place_and_come_out_by_both() -> None:
    by_name = encode_arguments("f", [PAIR], [{"amount": 7, "who": SOMEBODY}])
    assert by_name == encode_arguments("f", [PAIR], [(SOMEBODY, 7)])
    (back,) = decode_results([PAIR], by_name)
    assert back == (SOMEBODY, 7)
    assert (back.who, back.amount) == (SOMEBODY, 7)
    many = encode_arguments("f", [PAIRS], [[{"who": SOMEBODY, "amount": 1}, (SOMEBODY, 2)]])
    assert decode_results([PAIRS], many) == [((SOMEBODY, 1), (SOMEBODY, 2))]


@pytest.mark.parametrize("value", [{"who": SOMEBODY}, {"who": SOMEBODY, "x": 1}, (SOMEBODY,), 5])
def test_malformed_structs_are_refused(value: object) -> None:
    with pytest.raises(BadInputError):
        encode_arguments("f", [PAIR], [value])


def test_answers_that_do_not_fit_the_interface_are_chain_errors() -> None:
    with pytest.raises(ChainError, match="is not"):
        decode_results([PAIR], b"\1" * 40)


def test_a_string_that_is_not_text_spoils_no_answer() -> None:
    # Anybody can register a node with such an endpoint; all readers of the registry go on.
    node = {
        "type": "tuple",
        "name": "node",
        "components": [{"name": "pin", "type": "bytes32"}, {"name": "endpoint", "type": "string"}],
    }
    raw = encode(["(bytes32,string)"], [(bytes(32), "ab")]).replace(b"ab", b"\xff\xfe")
    (found,) = decode_results([node], raw)
    assert found.endpoint == "\N{REPLACEMENT CHARACTER}" * 2
    inputs = [{"name": "endpoint", "type": "string", "indexed": False}]
    data = encode(["string"], ["ab"]).replace(b"ab", b"\xff\xfe")
    log = Log(SOMEBODY, (bytes(32),), data, 1, "0x", "0x", 0, 0)
    assert event_arguments(inputs, log) == {"endpoint": "\N{REPLACEMENT CHARACTER}" * 2}


def test_events_have_their_parameters_in_order() -> None:
    inputs = [
        {"name": "amount", "type": "uint256", "indexed": False},
        {"name": "who", "type": "address", "indexed": True},
        {"name": "note", "type": "string", "indexed": True},
    ]
    topics = (bytes(32), bytes(12) + bytes.fromhex(SOMEBODY[2:]), b"\7" * 32)
    log = Log(SOMEBODY, topics, (9).to_bytes(32, "big"), 1, "0x", "0x", 0, 0)
    args = event_arguments(inputs, log)
    assert list(args.items()) == [("amount", 9), ("who", SOMEBODY), ("note", b"\7" * 32)]
    with pytest.raises(ChainError, match="indexed"):
        event_arguments(inputs[:2], log)


def test_revert_texts_are_read_from_data_first() -> None:
    data = bytes.fromhex("08c379a0") + encode(["string"], ["token: not enough"])
    assert decode_revert(data) == "token: not enough"
    assert revert_reason("0x" + data.hex(), "execution reverted") == "token: not enough"
    assert revert_reason(None, "execution reverted: escrow: closed") == "escrow: closed"
    assert decode_revert(bytes.fromhex("4e487b71") + (17).to_bytes(32, "big")) == "panic 0x11"
    assert revert_reason("0xzz", "other") == ""


@given(st.binary(max_size=120))
def test_no_revert_data_break_the_reader(junk: bytes) -> None:
    assert isinstance(decode_revert(bytes.fromhex("08c379a0") + junk), str)
    assert isinstance(revert_reason("0x" + junk.hex()), str)


@given(st.one_of(st.none(), st.integers(), st.text(max_size=80), st.lists(st.integers())))
def test_malformed_answers_are_chain_errors(value: object) -> None:
    for read in (read_hash, read_address):
        with pytest.raises(ChainError):
            read(value)
    if not (isinstance(value, str) and value.startswith("0x")):
        for reader in (read_int, read_bytes):
            with pytest.raises(ChainError):
                reader(value)


def test_a_receipt_that_lacks_a_field_is_a_chain_error() -> None:
    with pytest.raises(ChainError, match="lacks"):
        read_receipt({"transactionHash": "0x" + 64 * "1"})


def test_only_listed_methods_pass() -> None:
    for method in READS:
        assert method.startswith(("eth_", "net_version", "web3_clientVersion"))
        request: JsonValue = {"jsonrpc": "2.0", "id": 1, "method": method}
        assert parse_request(request).params == []
    malformed: list[JsonValue] = [
        None,
        [],
        {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [1, 2, 3, 4, 5]},
        {"jsonrpc": "2.0", "id": [], "method": "eth_call"},
        {"jsonrpc": "2.0", "id": 1, "method": "anvil_mine"},
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId "},
    ]
    for value in malformed:
        with pytest.raises(RpcFault):
            parse_request(value)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_signed_transactions_of_each_type_are_read(kind: int) -> None:
    account = Account.from_key("0x" + "11" * 32)
    price: dict[str, object] = (
        {"maxFeePerGas": 9, "maxPriorityFeePerGas": 0} if kind == 2 else {"gasPrice": 9}
    )
    typed: dict[str, object] = {"type": kind, "accessList": []} if kind else {}
    fields = {"chainId": 77, "nonce": 300, "to": SOMEBODY, "value": 1, "gas": 21_000}
    signed = account.sign_transaction({**fields, **price, **typed})
    raw = bytes(signed.raw_transaction)
    read = parse_transaction(["0x" + raw.hex()], 77)
    assert (read.raw, read.nonce, read.sender) == (raw, 300, account.address)
    assert read.hash == "0x" + bytes(signed.hash).hex()
    with pytest.raises(RpcFault, match="chain id 77"):
        parse_transaction(["0x" + raw.hex()], 78)
    with pytest.raises(RpcFault, match="not a signed transaction"):
        parse_transaction(["0x" + raw.hex() + "00"], 77)


def test_transactions_without_a_chain_are_refused() -> None:
    account = Account.from_key("0x" + "11" * 32)
    old = account.sign_transaction(
        {"nonce": 0, "to": SOMEBODY, "value": 1, "gas": 21_000, "gasPrice": 1}
    )
    with pytest.raises(RpcFault, match="EIP-155"):
        parse_transaction(["0x" + bytes(old.raw_transaction).hex()], 1)


@given(st.binary(max_size=200))
def test_junk_is_no_transaction(junk: bytes) -> None:
    with pytest.raises(RpcFault):
        parse_transaction(["0x" + junk.hex()], 1)
    with pytest.raises(RpcFault):
        parse_transaction(["0x02" + junk.hex()], 1)


def read_http(data: bytes) -> HttpRequest | None:
    async def play() -> HttpRequest | None:
        reader = asyncio.StreamReader(limit=MAX_HEAD)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_request(reader)

    return asyncio.run(play())


HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Type: application/json\r\n"


def test_http_requests_are_read_one_by_one() -> None:
    assert read_http(HEAD + b"Content-Length: 2\r\n\r\n{}") == HttpRequest(b"{}", keep=True)
    closing = HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
    assert read_http(closing) == HttpRequest(b"", keep=False)
    assert read_http(b"") is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (HEAD + b"\r\n", 411),
        (HEAD + b"Content-Length: -1\r\n\r\n", 411),
        (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (HEAD + b"Content-Length: 4194305\r\n\r\n", 413),
        (HEAD + b"Content-Length: 99999999999999\r\n\r\n", 413),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (HEAD + b"Origin: http://127.0.0.1.example\r\nContent-Length: 0\r\n\r\n", 403),
        (HEAD + b"Origin: http://evil@127.0.0.1\r\nContent-Length: 0\r\n\r\n", 403),
        (HEAD + b"Origin: null\r\nContent-Length: 0\r\n\r\n", 403),
        (HEAD.replace(b"127.0.0.1:1", b"") + b"Content-Length: 0\r\n\r\n", 403),
        (HEAD.replace(b"127.0.0.1:1", b"[::1") + b"Content-Length: 0\r\n\r\n", 403),
        (b"POST / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * (2 * MAX_HEAD) + b"\r\n\r\n", 431),
    ],
)
def test_malformed_http_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(HttpRefusal) as refused:
        read_http(data)
    assert refused.value.status == status


def test_anvil_is_found_by_its_variable_or_a_node_modules_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="DATABRIGHT_ANVIL"):
        find_anvil({"DATABRIGHT_ANVIL": str(tmp_path)})
    binary = tmp_path / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    binary.parent.mkdir(parents=True)
    binary.touch(mode=0o700)
    assert find_anvil({"PATH": ""}, (tmp_path,)) == binary
    assert find_anvil({"DATABRIGHT_ANVIL": str(binary)}) == binary


def test_artifacts_are_loaded_by_name_only() -> None:
    assert len(Artifact.load("MarketToken").bytecode) > 500
    for name in ("../MarketToken", "", "Nothing", "a" * 99):
        with pytest.raises(BadInputError):
            Artifact.load(name)
