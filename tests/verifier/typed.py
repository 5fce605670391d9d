"""EIP-712 by hand: domain "DataBright", version "1"; numbers and 32-byte values only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from eth_keys.datatypes import Signature
from eth_utils.crypto import keccak

_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
VERDICT = (
    "Verdict(uint256 proposal,bytes32 commitment,uint256 base,uint256 holdout_epoch,"
    "uint256 outcome,uint256 copy_of,uint256 amount,bytes32 evidence)"
)
BALLOT = (
    "Ballot(address voter,uint256 proposal,bytes32 commitment,bool support,uint256 nonce,"
    "uint256 deadline)"
)
DELETION = "Deletion(uint256 dataset,uint256 tranche,uint256 erasedAt,bytes32 contents)"
COMMIT = "Commit(uint256 job,uint256 segment,uint256 attempt,bytes32 commitment)"
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def _word(value: int | bytes) -> bytes:
    word = value.to_bytes(32, "big") if isinstance(value, int) else value
    if len(word) != 32:
        raise ValueError(f"{len(word)} bytes are no EIP-712 word")
    return word


def domain(chain_id: int, contract: str) -> bytes:
    """Separator of the market's domain at one contract."""
    address = bytes(12) + bytes.fromhex(contract[2:])
    words = (keccak(text=_DOMAIN), keccak(text="DataBright"), keccak(text="1"))
    return keccak(b"".join(words) + _word(chain_id) + address)


def address_word(address: str) -> bytes:
    """An address as a word."""
    return bytes(12) + bytes.fromhex(address[2:])


def digest(separator: bytes, kind: str, values: Sequence[int | bytes]) -> bytes:
    """What is signed."""
    struct = keccak(keccak(text=kind) + b"".join(_word(value) for value in values))
    return keccak(b"\x19\x01" + separator + struct)


@cache
def signer(message: bytes, signature: bytes) -> str:
    """Who signed a digest: r | s | v, v = 27 or 28, s in the lower half."""
    if len(signature) != 65 or signature[64] not in {27, 28}:
        raise ValueError("a signature is r | s | v with v = 27 or 28")
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    if s > _HALF_ORDER:
        raise ValueError("the s of a signature is in the upper half")
    found = Signature(vrs=(signature[64] - 27, r, s))
    return found.recover_public_key_from_msg_hash(message).to_checksum_address()
