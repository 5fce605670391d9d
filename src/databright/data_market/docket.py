"""The docket: undecided proposals, in order, with the evidence published on each.

Everything here is read from chain and store, so a process that was killed knows on restart what
it knew before. All evaluators that read the same chain see the same docket.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from databright.chain.bindings import Event
from databright.custody.blobs import read_blob
from databright.data_market.registry import DataRegistry
from databright.data_market.verdicts import VerdictDomain, agreeing
from databright.errors import BadInputError, StorageError
from databright.records.datasets import MAX_CARD_BYTES, Rules
from databright.records.evidence import SignedEvidence
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)
_DECIDED = ("Executed", "Expired")


class Docket:
    """Proposals and evidence as the association's events tell them.

    Args:
        registry: the data market.
    """

    def __init__(self, registry: DataRegistry) -> None:
        self.registry = registry
        contracts = registry.contracts
        self.domain = VerdictDomain(contracts.deployment.chain_id, contracts.association.address)
        self._read_to: tuple[int, str] | None = None
        self._evidence: dict[Digest, SignedEvidence | None] = {}
        self._rules: dict[int, Rules] = {}
        self._clear()

    def _clear(self) -> None:
        self._dataset_of: dict[int, int] = {}
        self._opened: dict[int, tuple[int, int]] = {}
        self._decided: dict[int, tuple[int, int]] = {}
        self._creators: dict[int, Address] = {}
        self._requests: dict[int, tuple[int, tuple[int, int]]] = {}
        self._retired: dict[int, tuple[int, int]] = {}
        self._published: dict[int, list[tuple[Address, int, Digest]]] = {}

    def refresh(self) -> None:
        """Read what happened since the last call; after a reorganisation, read all again."""
        contracts = self.registry.contracts
        head = contracts.chain.head()
        first = contracts.deployment.block
        if self._read_to is not None:
            number, block_hash = self._read_to
            if (head.number, head.hash) == self._read_to:
                return
            known = contracts.chain.header(number)
            if known is not None and known.hash == block_hash:
                first = number + 1
            else:
                _LOG.info("the chain was reorganised below block %d: reading it again", number)
                self._clear()
        logs = contracts.chain.logs(first, head.number, [contracts.association.address])
        for event in contracts.association.events(logs):
            self._apply(event)
        self._read_to = (head.number, head.hash)

    def _apply(self, event: Event) -> None:
        position = (event.block_number, event.log_index)
        if event.name == "Proposed":
            proposal = int(event.args["proposal"])
            self._dataset_of[proposal] = int(event.args["dataset"])
            self._opened[proposal] = position
        elif event.name in _DECIDED:
            self._decided[int(event.args["proposal"])] = position
        elif event.name == "DatasetCreated":
            self._creators[int(event.args["dataset"])] = Address(str(event.args["creator"]))
        elif event.name == "RequestOpened":
            dataset = int(event.args["dataset"])
            # Whoever pays may ask; who chose the hidden rows could mint with them.
            if self._creators.get(dataset) == str(event.args["initiator"]):
                self._requests[int(event.args["request"])] = (dataset, position)
        elif event.name == "HoldoutRetired":
            self._retired[int(event.args["request"])] = position
        elif event.name == "EvidencePublished":
            self._published.setdefault(int(event.args["proposal"]), []).append(
                (
                    Address(str(event.args["evaluator"])),
                    int(event.args["base"]),
                    Digest(bytes(event.args["evidence"])),
                )
            )

    def rules(self, dataset: int) -> Rules:
        """Rules of a dataset; they never change, so they are read once.

        Args:
            dataset: id.

        Returns:
            Its rules.
        """
        if dataset not in self._rules:
            self._rules[dataset] = self.registry.dataset(dataset).rules
        return self._rules[dataset]

    def undecided(self) -> Mapping[int, list[int]]:
        """Open proposals of each dataset.

        Returns:
            Dataset -> proposal ids in order of commitment.
        """
        found: dict[int, list[int]] = {}
        for proposal in sorted(self._opened):
            if proposal not in self._decided:
                found.setdefault(self._dataset_of[proposal], []).append(proposal)
        return found

    def nexts(self, dataset: int, proposals: Sequence[int]) -> list[int]:
        """Proposals that order of commitment lets close now.

        Args:
            dataset: id of the dataset.
            proposals: its undecided proposals in order.

        Returns:
            The first; the one after it too when the first has held up the others for a voting
            period; and so on.
        """
        period = self.rules(dataset).voting_period
        now = self.registry.contracts.chain.head().timestamp
        found: list[int] = []
        for proposal in proposals:
            found.append(proposal)
            if now < self.registry.proposal(proposal).deadline + period:
                break
        return found

    def proposals(self, request: int | None = None) -> list[int]:
        """All proposals, decided or not.

        Args:
            request: only those measured on the holdout of this request.

        Returns:
            Ids in order of commitment.
        """
        return [
            proposal
            for proposal in sorted(self._opened)
            if request is None or self.measuring_request(proposal) == request
        ]

    def earlier(self, proposal: int) -> list[int]:
        """Earlier commitments that a proposal is compared with.

        Args:
            proposal: its id.

        Returns:
            Earlier proposals of the dataset that were open or accepted when this one was
            committed. What is decided later does not change the list, so every evaluator
            compares with the same rows whenever it measures.
        """
        dataset, opened = self._dataset_of[proposal], self._opened[proposal]
        accepted = {entry.proposal for entry in self.registry.entries(dataset)}
        return [
            other
            for other in sorted(self._opened)
            if other < proposal
            and self._dataset_of[other] == dataset
            and (other in accepted or self._decided.get(other, opened) >= opened)
        ]

    def measuring_request(self, proposal: int) -> int:
        """The request whose holdout measures a proposal.

        Args:
            proposal: its id.

        Returns:
            The request it answers, when the dataset's creator opened that; else the newest
            request of the creator that was open before it and whose holdout was hidden still; 0
            when there is none.
        """
        dataset, opened = self._dataset_of[proposal], self._opened[proposal]
        older = [
            request
            for request, (other, at) in self._requests.items()
            if other == dataset and at < opened <= self._retired.get(request, opened)
        ]
        named = self.registry.proposal(proposal).request
        return named if named in older else max(older, default=0)

    def published(self, proposal: int) -> list[SignedEvidence]:
        """Evidence on a proposal whose signature, evaluator and numbers hold.

        Args:
            proposal: its id.

        Returns:
            In order of publication.
        """
        found = []
        for evaluator, base, digest in self._published.get(proposal, ()):
            evidence = self._read(digest)
            if (
                evidence is not None
                and evidence.evaluator == evaluator
                and evidence.verdict.proposal == proposal
                and evidence.verdict.base == base
            ):
                found.append(evidence)
        return found

    def _read(self, digest: Digest) -> SignedEvidence | None:
        if digest in self._evidence:
            return self._evidence[digest]
        try:
            evidence = SignedEvidence.from_json(
                read_blob(self.registry.store, digest, MAX_CARD_BYTES)
            )
        except StorageError as error:
            # Its publisher may still be copying it: look again at the next pass.
            _LOG.debug("evidence %s is not readable yet: %s", digest.hex(), error)
            return None
        except BadInputError as error:
            _LOG.warning("evidence %s is malformed and does not count: %s", digest.hex(), error)
            self._evidence[digest] = None
            return None
        signed = self.domain.is_signed(evidence)
        if not signed:
            _LOG.warning("evidence %s has a wrong signature and does not count", digest.hex())
        self._evidence[digest] = evidence if signed else None
        return self._evidence[digest]

    def settled(self, proposal: int, base: int) -> list[SignedEvidence]:
        """The k agreeing pieces of evidence on one base.

        Args:
            proposal: its id.
            base: snapshot number that it was measured on.

        Returns:
            Ascending by evaluator; empty when fewer than k agree.
        """
        rules = self.rules(self._dataset_of[proposal])
        return agreeing(self.published(proposal), rules.evaluators, rules.threshold, base)

    def newest_settled(self, proposal: int) -> list[SignedEvidence]:
        """The k agreeing pieces of evidence on the newest base that has them.

        Args:
            proposal: its id.

        Returns:
            As `settled`.
        """
        bases = {evidence.verdict.base for evidence in self.published(proposal)}
        for base in sorted(bases, reverse=True):
            found = self.settled(proposal, base)
            if found:
                return found
        return []

    def head(self, dataset: int) -> int:
        """Number of a dataset's newest snapshot.

        Args:
            dataset: id.

        Returns:
            0 while nothing is accepted.
        """
        return int(self.registry.contracts.database(dataset).call("num_snapshots"))
