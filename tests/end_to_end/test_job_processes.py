"""A whole job: real chain, real contracts, a node, and workers as processes of their own."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from databright.chain.bindings import Artifact, Signer, deploy
from databright.chain.devnet import launcher
from databright.chain.ethereum import connect
from databright.compute_market.jobs import NUMERIC_CLASS, JobSpec
from databright.compute_market.projections import JobHistory
from databright.compute_market.trusted.ledger import MarketLedger
from databright.compute_market.trusted.material import bitmap
from databright.compute_market.trusted.rounds import Patience
from databright.compute_market.trusted.runtime import HubRuntime
from databright.compute_market.trusted.settlement import read_blob
from databright.contracts import deployment_plan
from databright.custody.keys import ActorKeys, Keystore
from databright.data_market.proposals import ProposalDraft, plan_proposal
from databright.data_market.requests import DatasetDraft, plan_dataset, plan_request
from databright.data_market.verdicts import VerdictDomain
from databright.errors import NotAuthorisedError
from databright.programs.average import average_weights
from databright.programs.builders import builder
from databright.programs.child import ComputeChild
from databright.programs.oplist import program_digest, program_to_json
from databright.programs.schedule import batch_indices, shard_rows
from databright.records.datasets import Rules
from databright.records.deployment import Deployment
from databright.records.evidence import Verdict
from databright.records.rows import Rows, Schema
from databright.records.signatures import Domain, prediction_message, sign
from databright.records.tensors import dump_tensors, load_tensors
from databright.transport.client import predict
from databright.transport.hub import split_endpoint
from databright.transport.tls import TlsIdentity
from databright.units import Address, Amount, BasisPoints, Digest, Seconds
from databright.wiring.hub import make_hub
from databright.wiring.session import Actor, OpenMarket, open_actor, open_market

ZERO = Digest(bytes(32))
WORKERS = tuple(f"worker-{letter}" for letter in "abcdef")
LIAR = "worker-c"
NODES = ("node-a", "node-b")
STAKE, FEE = 50_000_000, 1_000
NUM_SHARDS, NUM_ROUNDS, STEPS, SEED = 6, 3, 12, 7


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
    """Poll a condition; processes of their own cannot be waited for otherwise."""
    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


class JobMarket:
    """A chain, a deployed market with one dataset, and worker processes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.devnet: Any = None
        self.keystore = Keystore(home / "keys")
        names = ["deployer", "buyer", "contributor", *NODES, *WORKERS]
        self.keys: dict[str, ActorKeys] = {
            name: self.keystore.create(name, insecure=True) for name in names
        }
        self.signers = {name: Signer(keys.account()) for name, keys in self.keys.items()}

    def start(self) -> None:
        self._start_chain()
        self._deploy()
        self.market: OpenMarket = open_market(self.home)
        self.ledger = MarketLedger(self.market.contracts)
        self.register_nodes()
        self.register_workers()
        self.open_dataset()

    # -- chain

    def _start_chain(self) -> None:
        funded = {keys.address: 10**22 for keys in self.keys.values()}
        self.devnet = launcher.start(self.home / "chain", funded)
        record = self.devnet.record
        self.chain = connect(record.rpc_url, record.chain_id, record.genesis_hash)

    def advance(self, seconds: int) -> None:
        self.devnet.advance_clock(seconds)

    def _deploy(self) -> None:
        owner = self.keys["deployer"].address
        holders = [k.address for k in self.keys.values()]
        plan = deployment_plan(owner, 0, holders, [Amount(10**9)] * len(holders), Amount(STAKE))
        addresses, block = {}, 0
        for name, arguments in plan:
            address, receipt = deploy(
                self.chain, self.signers["deployer"], Artifact.load(name), *arguments
            )
            addresses[name], block = address, block or receipt.block_number
        record = self.devnet.record
        Deployment(record.rpc_url, record.chain_id, record.genesis_hash, addresses, block).save(
            self.home
        )

    # -- the market's data

    def send(self, actor: str, plan: Any) -> None:
        plan.send(self.signers[actor], self.market.store.put)

    def register_nodes(self) -> None:
        for name in NODES:
            keys = self.keys[name]
            identity = TlsIdentity(keys.tls_key_pem, keys.tls_certificate_pem)
            self.market.store.put(identity.cert_der)
            self.market.store.put(keys.hpke_public_key)
            hpke = hashlib.sha256(keys.hpke_public_key).digest()
            self.market.contracts.workers.transact(
                self.signers[name], "register_node", identity.pin, hpke, ""
            )

    def register_workers(self) -> None:
        contracts = self.market.contracts
        nodes = [self.keys[name].address for name in NODES]
        for name in WORKERS:
            keys, signer = self.keys[name], self.signers[name]
            identity = TlsIdentity(keys.tls_key_pem, keys.tls_certificate_pem)
            contracts.token.transact(signer, "approve", contracts.workers.address, STAKE)
            contracts.workers.transact(signer, "register", FEE, identity.pin, NUMERIC_CLASS, STAKE)
            contracts.workers.transact(signer, "serve", nodes)

    def open_dataset(self) -> None:
        x_NF, y_N = load_digits(return_X_y=True)
        rows = Rows((x_NF / 16).astype(np.float32), y_N.astype(np.int64))
        self.training = Rows(rows.x_NF[:600], rows.y_N[:600])
        self.holdout = Rows(rows.x_NF[600:900], rows.y_N[600:900])
        self.program, weights = builder("mlp")((64,), 10, SEED, hidden=32)
        self.weights = dump_tensors(weights)
        nodes = tuple(self.keys[name].address for name in NODES)
        rules = Rules(
            metadata=ZERO,
            schema=ZERO,
            licence=ZERO,
            closes_at=Seconds(0),
            quorum_bps=BasisPoints(1),
            voting_period=Seconds(60),
            bond=Amount(1000),
            evaluation_fee=Amount(100),
            mint_cap=10**9,
            epoch_length=Seconds(10**6),
            price_per_use=Amount(5_000),
            prediction_bps=BasisPoints(5_000),
            max_exposure_bps=BasisPoints(7_500),
            a_bps=BasisPoints(10_000),
            threshold=1,
            evaluators=nodes,
            nodes=nodes,
            curators=(self.keys["buyer"].address,),
            weights=(100,),
        )
        draft = DatasetDraft(
            title="digits",
            description="",
            licence="CC0-1.0",
            licence_text="public domain",
            schema=Schema(64, 10, 0.0, 1.0),
            program=program_to_json(self.program),
            weights=self.weights,
            steps=10,
            rules=rules,
        )
        registry = self.market.registry
        buyer = self.keys["buyer"].address
        self.send("buyer", plan_dataset(registry, draft))
        deadline = Seconds(int(self.chain.head().timestamp) + 10**6)
        self.send("buyer", plan_request(registry, buyer, 1, self.holdout, deadline=deadline))
        for proposal, part in enumerate((slice(0, 350), slice(350, 600)), start=1):
            self._contribute(proposal, Rows(self.training.x_NF[part], self.training.y_N[part]))

    def _contribute(self, proposal: int, rows: Rows) -> None:
        contributor = self.keys["contributor"].address
        draft = ProposalDraft(title=f"part {proposal}", request=1)
        plan = plan_proposal(self.market.registry, contributor, 1, rows, draft)
        self.send("contributor", plan)
        association = self.market.contracts.association
        association.transact(self.signers["buyer"], "vote", proposal, True)
        self.advance(61)
        verdict = Verdict(proposal, proposal - 1, 1, 0, 0, 1_000, Digest(b"\1" * 32))
        domain = VerdictDomain(self.chain.chain_id, association.address)
        signed = domain.sign(verdict, "measured", self.keys["node-a"].account_key)
        values = (verdict.base, 1, 0, 0, verdict.amount, verdict.evidence)
        association.transact(
            self.signers["contributor"], "execute", proposal, values, [signed.signature]
        )

    # -- jobs

    def open_job(self, num_rounds: int = NUM_ROUNDS) -> int:
        spec = JobSpec(
            dataset=1,
            snapshot=2,
            program=program_digest(self.program),
            weights=Digest(hashlib.sha256(self.weights).digest()),
            seed=SEED,
            num_shards=NUM_SHARDS,
            num_rounds=num_rounds,
            steps=STEPS,
            replicas=3,
            cap_bps=BasisPoints(7_500),
            request=1,
        )
        blob = spec.to_json()
        self.market.store.put(blob)
        contracts, signer = self.market.contracts, self.signers["buyer"]
        contracts.token.transact(signer, "approve", contracts.escrow.address, 10**8)
        digest = hashlib.sha256(blob).digest()
        numbers = (NUM_SHARDS, num_rounds, 3, 7_500, FEE, 20_000, 5_000, 3_000, 100, 60)
        contracts.escrow.transact(signer, "open_job", (1, 2, spec.program, digest, *numbers))
        return int(contracts.escrow.call("num_jobs"))

    def history(self, job: int) -> JobHistory:
        return self.ledger.jobs()[job]

    def serial_weights(self, num_rounds: int = NUM_ROUNDS) -> str:
        """The whole job redone in one process, without hub or workers."""
        shards = shard_rows(600, NUM_SHARDS, SEED)
        weights = self.weights
        with ComputeChild() as child:
            for number in range(num_rounds):
                results = []
                for shard, rows in enumerate(shards):
                    data: dict[str, Any] = {
                        "x": self.training.x_NF[rows],
                        "y": self.training.y_N[rows],
                    }
                    plan = batch_indices(
                        len(rows), STEPS, self.program.batch_size, SEED, shard, number
                    )
                    results.append(
                        child.train(
                            program_to_json(self.program),
                            weights,
                            dump_tensors(data),
                            dump_tensors({"batches": plan}),
                        )
                    )
                loaded = [load_tensors(r, max_bytes=1 << 26, max_tensors=99) for r in results]
                weights = dump_tensors(average_weights(loaded, [len(rows) for rows in shards]))
        return hashlib.sha256(weights).hexdigest()

    # -- processes

    def spawn(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        log = self.home / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.processes[name] = process
        return process

    def spawn_worker(self, name: str, *more: str) -> None:
        module = [sys.executable, "-m", "databright.wiring.worker"]
        where = ["--home", str(self.home), "--name", name, "--insecure-keys"]
        self.spawn(name, [*module, *where, *more])

    def spawn_node(self, name: str) -> None:
        module = [sys.executable, "-m", "databright.wiring.node"]
        self.spawn(name, [*module, "--home", str(self.home), "--name", name, "--insecure-keys"])

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        if self.devnet is not None:
            self.devnet.kill()

    def hub(self, name: str, lease_timeout_s: float = 60.0) -> HubRuntime:
        actor: Actor = open_actor(self.home, name)
        market = open_market(self.home)
        patience = Patience(lease_timeout_s=lease_timeout_s)
        return make_hub(market, actor, patience=patience)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobMarket]:
    made = JobMarket(tmp_path_factory.mktemp("jobs"))
    try:
        made.start()
        for name in WORKERS:
            made.spawn_worker(name, *(("--fault", "wrong-weights") if name == LIAR else ()))
        yield made
    finally:
        made.stop()


