"""The keeper: closes votes. Anybody may run one; it holds no power and takes no pay."""

from __future__ import annotations

import logging
import time
from typing import Final

from databright.chain.bindings import Signer
from databright.data_market.docket import Docket
from databright.data_market.registry import OPEN, Proposal
from databright.errors import TransactionFailedError
from databright.units import Seconds

_LOG = logging.getLogger(__name__)
EXPIRY_PERIODS: Final = 2
"""Voting periods after the deadline, without execution, until a proposal expires."""


class Keeper:
    """Executes proposals in order once their vote is over and k evaluators agree.

    Args:
        docket: undecided proposals.
        signer: sends the transactions.
    """

    def __init__(self, docket: Docket, signer: Signer) -> None:
        self._docket = docket
        self._signer = signer
        self._refused: dict[int, str] = {}
        self._head = ""
        self._head_seen_at = 0.0

    def step(self) -> bool:
        """Close what can be closed: what is next in order in each dataset.

        Returns:
            Whether a proposal was executed or expired.

        Raises:
            ChainError: the chain cannot be reached.
        """
        self._docket.refresh()
        now = self._now()
        done = False
        for dataset, proposals in self._docket.undecided().items():
            for proposal in self._docket.nexts(dataset, proposals):
                found = self._docket.registry.proposal(proposal)
                if found.status == OPEN and now >= found.deadline:
                    done = self._close(found, Seconds(now)) or done
        return done

    def _now(self) -> int:
        """Chain time as the next block will have it.

        A development chain makes no block while nothing happens, so its newest block may be old:
        the time since this process first saw it counts too, and the wall clock.
        """
        head = self._docket.registry.contracts.chain.head()
        if head.hash != self._head:
            self._head, self._head_seen_at = head.hash, time.monotonic()
        waited = int(time.monotonic() - self._head_seen_at)
        return max(head.timestamp + waited, int(time.time()))

    def _close(self, proposal: Proposal, now: Seconds) -> bool:
        association = self._docket.registry.contracts.association
        rules = self._docket.rules(proposal.dataset)
        agreed = self._docket.settled(proposal.id, self._docket.head(proposal.dataset))
        is_late = now >= proposal.deadline + EXPIRY_PERIODS * rules.voting_period
        try:
            if is_late:
                association.transact(self._signer, "expire", proposal.id)
            elif agreed:
                association.transact(
                    self._signer,
                    "execute",
                    proposal.id,
                    agreed[0].verdict.to_struct(),
                    [evidence.signature for evidence in agreed],
                )
            else:
                return False
        except TransactionFailedError as error:
            self._note(proposal.id, error)
            return False
        closed = self._docket.registry.proposal(proposal.id)
        _LOG.info("proposal %d is %s", proposal.id, closed.status_name)
        return True

    def _note(self, proposal: int, error: TransactionFailedError) -> None:
        # Another keeper was first, the head moved, or the epoch's mint is used up: each of these
        # is seen on chain at the next pass.
        if self._refused.get(proposal) != error.reason:
            self._refused[proposal] = error.reason
            _LOG.info("proposal %d cannot be closed now: %s", proposal, error)
