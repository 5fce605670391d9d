"""Bad input: a clear error that says what to do, in CLI and SDK, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from databright.cli.main import main
from databright.client import Client
from databright.client.buyer import JobDraft
from databright.data_market.proposals import ProposalDraft
from databright.errors import (
    BadInputError,
    BlobCorruptError,
    BlobMissingError,
    ConfigError,
    DatabrightError,
    MalformedDataError,
    PlanRefusedError,
    ProgramRejectedError,
    UnknownEntityError,
)
from databright.records.rows import Rows
from databright.units import Amount, Digest, Seconds

if TYPE_CHECKING:
    from tests.end_to_end.conftest import DataMarket

VOTING_S = 3_600


@pytest.fixture(scope="module")
def opened(data_market: DataMarket) -> tuple[int, int]:
    dataset = data_market.open_dataset()
    return dataset, data_market.open_request(dataset, lasts_s=10**6)


def _state(market: DataMarket) -> tuple[int, list[str]]:
    """Everything that a refused command must leave alone: the chain's head and the store."""
    return market.local.market().contracts.chain.head().number, sorted(
        market.local.market().store.cids()
    )


def _refused(
    market: DataMarket, capsys: pytest.CaptureFixture[str], *words: str, says: str
) -> None:
    before = _state(market)
    code = main([*words, "--home", str(market.home), "--json"])
    error = json.loads(capsys.readouterr().err)["error"]
    assert says in error["message"], error
    assert code == 2, error
    assert _state(market) == before


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _csv(rows: Rows, number: int = 3) -> list[list[str]]:
    return [
        [*(f"{value:g}" for value in x_F), str(label)]
        for x_F, label in zip(rows.x_NF[:number], rows.y_N[:number], strict=True)
    ]


def _joined(table: list[list[str]]) -> str:
    return "\n".join(",".join(line) for line in table) + "\n"


