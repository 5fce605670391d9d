"""A market for the contract tests of the data market, deployed as the package deploys it.

Amounts are small and odd, so that a unit too much or too little shows.
"""

# A contract bound at run time has no static type.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import boa
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from databright.contracts import create_address, deployment_plan
from databright.records.terms import Terms
from databright.units import Address, Amount
from tests.contracts.books import M52
from tests.contracts.market_world import artifact, artifact_bound, digest, events
from tests.contracts.shortcuts import Shortcuts
from tests.contracts.signing import committed, keys, verdict_signatures

HOSTILE = Path(__file__).parent / "doubles" / "HostileToken.vy"
WEALTH = 10_000
DEPOSIT = 3_000
BOND = 5
FEE = 7
RELAY = 1
REPAID = 64
LOCKED = FEE + REPAID * RELAY
"""What a first proposal locks besides its bond."""
PERIOD = 1_000
EPOCH = 100_000
MINT_CAP = 100
MIN_STAKE = 5
FOREVER = 2**256 - 1
NOBODY = "0x" + "00" * 20
WEIGHTS = (6, 3, 2)
START = 2_000_000_000

OK, COPY, HARMFUL, FRAUD = range(4)
OPEN, ACCEPTED, REJECTED, EXPIRED, WITHDRAWN, REVISED, VOIDED = range(1, 8)
RULES_TYPE = f"({'bytes32,' * 3}{'uint256,' * 19}{'address[],' * 3}uint256[],bytes32[])"
MONEY_HOLDERS = ("DataAssociation", "Challenges", "Motions", "DataRequests")


def create(name: str, args: Sequence[Any], sender: str) -> str:
    """Create a contract from its artifact by an ordinary creation of `sender`; its address."""
    found = artifact(name)
    kinds = [item for item in found["abi"] if item["type"] == "constructor"]
    types = [str(field["type"]) for kind in kinds for field in kind["inputs"]]
    code = bytes.fromhex(found["bytecode"].removeprefix("0x")) + encode(types, list(args))
    address, runtime = boa.env.deploy_code(bytecode=code, sender=sender)
    if not runtime:
        raise RuntimeError(f"{name} was not deployed: its constructor reverted")
    return str(address)


def call(terms: Terms) -> tuple[Any, ...]:
    """Terms as the contracts take them."""
    return astuple(terms)


