"""The evaluator: measures open proposals and publishes signed evidence.

It keeps no state of its own that matters: what was published is on chain, what it measured can
be measured again to the same bytes. A pass does at most one measurement and reads the chain anew
before the next, so a process that is killed anywhere goes on where it was.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

from databright.chain.bindings import Signer
from databright.custody.blobs import sha256
from databright.data_market.docket import Docket
from databright.data_market.measuring import Computes, Measurement, Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.registry import DataRegistry, Reader
from databright.errors import (
    BadInputError,
    ComputeError,
    DatabrightError,
    TransactionFailedError,
)
from databright.records.evidence import OUTCOMES
from databright.units import Address

_LOG = logging.getLogger(__name__)
DEFAULT_PATIENCE: Final = 24
"""Passes that a stand-in evaluator waits for those whose turn it is."""
BUDGET_S: Final = 1_800.0
"""Compute time of one measurement; a dataset whose training takes longer is not measured here."""
_FIRST_REST_S: Final = 1.0
_LONGEST_REST_S: Final = 3_600.0
_REST_FACTOR: Final = 4.0
_SHARE_S: Final = 60.0
"""Datasets are served in turn by the time that was spent on them, in steps of this."""


@dataclass(frozen=True)
class EvaluatorKeys:
    """The keys of one evaluator.

    Attributes:
        signer: sends its transactions.
        private_key: signs verdicts; secp256k1, 32 bytes.
        reader: opens sealed rows.
    """

    signer: Signer
    private_key: bytes
    reader: Reader

    @property
    def address(self) -> Address:
        """The evaluator's address."""
        return self.reader.address


class _Budget:
    """What computes, until the time of one measurement is used up.

    Args:
        compute: trains and predicts.
    """

    def __init__(self, compute: Computes) -> None:
        self._compute = compute
        self.left_s = BUDGET_S

    def train(self, program: bytes, weights: bytes, shard: bytes, batches: bytes) -> bytes:
        started = self._begin()
        try:
            return self._compute.train(program, weights, shard, batches)
        finally:
            self.left_s -= time.monotonic() - started

    def predict(self, program: bytes, weights: bytes, samples: bytes) -> bytes:
        started = self._begin()
        try:
            return self._compute.predict(program, weights, samples)
        finally:
            self.left_s -= time.monotonic() - started

    def _begin(self) -> float:
        if self.left_s <= 0:
            raise ComputeError(
                f"the measurement takes more than {BUDGET_S:g} s of compute: its dataset should "
                "name a smaller program or fewer steps"
            )
        return time.monotonic()


@dataclass(frozen=True)
class _Task:
    proposal: int
    base: int
    is_next: bool
    dataset: int

    @property
    def key(self) -> tuple[int, int]:
        return (self.proposal, self.base)


@dataclass
class _Failure:
    error: str
    rest_s: float
    again_at: float