def test_a_job_is_trained_by_processes_of_six_owners_and_the_liar_alone_is_slashed(
    market: JobMarket,
) -> None:
    job = market.open_job()
    hub = market.hub("node-a")
    hub.start()
    try:
        wait_until(lambda: market.history(job).closed, "the end of the job", 60)
    finally:
        hub.stop()
    history = market.history(job)
    assert history.weights is not None
    assert history.weights.hex() == market.serial_weights()
    liar = market.keys[LIAR].address
    wrong = {void.owner for void in history.voids if void.kind == 1}
    assert wrong == {liar}
    assert market.market.contracts.workers.call("is_barred", liar)
    paid = [
        event
        for event in market.market.contracts.events()
        if event.name == "SegmentPaid" and event.args["job"] == job
    ]
    assert len(paid) == NUM_SHARDS * NUM_ROUNDS * 3
    assert liar not in {event.args["owner"] for event in paid}
    check_exposure(market, history)


def check_exposure(market: JobMarket, history: JobHistory) -> None:
    shards = [bitmap(rows) for rows in shard_rows(600, NUM_SHARDS, SEED)]
    for name in WORKERS:
        seen = 0
        for shard in history.shards_of(market.keys[name].address):
            seen |= shards[shard]
        assert seen.bit_count() * 10_000 <= 7_500 * 600


