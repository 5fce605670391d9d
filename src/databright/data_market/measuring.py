"""Measuring one proposal on one snapshot: the same bytes from every evaluator.

The measurement depends on rows, program, initial weights and steps alone. A set is trained as
`programs.whole` says, with seed 0; before the first acceptance "before" is the
uniform prior. Shapes: N holdout rows, K classes.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from databright.custody.blobs import read_blob, sha256
from databright.custody.references import LABEL_HOLDOUT, rows_label
from databright.data_market.docket import Docket
from databright.data_market.private_losses import loss_blob
from databright.data_market.registry import Proposal, Reader, concatenate
from databright.data_market.requests import MAX_PROGRAM_BYTES, MAX_WEIGHTS_BYTES
from databright.errors import (
    BadInputError,
    CustodyError,
    MalformedDataError,
    SealBrokenError,
    StorageError,
)
from databright.evaluation.evidence import EvidenceFigures, evaluate, join_rows
from databright.evaluation.utility import prior_logits
from databright.evaluation.verdict import Outcome, mintable_micro_nats, outcome
from databright.programs.average import average_weights
from databright.programs.oplist import program_from_json
from databright.programs.schedule import batch_indices
from databright.programs.whole import WholePlan
from databright.records.datasets import DatasetCard
from databright.records.evidence import (
    OUTCOME_FRAUD,
    OUTCOMES,
    Verdict,
)
from databright.records.rows import Rows, rows_from_blob, rows_to_blob
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.records.tensors import dump_tensors, load_tensors
from databright.records.terms import Terms, split_proposal_id
from databright.units import Digest

_LOG = logging.getLogger(__name__)
FIGURES_KIND: Final = "databright/figures/v1"
HOLDOUT_EPOCH: Final = 1
"""Holdouts do not rotate yet."""
EVALUATION_SEED: Final = 0
MAX_FIGURES_BYTES: Final = 1 << 20
_MAX_LOGITS_BYTES: Final = 256 << 20
_MAX_TENSORS: Final = 1000
_KEPT_ROWS = 64
_KEPT_LOGITS = 64
_KEPT_BYTES = 2**30
_RowsKey = tuple[int, bytes, str, bytes]


class Computes(Protocol):
    """What trains and predicts: a compute child, or anything that answers alike."""

    def train(self, program: bytes, weights: bytes, shard: bytes, batches: bytes) -> bytes:
        """Give the weights after the batches' steps."""
        ...

    def predict(self, program: bytes, weights: bytes, samples: bytes) -> bytes:
        """Give the logits of samples."""
        ...


@dataclass(frozen=True)
class Measurement:
    """One finished measurement.

    Attributes:
        verdict: what the evaluator signs.
        reason: why, a sentence with the values.
        figures: JSON of all figures; the verdict names its digest.
        losses_before: loss blob without the proposal; empty when the rows were unreadable.
        losses_after: loss blob with it; empty likewise.
    """

    verdict: Verdict
    reason: str
    figures: bytes
    losses_before: bytes
    losses_after: bytes


