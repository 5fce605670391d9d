"""A market for the attacks, deployed as the package deploys it, and everybody's key.

Amounts are small and odd, so that a unit too much or too little shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.crypto import keccak

from databright.contracts import create_address, deployment_plan
from databright.units import Address
from tests.contracts.attacks.quick_chain import Bound, Chain, artifact, creation, deploy_own

HERE = Path(__file__).parent
NAIVE = HERE / "naive"
UNIT = 1_000_000
WEALTH = 10**9
BOND, FEE, RELAY = 5, 7, 1
PERIOD, REVIEW = 1_000, 1
REVIEW_S = 60 * REVIEW
EPOCH, CAP = 10_000_000, 100
DELAY = 2_000
STAKE, CHALLENGE = 60, 41
WEIGHTS = (6, 3, 2)
BIG = 2**256 - 1
OK, COPY, HARMFUL, FRAUD = range(4)
OPEN, ACCEPTED, REJECTED, EXPIRED, WITHDRAWN, REVISED, VOIDED = range(1, 8)

RULES = (
    "metadata", "schema", "licence", "closes_at", "quorum_bps", "review_minutes", "voting_period",
    "bond", "evaluation_fee", "relay_price", "mint_cap", "epoch_length", "price_per_use",
    "prediction_bps", "max_exposure_bps", "a_bps", "threshold", "optimistic_window",
    "challenge_bond", "evaluator_stake", "tolerance_bps", "change_delay", "evaluators", "nodes",
    "curators", "weights", "programs",
)  # fmt: skip
RULES_TYPE = (
    "(bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "address[],address[],address[],uint256[],bytes32[])"
)


def digest(text: str) -> bytes:
    """A readable 32-byte stand-in for a blob's digest."""
    return text.encode().ljust(32, b".")[:32]


@lru_cache(maxsize=1024)
def key(role: str, index: int = 0) -> LocalAccount:
    """A key that is the same in every run, and worthless elsewhere."""
    made: LocalAccount = Account.from_key(keccak(text=f"attack {role} {index}"))
    return made


def who(role: str, index: int = 0) -> str:
    return str(key(role, index).address)


