"""The journal's file, the genesis record and the dumps."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from databright.chain.devnet import dumps, genesis
from databright.chain.devnet.dumps import Dump
from databright.chain.devnet.journal import FILE, Journal
from databright.errors import BadInputError, ConfigError
from databright.units import Address

SOMEBODY = Address("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A")
NOBODY = Address("0x000000000000000000000000000000000000dEaD")


def test_rows_survive_without_a_close_and_keep_their_order(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    assert first.append_tx(b"a", "0xaa", 10) == 1
    first.note_mined(1, "0x01")
    assert first.append_advance(50, 60) == 2
    first.note_mined(2, "0x02")
    assert first.append_tx(b"b", "0xbb", 61) == 3
    # A second connection sees what a process after kill -9 would see.
    second = Journal(tmp_path)
    rows = list(second.after(0))
    assert [(row.seq, row.kind, row.timestamp, row.raw) for row in rows] == [
        (1, "tx", 10, b"a"),
        (2, "advance", 60, None),
        (3, "tx", 61, b"b"),
    ]
    assert [(row.status, row.block_hash) for row in rows] == [
        ("mined", "0x01"),
        ("mined", "0x02"),
        ("pending", None),
    ]
    assert (second.last_seq, second.last_timestamp, second.advanced) == (3, 61, 50)
    assert [row.seq for row in second.after(2)] == [3]
    first.close()
    second.close()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    journal.close()


def test_a_transaction_is_held_once_unless_it_was_rejected(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append_tx(b"a", "0xaa", 10)
    with pytest.raises(sqlite3.IntegrityError):
        journal.append_tx(b"a", "0xaa", 11)
    assert journal.last_seq == 1
    journal.reject(1, "too poor")
    assert journal.find("0xaa") is None
    assert journal.append_tx(b"a", "0xaa", 12) == 2
    assert [row.seq for row in journal.after(0)] == [2]
    assert journal.entry(1).reason == "too poor"
    with pytest.raises(ConfigError, match="no row 3"):
        journal.entry(3)
    journal.close()


def test_many_rows_are_read_in_pages(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(1, 1_204):
        journal.append_tx(b"x", hex(number), number)
    assert [row.seq for row in journal.after(1)] == list(range(2, 1_204))
    journal.close()


def test_a_journal_of_another_release_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.set_meta("schema", "99")
    journal.close()
    with pytest.raises(ConfigError, match=r"schema '99'.*home export"):
        Journal(tmp_path)
    assert (tmp_path / FILE).exists()


def test_genesis_is_fixed_at_its_making(tmp_path: Path) -> None:
    home = tmp_path / "chain"
    made = genesis.create(home, {SOMEBODY: 5})
    assert home.stat().st_mode & 0o777 == 0o700
    assert genesis.create(home, {SOMEBODY: 5}) == made == genesis.load(home)
    for funded, chain_id in (({SOMEBODY: 6}, 31_337), ({NOBODY: 5}, 31_337), ({SOMEBODY: 5}, 7)):
        with pytest.raises(ConfigError, match="first start only"):
            genesis.create(home, funded, chain_id=chain_id)
    assert genesis.load(home) == made


def test_two_chains_of_one_second_differ(tmp_path: Path) -> None:
    limits = {genesis.create(tmp_path / str(n), {SOMEBODY: 5}).gas_limit for n in range(8)}
    assert len(limits) > 1
    assert all(30_000_000 <= limit < 31_100_000 for limit in limits)


@pytest.mark.parametrize(
    ("address", "balance"),
    [("0x12", 1), (SOMEBODY.lower(), 1), (SOMEBODY, -1), (SOMEBODY, 2**128)],
)
def test_malformed_funding_leaves_nothing_behind(
    tmp_path: Path, address: str, balance: int
) -> None:
    with pytest.raises(BadInputError, match="cannot be funded"):
        genesis.create(tmp_path / "chain", {Address(address): balance})
    assert not (tmp_path / "chain").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 0}, "schema 0"),
        ({"schema": 2}, "schema 2"),
        ({"chain_id": "x"}, "damaged"),
        ({"funded": []}, "damaged"),
    ],
)
def test_a_genesis_of_another_release_or_damaged_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    genesis.create(tmp_path, {SOMEBODY: 5})
    file = tmp_path / genesis.FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ConfigError, match=message):
        genesis.load(tmp_path)
    file.write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        genesis.load(tmp_path)
    file.unlink()
    with pytest.raises(ConfigError, match="no development chain"):
        genesis.load(tmp_path)


def test_dumps_come_back_whole_or_not_at_all(tmp_path: Path) -> None:
    assert dumps.load(tmp_path) is None
    dump = Dump(7, "0x07", "anvil 1", bytes(range(256)) * 9 + b"\n{}\n")
    dumps.save(tmp_path, dump)
    assert dumps.load(tmp_path) == dump
    file = tmp_path / dumps.FILE
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole + b"x", b"", b"{}\n", whole[:20], b"\xff" + whole):
        file.write_bytes(damaged)
        assert dumps.load(tmp_path) is None
    dumps.remove(tmp_path)
    dumps.remove(tmp_path)
    assert list(tmp_path.iterdir()) == []
