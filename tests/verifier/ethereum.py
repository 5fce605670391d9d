"""Ethereum's encodings: RLP, ordered tries, blooms, hashes of headers, senders of transactions.

Source: Ethereum yellow paper, appendices B, D and F and section 4.3; EIP-155, EIP-1559, EIP-2718,
EIP-2930, EIP-4788, EIP-4844, EIP-4895, EIP-7685.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from eth_keys.datatypes import Signature
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

Rlp = bytes | Sequence["Rlp"]
_HEADER = (
    ("parentHash", 32), ("sha3Uncles", 32), ("miner", 20), ("stateRoot", 32),
    ("transactionsRoot", 32), ("receiptsRoot", 32), ("logsBloom", 256), ("difficulty", 0),
    ("number", 0), ("gasLimit", 0), ("gasUsed", 0), ("timestamp", 0), ("extraData", -1),
    ("mixHash", 32), ("nonce", 8), ("baseFeePerGas", 0), ("withdrawalsRoot", 32),
    ("blobGasUsed", 0), ("excessBlobGas", 0), ("parentBeaconBlockRoot", 32), ("requestsHash", 32),
)  # fmt: skip
"""Fields of a header in order; 0 = a number, -1 = bytes of any length. The first 15 are always
there, each later fork appends some."""
_ALWAYS = 15


@cache
def checksummed(address: str | bytes) -> str:
    """An address with its EIP-55 checksum."""
    return str(to_checksum_address(address))


def raw(text: str) -> bytes:
    """Bytes of hex with 0x."""
    if not text.startswith("0x"):
        raise ValueError(f"{text[:40]!r} is not hex with 0x")
    return bytes.fromhex(text[2:])


def number(text: str | int) -> int:
    """A JSON-RPC quantity."""
    return text if isinstance(text, int) else int(text, 16)


def minimal(value: int) -> bytes:
    """A number as RLP writes it: big-endian without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def rlp(item: Rlp) -> bytes:
    """Recursive length prefix."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    body = b"".join(rlp(part) for part in item)
    return _prefix(0xC0, len(body)) + body


def _prefix(base: int, length: int) -> bytes:
    if length < 56:
        return bytes((base + length,))
    size = minimal(length)
    return bytes((base + 55 + len(size),)) + size


def header_hash(block: Mapping[str, Any]) -> bytes:
    """Hash of a block's header, from the fields that JSON-RPC gives."""
    fields: list[bytes] = []
    for index, (name, length) in enumerate(_HEADER):
        value = block.get(name)
        if value is None and index >= _ALWAYS:
            break
        if value is None:
            raise ValueError(f"the header lacks {name}")
        fields.append(minimal(number(value)) if length == 0 else _fixed(name, value, length))
    return keccak(rlp(fields))


def _fixed(name: str, value: str, length: int) -> bytes:
    found = raw(value)
    if length > 0 and len(found) != length:
        raise ValueError(f"{name} of a header has {len(found)} bytes, not {length}")
    return found


def ordered_root(values: Sequence[bytes]) -> bytes:
    """Root of the trie that maps rlp(index) to each value, as of a block's transactions."""
    items = sorted((_nibbles(rlp(minimal(i))), value) for i, value in enumerate(values))
    return keccak(rlp(_node(items))) if items else keccak(rlp(b""))


def _nibbles(key: bytes) -> tuple[int, ...]:
    return tuple(half for byte in key for half in (byte >> 4, byte & 15))


def _hex_prefix(path: tuple[int, ...], leaf: bool) -> bytes:
    flag = 2 * leaf + len(path) % 2
    halves = (flag, *path) if len(path) % 2 else (flag, 0, *path)
    return bytes(16 * a + b for a, b in zip(halves[::2], halves[1::2], strict=True))