@dataclass
class World:
    """Contracts and people of one market."""

    chain: Chain
    deployer: str = field(default_factory=lambda: who("deployer"))
    contracts: dict[str, Bound] = field(default_factory=dict)
    dataset: int = 0
    terms: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    """Proposal -> its terms, from the event."""
    people: set[str] = field(default_factory=set)
    evaluators: list[LocalAccount] = field(
        default_factory=lambda: [key("evaluator", index) for index in range(4)]
    )
    curators: list[str] = field(
        default_factory=lambda: [who("curator", index) for index in range(3)]
    )
    attacker: str = field(default_factory=lambda: who("attacker"))
    honest: str = field(default_factory=lambda: who("honest"))
    buyer: str = field(default_factory=lambda: who("buyer"))
    rules_now: tuple[Any, ...] = ()

    @property
    def token(self) -> Bound:
        return self.contracts["MarketToken"]

    @property
    def votes(self) -> Bound:
        return self.contracts["CuratorToken"]

    @property
    def association(self) -> Bound:
        return self.contracts["DataAssociation"]

    @property
    def verdicts(self) -> Bound:
        return self.contracts["Verdicts"]

    @property
    def challenges(self) -> Bound:
        return self.contracts["Challenges"]

    @property
    def pools(self) -> Bound:
        return self.contracts["ValuePools"]

    @property
    def charter(self) -> Bound:
        return self.contracts["Charter"]

    @property
    def motions(self) -> Bound:
        return self.contracts["Motions"]

    @property
    def requests(self) -> Bound:
        return self.contracts["DataRequests"]

    @property
    def database(self) -> Bound:
        return self.database_of(self.dataset)

    def database_of(self, dataset: int) -> Bound:
        address = str(self.association.database_of(dataset))
        return Bound(self.chain, address, artifact("Database")["abi"])

    def balance(self, account: str | Bound) -> int:
        address = account.address if isinstance(account, Bound) else account
        return int(self.token.balanceOf(address))

    def worth(self, account: str) -> int:
        """All money of an account: in hand, deposited, and owed to it by the money contracts."""
        total = self.balance(account) + int(self.association.deposit_of(account))
        for owing in (self.association, self.challenges, self.motions, self.requests):
            total += int(owing.credit_of(account))
        for dataset in range(1, int(self.charter.num_datasets()) + 1):
            total += int(self.database_of(dataset).credit_of(account))
        return total

    # Datasets

    def rules(self, **changes: Any) -> tuple[Any, ...]:
        """Rules in the order of the Charter's struct."""
        values: dict[str, Any] = {
            "metadata": digest("metadata"), "schema": digest("schema"),
            "licence": digest("licence"), "closes_at": 0, "quorum_bps": 3_000,
            "review_minutes": REVIEW, "voting_period": PERIOD, "bond": BOND,
            "evaluation_fee": FEE, "relay_price": RELAY, "mint_cap": CAP, "epoch_length": EPOCH,
            "price_per_use": 8, "prediction_bps": 4_000, "max_exposure_bps": 5_000,
            "a_bps": 10_000, "threshold": 2, "optimistic_window": 0, "challenge_bond": 0,
            "evaluator_stake": 0, "tolerance_bps": 1_000, "change_delay": DELAY,
            "evaluators": [one.address for one in self.evaluators], "nodes": [who("node")],
            "curators": self.curators, "weights": list(WEIGHTS), "programs": [],
        }  # fmt: skip
        assert not set(changes) - set(RULES)
        values.update(changes)
        return tuple(values[name] for name in RULES)

    def create_dataset(self, **changes: Any) -> int:
        self.rules_now = self.rules(**changes)
        dataset = int(self.charter.create_dataset(self.rules_now, sender=who("initiator")))
        stake = dict(zip(RULES, self.rules_now, strict=True))["evaluator_stake"]
        for one in self.evaluators if stake else ():
            self.challenges.stake(dataset, stake, sender=one.address)
        return dataset

    # Proposals

    def propose(
        self, proposer: str, payee: str = "", request: int = 0, dataset: int = 0, **given: Any
    ) -> int:
        """Propose ten rows, a second after what was before; the deposit is made first."""
        self.chain.wait(1)
        proposal = self.association.propose(
            dataset or self.dataset,
            request,
            payee or proposer,
            given.get("root", digest(f"root of {proposer}")),
            given.get("ref", digest(f"ref of {proposer}")),
            digest("manifest"),
            given.get("num_rows", 10),
            sender=proposer,
        )
        return self.noted(int(proposal))

    def noted(self, proposal: int) -> int:
        """Keep the terms that the last transaction's event told."""
        found = next(
            event for event in self.association.events("Proposed") if event["proposal"] == proposal
        )
        names = (
            "proposal", "request", "proposer", "payee", "root", "ref", "manifest", "num_rows",
            "revises", "bond", "fee", "electorate",
        )  # fmt: skip
        self.terms[proposal] = tuple(found[name] for name in names)
        return proposal

    def tally(self, proposal: int) -> int:
        return int(self.votes.tallies(proposal))

    def status(self, proposal: int) -> int:
        return (self.tally(proposal) >> 212) & 15

    def sides(self, proposal: int) -> tuple[int, int]:
        word = self.tally(proposal)
        return word & (2**52 - 1), (word >> 52) & (2**52 - 1)

    def begin(self, proposal: int) -> int:
        word = self.tally(proposal)
        return ((word >> 156) & (2**32 - 1)) + ((word >> 236) & (2**16 - 1)) * 60

    def deadline(self, proposal: int) -> int:
        word = self.tally(proposal)
        period = (word >> 188) & (2**24 - 1)
        return self.begin(proposal) + period + period * ((word >> 216) & 255) // 64

    def to_vote(self, proposal: int) -> None:
        self.chain.wait_until(self.begin(proposal))

    def to_end(self, proposal: int) -> None:
        self.chain.wait_until(self.deadline(proposal))

    def vote_all(self, proposal: int, support: bool = True) -> None:
        self.to_vote(proposal)
        for curator in self.curators:
            self.votes.vote(proposal, support, sender=curator)

    # Verdicts

    def verdict(
        self, amount: int = 10, outcome: int = OK, copy_of: int = 0, base: int | None = None
    ) -> tuple[Any, ...]:
        """A verdict on the newest snapshot."""
        head = int(self.database.num_snapshots()) if base is None else base
        return (head, 1, outcome, copy_of, amount if outcome == OK else 0, digest("figures"))

    def sign(self, proposal: int, verdict: tuple[Any, ...], *signers: LocalAccount) -> list[bytes]:
        """Signatures of a verdict in ascending order of signer; by the first two by default."""
        return signed(
            self.verdicts.verdict_digest(proposal, verdict), signers or self.evaluators[:2]
        )

    def execute(
        self,
        proposal: int,
        verdict: tuple[Any, ...] | None = None,
        signatures: Sequence[bytes] = (),
        copied: int = 0,
    ) -> None:
        """Execute, by somebody who has no stake in it."""
        found = verdict or self.verdict()
        self.verdicts.execute(
            self.terms[proposal], found, signatures or self.sign(proposal, found), copied
        )

    def accepted(self, proposer: str, amount: int = 10, payee: str = "") -> int:
        """An accepted proposal of `amount` shares."""
        proposal = self.propose(proposer, payee)
        self.vote_all(proposal)
        self.to_end(proposal)
        self.execute(proposal, self.verdict(amount))
        return proposal

    def carry_rules(self, rules: tuple[Any, ...]) -> tuple[int, tuple[Any, ...]]:
        """A motion for new rules that all curators carried, its delay to come, and the rules."""
        kept = list(rules)
        kept[RULES.index("curators")] = kept[RULES.index("weights")] = []
        payload = keccak(encode([RULES_TYPE], [tuple(kept)]))
        self.chain.wait(1)
        motion = int(
            self.motions.move(self.dataset, 1, payload, digest("text"), sender=self.honest)
        )
        self.vote_all(motion)
        self.to_end(motion)
        self.motions.settle_motion(motion)
        return motion, tuple(kept)

    def ready_at(self, motion: int) -> int:
        return int(self.motions.motion(motion)[7])

    def check_association(self, *proposers: str) -> None:
        """The association holds exactly bonds and fees of open proposals, deposits and credits."""
        owed = sum(
            terms[9] + terms[10] - int(self.association.repaid(proposal)) * RELAY
            for proposal, terms in self.terms.items()
            if self.status(proposal) == OPEN
        )
        owed += sum(
            terms[9] for proposal, terms in self.terms.items() if self.verdicts.held_for(proposal)
        )
        owed += sum(
            int(self.association.deposit_of(account)) + int(self.association.credit_of(account))
            for account in {*self.people, *proposers}
        )
        assert self.balance(self.association) == owed


