"""The local store: what lies in its folder, killed writers, several processes, its errors."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from databright.errors import BlobCorruptError, ConfigError, StorageError
from databright.storage.local import LocalStore
from databright.storage.unixfs import CHUNK_BYTES, parse_cid, raw_cid
from databright.units import Digest

WRITER = """
import sys
from pathlib import Path
from databright.storage.local import LocalStore
store, first = LocalStore(Path(sys.argv[1])), int(sys.argv[2])
for number in range(first, first + int(sys.argv[3])):
    size = (number * 7919) % 2_500_000
    print(store.put(number.to_bytes(4, "big") * (size // 4)), flush=True)
"""


def writer(folder: Path, first: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> LocalStore:
    return LocalStore(folder)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_are_named_by_hash_only(folder: Path, store: LocalStore) -> None:
    short, long = b"short", bytes(CHUNK_BYTES + 1)
    root = store.put(long)
    store.put(short)
    expected = []
    for cid in (raw_cid(hashlib.sha256(c).digest()) for c in (short, bytes(CHUNK_BYTES), b"\0")):
        digest = parse_cid(cid)[4:].hex()
        expected.append(f"blocks/{digest[:2]}/{digest[2:4]}/{cid}")
    digest = parse_cid(root)[4:].hex()
    expected.append(f"blocks/{digest[:2]}/{digest[2:4]}/{root}")
    whole = hashlib.sha256(long).hexdigest()
    expected.append(f"index/{whole[:2]}/{whole[2:4]}/{whole}")
    assert files(folder) == sorted(expected)


def test_folders_are_private(folder: Path, store: LocalStore) -> None:
    store.put(b"x")
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_another_opening_sees_the_same(folder: Path, store: LocalStore) -> None:
    cid = store.put(bytes(CHUNK_BYTES + 1))
    again = LocalStore(folder)
    assert again.get(cid) == bytes(CHUNK_BYTES + 1)
    assert list(again.cids()) == list(store.cids())


def test_a_folder_open_to_others_is_refused_with_the_remedy(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        LocalStore(folder)
    assert files(folder) == []


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="cannot use"):
            LocalStore(path)


@pytest.mark.parametrize("content", [b"", b"shorter", b"x" * 3_000_000])
def test_damage_on_the_disk_is_noticed(folder: Path, store: LocalStore, content: bytes) -> None:
    cid = store.put(b"the content")
    path = folder / files(folder)[0]
    path.write_bytes(content)
    with pytest.raises(BlobCorruptError):
        store.get(cid)
    store.put(b"the content")
    assert path.read_bytes() == b"the content"


@pytest.mark.parametrize("text", [b"", b"\xff", b"no cid", b"b" * 59])
def test_a_damaged_index_is_no_index(folder: Path, store: LocalStore, text: bytes) -> None:
    long = bytes(CHUNK_BYTES + 1)
    cid, digest = store.put(long), Digest(hashlib.sha256(long).digest())
    (path,) = (folder / name for name in files(folder) if name.startswith("index"))
    path.write_bytes(text)
    assert store.cid_of_sha256(digest) is None
    store.put(long)
    assert store.cid_of_sha256(digest) == cid


def test_a_full_or_broken_disk_is_a_storage_error(folder: Path, store: LocalStore) -> None:
    (folder / "writing").rmdir()
    with pytest.raises(StorageError, match="cannot write"):
        store.put(b"x")
    assert files(folder) == []


def test_leftovers_are_removed_but_not_what_is_being_written(
    folder: Path, store: LocalStore
) -> None:
    leftover = folder / "writing" / "tmpold"
    leftover.write_bytes(b"half")
    LocalStore(folder)
    assert not leftover.exists()
    leftover.write_bytes(b"half")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX);"
            " print('locked', flush=True); sys.stdin.read()",
            str(leftover),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        LocalStore(folder)
        assert leftover.exists()
        holder.kill()
    LocalStore(folder)
    assert not leftover.exists()
    assert store.put(b"still works")


def check_all(folder: Path) -> int:
    store = LocalStore(folder)
    count = 0
    for cid in store.cids():
        store.get(cid)  # checks every block below it
        count += 1
    assert list((folder / "writing").iterdir()) == []
    return count


def test_writers_killed_at_any_point_leave_nothing_half(folder: Path) -> None:
    rounds = 60 if os.environ.get("DATABRIGHT_LONG") else 6
    random_ = random.Random(random.randrange(2**32))  # the scheduler varies more than any seed
    acknowledged: list[str] = []
    for number in range(rounds):
        LocalStore(folder)
        with writer(folder, 1000 * number, 1000) as process:
            assert process.stdout is not None
            wanted = random_.randrange(1, 25)
            acknowledged += [process.stdout.readline().strip() for _ in range(wanted)]
            process.send_signal(signal.SIGKILL)
        assert check_all(folder) >= 1
    present = set(LocalStore(folder).cids())
    assert acknowledged
    assert set(acknowledged) <= present


def test_several_processes_write_the_same_contents_at_once(folder: Path) -> None:
    processes = [writer(folder, first, 12) for first in (0, 0, 4)]
    printed = []
    for process in processes:
        with process:
            assert process.stdout is not None
            printed.append(process.stdout.read().split())
        assert process.returncode == 0
    assert printed[0] == printed[1]
    assert printed[2][:8] == printed[0][4:]
    assert check_all(folder) >= 16
