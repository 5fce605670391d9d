"""The second half of the story: a funded job, verified work, a model, a paid prediction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from databright.chain.bindings import Event
from databright.compute_market.jobs import JobSpec
from databright.compute_market.offers import JobPlan, plan_job
from databright.custody.blobs import read_blob, sha256
from databright.errors import ChainError, PlanRefusedError
from databright.model_market import payments
from databright.model_market import registry as models
from databright.programs.oplist import program_digest
from databright.records.signatures import Domain, prediction_message, sign
from databright.records.tensors import dump_tensors, load_tensors
from databright.transport.client import predict
from databright.transport.hub import split_endpoint
from databright.transport.tls import MAX_CERTIFICATE_BYTES
from databright.units import Amount, BasisPoints, Digest
from databright.wiring.demo.play import CAP_BPS, REFUSED_BPS, Stage, demo_program
from databright.wiring.local_market import wait_until

NUM_SHARDS = 6
NUM_ROUNDS = 8
STEPS = 50
REPLICAS = 3
NODE_FEE = Amount(500_000)
CHAIN_FEE = Amount(300_000)
CHAIN_PRICE = Amount(2_000)
SILENCE_S = 600
MODEL_PRICE = Amount(30_001)
_JOB_S = 420.0
_MAX_OUTPUT_BYTES = 1 << 20


@dataclass(frozen=True)
class Refused:
    """A plan that cannot keep its cap.

    Attributes:
        cap_bps: the cap that was asked for.
        owners_needed: owners that it would take.
        owners_available: owners that there are.
    """

    cap_bps: int
    owners_needed: int
    owners_available: int


def refused_plan(stage: Stage) -> Refused:
    """Ask for a job at the papers' cap of 5 %, which six owners cannot keep.

    Args:
        stage: the stage.

    Returns:
        Why it was refused.

    Raises:
        ChainError: it was not refused.
    """
    try:
        _plan(stage, REFUSED_BPS)
    except PlanRefusedError as refusal:
        stage.say(f"A plan at {REFUSED_BPS} bps is refused: {refusal}")
        return Refused(REFUSED_BPS, refusal.owners_needed, refusal.owners_available)
    raise ChainError(f"a plan at {REFUSED_BPS} bps was not refused")


def _plan(stage: Stage, cap_bps: BasisPoints) -> JobPlan:
    return plan_job(
        stage.open.contracts,
        dataset=stage.dataset,
        num_shards=NUM_SHARDS,
        num_rounds=NUM_ROUNDS,
        replicas=REPLICAS,
        cap_bps=cap_bps,
        node_fee=NODE_FEE,
        chain_fee=CHAIN_FEE,
    )


def open_job(stage: Stage) -> int:
    """The developer funds a training job.

    Args:
        stage: the stage.

    Returns:
        Job id.
    """
    plan = _plan(stage, CAP_BPS)
    stage.say(
        f"A plan at {CAP_BPS} bps holds: {plan.owners_needed} owners needed, {plan.spares} to "
        f"spare. Data {plan.data_fee}, compute {plan.compute} + reserve {plan.reserve}, node "
        f"{plan.node_fee}, chain {plan.chain_fee}: {plan.total} base units."
    )
    program, weights = demo_program()
    contracts, store = stage.open.contracts, stage.open.store
    spec = JobSpec(
        dataset=stage.dataset,
        snapshot=plan.snapshot,
        program=program_digest(program),
        weights=Digest(hashlib.sha256(weights).digest()),
        seed=stage.cast.seed,
        num_shards=NUM_SHARDS,
        num_rounds=NUM_ROUNDS,
        steps=STEPS,
        replicas=REPLICAS,
        cap_bps=CAP_BPS,
        request=stage.request,
    )
    blob = spec.to_json()
    store.put(weights)
    store.put(blob)
    struct = (
        spec.dataset,
        spec.snapshot,
        bytes(spec.program),
        hashlib.sha256(blob).digest(),
        NUM_SHARDS,
        NUM_ROUNDS,
        REPLICAS,
        CAP_BPS,
        plan.segment_price,
        plan.reserve,
        NODE_FEE,
        CHAIN_FEE,
        CHAIN_PRICE,
        SILENCE_S,
    )
    stage.transact("developer", contracts.token, "approve", contracts.escrow.address, plan.total)
    stage.transact("developer", contracts.escrow, "open_job", struct)
    return int(contracts.escrow.call("num_jobs"))


def await_job(stage: Stage, job: int) -> None:
    """Follow a job to its end, and tell of rounds and rejected results.

    Args:
        stage: the stage.
        job: its id.
    """
    contracts = stage.open.contracts
    names = {address: name for name, address in stage.addresses.items()}
    told = {"accepted": 0, "voided": 0}

    def escrow_events() -> list[Event]:
        head = contracts.chain.head().number
        logs = contracts.chain.logs(contracts.deployment.block, head, [contracts.escrow.address])
        return [e for e in contracts.escrow.events(logs) if e.args.get("job") == job]

    def finished() -> bool:
        events = escrow_events()
        voided = [e for e in events if e.name == "Voided" and e.args["kind"] == 1]
        for event in voided[told["voided"] :]:
            stage.say(
                f"Segment {event.args['segment']}: {names.get(event.args['owner'])} returned wrong "
                f"weights; two re-runs agree against it; {event.args['slashed']} slashed."
            )
        told["voided"] = len(voided)
        accepted = sum(1 for e in events if e.name == "SegmentAccepted")
        if accepted // NUM_SHARDS > told["accepted"] // NUM_SHARDS:
            stage.say(f"{accepted} of {NUM_SHARDS * NUM_ROUNDS} segments accepted.")
        told["accepted"] = accepted
        return any(e.name == "JobFinished" for e in events)

    wait_until(finished, f"the end of job {job}", timeout_s=_JOB_S, poll_s=0.25)
    end = next(e for e in escrow_events() if e.name == "JobFinished")
    stage.say(
        f"Job {job} is finished: {end.args['metric_bps'] / 100:.2f} % right on the holdout, "
        f"weights {bytes(end.args['weights']).hex()[:16]}…"
    )


def sell_prediction(stage: Stage, job: int) -> int:
    """The developer lists the model; a customer buys a prediction.

    Args:
        stage: the stage.
        job: the finished job.

    Returns:
        Prediction id.
    """
    plan = models.plan_registration(
        stage.open.contracts,
        stage.addresses["developer"],
        job,
        title="Digits",
        description="Reads handwritten digits.",
        price=MODEL_PRICE,
    )
    stage.send("developer", plan)
    model = models.num_models(stage.open.contracts)
    stage.say(f"The developer lists model {model} at {MODEL_PRICE} base units a prediction.")
    x_NF = np.ascontiguousarray(stage.cast.holdout.x_NF[:1])
    paid, logits_NK = _buy(stage, model, dump_tensors({"x": x_NF}))
    digit = int(np.argmax(logits_NK[0]))
    stage.say(
        f"A customer pays for a prediction: the picture shows a {digit} "
        f"(it was a {int(stage.cast.holdout.y_N[0])})."
    )
    return paid


def _buy(stage: Stage, model: int, samples: bytes) -> tuple[int, NDArray[np.float32]]:
    contracts = stage.open.contracts
    keys = stage.market.keys("customer")
    plan = payments.plan_prediction(contracts, keys.address, model, samples, MODEL_PRICE)
    stage.send("customer", plan)
    paid = int(contracts.predictions.call("num_predictions"))
    domain = Domain(contracts.chain.chain_id, contracts.predictions.address)
    message = prediction_message(paid, sha256(samples))
    node = stage.addresses[stage.cast.nodes[0]]
    pin, _, endpoint = contracts.workers.call("node", node)
    certificate = read_blob(stage.open.store, Digest(bytes(pin)), MAX_CERTIFICATE_BYTES)
    output, _ = predict(
        split_endpoint(endpoint)[1],
        certificate,
        prediction=paid,
        samples=samples,
        signature=sign(keys.account(), domain, message),
    )
    logits = load_tensors(output, max_bytes=_MAX_OUTPUT_BYTES, max_tensors=1)["logits"]
    return paid, logits
