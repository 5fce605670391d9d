"""Reading the data market: datasets, requests, proposals, snapshots, and the rows behind them."""

from __future__ import annotations

from databright.chain.snapshots import all_entries, entries_in, read_snapshot
from databright.chain.structs import digest_of, fields_of, int_of, values_of
from databright.custody.references import rows_label, seal_context
from databright.data_market.archive import Archive, concatenate
from databright.data_market.entities import (
    ACCEPTED,
    EXPIRED,
    OPEN,
    REJECTED,
    REVISED,
    STATUSES,
    VOIDED,
    WITHDRAWN,
    Dataset,
    Entry,
    Proposal,
    Reader,
    Request,
    Snapshot,
    Step,
    read_tally,
)
from databright.errors import BadInputError, UnknownEntityError
from databright.records.rows import Rows
from databright.records.terms import proposal_id, split_proposal_id
from databright.units import Address, Amount, Seconds, Shares

__all__ = [
    "ACCEPTED",
    "EXPIRED",
    "OPEN",
    "REJECTED",
    "REVISED",
    "STATUSES",
    "VOIDED",
    "WITHDRAWN",
    "DataRegistry",
    "Dataset",
    "Entry",
    "Proposal",
    "Reader",
    "Request",
    "Snapshot",
    "concatenate",
    "seal_context",
    "snapshot_rows",
]
_NO_DIGEST = bytes(32)
_COUNT_AT, _COUNT_BITS = 136, 20
"""Where a dataset's word of the association counts its proposals."""
_PENDING, _MEASURED = 1, 4
"""Bits of a proposal's mark of the verdicts."""


