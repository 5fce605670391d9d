"""A whole job: real chain, real contracts, a node, and workers as processes of their own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from databright.compute_market.trusted.settlement import read_blob
from databright.errors import NotAuthorisedError
from databright.programs.child import ComputeChild
from databright.programs.oplist import program_to_json
from databright.records.signatures import Domain, prediction_message, sign
from databright.records.tensors import dump_tensors
from databright.transport.client import predict
from databright.transport.hub import split_endpoint
from databright.transport.tls import TlsIdentity
from databright.units import Address, Digest
from tests.end_to_end.job_market import FEE, NUM_SHARDS, WORKERS, JobMarket, wait_until

LIAR = "worker-c"
FIRST_JOB = 1


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobMarket]:
    """A market whose first job has ended; one of its six workers lied in it."""
    made = JobMarket(tmp_path_factory.mktemp("jobs"))
    try:
        made.start()
        for name in WORKERS:
            made.local.start_worker(name, fault="wrong-weights" if name == LIAR else None)
        job = made.open_job()
        hub = made.hub("node-a")
        hub.start()
        try:
            wait_until(lambda: made.history(job).closed, "the end of the job")
        finally:
            hub.stop()
        yield made
    finally:
        made.local.stop()


def test_a_job_is_trained_by_processes_of_six_owners_and_the_liar_alone_is_slashed(
    market: JobMarket,
) -> None:
    history = market.history(FIRST_JOB)
    assert history.weights is not None
    assert history.weights.hex() == market.serial_weights()
    liar = market.keys[LIAR].address
    wrong = {void.owner for void in history.voids if void.kind == 1}
    assert wrong == {liar}
    assert market.market.contracts.workers.call("is_barred", liar)
    assert liar not in market.check_paid_once(FIRST_JOB)
    market.check_exposure(FIRST_JOB)


def has_progress(market: JobMarket, job: int, segments: int) -> bool:
    return len(market.history(job).accepted) >= segments


def test_a_job_survives_kill_9_of_a_worker_and_of_the_node(market: JobMarket) -> None:
    rounds = 12
    job = market.open_job(rounds)
    market.local.start_node("node-a")
    wait_until(lambda: has_progress(market, job, NUM_SHARDS), "the first round")
    market.kill("worker-a")
    market.kill("node-a")
    wait_until(lambda: has_progress(market, job, 5 * NUM_SHARDS), "the fifth round")
    market.kill("node-a")
    wait_until(lambda: market.history(job).closed, "the end of the job")
    market.end("node-a")
    history = market.history(job)
    assert history.weights is not None
    assert history.weights.hex() == market.serial_weights(rounds)
    assert not history.voids
    market.check_paid_once(job, rounds)
    market.check_exposure(job)


def test_a_second_operator_finishes_from_chain_store_and_its_own_key(
    market: JobMarket, tmp_path: Path
) -> None:
    rounds = 12
    job = market.open_job(rounds)
    market.local.start_node("node-a")
    market.local.start_node("node-b")
    wait_until(lambda: has_progress(market, job, NUM_SHARDS), "the first round")
    market.end("node-a")
    shutil.rmtree(market.home / "nodes" / "node-a", ignore_errors=True)
    keys = shutil.move(market.home / "keys" / "node-a", tmp_path / "away")
    assert not market.history(job).closed
    market.local.advance_clock(61)
    wait_until(lambda: market.history(job).closed, "the end of the job")
    market.end("node-b")
    shutil.move(keys, market.home / "keys" / "node-a")
    history = market.history(job)
    assert history.hub is not None
    assert history.hub[0] == market.keys["node-b"].address
    assert history.weights is not None
    assert history.weights.hex() == market.serial_weights(rounds)
    market.check_paid_once(job, rounds)


def test_a_paid_prediction_is_computed_by_a_worker_and_checked_by_the_node(
    market: JobMarket,
) -> None:
    contracts, buyer = market.market.contracts, market.signers["buyer"]
    card = b"{}"
    market.market.store.put(card)
    digest = hashlib.sha256(card).digest()
    contracts.models.transact(buyer, "register", FIRST_JOB, digest, digest, 10_000)
    samples = dump_tensors({"x": market.holdout.x_NF[:5]})
    asked = Digest(hashlib.sha256(samples).digest())
    contracts.token.transact(buyer, "approve", contracts.predictions.address, 10_000)
    contracts.predictions.transact(buyer, "request_prediction", 1, asked, 10_000)
    hub = market.hub("node-b")
    hub.start()
    try:
        wait_until(lambda: len(hub.connected()) == len(WORKERS) - 1, "the honest workers")
        domain = Domain(market.chain.chain_id, contracts.predictions.address)
        certificate = TlsIdentity(
            market.keys["node-b"].tls_key_pem, market.keys["node-b"].tls_certificate_pem
        ).cert_der
        target = split_endpoint(hub.endpoint)[1]

        def ask(name: str) -> tuple[bytes, Address]:
            message = prediction_message(1, asked)
            signature = sign(market.keys[name].account(), domain, message)
            return predict(target, certificate, prediction=1, samples=samples, signature=signature)

        with pytest.raises(NotAuthorisedError, match="signed by"):
            ask("contributor")
        output, worker = ask("buyer")
        assert ask("buyer") == (output, worker)
    finally:
        hub.stop()
    weights = market.history(FIRST_JOB).weights
    assert weights is not None
    with ComputeChild() as child:
        blob = read_blob(market.market.store, weights)
        assert output == child.predict(program_to_json(market.program), blob, samples)
    assert contracts.predictions.call("credit_of", worker) == FEE