@dataclass
class Market(Shortcuts):
    """Contracts and people of one market."""

    deployer: str
    initiator: str
    contributors: list[str]
    curators: list[str]
    oracle: str
    evaluators: list[Any]
    buyer: str
    stranger: str
    workers: list[str]
    nodes: list[str]
    contracts: dict[str, Any]
    dataset: int = 0
    proposals: list[Terms] = field(default_factory=list)
    """Everything proposed since the market was built, for the books."""

    def everybody(self) -> list[str]:
        return [
            self.deployer, self.initiator, *self.contributors, *self.curators, self.oracle,
            *(account.address for account in self.evaluators), self.buyer, self.stranger,
            *self.workers, *self.nodes,
        ]  # fmt: skip

    def others(self, *allowed: Any) -> list[str]:
        """Everybody and every contract but those that may."""
        named = {str(getattr(one, "address", one)) for one in allowed}
        known = [*self.everybody(), *(str(one.address) for one in self.contracts.values())]
        return [account for account in known if account not in named]

    def now(self) -> int:
        return int(boa.env.timestamp)

    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    # Datasets

    def rules(self, **changes: Any) -> tuple[Any, ...]:
        """Rules of a dataset in the order of the Charter's struct."""
        values: dict[str, Any] = {
            "metadata": digest("metadata"),
            "schema": digest("schema"),
            "licence": digest("licence"),
            "closes_at": 0,
            "quorum_bps": 3_000,
            "review_minutes": 0,
            "voting_period": PERIOD,
            "bond": BOND,
            "evaluation_fee": FEE,
            "relay_price": RELAY,
            "mint_cap": MINT_CAP,
            "epoch_length": EPOCH,
            "price_per_use": 8,
            "prediction_bps": 4_000,
            "max_exposure_bps": 5_000,
            "a_bps": 10_000,
            "threshold": 2,
            "optimistic_window": 0,
            "challenge_bond": 0,
            "evaluator_stake": 0,
            "tolerance_bps": 0,
            "change_delay": changes.get("voting_period", PERIOD),
            "evaluators": [account.address for account in self.evaluators],
            "nodes": self.nodes[:2],
            "curators": self.curators,
            "weights": list(WEIGHTS),
            "programs": [],
        }
        unknown = set(changes) - set(values)
        if unknown:
            raise KeyError(f"no such rules: {sorted(unknown)}")
        values.update(changes)
        return tuple(values.values())

    def create_dataset(self, **changes: Any) -> int:
        return int(self.charter.create_dataset(self.rules(**changes), sender=self.initiator))

    def use_dataset(self, **changes: Any) -> int:
        """Create a dataset and make it the one that the helpers below act on."""
        self.dataset = self.create_dataset(**changes)
        for account in (self.buyer, self.stranger, *self.contributors):
            self.token.approve(self.database.address, FOREVER, sender=account)
        return self.dataset

    def use_challenges(self, **changes: Any) -> int:
        """A dataset with bonds of 9 and stakes of 11, which all evaluators put in."""
        self.use_dataset(challenge_bond=9, evaluator_stake=11, **changes)
        for account in self.evaluators:
            self.challenges.stake(self.dataset, 11, sender=account.address)
        return self.dataset

    # Requests

    def open_request(
        self, escrow: int = 500, curve: Sequence[tuple[int, int]] = ((M52, 2_000),), **changes: Any
    ) -> int:
        return int(
            self.requests.open_request(
                changes.get("dataset", self.dataset),
                escrow,
                list(curve),
                changes.get("deadline", self.now() + 10 * PERIOD),
                digest("holdout"),
                digest("holdout ref"),
                digest("program"),
                digest("card"),
                sender=changes.get("sender", self.initiator),
            )
        )

    # Proposals

    def deposit(self, who: str, amount: int) -> None:
        self.association.deposit(amount, sender=who)

    def propose(
        self,
        who: str,
        request: int = 0,
        payee: str = "",
        dataset: int = 0,
        root: bytes = digest("root"),
        num_rows: int = 10,
        wait: int = 1,
    ) -> Terms:
        """Propose ten rows, a second after what was before."""
        self.wait(wait)
        self.association.propose(
            dataset or self.dataset, request, payee or who, root, digest("ref"), digest("manifest"),
            num_rows, sender=who,
        )  # fmt: skip
        return self.proposed()

    def proposed(self) -> Terms:
        """The terms of the association's last proposal, from its event."""
        (event,) = events(self.association, "Proposed")
        terms = Terms(
            event.proposal, event.request, Address(str(event.proposer)), Address(str(event.payee)),
            event.root, event.ref, event.manifest, event.num_rows, event.revises,
            Amount(event.bond), Amount(event.fee), event.electorate,
        )  # fmt: skip
        self.proposals.append(terms)
        return terms

    def revise(self, terms: Terms, root: bytes = digest("root 2"), num_rows: int = 11) -> Terms:
        self.association.revise(
            call(terms), root, digest("ref 2"), digest("manifest 2"), num_rows,
            sender=terms.proposer,
        )  # fmt: skip
        return self.proposed()

    def withdraw_proposal(self, terms: Terms) -> None:
        self.association.withdraw_proposal(call(terms), sender=terms.proposer)

    # Ballots

    def vote(self, terms: Terms | int, *sides: tuple[str, bool]) -> None:
        proposal = terms if isinstance(terms, int) else terms.proposal
        for voter, support in sides:
            self.votes.vote(proposal, support, sender=voter)

    def vote_all(self, terms: Terms | int, support: bool = True) -> None:
        """All curators vote who have weight, but for the proposer."""
        number = terms if isinstance(terms, int) else terms.proposal
        proposer = "" if isinstance(terms, int) else terms.proposer
        for curator in self.curators:
            if curator != proposer and self.votes.weight_on(number, curator) != 0:
                self.vote(number, (curator, support))

    def lend(
        self, lender: str, oracle: str = "", cap: int = 100, expiry: int = 0, least: int = 0
    ) -> None:
        """Lend votes for what is proposed from the next second on."""
        later = expiry or self.now() + 20 * PERIOD
        self.votes.lend(self.dataset, oracle or self.oracle, cap, later, least, sender=lender)

    def vote_lent(
        self, terms: Terms, support: bool, *lenders: str, by: str = "", confidence: int = 9_000
    ) -> int:
        return int(
            self.votes.vote_lent(
                call(terms), support, confidence, list(lenders), sender=by or self.oracle
            )
        )

    # Verdicts

    def verdict(
        self, amount: int = 10, outcome: int = OK, copy_of: int = 0, base: int | None = None,
        evidence: str = "figures",
    ) -> tuple[Any, ...]:  # fmt: skip
        """A verdict on the newest snapshot."""
        head = int(self.database.num_snapshots()) if base is None else base
        return (head, 1, outcome, copy_of, amount if outcome == OK else 0, digest(evidence))

    def sign(
        self, terms: Terms | int, verdict: tuple[Any, ...], *accounts: Any, **domain: Any
    ) -> list[bytes]:
        """Signatures of a verdict; by the first two evaluators by default."""
        proposal = terms if isinstance(terms, int) else terms.proposal
        named = committed(self, terms) if isinstance(terms, int) else terms.commitment()
        chosen = accounts or tuple(self.evaluators[:2])
        return verdict_signatures(self.verdicts, proposal, named, verdict, chosen, **domain)

    def execute(
        self, terms: Terms, verdict: tuple[Any, ...] | None = None, *signers: Any, copied: int = 0
    ) -> None:
        """Execute with good signatures, of the first two evaluators by default."""
        found = self.verdict() if verdict is None else verdict
        signed = self.sign(terms, found, *signers)
        self.verdicts.execute(call(terms), found, signed, copied, sender=self.stranger)

    def post(self, terms: Terms, verdict: tuple[Any, ...], *signers: Any) -> None:
        signed = self.sign(terms, verdict, *signers)
        self.verdicts.post_verdict(call(terms), verdict, signed, sender=self.stranger)

    def challenge(self, terms: Terms, verdict: tuple[Any, ...], who: str = "") -> None:
        signed = self.sign(terms, verdict)
        self.challenges.challenge(terms.proposal, verdict, signed, sender=who or self.stranger)

    def answer(self, terms: Terms, verdict: tuple[Any, ...]) -> None:
        signed = self.sign(terms, verdict, *self.evaluators[2:4])
        self.challenges.answer(terms.proposal, verdict, signed, sender=self.buyer)

    def end_voting(self, terms: Terms | int) -> None:
        """Move the clock to the first second after a proposal's or a motion's vote."""
        proposal = terms if isinstance(terms, int) else terms.proposal
        self.wait(max(0, self.tally(proposal).deadline - self.now()))

    def carried(self, who: str, request: int = 0, payee: str = "") -> Terms:
        """A proposal that all curators voted for, its vote over."""
        terms = self.propose(who, request, payee)
        self.vote_all(terms)
        self.end_voting(terms)
        return terms

    def accepted(self, who: str, amount: int = 10, request: int = 0) -> int:
        """An accepted proposal of `amount` shares; its tranche's id."""
        terms = self.carried(who, request)
        self.execute(terms, self.verdict(amount))
        return terms.proposal

    # Motions and income

    def payload_of_rules(self, rules: tuple[Any, ...]) -> bytes:
        return bytes(keccak(encode([RULES_TYPE], [rules])))

    def payload_of_takedown(self, tranche: int, born: int, to: str) -> bytes:
        return bytes(keccak(encode(["uint256", "uint256", "address"], [tranche, born, to])))

    def move(self, kind: int, payload: bytes, who: str = "") -> int:
        """Move, a second after what was before."""
        self.wait(1)
        mover = who or self.stranger
        return int(self.motions.move(self.dataset, kind, payload, digest("why"), sender=mover))

    def carry(self, motion: int) -> None:
        """All curators vote for a motion after its review; its delay is over then."""
        self.wait(self.tally(motion).review_s)
        self.vote_all(motion)
        self.end_voting(motion)
        self.motions.settle_motion(motion, sender=self.stranger)
        self.wait(PERIOD)

    def fund(self, snapshot: int, amount: int) -> None:
        self.database.fund(snapshot, amount, sender=self.buyer)

    def claim(self, tranche: int, holder: str) -> int:
        return int(self.database.claim(tranche, sender=holder))