def signed(message: bytes, signers: Sequence[LocalAccount]) -> list[bytes]:
    """Signatures of a digest in ascending order of signer."""
    ordered = sorted(signers, key=lambda account: int(account.address, 16))
    return [bytes(account.unsafe_sign_hash(Hash32(message)).signature) for account in ordered]


def build_world(
    token: Path | None = None,
    chain_id: int = 31_337,
    more: Sequence[str] = (),
    chain: Chain | None = None,
    **rules: Any,
) -> World:
    """Deploy a market by the deployment plan, with one dataset that has no data yet.

    Args:
        token: source of a token of the test's own that has `mint`; else the market's.
        chain_id: EIP-155 id.
        more: further accounts that get money.
        chain: where; a fresh quick one by default.
        rules: of the dataset.
    """
    world = World(chain or Chain(chain_id))
    holders = [
        world.attacker, world.honest, world.buyer, who("initiator"), who("accomplice"),
        who("worker"), *world.curators, *(one.address for one in world.evaluators), *more,
    ]  # fmt: skip
    plan = deployment_plan(
        Address(world.deployer), 0, [Address(one) for one in holders], [WEALTH] * len(holders), 5
    )
    for nonce, (name, args) in enumerate(plan):
        if name == "MarketToken" and token is not None:
            bound = deploy_own(world.chain, token, world.deployer)
            for holder in holders:
                bound.mint(holder, WEALTH)
        else:
            found = artifact(name)
            address = world.chain.deploy(world.deployer, creation(found, args))
            bound = Bound(world.chain, address, found["abi"])
        assert bound.address.lower() == create_address(Address(world.deployer), nonce).lower()
        world.contracts[name] = bound
    world.people = set(holders)
    for holder in holders:
        for name in ("DataAssociation", "Challenges", "Motions", "DataRequests"):
            world.token.approve(world.contracts[name].address, BIG, sender=holder)
        world.association.deposit(100_000, sender=holder)
    world.dataset = world.create_dataset(**rules)
    world.token.approve(world.database.address, BIG, sender=world.buyer)
    world.token.approve(world.database.address, BIG, sender=world.attacker)
    return world
