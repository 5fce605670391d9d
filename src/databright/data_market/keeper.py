"""The keeper: closes votes. Anybody may run one; it holds no power and takes no pay."""

from __future__ import annotations

import logging
from dataclasses import astuple
from typing import Final

from databright.chain.bindings import Signer
from databright.chain.writes import Call
from databright.data_market.challenges import mark_of
from databright.data_market.closing import MAX_PASSED, Moment, Step, next_step, span_of
from databright.data_market.docket import Docket
from databright.data_market.registry import OPEN, Proposal
from databright.data_market.upkeep import Upkeep
from databright.data_market.verdicts import Mark, shown
from databright.errors import TransactionFailedError
from databright.records.evidence import OUTCOME_COPY, SignedEvidence
from databright.units import Seconds

_LOG = logging.getLogger(__name__)
_SETTLED_AT: Final = 156
_M20: Final = 2**20 - 1


class Keeper:
    """Closes proposals in order once vote and evaluators have decided, and does the chores.

    Args:
        docket: undecided proposals.
        signer: sends the transactions.
    """

    def __init__(self, docket: Docket, signer: Signer) -> None:
        self._docket = docket
        self._signer = signer
        self._upkeep = Upkeep(docket.registry)
        self._refused: dict[str, str] = {}

    def step(self) -> bool:
        """Do what can be done now: close what is next in order in each dataset, and the chores.

        Returns:
            Whether anything was done.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self._docket.refresh()
        done = False
        for proposals in self._docket.undecided().values():
            for proposal in self._docket.nexts(proposals):
                done = self._close(proposal) or done
        for key, call in self._upkeep.due():
            done = self._send(key, call) or done
        return done

    def _moment(self, proposal: Proposal) -> Moment:
        registry = self._docket.registry
        return Moment(
            proposal,
            self._docket.rules(proposal.id),
            mark_of(registry, proposal.id),
            Seconds(registry.contracts.chain.next_timestamp()),
            span_of(registry, proposal),
        )

    def _close(self, proposal: int) -> bool:
        registry = self._docket.registry
        found = registry.proposal(proposal)
        if found.status != OPEN:
            return False
        moment = self._moment(found)
        agreed, digest = self._chosen(found, moment.mark)
        step = next_step(moment, agreed[0].verdict if agreed else None, digest)
        if step is Step.WAIT:
            return False
        if step is Step.EXECUTE and not self._make_way(found):
            return False
        if not self._send(f"proposal {proposal}", self._call(step, found, agreed)):
            return False
        _LOG.info("proposal %d is %s", proposal, registry.proposal(proposal).status_name)
        return True

    def _chosen(self, proposal: Proposal, mark: Mark) -> tuple[list[SignedEvidence], int]:
        """The verdict to go on with: of several on the newest snapshot the one that is posted."""
        chosen: list[SignedEvidence] = []
        chosen_digest = 0
        contract = self._docket.registry.contracts.verdicts
        for agreed in self._docket.agreed(proposal.id, self._docket.head(proposal.dataset)):
            verdict = agreed[0].verdict
            digest = shown(contract.call("verdict_digest", proposal.id, verdict.to_struct()))
            if not chosen or digest == mark.posted:
                chosen, chosen_digest = agreed, digest
        return chosen, chosen_digest

    def _call(self, step: Step, proposal: Proposal, agreed: list[SignedEvidence]) -> Call:
        verdicts = self._docket.registry.contracts.verdicts
        terms = astuple(proposal.terms)
        what = f"{step} (proposal {proposal.id})"
        if step is Step.EXPIRE:
            return Call(verdicts, "expire", (terms,), what)
        verdict = agreed[0].verdict
        signatures = [evidence.signature for evidence in agreed]
        if step is Step.POST:
            return Call(verdicts, "post_verdict", (terms, verdict.to_struct(), signatures), what)
        is_copy = verdict.outcome == OUTCOME_COPY
        copied = self._docket.born(verdict.copy_of) if is_copy else 0
        return Call(verdicts, "execute", (terms, verdict.to_struct(), signatures, copied), what)

    def _make_way(self, proposal: Proposal) -> bool:
        """Move the mark of settled proposals up where too many lie before this one."""
        association = self._docket.registry.contracts.association
        while True:
            word = int(association.call("datasets", proposal.dataset))
            settled = (word >> _SETTLED_AT) & _M20
            if proposal.number <= settled + MAX_PASSED + 1:
                return True
            until = settled + MAX_PASSED
            what = f"pass by closed proposals of dataset {proposal.dataset} up to {until}"
            call = Call(association, "pass_by", (proposal.dataset, until), what)
            if not self._send(f"dataset {proposal.dataset}", call):
                return False

    def _send(self, key: str, call: Call) -> bool:
        try:
            call.contract.transact(self._signer, call.function, *call.arguments)
        except TransactionFailedError as error:
            # Another keeper was first, the head moved, or the epoch's mint is used up: each of
            # these is seen on chain at the next pass.
            if self._refused.get(key) != error.reason:
                self._refused[key] = error.reason
                _LOG.info("%s: cannot %s now: %s", key, call.purpose, error)
            return False
        self._refused.pop(key, None)
        _LOG.info("%s: %s", key, call.purpose)
        return True
