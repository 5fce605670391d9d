"""What every store must do, over every provider found, and its addresses against npm's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.errors import (
    BadInputError,
    BlobCorruptError,
    BlobMissingError,
    ConfigError,
)
from databright.storage import unixfs
from databright.storage.base import (
    BlockStore,
    Store,
    open_scratch_store,
    open_store,
    providers,
)
from databright.units import Cid, Digest

MIB = 1 << 20
# Byte i of a content is (i * 7 + (i >> 8)) mod 251; addresses printed by ipfs-unixfs-importer
# 17.1.1 under its profile unixfs-v1-2025.
VECTORS = {
    0: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    1: "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu",
    100: "bafkreihi7uwe6osfh6abcolzy5ew4ypfxzlf7t5ojzhhtlbg4xb7tnj5bq",
    MIB - 1: "bafkreig4alxpjbq7rkncifamqd454gpns273ultv46sku5e5y6wenwd53i",
    MIB: "bafkreif4vxjho3wyp26iws4qtalszrkgtxyjwlv3b5lf2sdqs7ef5ovtea",
    MIB + 1: "bafybeigmaqzvnykhkotwjo7dwddgxdiwxx4vxwrmisqtuosuddgglg62lm",
    3 * MIB + 5: "bafybeicmagamw426jcmnza6hq7c3wppfgkhpk6hj5qt7crsyqrmhgfvvqa",
}
ABSENT = unixfs.raw_cid(hashlib.sha256(b"never put").digest())


def content(size: int) -> bytes:
    i = np.arange(size, dtype=np.int64)
    return ((i * 7 + (i >> 8)) % 251).astype(np.uint8).tobytes()


@pytest.fixture(params=providers())
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_scratch_store(request.param, tmp_path)


def test_the_shipped_providers_are_found() -> None:
    assert {"local", "memory"} <= set(providers())


@pytest.mark.parametrize("size", VECTORS)
def test_addresses_equal_the_npm_importers(store: Store, size: int) -> None:
    blob = content(size)
    cid = store.put(blob)
    assert cid == VECTORS[size]
    assert store.get(cid) == blob
    assert store.size(cid) == size
    assert store.cid_of_sha256(Digest(hashlib.sha256(blob).digest())) == cid


def test_putting_again_changes_nothing(store: Store) -> None:
    blob = content(2 * MIB + 9)
    first = store.put(blob)
    listed = list(store.cids())
    assert store.put(blob) == first
    assert list(store.cids()) == listed
    assert len(listed) == 4  # three chunks and the root


@pytest.mark.parametrize("piece", [1000, MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_a_stream_has_the_address_of_the_whole(store: Store, piece: int) -> None:
    blob = content(3 * MIB + 5)
    parts = (blob[at : at + piece] for at in range(0, len(blob), piece))
    assert store.put_stream(parts) == VECTORS[3 * MIB + 5]


def test_an_empty_stream_is_the_empty_content(store: Store) -> None:
    assert store.put_stream(iter(())) == VECTORS[0]


def test_a_stream_that_breaks_leaves_no_content(store: Store) -> None:
    def broken() -> Iterator[bytes]:
        yield content(2 * MIB + 7)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put_stream(broken())
    assert not any(cid.startswith("bafybei") for cid in store.cids())
    assert store.cid_of_sha256(Digest(hashlib.sha256(content(2 * MIB + 7)).digest())) is None


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (0, 0),
        (0, 1),
        (MIB - 1, 2),
        (MIB, MIB),
        (0, 3 * MIB + 5),
        (3 * MIB, 99),
        (3 * MIB + 5, 1),
        (10**12, 5),
    ],
)
def test_a_range_is_a_slice(store: Store, offset: int, length: int) -> None:
    blob = content(3 * MIB + 5)
    cid = store.put(blob)
    assert store.read_range(cid, offset, length) == blob[offset : offset + length]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_a_negative_range_is_refused(store: Store, offset: int, length: int) -> None:
    cid = store.put(b"abc")
    with pytest.raises(BadInputError, match=">= 0"):
        store.read_range(cid, offset, length)


def test_an_absent_content_is_missing(store: Store) -> None:
    assert not store.has(ABSENT)
    assert store.cid_of_sha256(Digest(hashlib.sha256(b"never put").digest())) is None
    with pytest.raises(BlobMissingError, match=ABSENT):
        store.get(ABSENT)
    with pytest.raises(BlobMissingError):
        store.read_range(ABSENT, 0, 1)


def test_a_content_over_the_callers_cap_is_refused(store: Store) -> None:
    cid = store.put(content(MIB + 1))
    assert len(store.get(cid, max_bytes=MIB + 1)) == MIB + 1
    with pytest.raises(BadInputError, match=str(MIB + 1)):
        store.get(cid, max_bytes=MIB)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "bafkrei",
        "Qm" + "a" * 44,
        VECTORS[100].upper(),
        VECTORS[100] + "a",
        "z" + VECTORS[100][1:],
        VECTORS[100][:-1] + "b",  # spare bits set: another text of the same bytes
        "../../../../etc/passwd",
    ],
)
def test_a_malformed_address_is_refused(store: Store, text: str) -> None:
    for ask in (store.get, store.has, store.size):
        with pytest.raises(BadInputError, match="not a CID"):
            ask(Cid(text))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_digest_of_another_length_is_refused(store: Store, length: int) -> None:
    with pytest.raises(BadInputError, match="32 bytes"):
        store.cid_of_sha256(Digest(b"x" * length))


@pytest.mark.parametrize("part", ["leaf", "root"])
def test_a_corrupt_block_is_never_given_out_and_put_repairs_it(store: Store, part: str) -> None:
    assert isinstance(store, BlockStore)
    blob = content(2 * MIB)
    cid = store.put(blob)
    leaf = unixfs.raw_cid(hashlib.sha256(blob[MIB:]).digest())
    damaged = unixfs.parse_cid(leaf if part == "leaf" else cid)
    store._write_block(damaged, b"something else")
    with pytest.raises(BlobCorruptError, match="hash"):
        store.get(cid)
    with pytest.raises(BlobCorruptError):
        store.read_range(cid, 2 * MIB - 1, 1)
    store.put(blob)
    assert store.get(cid) == blob


def test_a_root_that_lies_about_lengths_is_corrupt(store: Store) -> None:
    assert isinstance(store, BlockStore)
    leaf = unixfs.parse_cid(store.put(b"abc"))
    lie = unixfs.encode_node([unixfs.Link(leaf, 3, 4), unixfs.Link(leaf, 3, 3)])
    cid = unixfs.binary_cid(unixfs.DAG_PB, hashlib.sha256(lie).digest())
    store._write_block(cid, lie)
    with pytest.raises(BlobCorruptError, match="3 bytes"):
        store.get(unixfs.cid_text(cid))


def test_a_tree_deeper_than_the_profile_is_corrupt(store: Store) -> None:
    assert isinstance(store, BlockStore)
    cid = unixfs.parse_cid(store.put(b"abc"))
    for _ in range(unixfs.MAX_LEVELS + 2):
        block = unixfs.encode_node([unixfs.Link(cid, 3, 3)])
        cid = unixfs.binary_cid(unixfs.DAG_PB, hashlib.sha256(block).digest())
        store._write_block(cid, block)
    with pytest.raises(BlobCorruptError, match="deep"):
        store.get(unixfs.cid_text(cid))


def test_unknown_providers_and_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="local"):
        open_store("base")
    with pytest.raises(ConfigError, match="folder"):
        open_store("local")
    with pytest.raises(ConfigError, match="fodler"):
        open_store("memory", fodler="x")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 1023), st.integers(1, 255))
def test_a_damaged_node_is_refused_or_another_node(noise: bytes, at: int, flip: int) -> None:
    links = [unixfs.Link(unixfs.parse_cid(ABSENT), 300 + i, 300 + i) for i in range(9)]
    block = bytearray(unixfs.encode_node(links))
    block[at % len(block)] ^= flip
    for candidate in (bytes(block), noise):
        try:
            read = unixfs.decode_node(candidate)
        except BlobCorruptError:
            continue
        assert unixfs.encode_node(read) == candidate  # one node, one encoding


def node_modules() -> Path | None:
    """The folder that holds the importer: named by environment, or the checkout's own."""
    named = os.environ.get("DATABRIGHT_NODE_MODULES") or os.environ.get("NODE_PATH")
    own = Path(__file__).resolve().parents[2] / "node_modules"
    for folder in (Path(named) if named else own, own):
        if (folder / "ipfs-unixfs-importer" / "package.json").is_file():
            return folder
    return None


