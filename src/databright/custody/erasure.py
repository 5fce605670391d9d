"""Erasing sealed contents: what nobody may open any more leaves the store, and a log says so.

Gone are the ciphertext, in it the secret that salts the points, and the envelopes of its keys.
The log names their addresses only. A node signs it, and its digest goes to the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from databright.custody.blobs import sha256
from databright.errors import BlobMissingError, MalformedDataError, StorageError
from databright.records.datasets import int_field, read_document, text_field
from databright.records.signatures import (
    SIGNATURE_BYTES,
    Domain,
    Message,
    SignsMessages,
    check_signer,
    sign,
)
from databright.records.strict_json import dumps_canonical
from databright.storage.base import Store
from databright.units import Address, Cid, Seconds

LOG_KIND: Final = "databright/deletion-log/v1"
MAX_ERASED: Final = 400
"""Most addresses of one log: ciphertext and envelopes of 128 parts, and shown samples."""
_FIELDS: Final = (
    ("dataset", "uint256"),
    ("tranche", "uint256"),
    ("erasedAt", "uint256"),
    ("contents", "bytes32"),
)


@dataclass(frozen=True)
class Deletion:
    """What a node erased of a tranche.

    Attributes:
        dataset: id of the dataset.
        tranche: id of the tranche.
        node: who erased it.
        erased_at: chain time.
        erased: addresses that this node removed.
        missing: addresses that were not in its store any more.
    """

    dataset: int
    tranche: int
    node: Address
    erased_at: Seconds
    erased: tuple[Cid, ...]
    missing: tuple[Cid, ...]

    def message(self) -> Message:
        """What the node signs.

        Returns:
            EIP-712 `Deletion(uint256 dataset,uint256 tranche,uint256 erasedAt,bytes32 contents)`;
            contents = SHA-256 of the canonical JSON of both lists.
        """
        contents = sha256(dumps_canonical([[*self.erased], [*self.missing]]))
        values: dict[str, object] = {
            "dataset": self.dataset,
            "tranche": self.tranche,
            "erasedAt": self.erased_at,
            "contents": bytes(contents),
        }
        return Message("Deletion", _FIELDS, values)


@dataclass(frozen=True)
class SignedDeletion:
    """A deletion log.

    Attributes:
        deletion: what was erased.
        signature: of the node, 65 bytes.
    """

    deletion: Deletion
    signature: bytes

    @classmethod
    def make(cls, deletion: Deletion, key: SignsMessages, domain: Domain) -> SignedDeletion:
        """Sign a log.

        Args:
            deletion: what was erased.
            key: the node's.
            domain: the market's Charter.

        Returns:
            The log.
        """
        return cls(deletion, sign(key, domain, deletion.message()))

    def check(self, domain: Domain) -> None:
        """Refuse a log that its node did not sign.

        Args:
            domain: the market's Charter.

        Raises:
            NotAuthorisedError: somebody else signed it, or nobody.
        """
        what = f"the deletion log of tranche {self.deletion.tranche}"
        check_signer(self.signature, self.deletion.node, domain, self.deletion.message(), what)

    def to_json(self) -> bytes:
        """Write the log.

        Returns:
            Canonical JSON.
        """
        found = self.deletion
        return dumps_canonical(
            {
                "kind": LOG_KIND,
                "dataset": found.dataset,
                "tranche": found.tranche,
                "node": found.node,
                "erased_at": found.erased_at,
                "erased": [*found.erased],
                "missing": [*found.missing],
                "signature": self.signature.hex(),
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> SignedDeletion:
        """Read a log that a stranger wrote; the signature is not checked here.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The log.

        Raises:
            MalformedDataError: another document.
        """
        names = {"dataset", "tranche", "node", "erased_at", "erased", "missing", "signature"}
        fields = read_document(blob, LOG_KIND, names)
        signature = text_field(fields, "signature")
        if len(signature) != 2 * SIGNATURE_BYTES or set(signature) - set("0123456789abcdef"):
            raise MalformedDataError("a signature is 65 bytes in lower-case hex")
        deletion = Deletion(
            dataset=int_field(fields, "dataset"),
            tranche=int_field(fields, "tranche"),
            node=Address(text_field(fields, "node")),
            erased_at=Seconds(int_field(fields, "erased_at")),
            erased=_cids(fields["erased"]),
            missing=_cids(fields["missing"]),
        )
        return cls(deletion, bytes.fromhex(signature))


def _cids(value: object) -> tuple[Cid, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MalformedDataError("a deletion log names addresses in lists")
    if len(value) > MAX_ERASED:
        raise MalformedDataError(f"a deletion log names at most {MAX_ERASED} addresses")
    return tuple(Cid(item) for item in value)


def erase(cids: Iterable[Cid], store: Store) -> tuple[Sequence[Cid], Sequence[Cid]]:
    """Remove contents from a store.

    Args:
        cids: their addresses.
        store: where they lie.

    Returns:
        Addresses that were removed; addresses that were not here. All of them are gone now.

    Raises:
        StorageError: one of them could not be removed; those before it are gone.
    """
    erased: list[Cid] = []
    missing: list[Cid] = []
    for cid in cids:
        try:
            store.erase(cid)
        except BlobMissingError:
            missing.append(cid)
            continue
        erased.append(cid)
        if store.has(cid):
            raise StorageError(f"{cid} is still in the store after it was erased")
    return erased, missing
