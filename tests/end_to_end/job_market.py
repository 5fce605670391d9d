"""A market with one dataset on a supervised chain, for tests that run jobs in processes."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from databright.chain.bindings import Event
from databright.compute_market.jobs import JobSpec
from databright.compute_market.projections import JobHistory
from databright.compute_market.trusted.ledger import MarketLedger
from databright.compute_market.trusted.material import bitmap
from databright.compute_market.trusted.runtime import HubRuntime
from databright.config import open_home
from databright.custody.keys import ActorKeys
from databright.data_market.proposals import OwnedRows, ProposalDraft, plan_proposal
from databright.data_market.requests import (
    DatasetDraft,
    RequestDraft,
    plan_dataset,
    plan_request,
)
from databright.data_market.verdicts import VerdictDomain
from databright.programs.average import average_weights
from databright.programs.builders import builder
from databright.programs.child import ComputeChild
from databright.programs.oplist import program_digest, program_to_json
from databright.programs.schedule import batch_indices, shard_rows
from databright.records.evidence import Verdict
from databright.records.rows import Rows, Schema
from databright.records.rules import Rules
from databright.records.tensors import dump_tensors, load_tensors
from databright.records.terms import proposal_id
from databright.units import Address, Amount, BasisPoints, Digest, Seconds
from databright.wiring.hub import make_hub
from databright.wiring.local_market import LocalMarket, Purse
from databright.wiring.node import ensure_registered
from databright.wiring.session import OpenMarket, open_actor, open_market
from databright.wiring.up import enrol

ZERO = Digest(bytes(32))
WORKERS = tuple(f"worker-{letter}" for letter in "abcdef")
NODES = ("node-a", "node-b")
FEE = 1_000
NUM_ROWS, NUM_SHARDS, NUM_ROUNDS, STEPS, SEED = 600, 6, 3, 12, 7
REPLICAS = 3
RESERVE, NODE_FEE, CHAIN_FEE = 20_000, 5_000, 3_000


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 300.0) -> Any:
    """Poll a condition; processes of their own cannot be waited for otherwise."""
    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


class JobMarket:
    """A chain, a deployed market with one dataset, registered nodes and workers.

    No node or worker process runs yet: `local` starts them.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        home.chmod(0o700)
        open_home(home)
        self.local = LocalMarket(home)
        names = ["deployer", "buyer", "contributor", *NODES, *WORKERS]
        self.local.ensure_keys(names)
        self.keys: dict[str, ActorKeys] = {name: self.local.keys(name) for name in names}
        self.signers = {name: self.local.signer(name) for name in names}

    def start(self) -> None:
        addresses = [keys.address for keys in self.keys.values()]
        self.chain = self.local.start_chain(addresses)
        self.local.deploy(self.chain, "deployer", [Purse(n, Amount(10**9)) for n in self.keys])
        self.market: OpenMarket = self.local.market()
        self.ledger = MarketLedger(self.market.contracts)
        for name in NODES:
            ensure_registered(self.market, open_actor(self.home, name))
        for name in WORKERS:
            enrol(self.local, name, Amount(FEE), list(NODES))
        self.open_dataset()

    # -- the market's data

    def send(self, actor: str, plan: Any) -> None:
        plan.send(self.signers[actor], self.market.store.put)

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
        asked = RequestDraft(Seconds(int(self.chain.head().timestamp) + 10**6))
        self.send("buyer", plan_request(registry, buyer, 1, self.holdout, asked))
        for number, part in enumerate((slice(0, 350), slice(350, 600)), start=1):
            self._contribute(number, Rows(self.training.x_NF[part], self.training.y_N[part]))

    def _contribute(self, number: int, rows: Rows) -> None:
        contributor = self.keys["contributor"].address
        draft = ProposalDraft(title=f"part {number}", request=1)
        parts = [OwnedRows(contributor, rows)]
        self.send(
            "contributor",
            plan_proposal(self.market.registry, contributor, 1, parts, draft).plan,
        )
        proposal, contracts = proposal_id(1, number), self.market.contracts
        contracts.curator_token.transact(self.signers["buyer"], "vote", proposal, True)
        self.local.advance_clock(61)
        committed = contracts.terms.of(proposal)
        verdict = Verdict(
            proposal, Digest(committed.word), number - 1, 1, 0, 0, 1_000, Digest(b"\1" * 32)
        )
        domain = VerdictDomain(self.chain.chain_id, contracts.verdicts.address)
        signed = domain.sign(verdict, "measured", self.keys["node-a"].account_key)
        terms = astuple(committed.terms)
        contracts.verdicts.transact(
            self.signers["contributor"],
            "execute",
            terms,
            verdict.to_struct(),
            [signed.signature],
            0,
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
            replicas=REPLICAS,
            cap_bps=BasisPoints(7_500),
            request=1,
        )
        blob = spec.to_json()
        self.market.store.put(blob)
        contracts, signer = self.market.contracts, self.signers["buyer"]
        contracts.token.transact(signer, "approve", contracts.escrow.address, 10**8)
        digest = hashlib.sha256(blob).digest()
        lines = (FEE, RESERVE, NODE_FEE, CHAIN_FEE, 100, 60)
        numbers = (NUM_SHARDS, num_rounds, REPLICAS, 7_500, *lines)
        contracts.escrow.transact(signer, "open_job", (1, 2, spec.program, digest, *numbers))
        return int(contracts.escrow.call("num_jobs"))

    def history(self, job: int) -> JobHistory:
        return self.ledger.jobs()[job]

    def serial_weights(self, num_rounds: int = NUM_ROUNDS) -> str:
        """The whole job redone in one process, without hub or workers."""
        shards = shard_rows(NUM_ROWS, NUM_SHARDS, SEED)
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

    def end(self, name: str) -> None:
        """kill -9 of a process that stays away."""
        self.local.supervisor.remove(name, grace_s=0)

    def kill(self, name: str) -> None:
        """kill -9 of a process that its supervisor starts again."""
        assert self.local.supervisor.kill(name) is not None, f"{name} was down already"

    def hub(self, name: str) -> HubRuntime:
        return make_hub(open_market(self.home), open_actor(self.home, name))

    # -- what has to hold

    def events_of(self, job: int, name: str) -> list[Event]:
        events = self.market.contracts.events()
        return [event for event in events if event.name == name and event.args.get("job") == job]

    def check_paid_once(self, job: int, num_rounds: int = NUM_ROUNDS) -> set[Address]:
        """Each replica of each segment is paid by one event; who was paid."""
        paid = [(e.args["segment"], e.args["owner"]) for e in self.events_of(job, "SegmentPaid")]
        assert len(paid) == len(set(paid)) == NUM_SHARDS * num_rounds * REPLICAS
        segments = Counter(segment for segment, _ in paid)
        assert segments == dict.fromkeys(range(NUM_SHARDS * num_rounds), REPLICAS)
        return {owner for _, owner in paid}

    def check_exposure(self, job: int) -> None:
        shards = [bitmap(rows) for rows in shard_rows(NUM_ROWS, NUM_SHARDS, SEED)]
        for name in WORKERS:
            seen = 0
            for shard in self.history(job).shards_of(self.keys[name].address):
                seen |= shards[shard]
            assert seen.bit_count() * 10_000 <= 7_500 * NUM_ROWS