class EvaluatorLoop:
    """One evaluator's work, a pass at a time.

    Args:
        registry: the data market.
        keys: the evaluator's keys.
        compute: trains and predicts.
        losses: private folder of per-sample losses.
        patience: passes to wait for the evaluators whose turn a proposal is.
    """

    def __init__(
        self,
        registry: DataRegistry,
        keys: EvaluatorKeys,
        compute: Computes,
        losses: PrivateLosses,
        *,
        patience: int = DEFAULT_PATIENCE,
    ) -> None:
        self.docket = Docket(registry)
        self._budget = _Budget(compute)
        self.measurer = Measurer(self.docket, keys.reader, self._budget)
        self._registry = registry
        self._keys = keys
        self._losses = losses
        self._patience = patience
        self._waited: dict[tuple[int, int], int] = {}
        self._failed: dict[tuple[int, int], _Failure] = {}
        self._spent_s: Counter[int] = Counter()

    def step(self) -> bool:
        """Do the most urgent measurement, if any.

        Returns:
            Whether evidence was published.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self.docket.refresh()
        for task in self._tasks():
            failure = self._failed.get(task.key)
            if failure is not None and time.monotonic() < failure.again_at:
                continue
            if not self._is_my_turn(task):
                continue
            self._budget.left_s = BUDGET_S
            started = time.monotonic()
            try:
                measured = self.measurer.measure(task.proposal, task.base)
            except DatabrightError as error:
                self._rest(task, str(error), time.monotonic() - started)
                continue
            except Exception as error:  # a stranger's blobs must not stop the work for others
                if failure is None:
                    _LOG.exception("proposal %d makes the measurement fail", task.proposal)
                self._rest(task, repr(error), time.monotonic() - started)
                continue
            finally:
                self._spent_s[task.dataset] += int(time.monotonic() - started)
            if self._publish(task, measured):
                self._failed.pop(task.key, None)
                return True
            self._rest(task, "the evidence was refused", time.monotonic() - started)
        return False

    def _rest(self, task: _Task, error: str, took_s: float) -> None:
        """Leave a task that failed alone for a while: longer each time, and the longer it took."""
        before = self._failed.get(task.key)
        if before is None or before.error != error:  # said once
            _LOG.warning("proposal %d cannot be measured yet: %s", task.proposal, error)
        rest_s = _FIRST_REST_S if before is None else min(2 * before.rest_s, _LONGEST_REST_S)
        pause_s = max(rest_s, _REST_FACTOR * took_s)
        self._failed[task.key] = _Failure(error, rest_s, time.monotonic() + pause_s)

    def _tasks(self) -> list[_Task]:
        found: list[_Task] = []
        for dataset, proposals in self.docket.undecided().items():
            if self._keys.address not in self.docket.rules(dataset).evaluators:
                continue
            base = self.docket.head(dataset)
            nexts = self.docket.nexts(dataset, proposals)
            found.extend(
                _Task(proposal, base, proposal in nexts, dataset)
                for proposal in proposals
                if self._is_wanted(proposal, base, is_next=proposal in nexts)
            )
        return sorted(
            found,
            key=lambda task: (
                not task.is_next,
                self._spent_s[task.dataset] // _SHARE_S,
                task.proposal,
            ),
        )

    def _is_wanted(self, proposal: int, base: int, *, is_next: bool) -> bool:
        mine = [
            evidence.verdict.base
            for evidence in self.docket.published(proposal)
            if evidence.evaluator == self._keys.address
        ]
        if base in mine or self.docket.settled(proposal, base):
            return False
        # Voters need evidence once; only the next in order needs it on the newest snapshot.
        return is_next or not (mine or self.docket.newest_settled(proposal))

    def _is_my_turn(self, task: _Task) -> bool:
        """Whether to measure now; k evaluators take turns, the others stand in after a while."""
        dataset = self._registry.proposal(task.proposal).dataset
        rules = self.docket.rules(dataset)
        place = (rules.evaluators.index(self._keys.address) - task.proposal) % len(rules.evaluators)
        if place < rules.threshold:
            return True
        key = (task.proposal, task.base)
        self._waited[key] = self._waited.get(key, 0) + 1
        return self._waited[key] > self._patience

    def _publish(self, task: _Task, measured: Measurement) -> bool:
        verdict = measured.verdict
        if measured.losses_before:
            self._losses.put(measured.losses_before)
            self._losses.put(measured.losses_after)
        evidence = self.docket.domain.sign(verdict, measured.reason, self._keys.private_key)
        blob = evidence.to_json()
        self._registry.store.put(measured.figures)
        self._registry.store.put(blob)
        try:
            self._registry.contracts.association.transact(
                self._keys.signer, "publish_evidence", task.proposal, task.base, sha256(blob)
            )
        except TransactionFailedError as error:
            _LOG.info("evidence on proposal %d came too late: %s", task.proposal, error)
            return False
        _LOG.info(
            "proposal %d on snapshot %d: %s, %d shares; %s",
            task.proposal,
            task.base,
            OUTCOMES[verdict.outcome],
            verdict.amount,
            measured.reason,
        )
        return True


def check_evaluator(registry: DataRegistry, dataset: int, address: Address) -> None:
    """Refuse an address that may not measure a dataset's proposals.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        address: the would-be evaluator.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: it is not among the dataset's evaluators.
    """
    if address not in registry.dataset(dataset).rules.evaluators:
        raise BadInputError(
            f"{address} is not an evaluator of dataset {dataset}: use the key of one of them"
        )
