"""State dumps: they only shorten a boot; the journal alone is the truth."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from databright.chain.devnet.genesis import SCHEMA, write_durably
from databright.errors import MalformedDataError
from databright.records.strict_json import loads_object

_LOG = logging.getLogger(__name__)
FILE = "state.dump"
_MAX_HEAD = 4096


@dataclass(frozen=True)
class Dump:
    """The state after a journal row.

    Attributes:
        seq: the last journal row in it.
        block_hash: hash of that row's block, its head.
        version: program that wrote it.
        state: the program's own bytes.
    """

    seq: int
    block_hash: str
    version: str
    state: bytes


def save(home: Path, dump: Dump) -> None:
    """Write a dump beside the old one, sync it, and put it in the old one's place.

    Args:
        home: the chain's folder.
        dump: what to write.
    """
    head = {
        "schema": SCHEMA,
        "seq": dump.seq,
        "block_hash": dump.block_hash,
        "version": dump.version,
        "sha256": hashlib.sha256(dump.state).hexdigest(),
    }
    write_durably(home / FILE, json.dumps(head).encode() + b"\n" + dump.state)


def load(home: Path) -> Dump | None:
    """Read the dump of a chain's folder.

    Args:
        home: the chain's folder.

    Returns:
        The dump, or None where there is none that can be trusted; the journal is then replayed
        from its beginning.
    """
    file = home / FILE
    if not file.exists():
        return None
    with file.open("rb") as source:
        line = source.readline(_MAX_HEAD)
        state = source.read()
    try:
        head = loads_object(line.rstrip(b"\n"), max_bytes=_MAX_HEAD)
    except MalformedDataError as error:
        _LOG.warning("the state dump is damaged (%s); replaying the whole journal", error)
        return None
    seq = head.get("seq")
    if (
        head.get("schema") != SCHEMA
        or not isinstance(seq, int)
        or head.get("sha256") != hashlib.sha256(state).hexdigest()
    ):
        _LOG.warning("the state dump is damaged or of another release; replaying everything")
        return None
    return Dump(seq, str(head.get("block_hash")), str(head.get("version")), state)


def remove(home: Path) -> None:
    """Forget a dump that does not fit the journal.

    Args:
        home: the chain's folder.
    """
    (home / FILE).unlink(missing_ok=True)