def test_an_unknown_dataset_is_named(
    data_market: DataMarket, opened: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    _refused(
        data_market, capsys, "propose", "77", "x.csv", "--as", "alice",
        says="no dataset 77",
    )  # fmt: skip
    _refused(data_market, capsys, "dataset", "show", "77", says="databright dataset list")
    with pytest.raises(UnknownEntityError, match="no dataset 77"):
        data_market.client("alice").contributor.propose(
            77, data_market.parts[0], ProposalDraft("x")
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[1].pop(), "line 2"),
        (lambda t: t[2].__setitem__(4, "nan"), "line 3, column 5"),
        (lambda t: t[0].__setitem__(64, "10"), "label 10 is not a class"),
        (lambda t: t[0].__setitem__(64, "-1"), "label -1"),
        (lambda t: t[1].__setitem__(7, "1.5"), "outside the dataset's range"),
        (lambda t: [line.pop(0) for line in t], "63 features, the dataset has 64"),
    ],
)
def test_a_malformed_csv_is_refused_with_its_place(
    data_market: DataMarket,
    opened: tuple[int, int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: object,
    says: str,
) -> None:
    table = _csv(data_market.parts[0])
    assert callable(change)
    change(table)
    path = _write(tmp_path / "rows.csv", _joined(table))
    words = ("propose", str(opened[0]), str(path), "--as", "alice")
    _refused(data_market, capsys, *words, says=says)
    with pytest.raises(MalformedDataError):
        data_market.client("alice").contributor.propose(opened[0], path, ProposalDraft("x"))


def test_a_malformed_array_is_refused(
    data_market: DataMarket,
    opened: tuple[int, int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    rows = data_market.parts[0]
    x_NF = rows.x_NF.copy()
    x_NF[5, 6] = np.nan
    np.savez(tmp_path / "nan.npz", x=x_NF, y=rows.y_N)
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object), y=rows.y_N)
    (tmp_path / "torn.npz").write_bytes((tmp_path / "nan.npz").read_bytes()[:1000])
    for name, says in (
        ("nan", "row 5, column 6"),
        ("objects", "plain npy header"),
        ("torn", "npz"),
    ):
        path = str(tmp_path / f"{name}.npz")
        _refused(data_market, capsys, "propose", str(opened[0]), path, "--as", "alice", says=says)
        with pytest.raises(MalformedDataError, match=says):
            data_market.client("alice").contributor.propose(opened[0], path, ProposalDraft("x"))


def test_a_closed_dataset_takes_no_proposal(
    data_market: DataMarket, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    closes = Seconds(data_market.now() + 500)
    dataset = data_market.open_dataset("Soon closed", closes_at=closes)
    data_market.local.advance_clock(600)
    data_market.client("alice").wallet.transfer(data_market.address("bob"), Amount(1))
    path = _write(tmp_path / "rows.csv", _joined(_csv(data_market.parts[0])))
    words = ("propose", str(dataset), str(path), "--as", "alice")
    _refused(data_market, capsys, *words, says="takes no more")
    with pytest.raises(BadInputError, match="takes no more"):
        data_market.client("alice").contributor.propose(dataset, path, ProposalDraft("x"))


def test_a_vote_after_the_deadline_is_refused(
    data_market: DataMarket, opened: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    draft = ProposalDraft("late", request=opened[1])
    proposal = data_market.client("bob").contributor.propose(opened[0], data_market.parts[1], draft)
    number = str(proposal.id)
    _refused(data_market, capsys, "vote", number, "--yes", "--as", "alice", says="no weight")
    _refused(data_market, capsys, "vote", number, "--as", "curator-1", says="either --yes or --no")
    data_market.local.advance_clock(VOTING_S + 1)
    data_market.client("alice").wallet.transfer(data_market.address("bob"), Amount(1))
    _refused(data_market, capsys, "vote", number, "--yes", "--as", "curator-1", says="is over")
    with pytest.raises(BadInputError, match="is over"):
        data_market.client("curator-1").curator.vote(int(number), support=True)


def test_a_proposer_without_money_is_told_how_much(
    data_market: DataMarket,
    opened: tuple[int, int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    path = _write(tmp_path / "rows.csv", _joined(_csv(data_market.parts[0])))
    words = ("propose", str(opened[0]), str(path), "--as", "poor")
    _refused(data_market, capsys, *words, says="transfer at least 0.001504 more")


def test_a_job_that_nobody_can_keep_is_refused(
    data_market: DataMarket, opened: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    draft = JobDraft(dataset=opened[0], request=opened[1], num_shards=6, num_rounds=2, steps=5)
    with pytest.raises(PlanRefusedError):
        data_market.client("bob").buyer.open_job(draft)
    _refused(
        data_market, capsys, "job", "show", "99",
        says="no job 99",
    )  # fmt: skip


def test_a_program_outside_the_list_is_refused(data_market: DataMarket) -> None:
    draft = data_market.draft()
    program = json.loads(draft.program)
    program["graph"]["nodes"][0][1] = "os.system"
    changed = {**draft.__dict__, "program": json.dumps(program).encode()}
    before = _state(data_market)
    with pytest.raises(ProgramRejectedError):
        data_market.client("initiator").initiator.create_dataset(type(draft)(**changed))
    assert _state(data_market) == before


def test_rules_that_break_a_promise_are_refused(data_market: DataMarket) -> None:
    before = _state(data_market)
    for changes, says in (
        ({"threshold": 3}, "at least 2k evaluators"),
        ({"nodes": (data_market.address("node-1"),)}, "not among the admitted nodes"),
        ({"max_exposure_bps": 0}, "max_exposure_bps"),
        ({"a_bps": 5_050}, "a_bps"),
        ({"weights": (1,)}, "one weight"),
    ):
        with pytest.raises(BadInputError, match=says):
            data_market.open_dataset(**changes)
    assert _state(data_market) == before


def test_a_corrupted_blob_is_noticed(data_market: DataMarket) -> None:
    dataset = data_market.open_dataset("Corrupted")
    registry = data_market.local.market().registry
    schema = registry.dataset(dataset).rules.schema
    cid = registry.store.cid_of_sha256(schema)
    assert cid is not None
    found = [
        path
        for path in (data_market.home / "store").rglob("*")
        if path.is_file() and path.read_bytes() == registry.store.get(cid)
    ]
    assert len(found) == 1
    whole = found[0].read_bytes()
    try:
        found[0].chmod(0o600)
        found[0].write_bytes(whole.replace(b"64", b"65"))
        with pytest.raises(BlobCorruptError):
            data_market.client("alice").contributor.propose(
                dataset, data_market.parts[0], ProposalDraft("x")
            )
        found[0].unlink()
        with pytest.raises(BlobMissingError):
            data_market.client("alice").contributor.propose(
                dataset, data_market.parts[0], ProposalDraft("x")
            )
    finally:
        found[0].write_bytes(whole)


def test_wrong_actors_and_homes_are_told_apart(
    data_market: DataMarket, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _refused(data_market, capsys, "claim", says="say with --as which one acts")
    _refused(data_market, capsys, "claim", "--as", "nobody", says="no actor 'nobody'")
    _refused(data_market, capsys, "claim", "--as", "alice", says="there is nothing to claim")
    with pytest.raises(ConfigError):
        Client(tmp_path / "nowhere", "alice")
    (tmp_path / "market.json").write_text('{"schema": 0}')
    with pytest.raises(ConfigError, match="schema 0"):
        Client(tmp_path, "alice")


def test_a_dry_run_sends_and_stores_nothing(
    data_market: DataMarket,
    opened: tuple[int, int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    path = _write(tmp_path / "rows.csv", _joined(_csv(data_market.parts[0])))
    before = _state(data_market)
    words = ["propose", str(opened[0]), str(path), "--as", "alice", "--dry-run", "--json"]
    assert main([*words, "--home", str(data_market.home)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["dry_run"] is True
    assert [call["function"] for call in shown["calls"]][-1] == "propose"
    assert shown["blobs"] == 4
    assert _state(data_market) == before


def test_an_unfinished_job_registers_no_model(data_market: DataMarket) -> None:
    with pytest.raises(DatabrightError, match="no job 1"):
        data_market.client("bob").models.register(1, title="x", price=Amount(1))


def test_an_unregistered_reader_digest_is_missing(data_market: DataMarket) -> None:
    registry = data_market.local.market().registry
    with pytest.raises(BlobMissingError, match="no blob with the SHA-256"):
        registry.sealed_ref(Digest(bytes(31) + b"\x01"))