@pytest.mark.parametrize("size", [0, 100, MIB, 3 * MIB + 5])
def test_what_is_erased_is_gone_with_every_block(store: Store, size: int) -> None:
    kept = store.put(b"another content")
    cid = store.put(content(size) + b"sealed")
    store.erase(cid)
    assert list(store.cids()) == [kept]
    assert not store.has(cid)
    with pytest.raises(BlobMissingError):
        store.get(cid)
    with pytest.raises(BlobMissingError, match="nothing is left"):
        store.erase(cid)
    assert store.put(content(size) + b"sealed") == cid
    assert store.get(cid) == content(size) + b"sealed"


def test_erasing_goes_on_where_it_was_cut_off(store: Store) -> None:
    assert isinstance(store, BlockStore)
    cid = store.put(content(3 * MIB + 5))
    leaf = next(other for other in store.cids() if other != cid)
    store._remove_block(unixfs.parse_cid(leaf))
    store.erase(cid)
    assert list(store.cids()) == []
    with pytest.raises(BadInputError):
        store.erase(Cid("../../etc/passwd"))


@pytest.mark.node
def test_npms_importer_gives_the_same_addresses_now() -> None:
    modules, node = node_modules(), shutil.which("node")
    if modules is None or node is None:
        pytest.skip("needs Node and ipfs-unixfs-importer: install Node >= 20, then `make setup`")
    sizes = [*VECTORS, 5, 1000, 2 * MIB, 7 * MIB + 123]
    script = Path(__file__).with_name("unixfs_cids.mjs")
    done = subprocess.run(
        [node, str(script), str(modules), *map(str, sizes)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    printed = dict(line.split() for line in done.stdout.splitlines())
    ours = open_store("memory")
    assert printed == {str(size): ours.put(content(size)) for size in sizes}


def test_more_than_1024_chunks_make_a_second_level() -> None:
    """1,026 MiB and a byte of zeros; the address is the npm importer's."""
    chunks = (bytes(MIB) for _ in range(1026))
    store = open_store("memory")  # equal chunks are one block, so this stays small
    cid = store.put_stream(c for part in (chunks, (b"\0",)) for c in part)
    assert cid == "bafybeiegvlrie3733g4odb5wrbt7chuyajg5gc7raopbg5wj6z7l3fsn2u"
    assert store.size(cid) == 1026 * MIB + 1
    assert store.read_range(cid, 1026 * MIB - 1, 9) == b"\0\0"
    assert store.read_range(cid, 0, 5) == bytes(5)
