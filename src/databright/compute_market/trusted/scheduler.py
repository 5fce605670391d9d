"""The process of a job, from its claim to its settlement, driven by chain and store alone.

A runner keeps nothing that it could not read again: killed at any point, it is started anew, here
or at another admitted node, and goes on where the chain stands.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from databright.chain.bindings import Signer
from databright.chain.market_contracts import MarketContracts
from databright.compute_market.jobs import NUMERIC_CLASS, segment_number
from databright.compute_market.projections import (
    WRONG,
    JobHistory,
    job_of,
)
from databright.compute_market.trusted.assignment import (
    Holding,
    add_shard,
    assign,
    assignment_seed,
    choose,
    owners_needed,
)
from databright.compute_market.trusted.custodian import Custodian
from databright.compute_market.trusted.dispatch import TRAIN, Dispatcher
from databright.compute_market.trusted.ledger import MarketLedger
from databright.compute_market.trusted.material import (
    Material,
    exposure_of,
    holdings_of,
    read_material,
)
from databright.compute_market.trusted.protections import exposure
from databright.compute_market.trusted.receipts import (
    Rejected,
    final_receipt,
    read_void,
    round_receipt,
)
from databright.compute_market.trusted.rounds import Patience, Round, RoundContext
from databright.compute_market.trusted.settlement import (
    Settlement,
    put_blob,
    read_blob,
)
from databright.errors import ChainError, PlanRefusedError
from databright.programs.average import average_weights
from databright.programs.child import ComputeChild
from databright.programs.run import check_weights
from databright.records.signatures import Domain
from databright.records.tensors import Array, dump_tensors, load_tensors
from databright.storage.base import Store
from databright.units import BPS, Address, Digest

_LOG = logging.getLogger(__name__)
_MAX_TENSORS = 1_000
_MAX_WEIGHT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class HubParts:
    """What a hub works with.

    Attributes:
        contracts: the market.
        ledger: reads its events.
        store: the content store.
        signer: the node's key.
        node: its address.
        custodian: opens rows and holdouts.
        dispatcher: the workers.
        make_child: starts a compute child.
        patience: how long to wait for workers.
    """

    contracts: MarketContracts
    ledger: MarketLedger
    store: Store
    signer: Signer
    node: Address
    custodian: Custodian
    dispatcher: Dispatcher
    make_child: Callable[[], ComputeChild]
    patience: Patience

    @property
    def domain(self) -> Domain:
        """Where commitments are signed."""
        deployment = self.contracts.deployment
        return Domain(deployment.chain_id, deployment.addresses["JobEscrow"])


class JobRunner:
    """Carries one job through.

    Args:
        parts: what the hub works with.
        job: job id.
        check: raises when the hub is to stop.
    """

    def __init__(self, parts: HubParts, job: int, check: Callable[[], None]) -> None:
        self._parts = parts
        self._check = check
        self._settlement = Settlement(parts.contracts, parts.ledger, parts.store, parts.signer, job)
        self._seed: Digest | None = None

    def run(self) -> None:
        """Claim the job and work until it is finished.

        Raises:
            NotAuthorisedError: another node has taken it over.
            PlanRefusedError: too few owners for now; nothing is lost, run it again later.
        """
        parts, job = self._parts, self._settlement.job
        history = self._settlement.history()
        epoch = self._settlement.epoch
        if history.hub != (parts.node, epoch):
            epoch = self._settlement.claim()
        material = read_material(parts.contracts, parts.store, parts.custodian, history.opened)
        spec = material.spec
        _LOG.info(
            "job %d: this node is its hub (epoch %d): %d shards, %d rounds, %d replicas",
            job,
            epoch,
            spec.num_shards,
            spec.num_rounds,
            spec.replicas,
        )
        try:
            weights = self._initial(material)
            if not history.reservations:
                self._try(material, weights)
            for number in range(spec.num_rounds):
                self._check()
                weights = self._round(material, number, weights)
            self._finish(material, weights)
        finally:
            parts.dispatcher.drop_job(TRAIN, job)

    # -- rounds

    def _initial(self, material: Material) -> bytes:
        blob = read_blob(self._parts.store, material.spec.weights, _MAX_WEIGHT_BYTES)
        check_weights(material.program, _load(blob))
        return blob

    def _try(self, material: Material, weights: bytes) -> None:
        """Run the program once on a made-up row, before any shard leaves custody.

        Rows that were reserved for a worker count for ever, so a program that every worker would
        refuse must not spend them.
        """
        row = np.zeros((1, material.rows.x_NF.shape[1]), dtype=np.float32)
        with self._parts.make_child() as child:
            child.predict(material.program_json, weights, dump_tensors({"x": row}))

    def _round(self, material: Material, number: int, weights: bytes) -> bytes:
        spec, settlement = material.spec, self._settlement
        history = settlement.history()
        segments = [segment_number(spec, number, shard) for shard in range(spec.num_shards)]
        results: dict[int, bytes] = {
            shard: read_blob(self._parts.store, history.accepted[segment].result)
            for shard, segment in enumerate(segments)
            if segment in history.accepted
        }
        if len(results) < spec.num_shards:
            results.update(self._train(material, number, weights, results))
        after = self._average(material, results)
        _LOG.info("job %d: round %d of %d is done", settlement.job, number + 1, spec.num_rounds)
        return after

    def _train(
        self, material: Material, number: int, weights: bytes, known: Mapping[int, bytes]
    ) -> dict[int, bytes]:
        history = self._fill(material)
        context = RoundContext(
            material=material,
            settlement=self._settlement,
            dispatcher=self._parts.dispatcher,
            domain=self._parts.domain,
            make_child=self._parts.make_child,
            patience=self._parts.patience,
            check=self._check,
            replace=lambda: self._fill(material),
            has_spare=lambda shard: self._has_spare(material, shard),
            barred=self._barred,
        )
        receipts, blobs = Round(context, number, weights, self._rejected(history)).run(history)
        for blob in blobs.values():
            put_blob(self._parts.store, blob)
        after = self._average(material, {**known, **blobs})
        put_blob(self._parts.store, after)
        receipt = round_receipt(
            self._settlement.job,
            self._settlement.epoch,
            number,
            (_digest(weights), _digest(after)),
            receipts,
        )
        self._settlement.accept(
            receipt,
            [
                (one.segment, one.accepted, [report.owner for report in one.results])
                for one in receipts
            ],
        )
        self._parts.dispatcher.drop_job(TRAIN, self._settlement.job)
        return blobs

    def _average(self, material: Material, results: Mapping[int, bytes]) -> bytes:
        shards = range(material.spec.num_shards)
        counts = [len(material.shards[shard]) for shard in shards]
        return dump_tensors(average_weights([_load(results[shard]) for shard in shards], counts))

    def _rejected(self, history: JobHistory) -> dict[int, list[Rejected]]:
        found: dict[int, list[Rejected]] = {}
        for void in history.voids:
            if void.kind == WRONG:
                verdict = read_void(read_blob(self._parts.store, void.evidence))
                found.setdefault(void.segment, []).append(verdict)
        return found

    # -- owners

    def _fill(self, material: Material) -> JobHistory:
        """Reserve owners for every vacant place; the whole assignment when there is none yet."""
        parts, spec = self._parts, material.spec
        jobs = parts.ledger.jobs()
        history = job_of(jobs, self._settlement.job)
        vacant = self._vacant(history, material)
        if not vacant:
            return history
        holdings = holdings_of(parts.contracts, parts.store, material.numbers, history, jobs)
        candidates = self._candidates(history)
        seed, bitmaps = self._assignment_seed(history), material.bitmaps
        wanted: dict[Address, list[int]] = {}
        if not history.reservations:
            chosen = assign(seed, bitmaps, candidates, spec.replicas, material.caps, holdings)
            for shard, owners in enumerate(chosen):
                for owner in owners:
                    wanted.setdefault(owner, []).append(shard)
        else:
            for shard in vacant:
                chosen_one = choose(seed, shard, bitmaps, candidates, holdings, material.caps)
                if chosen_one is None:
                    raise self._too_few(material, shard, candidates)
                held = holdings.get(chosen_one, Holding())
                holdings[chosen_one] = add_shard(held, shard, bitmaps)
                wanted.setdefault(chosen_one, []).append(shard)
        exposure.check_reservation(
            exposure_of(parts.contracts, parts.store, material.numbers, spec.dataset, jobs),
            spec.dataset,
            {
                owner: [material.numbers[material.shards[s]] for s in shards]
                for owner, shards in wanted.items()
            },
            material.caps.total_rows,
            material.caps.dataset_bps,
        )
        self._settlement.reserve(wanted)
        return self._settlement.history()

    def _has_spare(self, material: Material, shard: int) -> bool:
        parts, jobs = self._parts, self._parts.ledger.jobs()
        history = job_of(jobs, self._settlement.job)
        holdings = holdings_of(parts.contracts, parts.store, material.numbers, history, jobs)
        seed, bitmaps = self._assignment_seed(history), material.bitmaps
        candidates = self._candidates(history)
        return choose(seed, shard, bitmaps, candidates, holdings, material.caps) is not None

    def _too_few(
        self, material: Material, shard: int, candidates: list[Address]
    ) -> PlanRefusedError:
        return PlanRefusedError(
            f"job {self._settlement.job}: nobody may take the vacant place on shard {shard} under "
            f"the cap of {material.caps.job_bps} bps: it waits for another worker owner",
            owners_needed=owners_needed(material.spec.replicas, material.caps.job_bps),
            owners_available=len(candidates),
        )

    @staticmethod
    def _vacant(history: JobHistory, material: Material) -> list[int]:
        spec = material.spec
        last = spec.num_rounds - 1
        return [
            shard
            for shard in range(spec.num_shards)
            if segment_number(spec, last, shard) not in history.accepted
            for _ in range(spec.replicas - len(history.active.get(shard, [])))
        ]

    def _barred(self) -> set[Address]:
        return {owner for owner, entry in self._parts.ledger.workers().items() if entry.barred}

    def _candidates(self, history: JobHistory) -> list[Address]:
        """Owners that took work at the seed's block and still do, in order of registration.

        Replacements may be younger than the job; they have to take work and be there now.
        """
        node, price = self._parts.node, history.opened.segment_price
        now = [
            o
            for o, e in self._parts.ledger.workers().items()
            if e.takes_work(node, price, NUMERIC_CLASS)
        ]
        if history.reservations:
            here = set(self._parts.dispatcher.connected())
            return [owner for owner in now if owner in here]
        at_seed = self._parts.ledger.workers(history.opened.block_number + 1)
        return [
            owner
            for owner in now
            if owner in at_seed and at_seed[owner].takes_work(node, price, NUMERIC_CLASS)
        ]

    def _assignment_seed(self, history: JobHistory) -> Digest:
        if self._seed is None:
            header = self._parts.contracts.chain.header(history.opened.block_number + 1)
            if header is None:
                raise ChainError("the block after the funding block is not there yet: try again")
            raw = bytes.fromhex(str(header.hash).removeprefix("0x"))
            self._seed = assignment_seed(raw, self._settlement.job)
        return self._seed

    # -- the end

    def _finish(self, material: Material, weights: bytes) -> None:
        parts = self._parts
        holdout = parts.custodian.holdout_rows(material.spec.request)
        samples = dump_tensors({"x": holdout.x_NF})
        with parts.make_child() as child:
            logits = _load(child.predict(material.program_json, weights, samples))["logits"]
        correct = int((np.argmax(logits, axis=1) == holdout.y_N).sum())
        digest = put_blob(parts.store, weights)
        rounds = self._settlement.history().round_receipts()
        receipt = final_receipt(self._settlement.job, digest, (correct, len(holdout)), rounds)
        self._settlement.finish(digest, correct * BPS // len(holdout), receipt)
        _LOG.info(
            "job %d is finished: %d of %d holdout rows right, weights %s",
            self._settlement.job,
            correct,
            len(holdout),
            digest.hex()[:12],
        )


def _load(blob: bytes) -> dict[str, Array]:
    return load_tensors(blob, max_bytes=_MAX_WEIGHT_BYTES, max_tensors=_MAX_TENSORS)


def _digest(blob: bytes) -> Digest:
    return Digest(hashlib.sha256(blob).digest())
