"""The verifier's own tools against other libraries and published vectors."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_bloom.bloom import BloomFilter
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from tests.verifier import ethereum, typed
from tests.verifier.calls import read_call
from tests.verifier.content import RAW, Content, MissingBlobError, cid, dump_tensors, load_tensors
from tests.verifier.signatures_of_events import read_event, topic_of

HERE = Path(__file__).resolve().parent
KEY = Account.from_key(b"\x11" * 32)
NOTHING = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
MAINNET_GENESIS = {
    "parentHash": "0x" + 64 * "0",
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + 40 * "0",
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": NOTHING,
    "receiptsRoot": NOTHING,
    "logsBloom": "0x" + 512 * "0",
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + 64 * "0",
    "nonce": "0x0000000000000042",
}


def test_the_verifier_imports_nothing_of_the_package() -> None:
    imported, of_tests = set(), set()
    files = sorted(HERE.glob("*.py"))
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                parts = (node.module or "").split(".")
                imported.add(parts[0])
                of_tests |= {parts[1]} if parts[0] == "tests" else set()
    assert len(files) > 10
    assert "numpy" in imported
    assert imported & {"databright", "benchmarks", "torch", "importlib"} == set()
    assert of_tests == {"verifier"}


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        (b"", "80"),
        ([], "c0"),
        (b"\x0f", "0f"),
        (b"\x04\x00", "820400"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"x" * 56, "b838" + 56 * "78"),
        ([b"x" * 54, b"y"], "f838b6" + 54 * "78" + "79"),
    ],
)
def test_rlp_is_that_of_the_yellow_paper(item: ethereum.Rlp, encoded: str) -> None:
    assert ethereum.rlp(item).hex() == encoded


def test_the_header_hash_is_that_of_mainnet_s_first_block() -> None:
    assert (
        ethereum.header_hash(MAINNET_GENESIS).hex()
        == "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
    )


def test_a_header_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(ValueError, match="stateRoot"):
        ethereum.header_hash({**MAINNET_GENESIS, "stateRoot": "0x00"})
    with pytest.raises(ValueError, match="lacks nonce"):
        ethereum.header_hash({k: v for k, v in MAINNET_GENESIS.items() if k != "nonce"})


@pytest.mark.parametrize("count", [0, 1, 2, 17, 127, 128, 129, 300])
def test_ordered_roots_are_those_of_another_library(count: int) -> None:
    values = [
        hashlib.sha256(bytes((i % 256, i // 256))).digest() * (1 + i % 3) for i in range(count)
    ]
    other = HexaryTrie({})
    for index, value in enumerate(values):
        other[ethereum.rlp(ethereum.minimal(index))] = value
    assert ethereum.ordered_root(values) == other.root_hash


def test_short_values_lie_inside_their_parents() -> None:
    values = [b"a", b"b", b"c"]
    other = HexaryTrie({})
    for index, value in enumerate(values):
        other[ethereum.rlp(ethereum.minimal(index))] = value
    assert ethereum.ordered_root(values) == other.root_hash


def test_blooms_are_those_of_another_library() -> None:
    address, topics = "0x" + 20 * "ab", ["0x" + 32 * "01", "0x" + 32 * "02"]
    other = BloomFilter.from_iterable([ethereum.raw(item) for item in (address, *topics)])
    assert ethereum.bloom([{"address": address, "topics": topics}]) == int(other).to_bytes(
        256, "big"
    )


def _json(tx: dict[str, Any], signed: Any) -> dict[str, Any]:
    fields = {k: hex(v) if isinstance(v, int) else v for k, v in tx.items()}
    fields["input"] = fields.pop("data")
    parts = {"r": hex(signed.r), "s": hex(signed.s), "v": hex(signed.v)}
    if fields.get("type", "0x0") != "0x0":
        parts["yParity"] = parts["v"]
    return {**fields, **parts}


BASE = {"nonce": 7, "gas": 90_000, "value": 5, "data": "0x0102", "chainId": 31_337}
TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ACCESS = [{"address": TO, "storageKeys": ["0x" + 64 * "0"]}]


@pytest.mark.parametrize(
    "tx",
    [
        {**BASE, "to": TO, "gasPrice": 10**9},
        {**BASE, "gasPrice": 10**9},
        {**BASE, "to": TO, "gasPrice": 10**9, "type": 1, "accessList": ACCESS},
        {**BASE, "to": TO, "maxFeePerGas": 10**9, "maxPriorityFeePerGas": 1, "type": 2},
        {**BASE, "maxFeePerGas": 9, "maxPriorityFeePerGas": 0, "type": 2, "accessList": ACCESS},
    ],
)
def test_senders_and_hashes_of_transactions(tx: dict[str, Any]) -> None:
    signed = KEY.sign_transaction(tx)
    read = _json(tx, signed)
    assert ethereum.transaction_bytes(read) == bytes(signed.raw_transaction)
    assert keccak(ethereum.transaction_bytes(read)) == bytes(signed.hash)
    assert ethereum.transaction_sender(read) == KEY.address
    assert ethereum.transaction_sender({**read, "value": "0x6"}) != KEY.address


def test_the_address_of_a_created_contract() -> None:
    # The first three contracts of a well-known development key.
    sender = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert ethereum.created_address(sender, 0) == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert ethereum.created_address(sender, 2) == "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"


def test_typed_digests_are_those_of_another_library() -> None:
    fields = [("job", "uint256"), ("segment", "uint256"), ("attempt", "uint256")]
    words: list[int | bytes] = [3, 2**200, 0, b"\x05" * 32]
    values = dict(zip(("job", "segment", "attempt", "commitment"), words, strict=True))
    message = encode_typed_data(
        domain_data={
            "name": "DataBright",
            "version": "1",
            "chainId": 31_337,
            "verifyingContract": TO,
        },
        message_types={
            "Commit": [
                {"name": name, "type": kind} for name, kind in [*fields, ("commitment", "bytes32")]
            ]
        },
        message_data=values,
    )
    signature = bytes(KEY.sign_message(message).signature)
    ours = typed.digest(typed.domain(31_337, TO), typed.COMMIT, words)
    assert typed.signer(ours, signature) == KEY.address
    other = typed.digest(typed.domain(31_338, TO), typed.COMMIT, words)
    assert typed.signer(other, signature) != KEY.address
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    upper = order - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + upper.to_bytes(32, "big") + bytes((55 - signature[64],))
    with pytest.raises(ValueError, match="upper half"):
        typed.signer(ours, twin)


def test_events_and_calls_are_read_by_their_signatures() -> None:
    known = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    assert topic_of("MarketToken", "Transfer").hex() == known
    people = [bytes(12) + bytes.fromhex(address[2:]) for address in (TO, KEY.address)]
    amount = (77).to_bytes(32, "big")
    name, args = read_event("MarketToken", [bytes.fromhex(known), *people], amount)
    assert (name, args) == ("Transfer", {"sender": TO, "receiver": KEY.address, "amount": 77})
    assert read_event("MarketToken", [b"\0" * 32], b"") == ("", {})
    assert read_call("transfer", bytes.fromhex("a9059cbb") + people[0] + amount)[1] == 77
    with pytest.raises(ValueError, match="should call execute"):
        read_call("execute", bytes.fromhex("a9059cbb"))


# -- the store


def test_the_address_of_a_short_blob() -> None:
    digest = hashlib.sha256(b"hello world").digest()
    assert cid(RAW, digest) == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def _put(folder: Path, name: str, digest: bytes, block: bytes) -> Path:
    path = folder / "blocks" / digest.hex()[:2] / digest.hex()[2:4] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(block)
    return path


def _two_chunks(folder: Path) -> tuple[bytes, Path]:
    """A content of 1 MiB and 5 bytes: two raw blocks under one dag-pb node, written by hand."""
    chunks = [b"\x07" * (1 << 20), b"12345"]
    links, sizes = b"", b""
    for chunk, size in zip(chunks, (b"\x80\x80\x40", b"\x05"), strict=True):
        digest = hashlib.sha256(chunk).digest()
        last = _put(folder, cid(RAW, digest), digest, chunk)
        link = b"\x0a\x24\x01\x55\x12\x20" + digest + b"\x12\x00\x18" + size
        links += b"\x12" + bytes((len(link),)) + link
        sizes += b"\x20" + size
    record = b"\x08\x02\x18\x85\x80\x40" + sizes
    node = links + b"\x0a" + bytes((len(record),)) + record
    root = hashlib.sha256(node).digest()
    _put(folder, cid(0x70, root), root, node)
    whole = hashlib.sha256(b"".join(chunks)).digest()
    index = folder / "index" / whole.hex()[:2] / whole.hex()[2:4] / whole.hex()
    index.parent.mkdir(parents=True)
    index.write_text(cid(0x70, root))
    return whole, last


def test_a_long_blob_is_read_through_its_node(tmp_path: Path) -> None:
    whole, last = _two_chunks(tmp_path)
    assert Content(tmp_path).blob(whole) == b"\x07" * (1 << 20) + b"12345"
    last.write_bytes(b"12346")
    with pytest.raises(MissingBlobError, match="other bytes"):
        Content(tmp_path).blob(whole)
    assert not Content(tmp_path).has(whole)


def test_missing_and_altered_blobs_are_seen(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"{}").digest()
    with pytest.raises(MissingBlobError, match="no blob"):
        Content(tmp_path).blob(digest)
    path = _put(tmp_path, cid(RAW, digest), digest, b"{}")
    assert Content(tmp_path).json(digest) == {}
    with pytest.raises(MissingBlobError, match="kind"):
        Content(tmp_path).json(digest, "databright/job/v1")
    path.write_bytes(b"[]")
    with pytest.raises(MissingBlobError, match="other bytes"):
        Content(tmp_path).blob(digest)


def test_tensors_are_read_in_their_canonical_form_alone() -> None:
    tensors = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([1, 2])}
    blob = dump_tensors(tensors)
    read = load_tensors(blob)
    assert [*read] == ["a", "b"]
    assert read["b"].tolist() == tensors["b"].tolist()
    header = json.dumps({"a": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}).encode()
    with pytest.raises(MissingBlobError, match="canonical"):
        load_tensors(len(header).to_bytes(8, "little") + header)


# -- arithmetic
