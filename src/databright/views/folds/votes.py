"""Votes: who may cast how much, who lent it to whom, the ballots, and the motions voted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table
from databright.views.folds.data_market import PROPOSALS, UNIT

FIRST_MOTION = 500_000
"""Numbers within a dataset from this one on are motions, not proposals."""
_KINDS = {1: "rules", 2: "takedown"}


@dataclass(frozen=True, kw_only=True)
class VoterRow(Row):
    """Weight of an account in a dataset.

    Attributes:
        dataset: where.
        account: whose.
        earned: votes minted to it; they do not move.
        genesis: weight that it had from the start, before it fades.
    """

    dataset: int
    account: Address
    earned: int = 0
    genesis: int = 0


@dataclass(frozen=True, kw_only=True)
class LoanRow(Row):
    """Weight lent to an oracle; there is no row once it was taken back.

    Attributes:
        dataset: where.
        lender: whose weight.
        oracle: who may cast it.
        cap: most of it.
        expiry: chain time at which the loan ends.
        least_confidence: of a ballot that may use it, basis points.
    """

    dataset: int
    lender: Address
    oracle: Address
    cap: int
    expiry: int
    least_confidence: int


@dataclass(frozen=True, kw_only=True)
class VoteRow(Row):
    """The ballot that counts for one voter.

    Attributes:
        proposal: what is voted on, a proposal or a motion.
        voter: whose weight.
        by: who cast it, the voter or an oracle.
        support: in favour.
        weight: how much.
        confidence: how sure the oracle was, basis points; 0 of an own ballot.
    """

    proposal: int
    voter: Address
    by: Address
    support: bool
    weight: int
    confidence: int = 0


@dataclass(frozen=True, kw_only=True)
class MotionRow(Row):
    """A motion to change a dataset's rules or to take a tranche down.

    Attributes:
        id: dataset * UNIT + its number.
        dataset: its dataset.
        mover: who moved it.
        kind: rules or takedown.
        text: digest of the reasons, hex.
        bond: locked for it.
        electorate: weight that may vote.
        deadline: chain time to which voting was extended, 0 where it was not.
        yes: weight in favour.
        no: weight against.
        state: open, carried, lost or enacted.
        ready_at: chain time from which it can be enacted, 0 where it was not carried.
    """

    id: int
    dataset: int
    mover: Address
    kind: str
    text: str
    bond: Amount
    electorate: int
    deadline: int = 0
    yes: int = 0
    no: int = 0
    state: str = "open"
    ready_at: int = 0


VOTERS = Table("voters", VoterRow, ("dataset", "account"))
LOANS = Table("loans", LoanRow, ("dataset", "lender"))
VOTES = Table("votes", VoteRow, ("proposal", "voter"))
MOTIONS = Table("motions", MotionRow, ("id",))
TABLES: Sequence[AnyTable] = (VOTERS, LOANS, VOTES, MOTIONS)


# ------------------------------------------------------------------ weight


def _voter(book: Book, event: IndexedEvent, account: str) -> VoterRow:
    dataset, who = event.number("dataset"), event.address_of(account)
    return book.find(VOTERS, dataset, who) or VoterRow(dataset=dataset, account=who)


def _genesis_set(book: Book, event: IndexedEvent) -> None:
    row = _voter(book, event, "curator")
    book.put(VOTERS, replace(row, genesis=event.number("weight")))


def _minted(book: Book, event: IndexedEvent) -> None:
    row = _voter(book, event, "to")
    book.put(VOTERS, replace(row, earned=row.earned + event.number("amount")))


def _lent(book: Book, event: IndexedEvent) -> None:
    row = LoanRow(
        dataset=event.number("dataset"),
        lender=event.address_of("lender"),
        oracle=event.address_of("oracle"),
        cap=event.number("cap"),
        expiry=event.number("expiry"),
        least_confidence=event.number("least_confidence"),
    )
    book.put(LOANS, row)


def _taken_back(book: Book, event: IndexedEvent) -> None:
    book.drop(LOANS, event.number("dataset"), event.address_of("lender"))


# ------------------------------------------------------------------ ballots


def _count(book: Book, proposal: int, support: bool, weight: int) -> None:
    """Add weight, which may be negative, to one side of a proposal or a motion."""
    if proposal % UNIT < FIRST_MOTION:
        row = book.get(PROPOSALS, proposal)
        if support:
            book.put(PROPOSALS, replace(row, yes=row.yes + weight))
        else:
            book.put(PROPOSALS, replace(row, no=row.no + weight))
        return
    motion = book.get(MOTIONS, proposal)
    if support:
        book.put(MOTIONS, replace(motion, yes=motion.yes + weight))
    else:
        book.put(MOTIONS, replace(motion, no=motion.no + weight))


def _cast(book: Book, vote: VoteRow) -> None:
    _count(book, vote.proposal, vote.support, vote.weight)
    book.put(VOTES, vote)


def _voted(book: Book, event: IndexedEvent) -> None:
    voter = event.address_of("voter")
    vote = VoteRow(
        proposal=event.number("proposal"),
        voter=voter,
        by=voter,
        support=bool(event.args["support"]),
        weight=event.number("weight"),
    )
    _cast(book, vote)


def _voted_lent(book: Book, event: IndexedEvent) -> None:
    vote = VoteRow(
        proposal=event.number("proposal"),
        voter=event.address_of("lender"),
        by=event.address_of("oracle"),
        support=bool(event.args["support"]),
        weight=event.number("weight"),
        confidence=event.number("confidence"),
    )
    _cast(book, vote)


def _overridden(book: Book, event: IndexedEvent) -> None:
    # The lender's own ballot follows in the same transaction.
    proposal = event.number("proposal")
    _count(book, proposal, bool(event.args["support"]), -event.number("weight"))
    book.drop(VOTES, proposal, event.address_of("lender"))


def _extended(book: Book, event: IndexedEvent) -> None:
    proposal, deadline = event.number("proposal"), event.number("deadline")
    if proposal % UNIT < FIRST_MOTION:
        book.put(PROPOSALS, replace(book.get(PROPOSALS, proposal), deadline=deadline))
    else:
        book.put(MOTIONS, replace(book.get(MOTIONS, proposal), deadline=deadline))


# ------------------------------------------------------------------ motions


def _moved(book: Book, event: IndexedEvent) -> None:
    number, kind = event.number("motion"), event.number("kind")
    row = MotionRow(
        id=number,
        dataset=number // UNIT,
        mover=event.address_of("mover"),
        kind=_KINDS.get(kind, f"kind {kind}"),
        text=event.text("text"),
        bond=Amount(event.number("bond")),
        electorate=event.number("electorate"),
    )
    book.put(MOTIONS, row)


def _motion_settled(book: Book, event: IndexedEvent) -> None:
    row = book.get(MOTIONS, event.number("motion"))
    state = "carried" if event.args["is_carried"] else "lost"
    book.put(MOTIONS, replace(row, state=state, ready_at=event.number("ready_at")))


def _enacted(book: Book, event: IndexedEvent) -> None:
    row = book.get(MOTIONS, event.number("motion"))
    book.put(MOTIONS, replace(row, state="enacted"))


FOLDS: Mapping[str, Fold] = {
    "CuratorToken.GenesisSet": _genesis_set,
    "CuratorToken.Minted": _minted,
    "CuratorToken.Lent": _lent,
    "CuratorToken.TakenBack": _taken_back,
    "CuratorToken.Voted": _voted,
    "CuratorToken.VotedLent": _voted_lent,
    "CuratorToken.Overridden": _overridden,
    "CuratorToken.Extended": _extended,
    "Motions.Moved": _moved,
    "Motions.MotionSettled": _motion_settled,
    "Motions.Enacted": _enacted,
}
