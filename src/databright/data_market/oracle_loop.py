"""An oracle at work: votes the weight lent to it, by its policy, and says why."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from databright.chain.bindings import Signer
from databright.custody.blobs import read_blob
from databright.data_market.docket import Docket
from databright.data_market.lending import Loan, castable, loans, plan_vote_lent
from databright.data_market.measuring import MAX_FIGURES_BYTES
from databright.data_market.oracles.base import Decision, Opinion, Policy
from databright.data_market.voting import Votable, votable
from databright.errors import BadInputError, StorageError, TransactionFailedError
from databright.records.evidence import SignedEvidence
from databright.records.strict_json import JsonValue, loads_object
from databright.units import BPS, Address

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ruling:
    """An opinion on one proposal, and whether it was cast.

    Attributes:
        proposal: id of the proposal.
        opinion: decision and reason.
        cast: whether a ballot went to the chain.
    """

    proposal: int
    opinion: Opinion
    cast: bool


class OracleLoop:
    """One oracle's work, a pass at a time; what it has cast is read from the chain.

    Args:
        docket: proposals and their evidence.
        address: the oracle.
        signer: its key.
        policy: decides.
    """

    def __init__(self, docket: Docket, address: Address, signer: Signer, policy: Policy) -> None:
        self._docket = docket
        self._address = address
        self._signer = signer
        self._policy = policy
        self._said: dict[int, Opinion] = {}

    def step(self) -> list[Ruling]:
        """Look at every open proposal and vote where the policy decides.

        Returns:
            Rulings that are new since the last pass.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self._docket.refresh()
        registry = self._docket.registry
        now = registry.contracts.chain.next_timestamp()
        undecided = self._docket.undecided().values()
        listed = loans(registry, oracle=self._address) if any(undecided) else []
        rulings: list[Ruling] = []
        for proposal in [number for proposals in undecided for number in proposals]:
            agreed = self._docket.newest_settled(proposal)
            if not agreed or not listed:
                continue
            found = votable(registry, proposal)
            if not found.tally.votes_from <= now < found.tally.deadline:
                continue
            ruling = self._rule(found, agreed, listed)
            if ruling is not None:
                rulings.append(ruling)
        return rulings

    def _rule(
        self, found: Votable, agreed: list[SignedEvidence], listed: list[Loan]
    ) -> Ruling | None:
        proposal, registry = found.id, self._docket.registry
        if not castable(registry, listed, found, BPS):
            return None
        opinion = self._policy.decide(agreed, self._figures(agreed[0]))
        is_sure = bool(castable(registry, listed, found, opinion.confidence))
        if opinion.decision is Decision.ABSTAIN or not is_sure:
            if self._said.get(proposal) == opinion:
                return None
            self._said[proposal] = opinion
            _LOG.info("proposal %d: casts nothing; %s", proposal, opinion.reason)
            return Ruling(proposal, opinion, cast=False)
        support = opinion.decision is Decision.ACCEPT
        try:
            plan = plan_vote_lent(
                registry, self._address, proposal, support=support, confidence=opinion.confidence
            )
            plan.send(self._signer, registry.store.put)
        except (BadInputError, TransactionFailedError) as error:
            _LOG.info("proposal %d: the ballot was not taken: %s", proposal, error)
            return None
        self._said[proposal] = opinion
        _LOG.info(
            "proposal %d: votes to %s, %d bps sure; %s",
            proposal,
            opinion.decision,
            opinion.confidence,
            opinion.reason,
        )
        return Ruling(proposal, opinion, cast=True)

    def _figures(self, evidence: SignedEvidence) -> Mapping[str, JsonValue] | None:
        try:
            blob = read_blob(
                self._docket.registry.store, evidence.verdict.evidence, MAX_FIGURES_BYTES
            )
            return loads_object(blob, max_bytes=MAX_FIGURES_BYTES, allow_floats=True)
        except (StorageError, BadInputError) as error:
            _LOG.warning("the figures of the evidence cannot be read: %s", error)
            return None
