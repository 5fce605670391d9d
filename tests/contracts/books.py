"""The books of a market in a contract test: its contracts, and what each must hold to the unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contracts.market_world import artifact_bound

if TYPE_CHECKING:
    from databright.records.terms import Terms

M52 = 2**52 - 1
UNIT = 1_000_000


@dataclass(frozen=True)
class Tally:
    """A proposal's word, taken apart as CuratorToken's head says."""

    yes: int
    no: int
    supply: int
    opened: int
    period: int
    status: int
    extension: int
    version: int
    review_s: int
    has_lent: bool
    is_motion: bool

    @classmethod
    def of(cls, word: int) -> Tally:
        """Take a word apart."""
        return cls(
            yes=word & M52,
            no=word >> 52 & M52,
            supply=word >> 104 & M52,
            opened=word >> 156 & (2**32 - 1),
            period=word >> 188 & (2**24 - 1),
            status=word >> 212 & 15,
            extension=word >> 216 & 255,
            version=word >> 224 & (2**12 - 1),
            review_s=60 * (word >> 236 & (2**16 - 1)),
            has_lent=bool(word >> 252 & 1),
            is_motion=bool(word >> 253 & 1),
        )

    @property
    def begin(self) -> int:
        return self.opened + self.review_s

    @property
    def deadline(self) -> int:
        return self.begin + self.period + self.period * self.extension // 64


class Books:
    """Contracts by name, balances, and the sums that must hold after every call."""

    contracts: dict[str, Any]
    dataset: int
    proposals: list[Terms]

    def everybody(self) -> list[str]:
        """Addresses of all people of the market."""
        raise NotImplementedError

    @property
    def token(self) -> Any:
        return self.contracts["MarketToken"]

    @property
    def votes(self) -> Any:
        return self.contracts["CuratorToken"]

    @property
    def association(self) -> Any:
        return self.contracts["DataAssociation"]

    @property
    def verdicts(self) -> Any:
        return self.contracts["Verdicts"]

    @property
    def challenges(self) -> Any:
        return self.contracts["Challenges"]

    @property
    def pools(self) -> Any:
        return self.contracts["ValuePools"]

    @property
    def charter(self) -> Any:
        return self.contracts["Charter"]

    @property
    def motions(self) -> Any:
        return self.contracts["Motions"]

    @property
    def requests(self) -> Any:
        return self.contracts["DataRequests"]

    @property
    def database(self) -> Any:
        return self.database_of(self.dataset)

    def database_of(self, dataset: int) -> Any:
        # The same object each time: it remembers the events of its last call.
        address = str(self.association.database_of(dataset))
        if address not in self.contracts:
            self.contracts[address] = artifact_bound("Database", address)
        return self.contracts[address]

    def balance(self, account: Any) -> int:
        return int(self.token.balanceOf(getattr(account, "address", account)))

    def credit(self, account: Any) -> int:
        return int(self.association.credit_of(getattr(account, "address", account)))

    def deposited(self, account: Any) -> int:
        return int(self.association.deposit_of(getattr(account, "address", account)))

    def tally(self, proposal: Any) -> Tally:
        return Tally.of(int(self.votes.tallies(getattr(proposal, "proposal", proposal))))

    def sides(self, proposal: Any) -> tuple[int, int]:
        """(yes, no) of a proposal or a motion."""
        found = self.tally(proposal)
        return found.yes, found.no

    def status(self, proposal: Any) -> int:
        return self.tally(proposal).status

    # What every contract must hold

    def check(self) -> None:
        """Every contract holds exactly what it owes; a Database no less."""
        self.check_association()
        self.check_requests()
        self.check_challenges()
        self.check_motions()
        self.check_pools()
        for dataset in range(1, int(self.charter.num_datasets()) + 1):
            self.check_database(dataset)
        assert self.balance(self.verdicts) == 0

    def check_association(self) -> None:
        """Deposits, credits, bonds and fees of what is open, and bonds that are held."""
        owed = 0
        for terms in self.proposals:
            found = self.tally(terms)
            # What a reorganisation has undone is still in the list, under an id that is free again.
            if self.association.commitment(terms.proposal) != terms.commitment():
                continue
            if found.status == 1:
                word = int(self.association.rules_word(terms.proposal // UNIT, found.version))
                price = word >> 136 & (2**32 - 1)
                repaid = int(self.association.repaid(terms.proposal))
                owed += terms.bond + terms.fee - repaid * price
            elif self.verdicts.held_for(terms.proposal) != 0:
                owed += terms.bond
        for account in self.everybody():
            owed += self.deposited(account) + self.credit(account)
        assert self.balance(self.association) == owed

    def check_requests(self) -> None:
        """Escrows and credits."""
        count = int(self.requests.num_requests())
        owed = sum(int(self.requests.request(one).escrow) for one in range(1, count + 1))
        assert self.balance(self.requests) == owed + int(self.requests.total_credit())

    def check_challenges(self) -> None:
        """Stakes, bonds of pending challenges, credits."""
        owed = int(self.challenges.total_credit())
        for dataset in range(1, int(self.charter.num_datasets()) + 1):
            owed += sum(int(self.challenges.stake_of(dataset, who)) for who in self.everybody())
        for proposal in {terms.proposal for terms in self.proposals}:
            found = self.challenges.challenge_of(proposal)
            owed += int(found.bond) if found.status == 1 else 0
        assert self.balance(self.challenges) == owed

    def check_motions(self) -> None:
        """Bonds of open motions, and credits."""
        owed = int(self.motions.total_credit())
        for dataset in range(1, int(self.charter.num_datasets()) + 1):
            for number in range(1, int(self.motions.num_motions(dataset)) + 1):
                found = self.motions.motion(dataset * UNIT + 500_000 + number)
                owed += int(found.bond) if found.status == 1 else 0
        assert self.balance(self.motions) == owed

    def check_pools(self) -> None:
        """What came in less what was paid, of every snapshot of every dataset."""
        owed = 0
        for dataset in range(1, int(self.charter.num_datasets()) + 1):
            for snapshot in range(1, int(self.database_of(dataset).num_snapshots()) + 1):
                found = self.pools.pool(dataset, snapshot)
                owed += int(found.amount) - int(found.paid)
        assert self.balance(self.pools) == owed

    def check_database(self, dataset: int) -> None:
        """Everything that can be claimed is there."""
        database = self.database_of(dataset)
        owed = sum(int(database.credit_of(who)) for who in self.everybody())
        for snapshot in range(1, int(database.num_snapshots()) + 1):
            _, tranche, kind, _ = database.snapshot(snapshot)
            if kind == 0:
                owed += sum(int(database.claimable(tranche, who)) for who in self.everybody())
        assert self.balance(database) >= owed