def _node(items: list[tuple[tuple[int, ...], bytes]]) -> Rlp:
    if len(items) == 1:
        return [_hex_prefix(items[0][0], True), items[0][1]]
    first, last = items[0][0], items[-1][0]
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    if shared:
        below = _node([(path[shared:], value) for path, value in items])
        return [_hex_prefix(first[:shared], False), _reference(below)]
    branch: list[Rlp] = []
    for half in range(16):
        under = [(path[1:], value) for path, value in items if path and path[0] == half]
        branch.append(_reference(_node(under)) if under else b"")
    ends = [value for path, value in items if not path]
    return [*branch, ends[0] if ends else b""]


def _reference(node: Rlp) -> Rlp:
    encoded = rlp(node)
    return node if len(encoded) < 32 else keccak(encoded)


def bloom(logs: Sequence[Mapping[str, Any]]) -> bytes:
    """The 2,048-bit filter of a receipt's logs."""
    bits = 0
    for log in logs:
        for item in (log["address"], *log["topics"]):
            digest = keccak(raw(item))
            for at in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") % 2048)
    return bits.to_bytes(256, "big")


def receipt_bytes(receipt: Mapping[str, Any]) -> bytes:
    """A receipt as the receipts trie holds it."""
    logs: list[Rlp] = [
        [raw(log["address"]), [raw(topic) for topic in log["topics"]], raw(log["data"])]
        for log in receipt["logs"]
    ]
    body: list[Rlp] = [
        minimal(number(receipt["status"])),
        minimal(number(receipt["cumulativeGasUsed"])),
        raw(receipt["logsBloom"]),
        logs,
    ]
    kind = number(receipt.get("type") or "0x0")
    return (bytes((kind,)) if kind else b"") + rlp(body)


def _access_list(tx: Mapping[str, Any]) -> Rlp:
    return [
        [raw(entry["address"]), [raw(key) for key in entry["storageKeys"]]]
        for entry in tx.get("accessList") or []
    ]


def _body(tx: Mapping[str, Any], kind: int) -> list[Rlp]:
    def quantity(name: str) -> bytes:
        return minimal(number(tx[name]))

    to = raw(tx["to"]) if tx.get("to") else b""
    end: list[Rlp] = [quantity("gas"), to, quantity("value"), raw(tx["input"])]
    if kind == 0:
        return [quantity("nonce"), quantity("gasPrice"), *end]
    start: list[Rlp] = [quantity("chainId"), quantity("nonce")]
    if kind == 1:
        return [*start, quantity("gasPrice"), *end, _access_list(tx)]
    if kind == 2:
        fees: list[Rlp] = [quantity("maxPriorityFeePerGas"), quantity("maxFeePerGas")]
        return [*start, *fees, *end, _access_list(tx)]
    raise ValueError(f"transactions of type {kind} are not read here")


def transaction_bytes(tx: Mapping[str, Any]) -> bytes:
    """A signed transaction as the transactions trie holds it; its keccak is its hash."""
    kind = number(tx.get("type") or "0x0")
    v = tx["v"] if kind == 0 else tx.get("yParity", tx.get("v"))
    signature = [minimal(number(part)) for part in (v, tx["r"], tx["s"])]
    encoded = rlp([*_body(tx, kind), *signature])
    return (bytes((kind,)) if kind else b"") + encoded


def transaction_sender(tx: Mapping[str, Any]) -> str:
    """Who signed a transaction, EIP-55."""
    kind, body = number(tx.get("type") or "0x0"), _body(tx, number(tx.get("type") or "0x0"))
    if kind:
        parity = number(tx.get("yParity", tx.get("v")))
        digest = keccak(bytes((kind,)) + rlp(body))
    else:
        v = number(tx["v"])
        if v >= 35:
            parity, chain = (v - 35) % 2, (v - 35) // 2
            body = [*body, minimal(chain), b"", b""]
        else:
            parity = v - 27
        digest = keccak(rlp(body))
    signature = Signature(vrs=(parity, number(tx["r"]), number(tx["s"])))
    return signature.recover_public_key_from_msg_hash(digest).to_checksum_address()


def created_address(sender: str, nonce: int) -> str:
    """Address of a contract that a transaction creates."""
    return to_checksum_address(keccak(rlp([raw(sender), minimal(nonce)]))[12:])
