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
from databright.data_market.challenges import challenge_of, plan_answer
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
from databright.records.terms import split_proposal_id
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
    """A measurement that is wanted, and the evaluators who may do it, in the order of the rules."""

    proposal: int
    base: int
    is_urgent: bool
    dataset: int
    evaluators: tuple[Address, ...]

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
            Whether evidence was published, or a challenge answered.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self.docket.refresh()
        if self._answer_one():
            return True
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
            base = self.docket.head(dataset)
            nexts = self.docket.nexts(proposals)
            for proposal in proposals:
                task = (
                    self._answer_task(dataset, proposal)
                    if self.docket.is_challenged(proposal)
                    else self._task(dataset, proposal, base, is_next=proposal in nexts)
                )
                if task is not None:
                    found.append(task)
        return sorted(
            found,
            key=lambda task: (
                not task.is_urgent,
                self._spent_s[task.dataset] // _SHARE_S,
                task.proposal,
            ),
        )

    def _task(self, dataset: int, proposal: int, base: int, *, is_next: bool) -> _Task | None:
        if self._keys.address not in self.docket.counting(proposal):
            return None
        bases = self._my_bases(proposal)
        if base in bases or self.docket.settled(proposal, base):
            return None
        # Voters need evidence once; only the next in order needs it on the newest snapshot.
        if not is_next and (bases or self.docket.newest_settled(proposal)):
            return None
        # Turns go by the rules alone, as Charter.turn_of has it: who takes a proposal off after
        # evidence was published pays those whose turn it was.
        evaluators = self.docket.rules(proposal).evaluators
        return _Task(proposal, base, is_next, dataset, evaluators)

    def _answer_task(self, dataset: int, proposal: int) -> _Task | None:
        """Measure a challenged proposal again on its base: whoever did not sign the verdict."""
        challenge = challenge_of(self._registry, proposal)
        others = [who for who in self.docket.counting(proposal) if who not in challenge.signers]
        if self._keys.address not in others or challenge.base in self._my_bases(proposal):
            return None
        if self.docket.settled(proposal, challenge.base, without=challenge.signers):
            return None
        return _Task(proposal, challenge.base, True, dataset, tuple(others))

    def _my_bases(self, proposal: int) -> set[int]:
        return {
            evidence.verdict.base
            for evidence in self.docket.published(proposal)
            if evidence.evaluator == self._keys.address
        }

    def _is_my_turn(self, task: _Task) -> bool:
        """Whether to measure now; k evaluators take turns, the others stand in after a while."""
        number = split_proposal_id(task.proposal)[1]
        place = (task.evaluators.index(self._keys.address) - number) % len(task.evaluators)
        if place < self.docket.rules(task.proposal).threshold:
            return True
        key = (task.proposal, task.base)
        self._waited[key] = self._waited.get(key, 0) + 1
        return self._waited[key] > self._patience

    def _answer_one(self) -> bool:
        """Decide a challenge that k others have measured again; they are paid its bond."""
        for proposals in self.docket.undecided().values():
            for proposal in proposals:
                if not self.docket.is_challenged(proposal):
                    continue
                try:
                    plan = plan_answer(self.docket, proposal)
                    if self._keys.address not in self.docket.counting(proposal) or plan is None:
                        continue
                    plan.send(self._keys.signer, self._registry.store.put)
                except (BadInputError, TransactionFailedError) as error:
                    _LOG.info("the challenge of proposal %d was not answered: %s", proposal, error)
                    continue
                _LOG.info("the challenge of proposal %d is answered", proposal)
                return True
        return False

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
            self._registry.contracts.verdicts.transact(
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
