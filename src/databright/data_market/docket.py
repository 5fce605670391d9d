"""The docket: undecided proposals, in order, with the evidence published on each.

Everything here is read from chain and store, so a process that was killed knows on restart what
it knew before. All evaluators that read the same chain see the same docket.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from databright.chain.bindings import Event
from databright.data_market.entities import ACCEPTED, REVISED
from databright.data_market.evidence_shelf import EvidenceShelf
from databright.data_market.journal import Journal
from databright.data_market.registry import DataRegistry
from databright.data_market.verdicts import VerdictDomain, agreeing
from databright.records.evidence import SignedEvidence
from databright.records.rules import Rules
from databright.records.terms import split_proposal_id
from databright.units import Address, Digest, Seconds

_Position = tuple[int, int]
_ENDED_AT = 160


@dataclass(frozen=True)
class _Opening:
    """What never changes of a proposal."""

    position: _Position
    commitment: bytes
    opened_at: Seconds
    votes_from: Seconds
    version: int
    request: int


class Docket:
    """Proposals and evidence as the contracts' events tell them.

    Args:
        registry: the data market.
    """

    def __init__(self, registry: DataRegistry) -> None:
        self.registry = registry
        contracts = registry.contracts
        self.domain = VerdictDomain(contracts.deployment.chain_id, contracts.verdicts.address)
        self._journal = Journal(
            contracts,
            (
                contracts.association,
                contracts.charter,
                contracts.requests,
                contracts.verdicts,
                contracts.challenges,
            ),
        )
        self._shelf = EvidenceShelf(registry.store, self.domain)
        self._rules: dict[tuple[int, int], Rules] = {}
        self._clear()

    def _clear(self) -> None:
        self._openings: dict[int, _Opening] = {}
        self._positions: dict[int, _Position] = {}
        self._revises: dict[int, int] = {}
        self._closed: dict[int, tuple[_Position, int]] = {}
        self._born: dict[int, int] = {}
        self._creators: dict[int, Address] = {}
        self._requests: dict[int, tuple[int, _Position]] = {}
        self._retired: dict[int, _Position] = {}
        self._published: dict[int, list[tuple[Address, int, Digest]]] = {}
        self._members: dict[tuple[int, Address], tuple[int, int, bool]] = {}
        self._taken_down: dict[int, _Position] = {}
        self._challenged: set[int] = set()

    def refresh(self) -> None:
        """Read what happened since the last call; after a reorganisation, read all again."""
        anew, events = self._journal.read()
        if anew:
            self._clear()
        for event in events:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        position = (event.block_number, event.log_index)
        args = event.args
        if event.name == "Proposed":
            self._positions[int(args["proposal"])] = position
            self._revises[int(args["proposal"])] = int(args["revises"])
        elif event.name == "Settled":
            self._closed[int(args["proposal"])] = (position, int(args["status"]))
            if int(args["status"]) == ACCEPTED:
                self._born[int(args["proposal"])] = int(args["snapshot"])
        elif event.name == "TakenDown":
            self._taken_down[int(args["tranche"])] = position
        elif event.name == "DatasetCreated":
            self._creators[int(args["dataset"])] = Address(str(args["creator"]))
        else:
            self._apply_measuring(event, position)

    def _apply_measuring(self, event: Event, position: _Position) -> None:
        args = event.args
        if event.name == "RequestOpened":
            dataset = int(args["dataset"])
            # Whoever pays may ask; who chose the hidden rows could mint with them.
            if self._creators.get(dataset) == str(args["initiator"]):
                self._requests[int(args["request"])] = (dataset, position)
        elif event.name == "HoldoutRetired":
            self._retired[int(args["request"])] = position
        elif event.name == "EvidencePublished":
            self._published.setdefault(int(args["proposal"]), []).append(
                (
                    Address(str(args["evaluator"])),
                    int(args["base"]),
                    Digest(bytes(args["evidence"])),
                )
            )
        elif event.name == "EvaluatorSet":
            member = (int(args["dataset"]), Address(str(args["evaluator"])))
            self._members[member] = (int(args["first"]), int(args["last"]), bool(args["counts"]))
        elif event.name == "Challenged":
            self._challenged.add(int(args["proposal"]))
        elif event.name == "ChallengeDecided":
            self._challenged.discard(int(args["proposal"]))

    def _opening(self, proposal: int) -> _Opening:
        known = self._openings.get(proposal)
        if known is None:
            found = self.registry.proposal(proposal)
            known = self._openings[proposal] = _Opening(
                self._positions[proposal],
                found.terms.commitment(),
                found.opened_at,
                found.votes_from,
                found.version,
                found.request,
            )
        return known

    def rules(self, proposal: int) -> Rules:
        """Rules that a proposal was made under; those of a version never change.

        Args:
            proposal: id of the proposal.

        Returns:
            The rules.
        """
        key = (split_proposal_id(proposal)[0], self._opening(proposal).version)
        if key not in self._rules:
            self._rules[key] = self.registry.rules_at(*key)
        return self._rules[key]

    def counting(self, proposal: int) -> list[Address]:
        """Evaluators whose signatures count on a proposal: named by its rules, with their stake.

        Args:
            proposal: id of the proposal.

        Returns:
            In the order of the rules.
        """
        dataset, version = split_proposal_id(proposal)[0], self._opening(proposal).version
        found = []
        for evaluator in self.rules(proposal).evaluators:
            first, last, counts = self._members.get((dataset, evaluator), (0, 0, False))
            if counts and first <= version <= last:
                found.append(evaluator)
        return found

    def undecided(self) -> Mapping[int, list[int]]:
        """Open proposals of each dataset.

        Returns:
            Dataset -> proposal ids in order of commitment.
        """
        found: dict[int, list[int]] = {}
        for proposal in sorted(self._positions):
            if proposal not in self._closed:
                found.setdefault(split_proposal_id(proposal)[0], []).append(proposal)
        return found

    def nexts(self, proposals: Sequence[int]) -> list[int]:
        """Proposals that order of commitment lets close now.

        Args:
            proposals: the undecided ones of one dataset in order.

        Returns:
            The first; the one after it too when the first has held up the others for a voting
            period beyond its vote, whatever a late ballot added; and so on.
        """
        now = self.registry.contracts.chain.next_timestamp()
        found: list[int] = []
        for proposal in proposals:
            found.append(proposal)
            if now < self._opening(proposal).votes_from + 2 * self.rules(proposal).voting_period:
                break
        return found

    def proposals(self, request: int | None = None) -> list[int]:
        """All proposals, decided or not.

        Args:
            request: only those measured on the holdout of this request.

        Returns:
            Ids in order of commitment: by chain time, then by id, as the contracts compare them.
        """
        chosen = [
            proposal
            for proposal in self._positions
            if request is None or self.measuring_request(proposal) == request
        ]
        return sorted(chosen, key=lambda proposal: (self._opening(proposal).opened_at, proposal))

    def thread(self, proposal: int) -> list[int]:
        """Earlier versions of a proposal.

        Args:
            proposal: its id.

        Returns:
            What it revises, oldest first; without itself.
        """
        found: list[int] = []
        revised = self._revises[proposal]
        while revised:
            found.append(revised)
            revised = self._revises[revised]
        return found[::-1]

    def earlier(self, proposal: int, base: int) -> list[int]:
        """Earlier commitments that a proposal is compared with.

        Args:
            proposal: its id.
            base: snapshot that it is measured on.

        Returns:
            Earlier proposals of the dataset that were open or accepted when this one was
            committed, and revised ones, whose rows keep their date; its own thread among them.
            Without tranches that were taken down by then, whose rows are erased. What is decided
            later does not change the list, so every evaluator compares with the same rows
            whenever it measures.
        """
        opened = self._positions[proposal]
        dataset = split_proposal_id(proposal)[0]
        gone = {
            version
            for tranche in self._taken_down
            if self._is_gone(tranche, opened, base)
            for version in (tranche, *self.thread(tranche))
        }
        return [
            other
            for other in sorted(self._positions)
            if other < proposal
            and split_proposal_id(other)[0] == dataset
            and other not in gone
            and self._stood(other, opened)
        ]

    def _is_gone(self, tranche: int, opened: _Position, base: int) -> bool:
        if self._taken_down[tranche] < opened:
            return True
        database = self.registry.contracts.database(split_proposal_id(tranche)[0])
        return 0 < int(database.call("endings", tranche)) >> _ENDED_AT <= base

    def _stood(self, proposal: int, at: _Position) -> bool:
        closed, status = self._closed.get(proposal, (at, ACCEPTED))
        return status in {ACCEPTED, REVISED} or closed >= at

    def born(self, proposal: int) -> int:
        """The snapshot that a proposal's tranche was born in.

        Args:
            proposal: its id.

        Returns:
            Its number; 0 where it is not accepted.
        """
        return self._born.get(proposal, 0)

    def is_challenged(self, proposal: int) -> bool:
        """Whether a challenge of a proposal waits for its answer.

        Args:
            proposal: its id.

        Returns:
            True while nothing is decided.
        """
        return proposal in self._challenged

    def measuring_request(self, proposal: int) -> int:
        """The request whose holdout measures a proposal.

        Args:
            proposal: its id.

        Returns:
            The request it answers, when the dataset's creator opened that; else the newest
            request of the creator that was open before it and whose holdout was hidden still; 0
            when there is none.
        """
        dataset, opened = split_proposal_id(proposal)[0], self._positions[proposal]
        older = [
            request
            for request, (other, at) in self._requests.items()
            if other == dataset and at < opened <= self._retired.get(request, opened)
        ]
        named = self._opening(proposal).request
        return named if named in older else max(older, default=0)

    def published(self, proposal: int) -> list[SignedEvidence]:
        """Evidence on a proposal whose signature, evaluator, terms and numbers hold.

        Args:
            proposal: its id.

        Returns:
            In order of publication.
        """
        found = []
        commitment = self._opening(proposal).commitment
        for evaluator, base, digest in self._published.get(proposal, ()):
            evidence = self._shelf.read(digest)
            if (
                evidence is not None
                and evidence.evaluator == evaluator
                and evidence.verdict.proposal == proposal
                and evidence.verdict.commitment == commitment
                and evidence.verdict.base == base
            ):
                found.append(evidence)
        return found

    def agreed(
        self, proposal: int, base: int, without: Collection[Address] = ()
    ) -> list[list[SignedEvidence]]:
        """What k evaluators agree on, on one base; more than one verdict where they are divided.

        Args:
            proposal: its id.
            base: snapshot number that it was measured on.
            without: evaluators who do not count here: those whose verdict is challenged.

        Returns:
            As `verdicts.agreeing`.
        """
        counting = [who for who in self.counting(proposal) if who not in without]
        threshold = self.rules(proposal).threshold
        return agreeing(self.published(proposal), counting, threshold, base)

    def settled(
        self, proposal: int, base: int, without: Collection[Address] = ()
    ) -> list[SignedEvidence]:
        """The k agreeing pieces of evidence on one base.

        Args:
            proposal: its id.
            base: snapshot number that it was measured on.
            without: evaluators who do not count here.

        Returns:
            Ascending by evaluator, of the verdict that was completed first; empty when fewer than
            k agree.
        """
        return next(iter(self.agreed(proposal, base, without)), [])

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
