"""Bad input to jobs, workers and programs, and corrupted blobs: told, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from databright.cli.main import main
from databright.client import Client
from databright.client.jobs import JobDraft
from databright.errors import (
    BadInputError,
    BlobCorruptError,
    PlanRefusedError,
    ProgramRejectedError,
)
from databright.programs.builders import builder
from databright.programs.oplist import program_to_json
from databright.records.tensors import dump_tensors
from databright.units import Amount
from tests.end_to_end.job_market import JobMarket

JOB = ("--dataset", "1", "--request", "1", "--rounds", "2")
DRAFT = JobDraft(dataset=1, request=1, num_shards=6, num_rounds=2, steps=5)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobMarket]:
    made = JobMarket(tmp_path_factory.mktemp("home"))
    try:
        made.start()
        made.local.ensure_keys(["poor"])
        yield made
    finally:
        made.local.stop()


def state(market: JobMarket) -> tuple[int, list[str]]:
    return market.chain.head().number, sorted(market.market.store.cids())


def refused(
    market: JobMarket, capsys: pytest.CaptureFixture[str], *words: str, code: int = 2
) -> str:
    """Run a verb that must fail with one line and leave chain and store alone."""
    before = state(market)
    assert main([*words, "--home", str(market.home)]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("databright: ")
    assert printed.err.count("\n") == 1
    assert state(market) == before
    return printed.err


def test_an_underfunded_job_says_how_much_is_missing(
    market: JobMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("job", "open", *JOB, "--max-cost", "100", "--as", "poor")
    said = refused(market, capsys, *words)
    # 5,000 for the data, 6 x 2 x 3 replicas and a reserve of 6 at 1,000 base units each.
    assert "the job needs 0.047000 market tokens" in said
    assert "transfer at least 0.047000 more" in said
    with pytest.raises(BadInputError, match=r"transfer at least 0\.047000 more"):
        Client(market.home, "poor").buyer.open_job(DRAFT)
    words = ("job", "open", *JOB, "--max-cost", "0.04", "--as", "buyer")
    assert "more than --max-cost 0.040000" in refused(market, capsys, *words)


def test_a_price_below_the_workers_fees_names_fees_and_the_least_price(
    market: JobMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    price = ("--segment-price", "0.000999")
    for words in (
        ("job", "plan", *JOB, *price),
        ("job", "open", *JOB, *price, "--max-cost", "100", "--as", "buyer"),
    ):
        said = refused(market, capsys, *words)
        assert "pays 6 of 6 workers below their fee" in said
        assert f"{market.keys['worker-a'].address} asks 0.001000" in said
        assert "offer at least 0.001000" in said
    cheap = JobDraft(**{**DRAFT.__dict__, "segment_price": Amount(999)})
    with pytest.raises(BadInputError, match=r"offer at least 0\.001000"):
        Client(market.home, "buyer").buyer.open_job(cheap)
    assert main(["job", "plan", *JOB, "--segment-price", "0.001", "--home", str(market.home)]) == 0


def test_a_cap_that_nobody_can_keep_says_how_many_owners_it_takes(
    market: JobMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("job", "open", *JOB, "--cap-bps", "500", "--max-cost", "9", "--as", "buyer")
    assert "60 owners" in refused(market, capsys, *words, code=1)
    with pytest.raises(PlanRefusedError) as refusal:
        Client(market.home, "buyer").buyer.plan_job(JobDraft(**{**DRAFT.__dict__, "cap_bps": 500}))
    assert (refusal.value.owners_needed, refusal.value.owners_available) == (60, 6)


def test_a_worker_that_may_not_work_is_told_why(
    market: JobMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    register = ("worker", "register", "--as", "contributor", "--serve")
    said = refused(market, capsys, *register, "node-a", "--stake", "1")
    assert "below this market's least of 50.000000" in said
    assert "no registered trusted node" in refused(market, capsys, *register, "buyer")
    assert "is not an amount" in refused(market, capsys, *register, "node-a", "--min-fee", "-1")
    poor = ("worker", "register", "--as", "poor", "--serve", "node-a")
    assert "transfer at least 50.000000 more" in refused(market, capsys, *poor)
    again = ("worker", "register", "--as", "worker-a", "--serve", "node-a")
    assert "a worker of this market already" in refused(market, capsys, *again)
    start = ("worker", "start", "--as", "contributor")
    assert "databright worker register" in refused(market, capsys, *start)
    node = market.keys["node-a"].address
    with pytest.raises(BadInputError, match=r"least of 50\.000000"):
        Client(market.home, "contributor").worker.register(
            min_fee=Amount(1), stake=Amount(1), serve=[node]
        )


def test_a_registered_worker_is_ready_and_an_offer_can_be_looked_at(market: JobMarket) -> None:
    assert Client(market.home, "worker-a").worker.check_ready().min_fee == 1_000
    before = state(market)
    owner = Client(market.home, "contributor").worker
    node = market.keys["node-a"].address
    shown = owner.register(min_fee=Amount(2_000), serve=[node], dry_run=True)
    assert [call.function for call in shown.calls] == ["approve", "register", "serve"]
    assert not owner.offer().is_registered
    assert state(market) == before


# -- programs


def description(folder: Path, program: bytes, weights: bytes) -> str:
    (folder / "program.json").write_bytes(program)
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "licence.txt").write_text("CC0")
    record: dict[str, Any] = {
        "title": "Bad program",
        "licence": "CC0-1.0",
        "licence_file": "licence.txt",
        "schema": {"num_features": 64, "num_classes": 10, "low": 0.0, "high": 1.0},
        "program_file": "program.json",
        "weights_file": "weights.safetensors",
        "steps": 1,
        "evaluators": ["node-a", "node-b"],
        "threshold": 1,
        "curators": {"buyer": 1},
    }
    path = folder / "dataset.json"
    path.write_text(json.dumps(record))
    return str(path)


def test_programs_outside_the_list_and_over_the_cap_are_refused(
    market: JobMarket, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program, weights = builder("mlp")((64,), 10, 0)
    text, blob = program_to_json(program).decode(), dump_tensors(weights)
    alien = text.replace("aten.relu.default", "os.system")
    # A batch of 4,096 rows through 32,768 hidden units takes 512 MiB.
    wide, wide_weights = builder("mlp")((64,), 10, 0, hidden=32_768, batch_size=64)
    big = program_to_json(wide).decode().replace('"batch_size":64', '"batch_size":4096')
    for content, held, says in (
        (alien, blob, "os.system"),
        (big, dump_tensors(wide_weights), "268435456"),
    ):
        assert content != text
        path = description(tmp_path, content.encode(), held)
        said = refused(market, capsys, "dataset", "create", "--rules", path, "--as", "buyer")
        assert says in said
    assert json.loads(big)["batch_size"] == 4_096


def test_a_program_is_built_whole_or_not_at_all(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "program"
    words = ["program", "build", "--builder", "mlp", "--input-shape", "64", "--out", str(out)]
    for more, says in (
        (["--classes", "1"], "1 classes"),
        (["--classes", "10", "--set", "hiden=3"], "hidden"),
        (["--classes", "10", "--set", "hidden=9999999"], "are allowed"),
        (["--classes", "10", "--input-shape", "8x"], "no shape of a sample"),
        (["--classes", "10", "--builder", "resnet"], "choose one of"),
    ):
        assert main([*words, *more]) == 2
        assert says in capsys.readouterr().err
        assert not out.exists()
    assert main([*words, "--classes", "10"]) == 0
    kept = (out / "program.json").read_bytes()
    assert kept == program_to_json(builder("mlp")((64,), 10, 0)[0])
    assert main([*words, "--classes", "10", "--seed", "1"]) == 2
    assert "name another folder" in capsys.readouterr().err
    assert (out / "program.json").read_bytes() == kept
    with pytest.raises(ProgramRejectedError):
        builder("mlp")((64,), 10, 0, hidden=9_999_999)


# -- blobs


@contextmanager
def flipped(market: JobMarket, digest: bytes) -> Iterator[str]:
    """A byte of a stored block is flipped for a while; gives the blob's address."""
    cid = market.market.store.cid_of_sha256(digest)  # type: ignore[arg-type]
    assert cid is not None
    (path,) = (market.home / "store" / "blocks").rglob(cid)
    whole = path.read_bytes()
    path.chmod(0o600)
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        yield cid
    finally:
        path.write_bytes(whole)


def test_a_corrupted_blob_is_named_by_whatever_reads_it(
    market: JobMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = market.market.registry
    rules, proposal = registry.dataset(1).rules, registry.proposal(1_000_001)
    opened = ("job", "open", *JOB, "--max-cost", "100", "--as", "buyer")
    for digest, words in (
        (rules.metadata, ("dataset", "show", "1")),
        (rules.metadata, opened),
        (proposal.manifest, ("proposal", "show", "1000001")),
    ):
        with flipped(market, digest) as cid:
            said = refused(market, capsys, *words, code=1)
            assert cid in said
            assert "restore" in said
    client = Client(market.home, "buyer")
    with flipped(market, rules.metadata), pytest.raises(BlobCorruptError):
        client.buyer.open_job(DRAFT)
    with flipped(market, proposal.manifest), pytest.raises(BlobCorruptError):
        client.contributor.manifest(1_000_001)
    assert main(["proposal", "show", "1000001", "--home", str(market.home)]) == 0
    assert "part 1" in capsys.readouterr().out
