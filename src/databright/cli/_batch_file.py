"""The file that lists the parts of a proposal: one JSON object, each part with owner and file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from databright.cli._options import address_of
from databright.custody.sealed_rows import MAX_PARTS
from databright.data_market.proposals import OwnedRows
from databright.errors import BadInputError, MalformedDataError
from databright.records.rows import read_rows
from databright.records.strict_json import loads_object

MAX_FILE_BYTES: Final = 256 * 1024


def read_batch_file(path: Path, home: Path | None) -> list[OwnedRows]:
    """Read the parts of a proposal.

    Args:
        path: JSON {"parts": [{"owner": name or address, "file": rows beside it}, ...]}.
        home: what --home said, for names of keys.

    Returns:
        The parts in order.

    Raises:
        BadInputError: the file cannot be read, or holds no or too many parts.
        MalformedDataError: another document, or rows that are not usable.
    """
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error
    form = '{"parts": [{"owner": ..., "file": ...}, ...]}'
    try:
        fields = loads_object(blob, max_bytes=MAX_FILE_BYTES, max_depth=4)
    except MalformedDataError as error:
        raise MalformedDataError(f"{path.name} is not {form}: {error}") from error
    listed = fields.get("parts")
    if set(fields) != {"parts"} or not isinstance(listed, list):
        raise MalformedDataError(f"{path.name} is not {form}")
    if not 1 <= len(listed) <= MAX_PARTS:
        raise BadInputError(f"{path.name} lists {len(listed)} parts: use 1 to {MAX_PARTS}")
    found = []
    for number, part in enumerate(listed, 1):
        if not isinstance(part, dict) or set(part) != {"owner", "file"}:
            raise MalformedDataError(f"part {number} of {path.name} has owner and file, no more")
        owner, rows = part["owner"], part["file"]
        if not isinstance(owner, str) or not isinstance(rows, str):
            raise MalformedDataError(f"owner and file of part {number} of {path.name} are strings")
        found.append(OwnedRows(address_of(owner, home), read_rows(path.parent / rows)))
    return found