def check_paid_once(market: JobMarket, job: int, num_rounds: int) -> None:
    paid = [
        (event.args["segment"], event.args["owner"])
        for event in market.market.contracts.events()
        if event.name == "SegmentPaid" and event.args["job"] == job
    ]
    assert len(paid) == len(set(paid)) == NUM_SHARDS * num_rounds * 3


def has_progress(market: JobMarket, job: int, segments: int) -> bool:
    return len(market.history(job).accepted) >= segments


def test_a_job_survives_kill_9_of_a_worker_and_of_the_node(market: JobMarket) -> None:
    rounds = 12
    job = market.open_job(rounds)
    market.spawn_node("node-a")
    wait_until(lambda: has_progress(market, job, NUM_SHARDS), "the first round")
    market.kill("worker-a")
    market.kill("node-a")
    market.spawn_worker("worker-a")
    market.spawn_node("node-a")
    wait_until(lambda: has_progress(market, job, 5 * NUM_SHARDS), "the fifth round")
    market.kill("node-a")
    market.spawn_node("node-a")
    wait_until(lambda: market.history(job).closed, "the end of the job")
    market.kill("node-a")
    history = market.history(job)
    assert history.weights is not None
    assert history.weights.hex() == market.serial_weights(rounds)
    assert not history.voids
    check_paid_once(market, job, rounds)
    check_exposure(market, history)


