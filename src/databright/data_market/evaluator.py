"""The evaluator: measures open proposals and publishes signed evidence.

It keeps no state of its own that matters: what was published is on chain, what it measured can
be measured again to the same bytes. A pass does at most one measurement and reads the chain anew
before the next, so a process that is killed anywhere goes on where it was.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from databright.chain.bindings import Signer
from databright.custody.blobs import sha256
from databright.data_market.docket import Docket
from databright.data_market.measuring import Computes, Measurement, Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.registry import DataRegistry, Reader
from databright.errors import BadInputError, DatabrightError, TransactionFailedError
from databright.records.evidence import OUTCOMES
from databright.units import Address

_LOG = logging.getLogger(__name__)
DEFAULT_PATIENCE: Final = 24
"""Passes that a stand-in evaluator waits for those whose turn it is."""


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


@dataclass(frozen=True)
class _Task:
    proposal: int
    base: int
    is_next: bool


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
        self.measurer = Measurer(self.docket, keys.reader, compute)
        self._registry = registry
        self._keys = keys
        self._losses = losses
        self._patience = patience
        self._waited: dict[tuple[int, int], int] = {}
        self._failed: dict[tuple[int, int], str] = {}

    def step(self) -> bool:
        """Do the most urgent measurement, if any.

        Returns:
            Whether evidence was published.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self.docket.refresh()
        for task in self._tasks():
            if not self._is_my_turn(task):
                continue
            key = (task.proposal, task.base)
            try:
                measured = self.measurer.measure(task.proposal, task.base)
            except DatabrightError as error:
                if self._failed.get(key) != str(error):  # said once, tried again at every pass
                    _LOG.warning("proposal %d cannot be measured yet: %s", task.proposal, error)
                    self._failed[key] = str(error)
                continue
            return self._publish(task, measured)
        return False

    def _tasks(self) -> list[_Task]:
        found: list[_Task] = []
        for dataset, proposals in self.docket.undecided().items():
            if self._keys.address not in self.docket.rules(dataset).evaluators:
                continue
            base = self.docket.head(dataset)
            nexts = self.docket.nexts(dataset, proposals)
            found.extend(
                _Task(proposal, base, proposal in nexts)
                for proposal in proposals
                if self._is_wanted(proposal, base, is_next=proposal in nexts)
            )
        return sorted(found, key=lambda task: (not task.is_next, task.proposal))

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