class DataRegistry(Archive):
    """The data market as the chain and the store show it.

    Args:
        contracts: the market's contracts.
        store: the content store.
    """

    def num_datasets(self) -> int:
        """Number of datasets; ids are 1 to this.

        Returns:
            The count.
        """
        return int(self.contracts.charter.call("num_datasets"))

    def dataset(self, dataset: int) -> Dataset:
        """One dataset.

        Args:
            dataset: id, from 1.

        Returns:
            Its newest rules and state.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        database = self.contracts.database(dataset)
        charter = self.contracts.charter
        version = int(charter.call("version_of", dataset))
        return Dataset(
            id=dataset,
            creator=Address(str(charter.call("creator_of", dataset))),
            database=database.address,
            rules=self.rules_at(dataset, version),
            version=version,
            num_snapshots=int(database.call("num_snapshots")),
        )

    def num_requests(self) -> int:
        """Number of requests over all datasets.

        Returns:
            The count.
        """
        return int(self.contracts.requests.call("num_requests"))

    def request(self, request: int) -> Request:
        """One request.

        Args:
            request: id, from 1.

        Returns:
            Its state.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        count = self.num_requests()
        if not 1 <= request <= count:
            raise UnknownEntityError(
                f"there is no request {request}: this market has {count}; "
                "'databright request list' shows them"
            )
        raw = self.contracts.requests.call("request", request)
        values = fields_of(raw, _REQUEST)
        retired = digest_of(values["reveal"])
        return Request(
            id=request,
            dataset=int_of(values["dataset"]),
            initiator=Address(str(values["initiator"])),
            escrow=Amount(int_of(values["escrow"])),
            curve=_curve(values["curve"]),
            awarded_shares=Shares(int_of(values["awarded_shares"])),
            deadline=Seconds(int_of(values["deadline"])),
            holdout=digest_of(values["holdout"]),
            holdout_ref=digest_of(values["holdout_ref"]),
            program=digest_of(values["program"]),
            card=digest_of(values["card"]),
            open_proposals=int_of(values["open_proposals"]),
            closed=int_of(values["status"]) != OPEN,
            retired=None if retired == _NO_DIGEST else retired,
        )

    def num_proposals(self) -> int:
        """Number of proposals over all datasets.

        Returns:
            The count.
        """
        return sum(self._count(dataset) for dataset in range(1, self.num_datasets() + 1))

    def proposal_ids(self, dataset: int) -> range:
        """Ids of a dataset's proposals in order of commitment.

        Args:
            dataset: id of the dataset.

        Returns:
            The ids, ascending.

        Raises:
            UnknownEntityError: no such dataset.
        """
        self.contracts.database(dataset)
        first = proposal_id(dataset, 1)
        return range(first, first + self._count(dataset))

    def all_proposal_ids(self) -> list[int]:
        """Ids of all proposals.

        Returns:
            By dataset, in order of commitment within each.
        """
        datasets = range(1, self.num_datasets() + 1)
        return [one for dataset in datasets for one in self.proposal_ids(dataset)]

    def _count(self, dataset: int) -> int:
        word = int(self.contracts.association.call("datasets", dataset))
        return (word >> _COUNT_AT) & ((1 << _COUNT_BITS) - 1)

    def proposal(self, proposal: int) -> Proposal:
        """One proposal.

        Args:
            proposal: its id.

        Returns:
            Its terms and state.

        Raises:
            UnknownEntityError: there is none of that id.
            ChainError: the endpoint has no event of it, or one of other terms.
        """
        contracts = self.contracts
        tally = read_tally(int(contracts.curator_token.call("tallies", proposal)))
        if tally.status == 0 or tally.is_motion:
            raise UnknownEntityError(self._no_proposal(proposal))
        word = bytes(contracts.association.call("commitment", proposal))
        found = contracts.terms.of_many({proposal: word})[proposal]
        lent = int(contracts.curator_token.call("lent_tallies", proposal)) if tally.has_lent else 0
        mark = int(contracts.verdicts.call("marks", proposal))
        return Proposal(
            terms=found.terms,
            opened_at=tally.opened_at,
            votes_from=tally.votes_from,
            deadline=tally.deadline,
            period=tally.period,
            yes=tally.yes,
            no=tally.no,
            lent_yes=lent & (2**52 - 1),
            lent_no=lent >> 52,
            status=tally.status,
            version=tally.version,
            is_challenged=bool(mark & _PENDING),
            is_measured=bool(mark & _MEASURED),
            block=found.block,
            tx=found.tx,
        )

    def _no_proposal(self, proposal: int) -> str:
        try:
            dataset, _ = split_proposal_id(proposal)
            count = len(self.proposal_ids(dataset))
        except BadInputError as error:
            return f"{error}; 'databright proposal list' shows them"
        return (
            f"there is no proposal {proposal}: dataset {dataset} has {count}; "
            "'databright proposal list' shows them"
        )

    def thread(self, proposal: int) -> list[Proposal]:
        """A proposal and what it revises.

        Args:
            proposal: id of the newest one that is wanted.

        Returns:
            The thread, oldest first; the proposal itself is last.

        Raises:
            UnknownEntityError: there is none of that id.
        """
        found = [self.proposal(proposal)]
        while found[-1].revises:
            found.append(self.proposal(found[-1].revises))
        return found[::-1]

    def snapshot(self, dataset: int, number: int) -> Snapshot:
        """One snapshot.

        Args:
            dataset: id of the dataset.
            number: from 1.

        Returns:
            The snapshot, its root recomputed.

        Raises:
            UnknownEntityError: no such dataset, or it has no such snapshot.
        """
        return read_snapshot(self.contracts, dataset, number)

    def entries(self, dataset: int, snapshot: int | None = None) -> list[Entry]:
        """The accepted proposals that a snapshot consists of, in order of acceptance.

        Args:
            dataset: id of the dataset.
            snapshot: its number; the newest when None, which may be none yet.

        Returns:
            The entries, with terms verified against the chain's commitments.

        Raises:
            UnknownEntityError: no such dataset or snapshot.
        """
        if snapshot is None:
            snapshot = int(self.contracts.database(dataset).call("num_snapshots"))
            if snapshot == 0:
                return []
        return entries_in(self.contracts, dataset, snapshot)

    def all_entries(self, dataset: int) -> list[Entry]:
        """Every entry that a dataset ever had, removed ones and those taken down too.

        Args:
            dataset: id of the dataset.

        Returns:
            In order of acceptance.

        Raises:
            UnknownEntityError: no such dataset.
        """
        return all_entries(self.contracts, dataset)


def snapshot_rows(
    registry: DataRegistry, dataset: int, number: int, reader: Reader
) -> tuple[Rows, list[tuple[int, int]]]:
    """The training rows of a snapshot: its entries in order, concatenated.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        number: the snapshot, from 1.
        reader: an admitted node with its key.

    Returns:
        All rows, and for each row its identity (proposal id, row number within the proposal).
    """
    parts: list[Rows] = []
    identities: list[tuple[int, int]] = []
    for entry in registry.entries(dataset, number):
        rows = registry.open_rows(dataset, entry.ref, rows_label(entry.terms.proposer), reader)
        parts.append(rows)
        identities.extend((entry.proposal, index) for index in range(len(rows)))
    return concatenate(parts), identities


def _curve(raw: object) -> tuple[Step, ...]:
    steps = raw if isinstance(raw, list | tuple) else ()
    found = [values_of(step, ("until", "rate")) for step in steps]
    return tuple(Step(Shares(int_of(one[0])), Amount(int_of(one[1]))) for one in found)


_REQUEST = (
    "dataset", "initiator", "escrow", "curve", "awarded_shares", "deadline", "holdout",
    "holdout_ref", "program", "card", "open_proposals", "status", "reveal",
)  # fmt: skip
