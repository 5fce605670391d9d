"""What a buyer does: plan and fund jobs, pay predictions."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from databright.chain.structs import digest_of, fields_of, int_of, values_of
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.client.jobs import STATUSES, Job, JobDraft
from databright.client.writing import Desk, Made, Written
from databright.compute_market.jobs import JobSpec
from databright.compute_market.offers import JobPlan, plan_job
from databright.custody.blobs import read_blob, sha256
from databright.data_market.takedown import check_whole
from databright.errors import BadInputError, ProtocolError, StorageError, UnknownEntityError
from databright.model_market.payments import (
    OPEN,
    Prediction,
    plan_prediction,
    plan_prediction_refund,
    prediction,
)
from databright.model_market.registry import model
from databright.records.rows import Schema
from databright.records.signatures import Domain, prediction_message, sign
from databright.records.tensors import dump_tensors, load_tensors
from databright.transport.client import predict
from databright.transport.hub import split_endpoint
from databright.transport.tls import MAX_CERTIFICATE_BYTES
from databright.units import Address, Amount, in_tokens

_MAX_OUTPUT_BYTES: Final = 64 << 20
_JOB = (
    "buyer", "spec", "data_fee", "compute_left", "reserve_left", "chain_left", "pot", "pot_held",
    "reserve_held", "buyer_due", "hub", "epoch", "claimed_at", "last_active", "accepted",
    "status", "weights", "metric_bps", "funded_at",
)  # fmt: skip
_SPEC = (
    "dataset", "snapshot", "program", "spec", "num_shards", "num_rounds", "replicas", "cap_bps",
    "segment_price", "reserve", "node_fee", "chain_fee", "chain_price", "silence",
)  # fmt: skip
_NODE = ("tls_pin", "hpke_key", "endpoint")


class BuyerView:
    """Jobs and paid predictions.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._contracts = desk.market.contracts
        self._me = desk.actor.address

    def plan_job(self, draft: JobDraft) -> JobPlan:
        """What a job would cost and who would see what.

        Args:
            draft: the job.

        Returns:
            The four money lines, the owners needed and there, the exposure.

        Raises:
            PlanRefusedError: the exposure cap cannot be kept with the owners there are.
            UnknownEntityError: no such dataset or request.
            BadInputError: the request is of another dataset, its holdout is retired, the snapshot
                held what was taken down since, or the segment price is below the owners' fees.
        """
        self._check_request(draft)
        if draft.snapshot is not None:
            check_whole(self._desk.market.registry, draft.dataset, draft.snapshot)
        return plan_job(
            self._contracts,
            dataset=draft.dataset,
            snapshot=draft.snapshot,
            num_shards=draft.num_shards,
            num_rounds=draft.num_rounds,
            replicas=draft.replicas,
            cap_bps=draft.cap_bps,
            segment_price=draft.segment_price,
            node_fee=draft.node_fee,
            chain_fee=draft.chain_fee,
        )

    def open_job(self, draft: JobDraft, *, dry_run: bool = False) -> Written:
        """Fund a job.

        Args:
            draft: the job.
            dry_run: show only.

        Returns:
            What was done, with the job's id.

        Raises:
            PlanRefusedError: the exposure cap cannot be kept.
            UnknownEntityError: no such dataset or request.
            BadInputError: too little money, or a segment price below the owners' fees.
        """
        plan = self.plan_job(draft)
        card = self._desk.market.registry.card(
            self._desk.market.registry.dataset(draft.dataset).rules
        )
        spec = JobSpec(
            dataset=plan.dataset,
            snapshot=plan.snapshot,
            program=draft.program or card.program,
            weights=draft.weights or card.weights,
            seed=draft.seed,
            num_shards=plan.num_shards,
            num_rounds=plan.num_rounds,
            steps=draft.steps,
            replicas=plan.replicas,
            cap_bps=plan.cap_bps,
            request=draft.request,
        )
        blob = spec.to_json()
        check_money(self._contracts.token, self._me, plan.total, "the job")
        struct = (
            plan.dataset, plan.snapshot, spec.program, sha256(blob), plan.num_shards,
            plan.num_rounds, plan.replicas, plan.cap_bps, plan.segment_price, plan.reserve,
            plan.node_fee, plan.chain_fee, draft.chain_price, draft.silence_s,
        )  # fmt: skip
        call = Call(
            self._contracts.escrow,
            "open_job",
            (struct,),
            f"fund a job on dataset {plan.dataset} with {in_tokens(plan.total)}",
        )
        allow = approval(self._contracts.token, self._me, self._contracts.escrow, plan.total)
        made = Made(self._contracts.escrow, "JobOpened", "job")
        return self._desk.write(WritePlan((*allow, call), (blob,)), made, dry_run=dry_run)

    def jobs(self) -> list[Job]:
        """All jobs.

        Returns:
            In order of id.
        """
        return [self.job(n) for n in range(1, int(self._contracts.escrow.call("num_jobs")) + 1)]

    def job(self, job: int) -> Job:
        """One job.

        Args:
            job: its id.

        Returns:
            Its state.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        count = int(self._contracts.escrow.call("num_jobs"))
        if not 1 <= job <= count:
            raise UnknownEntityError(f"there is no job {job}: this market has {count}")
        values = fields_of(self._contracts.escrow.call("job", job), _JOB)
        spec = fields_of(values["spec"], _SPEC)
        return Job(
            id=job,
            buyer=Address(str(values["buyer"])),
            dataset=int_of(spec["dataset"]),
            snapshot=int_of(spec["snapshot"]),
            program=digest_of(spec["program"]),
            spec=digest_of(spec["spec"]),
            num_shards=int_of(spec["num_shards"]),
            num_rounds=int_of(spec["num_rounds"]),
            replicas=int_of(spec["replicas"]),
            cap_bps=int_of(spec["cap_bps"]),
            segment_price=Amount(int_of(spec["segment_price"])),
            status=int_of(values["status"]),
            accepted=int_of(values["accepted"]),
            hub=Address(str(values["hub"])),
            compute_left=Amount(int_of(values["compute_left"])),
            reserve_left=Amount(int_of(values["reserve_left"])),
            chain_left=Amount(int_of(values["chain_left"])),
            weights=digest_of(values["weights"]),
            metric_bps=int_of(values["metric_bps"]),
        )

    def predict(
        self, number: int, x_NF: NDArray[np.float32], *, max_price: Amount, dry_run: bool = False
    ) -> tuple[Written, NDArray[np.float32] | None]:
        """Pay for a prediction and fetch it from a trusted node of the model's dataset.

        Args:
            number: id of the model.
            x_NF: samples, float32 [N, F].
            max_price: the most to pay, base units.
            dry_run: show only.

        Returns:
            What was done, with the prediction's id, and logits float32 [N, K]; None after a
            dry run.

        Raises:
            UnknownEntityError: no such model.
            BadInputError: too dear, too little money, or samples that do not fit the schema.
            ProtocolError: no node delivers now; the payment can be refunded after an hour.
        """
        samples = self._samples(number, x_NF)
        plan = plan_prediction(self._contracts, self._me, number, samples, max_price)
        made = Made(self._contracts.predictions, "PredictionRequested", "prediction")
        written = self._desk.write(plan, made, dry_run=dry_run)
        if written.id is None:
            return written, None
        return written, self.fetch_prediction(written.id, samples)

    def fetch_prediction(self, paid: int, samples: bytes) -> NDArray[np.float32]:
        """Fetch a paid prediction.

        Args:
            paid: id of the prediction.
            samples: the very blob that was paid for.

        Returns:
            Logits float32 [N, K].

        Raises:
            BadInputError: somebody else paid for it.
            ProtocolError: no node delivers now; try again, or take a refund after an hour.
        """
        found = prediction(self._contracts, paid)
        if found.payer != self._me:
            raise BadInputError(f"prediction {paid} was paid by {found.payer}: use its key")
        dataset = model(self._contracts, found.model).dataset
        domain = Domain(self._desk.market.deployment.chain_id, self._contracts.predictions.address)
        signature = sign(
            self._desk.actor.keys.account(), domain, prediction_message(paid, sha256(samples))
        )
        troubles: list[str] = []
        for node in self._desk.market.registry.dataset(dataset).rules.nodes:
            pin, _, endpoint = values_of(self._contracts.workers.call("node", node), _NODE)
            if not endpoint:
                continue
            try:
                certificate = read_blob(
                    self._desk.market.store, digest_of(pin), MAX_CERTIFICATE_BYTES
                )
                output, _ = predict(
                    split_endpoint(str(endpoint))[1],
                    certificate,
                    prediction=paid,
                    samples=samples,
                    signature=signature,
                )
            except (ProtocolError, StorageError, BadInputError) as error:
                # One node that is wrong or away must not keep the others from delivering.
                troubles.append(f"{node}: {error}")
                continue
            return _logits(output)
        raise ProtocolError(
            f"no trusted node delivers prediction {paid} now "
            f"({'; '.join(troubles) or 'none is up'}): fetch it again later, or take a refund an "
            "hour after paying"
        )

    def prediction(self, paid: int) -> Prediction:
        """One paid prediction.

        Args:
            paid: its id.

        Returns:
            Its state.
        """
        return prediction(self._contracts, paid)

    def refund_prediction(self, paid: int, *, dry_run: bool = False) -> Written:
        """Take back the price of a prediction that nobody delivered.

        Args:
            paid: its id.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_prediction_refund(self._contracts, self._me, paid)
        return self._desk.write(plan, dry_run=dry_run)

    def _check_request(self, draft: JobDraft) -> None:
        found = self._desk.market.registry.request(draft.request)
        if found.dataset != draft.dataset or found.retired is not None:
            raise BadInputError(
                f"request {draft.request} is of dataset {found.dataset}"
                + (" and its holdout is retired" if found.retired is not None else "")
                + f": name an unretired request of dataset {draft.dataset} to measure the result"
            )

    def _samples(self, number: int, x_NF: NDArray[np.float32]) -> bytes:
        registry = self._desk.market.registry
        schema: Schema = registry.schema(
            registry.dataset(model(self._contracts, number).dataset).rules
        )
        x_NF = np.asarray(x_NF, dtype=np.float32)
        if x_NF.ndim != 2 or x_NF.shape[1] != schema.num_features or not len(x_NF):
            raise BadInputError(
                f"the samples have shape {x_NF.shape}: give N rows of {schema.num_features} "
                "features"
            )
        if not np.isfinite(x_NF).all() or x_NF.min() < schema.low or x_NF.max() > schema.high:
            raise BadInputError(
                f"a sample is not finite or outside {schema.low} to {schema.high}: scale the "
                "features as the dataset's schema says"
            )
        return dump_tensors({"x": x_NF})


def _logits(output: bytes) -> NDArray[np.float32]:
    tensors = load_tensors(output, max_bytes=_MAX_OUTPUT_BYTES, max_tensors=1)
    if "logits" not in tensors:
        raise ProtocolError("the node's answer holds no logits: report its operator")
    return tensors["logits"].astype(np.float32, copy=False)


__all__ = ["OPEN", "STATUSES", "BuyerView", "Job", "JobDraft"]
