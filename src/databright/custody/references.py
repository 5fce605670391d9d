"""Sealed references: the small public document by which chain and rooms name a sealed content."""

from __future__ import annotations

from typing import Final

from databright.custody.context import SealContext
from databright.custody.sealing import SealedRef
from databright.records.datasets import digest_field, read_document, text_field
from databright.records.deployment import Deployment
from databright.records.strict_json import dumps_canonical
from databright.units import Address, Cid

MAX_REF_BYTES: Final = 64 * 1024
"""Largest reference that is read."""
REFERENCE_KIND: Final = "databright/sealed-ref/v1"
LABEL_HOLDOUT: Final = "holdout"


def rows_label(proposer: Address) -> str:
    """What proposed rows are sealed for: sent by another, the reference does not open.

    Args:
        proposer: who proposes them, EIP-55.

    Returns:
        The label of `seal_context`.
    """
    return f"proposal-rows/{proposer}"


def seal_context(deployment: Deployment, dataset: int, label: str) -> SealContext:
    """What a seal is bound to, so that a ciphertext opens in its own place alone.

    Args:
        deployment: the market.
        dataset: id of the dataset.
        label: `LABEL_HOLDOUT`, or `rows_label` of the proposer.

    Returns:
        The context for `custody.sealing`.
    """
    return SealContext(
        chain_id=deployment.chain_id,
        registry=deployment.addresses["DataAssociation"],
        dataset=dataset,
        version=label,
    )


def reference_to_json(ref: SealedRef) -> bytes:
    """Write a sealed reference.

    Args:
        ref: where ciphertext and envelopes lie, and the commitment.

    Returns:
        Canonical JSON.
    """
    return dumps_canonical(
        {
            "kind": REFERENCE_KIND,
            "ciphertext": ref.ciphertext,
            "envelopes": ref.envelopes,
            "commitment": ref.plain_commitment.hex(),
        }
    )


def reference_from_json(blob: bytes) -> SealedRef:
    """Read a sealed reference that a stranger wrote.

    Args:
        blob: canonical JSON, at most 64 KiB.

    Returns:
        The reference.

    Raises:
        MalformedDataError: another document.
    """
    fields = read_document(blob, REFERENCE_KIND, {"ciphertext", "envelopes", "commitment"})
    return SealedRef(
        ciphertext=Cid(text_field(fields, "ciphertext")),
        envelopes=Cid(text_field(fields, "envelopes")),
        plain_commitment=digest_field(fields, "commitment"),
    )
