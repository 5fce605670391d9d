"""Retiring a holdout: what was secret becomes public, so that every figure can be redone."""

from __future__ import annotations

import hashlib
import logging

from databright.chain.writes import Call, WritePlan
from databright.custody.blobs import read_blob, sha256
from databright.custody.references import LABEL_HOLDOUT, seal_context
from databright.custody.sealing import open_with_salt
from databright.data_market.docket import Docket
from databright.data_market.evaluator import check_evaluator
from databright.data_market.measuring import MAX_FIGURES_BYTES, Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.registry import OPEN, DataRegistry, Reader
from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import digest_field
from databright.records.evidence import OUTCOME_FRAUD, Evaluation, HoldoutReveal
from databright.records.strict_json import loads_object
from databright.units import Digest

_LOG = logging.getLogger(__name__)


def plan_retirement(
    docket: Docket, measurer: Measurer, losses: PrivateLosses, reader: Reader, request: int
) -> WritePlan:
    """Plan the retirement of a request's holdout.

    Losses that this evaluator does not have (another one measured, or its state was lost) are
    measured again. Figures that cannot be redone to the same hashes are left out.

    Args:
        docket: proposals and their evidence.
        measurer: redoes measurements.
        losses: this evaluator's private losses.
        reader: the evaluator's address and HPKE key.
        request: id of the request.

    Returns:
        Blobs (plain rows, losses, reveal) and the transaction that publishes the reveal.

    Raises:
        UnknownEntityError: no such request.
        BadInputError: retired already, an undecided proposal, or the reader is no evaluator.
        MalformedDataError: published figures that name no losses.
    """
    registry = docket.registry
    found = registry.request(request)
    check_evaluator(registry, found.dataset, reader.address)
    if found.retired is not None:
        raise BadInputError(f"the holdout of request {request} is retired already")
    docket.refresh()
    measured = docket.proposals(request)
    still_open = [p for p in measured if registry.proposal(p).status == OPEN]
    if still_open:
        raise BadInputError(
            f"proposals {still_open} are still measured on the holdout of request {request}: "
            "retire it when they are decided"
        )
    opened = open_with_salt(
        registry.sealed_ref(found.holdout_ref),
        reader.address,
        reader.private_key,
        seal_context(registry.contracts.deployment, found.dataset, LABEL_HOLDOUT),
        registry.store,
    )
    evaluations, blobs = _evaluations(docket, measurer, losses, measured)
    reveal = HoldoutReveal(
        request=request,
        salt=opened.salt,
        rows=sha256(opened.plaintext),
        evaluations=evaluations,
    ).to_json()
    call = Call(
        registry.contracts.requests,
        "retire_holdout",
        (request, sha256(reveal)),
        f"retire the holdout of request {request}",
    )
    return WritePlan((call,), (opened.plaintext, *blobs, reveal))


def _evaluations(
    docket: Docket, measurer: Measurer, losses: PrivateLosses, proposals: list[int]
) -> tuple[list[Evaluation], list[bytes]]:
    evaluations: list[Evaluation] = []
    blobs: dict[Digest, bytes] = {}
    for proposal in proposals:
        published = {item.verdict.evidence: item for item in docket.published(proposal)}
        for figures, evidence in published.items():
            if evidence.verdict.outcome == OUTCOME_FRAUD:
                continue  # unusable rows: nothing was trained, there are no losses
            evaluation = _evaluation(docket.registry, proposal, figures)
            before = losses.get(evaluation.losses_before)
            after = losses.get(evaluation.losses_after)
            if before is None or after is None:
                again = measurer.measure(proposal, evidence.verdict.base)
                before, after = again.losses_before, again.losses_after
            if not (_is(before, evaluation.losses_before) and _is(after, evaluation.losses_after)):
                _LOG.warning(
                    "evaluator %s published figures on proposal %d that measuring again does not "
                    "give: they are left out of the reveal",
                    evidence.evaluator,
                    proposal,
                )
                continue
            blobs[evaluation.losses_before] = before
            blobs[evaluation.losses_after] = after
            evaluations.append(evaluation)
    return evaluations, list(blobs.values())


def _evaluation(registry: DataRegistry, proposal: int, figures: Digest) -> Evaluation:
    fields = loads_object(
        read_blob(registry.store, figures, MAX_FIGURES_BYTES),
        max_bytes=MAX_FIGURES_BYTES,
        allow_floats=True,
    )
    if not {"losses_before", "losses_after"} <= set(fields):
        raise MalformedDataError(f"the figures {figures.hex()} name no losses")
    return Evaluation(
        proposal=proposal,
        figures=figures,
        losses_before=digest_field(fields, "losses_before"),
        losses_after=digest_field(fields, "losses_after"),
    )


def _is(blob: bytes, digest: Digest) -> bool:
    return hashlib.sha256(blob).digest() == digest
