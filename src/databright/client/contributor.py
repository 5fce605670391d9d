"""What a contributor does: propose rows, hold shares, take dividends."""

from __future__ import annotations

from pathlib import Path

from databright.client.writing import Desk, Made, Written
from databright.custody.blobs import read_blob
from databright.data_market.dividends import plan_claims
from databright.data_market.docket import Docket
from databright.data_market.proposals import ProposalDraft, plan_proposal
from databright.data_market.registry import Proposal
from databright.data_market.shares import Holding, holdings
from databright.records.datasets import MAX_CARD_BYTES
from databright.records.evidence import Manifest, SignedEvidence
from databright.records.rows import Rows, read_rows


class ContributorView:
    """Proposals, shares and dividends.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry

    def propose(
        self,
        dataset: int,
        data: Rows | str | Path,
        draft: ProposalDraft,
        *,
        dry_run: bool = False,
    ) -> Written:
        """Propose rows to a dataset.

        Args:
            dataset: its id.
            data: rows, or a .csv, .npz or .safetensors file of them.
            draft: what is said about them.
            dry_run: show only.

        Returns:
            What was done, with the proposal's id.
        """
        self._registry.dataset(dataset)  # an unknown dataset is said before a file is read
        rows = data if isinstance(data, Rows) else read_rows(Path(data))
        plan = plan_proposal(self._registry, self._desk.actor.address, dataset, rows, draft)
        association = self._desk.market.contracts.association
        return self._desk.write(plan, Made(association, "Proposed", "proposal"), dry_run=dry_run)

    def proposals(self, dataset: int | None = None) -> list[Proposal]:
        """All proposals, or those of one dataset.

        Args:
            dataset: its id; None for all.

        Returns:
            In order of commitment.
        """
        if dataset is not None:
            self._registry.dataset(dataset)
        found = [self._registry.proposal(n) for n in range(1, self._registry.num_proposals() + 1)]
        return [item for item in found if dataset in (None, item.dataset)]

    def proposal(self, proposal: int) -> Proposal:
        """One proposal.

        Args:
            proposal: its id.

        Returns:
            Its state.
        """
        return self._registry.proposal(proposal)

    def manifest(self, proposal: int) -> Manifest:
        """What a proposer says about the rows.

        Args:
            proposal: its id.

        Returns:
            The public manifest.

        Raises:
            StorageError: it is not in the store, or its bytes are corrupt.
        """
        digest = self._registry.proposal(proposal).manifest
        return Manifest.from_json(read_blob(self._registry.store, digest, MAX_CARD_BYTES))

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

    def shares(self, dataset: int | None = None) -> list[Holding]:
        """The actor's shares and waiting dividends.

        Args:
            dataset: one dataset's; None for all.

        Returns:
            By tranche.
        """
        return holdings(self._registry, self._desk.actor.address, dataset)

    def claimable(self, dataset: int | None = None) -> int:
        """Dividends that wait for the actor.

        Args:
            dataset: one dataset's; None for all.

        Returns:
            Base units.
        """
        return sum(item.claimable for item in self.shares(dataset))

    def claim(self, dataset: int | None = None, *, dry_run: bool = False) -> Written:
        """Take all waiting dividends.

        Args:
            dataset: one dataset's; None for all.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_claims(self._registry, self._desk.actor.address, dataset)
        return self._desk.write(plan, dry_run=dry_run)