def create_from_source(source: Path, sender: str) -> str:
    """Create a test's own contract, which has no constructor, by an ordinary creation."""
    code = boa.load_partial(str(source)).compiler_data.bytecode
    return str(boa.env.deploy_code(bytecode=code, sender=sender)[0])


def build_hostile_market() -> Market:
    """A market whose money is a token that misbehaves on demand."""
    return build_market(hostile=True)


def build_market(hostile: bool = False) -> Market:
    """Deploy a market by the deployment plan; one dataset without any data."""
    boa.env.timestamp = max(START, int(boa.env.timestamp))
    addresses = [str(boa.env.generate_address()) for _ in range(20)]
    # Evaluators sign, so they need keys: fixed ones, for reproducible runs.
    market = Market(
        deployer=addresses[0],
        initiator=addresses[1],
        contributors=addresses[2:5],
        curators=addresses[5:8],
        oracle=addresses[8],
        evaluators=keys(5),
        buyer=addresses[9],
        stranger=addresses[10],
        workers=addresses[11:15],
        nodes=addresses[15:19],
        contracts={},
    )
    proposers = [*market.contributors, *market.curators]
    holders = [market.initiator, *proposers, market.buyer, market.stranger, market.oracle]
    holders += [*market.workers, *(account.address for account in market.evaluators)]
    plan = deployment_plan(
        Address(market.deployer),
        0,
        [Address(holder) for holder in holders],
        [WEALTH] * len(holders),
        MIN_STAKE,
    )
    for nonce, (name, args) in enumerate(plan):
        if hostile and name == "MarketToken":
            address = create_from_source(HOSTILE, market.deployer)
            market.contracts[name] = boa.load_partial(str(HOSTILE)).at(address)
            for holder in holders:
                market.token.mint(holder, WEALTH)
            continue
        address = create(name, args, market.deployer)
        planned = create_address(Address(market.deployer), nonce)
        if address != planned:
            raise RuntimeError(f"{name} is at {address}, the plan says {planned}")
        market.contracts[name] = artifact_bound(name, address)
    for holder in holders:
        for name in MONEY_HOLDERS:
            market.token.approve(market.contracts[name].address, FOREVER, sender=holder)
    market.use_dataset()
    for holder in proposers:
        market.deposit(holder, DEPOSIT)
    return market
