"""What a seal or key envelope is for: bound into it, so that it opens nowhere else."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from eth_utils.address import is_checksum_address

from databright.errors import BadInputError
from databright.units import Address, Digest

_SEAL_DOMAIN = b"databright/seal/v1"
_NO_POLICY = Digest(bytes(32))
_DEK_DOMAIN = b"databright/dek/v1"
MAX_LABEL_CHARS = 128
"""Longest version label."""


def address_bytes(address: str) -> bytes:
    """Read an address.

    Args:
        address: 0x and 40 hex digits with the EIP-55 checksum.

    Returns:
        Its 20 bytes.

    Raises:
        BadInputError: any other text.
    """
    if not isinstance(address, str) or not is_checksum_address(address):
        raise BadInputError(
            f"{str(address)[:60]!r} is no address with an EIP-55 checksum: write it as 0x and 40"
            " hex digits in the letter case that the wallet shows"
        )
    return bytes.fromhex(address[2:])


def length_prefixed(*fields: bytes) -> bytes:
    """Join fields so that no other fields give the same bytes.

    Args:
        fields: byte strings.

    Returns:
        For each field its length (u32, big-endian) and itself.
    """
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


@dataclass(frozen=True)
class SealContext:
    """Where a sealed content belongs.

    Attributes:
        chain_id: the chain's id, > 0.
        registry: address of the contract that admits the readers, EIP-55.
        dataset: id of the dataset, >= 0.
        version: label of the content within the dataset, e.g. "proposal/3"; 1 to 128 characters.
        policy: sha256 of the measurement policy that readers are held to; 32 zero bytes for none.
    """

    chain_id: int
    registry: Address
    dataset: int
    version: str
    policy: Digest = _NO_POLICY

    def __post_init__(self) -> None:
        """Refuse values that could not be told apart later.

        Raises:
            BadInputError: a field is out of its range.
        """
        address_bytes(self.registry)
        if self.chain_id <= 0 or self.dataset < 0:
            raise BadInputError(
                f"chain id {self.chain_id} and dataset {self.dataset} must be > 0 and >= 0"
            )
        if not 1 <= len(self.version) <= MAX_LABEL_CHARS or not self.version.isprintable():
            raise BadInputError(
                f"the version label {self.version[:40]!r} must have 1 to {MAX_LABEL_CHARS}"
                " printable characters"
            )
        if len(self.policy) != 32:
            raise BadInputError(f"a policy digest has 32 bytes, got {len(self.policy)}")

    def _fields(self) -> tuple[bytes, ...]:
        return (
            str(self.chain_id).encode("ascii"),
            address_bytes(self.registry),
            str(self.dataset).encode("ascii"),
            self.version.encode("utf-8"),
            self.policy,
        )

    def seal_digest(self) -> bytes:
        """Digest that a seal's header carries.

        Returns:
            sha256 of the length-prefixed "databright/seal/v1" and fields, 32 bytes.
        """
        return hashlib.sha256(length_prefixed(_SEAL_DOMAIN, *self._fields())).digest()

    def envelope_info(self, recipient: Address) -> bytes:
        """The HPKE info of a key envelope.

        Args:
            recipient: who may open it, EIP-55.

        Returns:
            The length-prefixed "databright/dek/v1", fields and recipient.

        Raises:
            BadInputError: the recipient is no address.
        """
        return length_prefixed(_DEK_DOMAIN, *self._fields(), address_bytes(recipient))
