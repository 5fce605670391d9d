"""Reading JSON blobs by the digests that the chain holds."""

from __future__ import annotations

from typing import Any

from databright.custody.blobs import read_blob
from databright.records.strict_json import loads_object
from databright.storage.base import Store
from databright.units import Digest

_MAX_JSON = 1 << 20


def read_json(store: Store, digest: bytes) -> dict[str, Any]:
    """Fetch a JSON blob by the digest that the chain holds.

    Args:
        store: the content store.
        digest: SHA-256, 32 bytes.

    Returns:
        The parsed object.

    """
    blob = read_blob(store, Digest(digest), _MAX_JSON)
    return loads_object(blob, max_bytes=_MAX_JSON, allow_floats=True)