class Measurer:
    """Measures proposals for one evaluator.

    Args:
        docket: proposals and their order.
        reader: the evaluator's address and HPKE key.
        compute: trains and predicts.
    """

    def __init__(self, docket: Docket, reader: Reader, compute: Computes) -> None:
        self._docket = docket
        self._registry = docket.registry
        self._reader = reader
        self._compute = compute
        self._rows: OrderedDict[_RowsKey, Rows] = OrderedDict()
        self._logits: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def measure(self, proposal: int, base: int) -> Measurement:
        """Measure a proposal on a snapshot.

        Args:
            proposal: its id.
            base: number of the snapshot; 0 = empty dataset.

        Returns:
            The measurement.

        Raises:
            BadInputError: no request's holdout can measure it.
            DatabrightError: something that is needed cannot be read or computed now.
        """
        found = self._registry.proposal(proposal)
        request = self._docket.measuring_request(proposal)
        if not request:
            raise BadInputError(
                f"the creator of the dataset had no request with a hidden holdout before proposal "
                f"{proposal}: there is nothing to measure it on"
            )
        holdout = self.holdout(request)
        try:
            proposed = self._proposed(found.terms)
        except (SealBrokenError, MalformedDataError) as error:
            return self._unreadable(found, base, str(error))
        return self._measured(found, base, proposed, holdout)

    def holdout(self, request: int) -> Rows:
        """The hidden rows of a request.

        Args:
            request: its id.

        Returns:
            The rows.

        Raises:
            SealBrokenError: the sealed rows are not those that the chain's commitment names.
        """
        found = self._registry.request(request)
        sealed = self._registry.sealed_ref(found.holdout_ref)
        if bytes(sealed.plain_commitment) != bytes(found.holdout):
            raise SealBrokenError(
                f"the holdout of request {request} is not the one committed to on chain: its "
                "initiator must open a new request"
            )
        return self._kept(
            (found.dataset, found.holdout_ref, LABEL_HOLDOUT, b""),
            lambda: self._registry.open_rows(
                found.dataset, found.holdout_ref, LABEL_HOLDOUT, self._reader
            ),
        )

    def forget(self, refs: Collection[Digest]) -> None:
        """Drop opened rows from memory: what was taken down must not stay here either.

        Args:
            refs: digests of their sealed references.
        """
        for key in [key for key in self._rows if key[1] in refs]:
            del self._rows[key]

    def _proposed(self, terms: Terms) -> Rows:
        """Rows of a proposal, held against everything that it committed to."""
        key = (split_proposal_id(terms.proposal)[0], terms.ref, rows_label(terms.proposer))
        return self._kept(
            (*key, terms.commitment()),
            lambda: concatenate(
                [part.rows for part in self._registry.open_proposal(terms, self._reader)]
            ),
        )

    def _kept(self, key: _RowsKey, open_rows: Callable[[], Rows]) -> Rows:
        if key not in self._rows:
            self._rows[key] = open_rows()
            while len(self._rows) > 1 and (
                len(self._rows) > _KEPT_ROWS
                or sum(rows.x_NF.nbytes for rows in self._rows.values()) > _KEPT_BYTES
            ):
                self._rows.popitem(last=False)
        self._rows.move_to_end(key)
        return self._rows[key]

    def _measured(
        self, proposal: Proposal, base: int, proposed: Rows, holdout: Rows
    ) -> Measurement:
        rules = self._docket.rules(proposal.id)
        card = self._registry.card(rules)
        accepted = self._accepted(proposal.dataset, base)
        earlier = [p for p in self._docket.earlier(proposal.id, base) if p not in accepted]
        pending, unreadable = self._pending(earlier)
        own = self._docket.thread(proposal.id)
        schema = self._registry.schema(rules)
        evaluation = evaluate(
            proposed,
            accepted,
            pending,
            holdout,
            schema,
            lambda rows: self.logits(card, rows, holdout),
            exempt={*own, *(other for other in accepted if other > proposal.id)},
        )
        before_NK = (
            self.logits(card, join_rows(list(accepted.values())), holdout)
            if accepted
            else prior_logits(len(holdout), schema.num_classes)
        )
        after_NK = self.logits(card, join_rows([*accepted.values(), proposed]), holdout)
        before = loss_blob(evaluation.losses_before_N, before_NK.argmax(axis=1) == holdout.y_N)
        after = loss_blob(evaluation.losses_after_N, after_NK.argmax(axis=1) == holdout.y_N)
        judged = outcome(evaluation.figures)
        figures = _figures_json(
            proposal,
            base,
            card,
            evaluation.figures,
            {
                "accepted": [*accepted],
                "named": [*sorted([*accepted, *pending])],
                "own": [*own],
                "unreadable": [*unreadable],
                "losses_before": sha256(before).hex(),
                "losses_after": sha256(after).hex(),
            },
        )
        verdict = Verdict(
            proposal=proposal.id,
            commitment=Digest(proposal.terms.commitment()),
            base=base,
            holdout_epoch=HOLDOUT_EPOCH,
            outcome=_outcome_code(judged),
            copy_of=judged.copy_of or 0,
            amount=min(mintable_micro_nats(evaluation.figures), rules.mint_cap),
            evidence=sha256(figures),
        )
        failed = [check.text for check in judged.checks if not check.passed]
        reason = "; ".join(failed) if failed and judged.code == "ok" else judged.reason
        return Measurement(verdict, reason, figures, before, after)

    def _accepted(self, dataset: int, base: int) -> dict[int, Rows]:
        if base == 0:
            return {}
        return {
            entry.proposal: self._proposed(entry.terms)
            for entry in self._registry.entries(dataset, base)
        }

    def _pending(self, earlier: list[int]) -> tuple[dict[int, Rows], list[int]]:
        pending: dict[int, Rows] = {}
        unreadable: list[int] = []
        for other in earlier:
            try:
                pending[other] = self._proposed(self._registry.proposal(other).terms)
            except (StorageError, CustodyError, MalformedDataError) as error:
                # What no evaluator can open cannot have been copied.
                _LOG.warning("proposal %d cannot be compared with: %s", other, error)
                unreadable.append(other)
        return pending, unreadable

    def _unreadable(self, proposal: Proposal, base: int, error: str) -> Measurement:
        card = self._registry.card(self._docket.rules(proposal.id))
        reason = f"the sealed rows of proposal {proposal.id} cannot be used: {error}"
        figures = _figures_json(proposal, base, card, None, {"unusable": True})
        verdict = Verdict(
            proposal=proposal.id,
            commitment=Digest(proposal.terms.commitment()),
            base=base,
            holdout_epoch=HOLDOUT_EPOCH,
            outcome=OUTCOME_FRAUD,
            copy_of=0,
            amount=0,
            evidence=sha256(figures),
        )
        return Measurement(verdict, reason, figures, b"", b"")

    def logits(self, card: DatasetCard, rows: Rows, holdout: Rows) -> NDArray[np.float32]:
        """Train the dataset's program on rows and predict the holdout; remembered.

        Args:
            card: names program, initial weights and steps.
            rows: training rows.
            holdout: rows to predict.

        Returns:
            float32 [N, K].
        """
        shard, samples = rows_to_blob(rows), rows_to_blob(holdout)
        key = hashlib.sha256(
            card.program + card.weights + card.steps.to_bytes(8, "big") + sha256(shard)
            + sha256(samples)
        ).digest()  # fmt: skip
        if key not in self._logits:
            store = self._registry.store
            program = read_blob(store, card.program, MAX_PROGRAM_BYTES)
            weights = read_blob(store, card.weights, MAX_WEIGHTS_BYTES)
            trained = self._train_whole(program, weights, shard, WholePlan(steps=card.steps))
            answer = load_tensors(
                self._compute.predict(program, trained, samples),
                max_bytes=_MAX_LOGITS_BYTES,
                max_tensors=1,
            )
            self._logits[key] = answer["logits"].astype(np.float32, copy=False)
            while len(self._logits) > 1 and (
                len(self._logits) > _KEPT_LOGITS
                or sum(logits.nbytes for logits in self._logits.values()) > _KEPT_BYTES
            ):
                self._logits.popitem(last=False)
        return self._logits[key]

    def _train_whole(self, program: bytes, weights: bytes, shard: bytes, plan: WholePlan) -> bytes:
        """Train on all rows and average the tail, as `programs.whole.train_whole` does."""
        batch_size = program_from_json(program).batch_size
        num_rows = len(rows_from_blob(shard))
        tail: list[dict[str, NDArray[Any]]] = []
        for segment in range(plan.segments):
            batches = batch_indices(num_rows, plan.steps, batch_size, EVALUATION_SEED, 0, segment)
            weights = self._compute.train(
                program, weights, shard, dump_tensors({"batches": batches})
            )
            if segment >= plan.segments - plan.tail:
                tail.append(
                    load_tensors(weights, max_bytes=MAX_WEIGHTS_BYTES, max_tensors=_MAX_TENSORS)
                )
        return dump_tensors(average_weights(tail, [1] * len(tail)))


def _outcome_code(judged: Outcome) -> int:
    # The contract takes a copy of an earlier proposal only; rows repeated within one proposal
    # are padding, which is fraud.
    if judged.code == "copy" and judged.copy_of is None:
        return OUTCOME_FRAUD
    return OUTCOMES.index(judged.code)


def _figures_json(
    proposal: Proposal,
    base: int,
    card: DatasetCard,
    figures: EvidenceFigures | None,
    more: Mapping[str, JsonValue],
) -> bytes:
    fields: dict[str, JsonValue] = {}
    if figures is not None:
        fields = loads_object(figures.to_json(), max_bytes=MAX_FIGURES_BYTES, allow_floats=True)
    return dumps_canonical(
        {
            **fields,
            **more,
            "kind": FIGURES_KIND,
            "proposal": proposal.id,
            "base": base,
            "holdout_epoch": HOLDOUT_EPOCH,
            "program": card.program.hex(),
            "weights": card.weights.hex(),
            "steps": card.steps,
        }
    )