def test_a_second_operator_finishes_from_chain_store_and_its_own_key(market: JobMarket) -> None:
    rounds = 12
    job = market.open_job(rounds)
    market.spawn_node("node-a")
    market.spawn_node("node-b")
    wait_until(lambda: has_progress(market, job, NUM_SHARDS), "the first round")
    market.kill("node-a")
    shutil.rmtree(market.home / "keys" / "node-a")
    shutil.rmtree(market.home / "nodes" / "node-a", ignore_errors=True)
    assert not market.history(job).closed
    market.advance(61)
    wait_until(lambda: market.history(job).closed, "the end of the job")
    market.kill("node-b")
    history = market.history(job)
    assert history.hub is not None
    assert history.hub[0] == market.keys["node-b"].address
    assert history.weights is not None
    assert history.weights.hex() == market.serial_weights(rounds)
    check_paid_once(market, job, rounds)


def test_a_paid_prediction_is_computed_by_a_worker_and_checked_by_the_node(
    market: JobMarket,
) -> None:
    contracts, buyer = market.market.contracts, market.signers["buyer"]
    card = b"{}"
    market.market.store.put(card)
    digest = hashlib.sha256(card).digest()
    contracts.models.transact(buyer, "register", 1, digest, digest, 10_000)
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
    weights = market.history(1).weights
    assert weights is not None
    with ComputeChild() as child:
        blob = read_blob(market.market.store, weights)
        assert output == child.predict(program_to_json(market.program), blob, samples)
    assert contracts.predictions.call("credit_of", worker) == FEE
