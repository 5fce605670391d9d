"""What a contributor does: propose rows, revise or withdraw them, look at what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from databright.client.points import keep_points
from databright.client.writing import Desk, Made, Written
from databright.data_market.contributors import Record, record_of
from databright.data_market.docket import Docket
from databright.data_market.proposals import (
    OwnedRows,
    ProposalDraft,
    ProposalPlan,
    plan_proposal,
    plan_revision,
    plan_withdrawal,
)
from databright.data_market.registry import Proposal
from databright.records.evidence import SignedEvidence
from databright.records.manifest import Manifest, Samples
from databright.records.rows import Rows, read_rows
from databright.units import Address


class ContributorView:
    """Proposals and what became of them.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry

    def propose(
        self,
        dataset: int,
        data: Rows | str | Path | Sequence[OwnedRows],
        draft: ProposalDraft,
        *,
        dry_run: bool = False,
    ) -> Written:
        """Propose rows to a dataset.

        Args:
            dataset: its id.
            data: the actor's rows, or a .csv, .npz or .safetensors file of them, or the rows of
                several owners, whose shares go to the draft's payee.
            draft: what is said about them.
            dry_run: show only.

        Returns:
            What was done, with the proposal's id.
        """
        self._registry.dataset(dataset)  # an unknown dataset is said before a file is read
        plan = plan_proposal(
            self._registry, self._desk.actor.address, dataset, self._parts(data), draft
        )
        return self._send(plan, dry_run=dry_run)

    def revise(
        self,
        proposal: int,
        data: Rows | str | Path | Sequence[OwnedRows],
        draft: ProposalDraft,
        *,
        dry_run: bool = False,
    ) -> Written:
        """Replace an open proposal: a new id in the same thread, votes begun anew.

        Args:
            proposal: id of the open proposal.
            data: the new rows, as for `propose`.
            draft: what is said about them; request and payee stay.
            dry_run: show only.

        Returns:
            What was done, with the revision's id.
        """
        self._registry.proposal(proposal)
        plan = plan_revision(
            self._registry, self._desk.actor.address, proposal, self._parts(data), draft
        )
        return self._send(plan, dry_run=dry_run)

    def withdraw(self, proposal: int, *, dry_run: bool = False) -> Written:
        """Take a proposal off before its vote begins.

        Args:
            proposal: its id.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_withdrawal(self._registry, self._desk.actor.address, proposal)
        return self._desk.write(plan, dry_run=dry_run)

    def _parts(self, data: Rows | str | Path | Sequence[OwnedRows]) -> Sequence[OwnedRows]:
        if isinstance(data, str | Path):
            data = read_rows(Path(data))
        return [OwnedRows(self._desk.actor.address, data)] if isinstance(data, Rows) else data

    def _send(self, planned: ProposalPlan, *, dry_run: bool) -> Written:
        if not dry_run:
            keep_points(self._desk.market.home, planned.root, planned.book)
        association = self._desk.market.contracts.association
        made = Made(association, "Proposed", "proposal")
        return self._desk.write(planned.plan, made, dry_run=dry_run)

    def proposals(self, dataset: int | None = None) -> list[Proposal]:
        """All proposals, or those of one dataset.

        Args:
            dataset: its id; None for all.

        Returns:
            By dataset, in order of commitment.
        """
        ids = (
            self._registry.all_proposal_ids()
            if dataset is None
            else self._registry.proposal_ids(dataset)
        )
        return [self._registry.proposal(one) for one in ids]

    def proposal(self, proposal: int) -> Proposal:
        """One proposal.

        Args:
            proposal: its id.

        Returns:
            Its terms and state.
        """
        return self._registry.proposal(proposal)

    def thread(self, proposal: int) -> list[Proposal]:
        """A proposal and what it revises.

        Args:
            proposal: its id.

        Returns:
            The thread, oldest first.
        """
        return self._registry.thread(proposal)

    def manifest(self, proposal: int) -> Manifest:
        """What a proposer says about the rows.

        Args:
            proposal: its id.

        Returns:
            The public manifest.

        Raises:
            StorageError: it is not in the store, or its bytes are corrupt.
        """
        return self._registry.manifest(self._registry.proposal(proposal).manifest)

    def samples(self, proposal: int) -> Samples | None:
        """The rows that a proposer shows.

        Args:
            proposal: its id.

        Returns:
            The samples; None where there are none.

        Raises:
            StorageError: they are not in the store, or their bytes are corrupt.
        """
        return self._registry.samples(self.manifest(proposal))

    def evidence(self, proposal: int) -> list[SignedEvidence]:
        """Evidence published on a proposal, with valid signatures.

        Args:
            proposal: its id.

        Returns:
            In order of publication.
        """
        self._registry.proposal(proposal)
        docket = Docket(self._registry)
        docket.refresh()
        return docket.published(proposal)

    def record(self, address: Address | None = None) -> Record:
        """What became of everything that an address proposed.

        Args:
            address: the proposer; the actor when None.

        Returns:
            Its record.
        """
        return record_of(self._registry, address or self._desk.actor.address)
