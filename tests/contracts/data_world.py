"""A market for the contract tests of the data market, deployed as the package deploys it.

Amounts are small and odd, so that a unit too much or too little shows.
"""

# A contract bound at run time has no static type.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data

from databright.contracts import create_address, deployment_plan
from databright.units import Address
from tests.contracts.market_world import artifact, digest

HOSTILE = Path(__file__).parent / "doubles" / "HostileToken.vy"
WEALTH = 10_000
BOND = 5
FEE = 7
PERIOD = 1_000
EPOCH = 100_000
MINT_CAP = 100
MIN_STAKE = 5
FOREVER = 2**256 - 1
WEIGHTS = (6, 3, 2)

OK, COPY, HARMFUL, FRAUD = range(4)
OPEN, ACCEPTED, REJECTED, EXPIRED = 1, 2, 3, 4
YES, NO = 1, 2

VERDICT_FIELDS = [
    {"name": "proposal", "type": "uint256"},
    {"name": "base", "type": "uint256"},
    {"name": "holdout_epoch", "type": "uint256"},
    {"name": "outcome", "type": "uint256"},
    {"name": "copy_of", "type": "uint256"},
    {"name": "amount", "type": "uint256"},
    {"name": "evidence", "type": "bytes32"},
]


def bound(name: str, address: str) -> Any:
    """A contract of the committed artifacts at an address."""
    return ABIContractFactory.from_abi_dict(artifact(name)["abi"], name=name).at(address)


def create(name: str, args: Sequence[Any], sender: str) -> str:
    """Create a contract from its artifact by an ordinary creation of `sender`; its address."""
    found = artifact(name)
    kinds = [item for item in found["abi"] if item["type"] == "constructor"]
    types = [_type(field) for kind in kinds for field in kind["inputs"]]
    code = bytes.fromhex(found["bytecode"].removeprefix("0x")) + encode(types, list(args))
    address, runtime = boa.env.deploy_code(bytecode=code, sender=sender)
    if not runtime:
        raise RuntimeError(f"{name} was not deployed: its constructor reverted")
    return str(address)


def _type(field: dict[str, Any]) -> str:
    return str(field["type"])


@dataclass
class Market:
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

    @property
    def token(self) -> Any:
        return self.contracts["MarketToken"]

    @property
    def shares(self) -> Any:
        return self.contracts["CuratorToken"]

    @property
    def association(self) -> Any:
        return self.contracts["DataAssociation"]

    @property
    def database(self) -> Any:
        return self.database_of(self.dataset)

    def database_of(self, dataset: int) -> Any:
        # The same object each time: it remembers the events of its last call.
        address = str(self.association.database_of(dataset))
        if address not in self.contracts:
            self.contracts[address] = bound("Database", address)
        return self.contracts[address]

    def everybody(self) -> list[str]:
        return [
            self.deployer, self.initiator, *self.contributors, *self.curators, self.oracle,
            *(account.address for account in self.evaluators), self.buyer, self.stranger,
            *self.workers, *self.nodes,
        ]  # fmt: skip

    def balance(self, account: Any) -> int:
        return int(self.token.balanceOf(getattr(account, "address", account)))

    def credit(self, account: Any) -> int:
        return int(self.association.credit_of(getattr(account, "address", account)))

    def now(self) -> int:
        return int(boa.env.timestamp)

    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    def rules(self, **changes: Any) -> tuple[Any, ...]:
        """Rules of a dataset in the order of the association's struct."""
        values: dict[str, Any] = {
            "metadata": digest("metadata"),
            "schema": digest("schema"),
            "licence": digest("licence"),
            "closes_at": 0,
            "quorum_bps": 3_000,
            "voting_period": PERIOD,
            "bond": BOND,
            "evaluation_fee": FEE,
            "mint_cap": MINT_CAP,
            "epoch_length": EPOCH,
            "price_per_use": 8,
            "prediction_bps": 4_000,
            "max_exposure_bps": 5_000,
            "a_bps": 10_000,
            "threshold": 2,
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
        return int(self.association.create_dataset(self.rules(**changes), sender=self.initiator))

    def open_request(self, escrow: int = 100, award_rate: int = 2_000, **changes: Any) -> int:
        return int(
            self.association.open_request(
                changes.get("dataset", self.dataset),
                escrow,
                award_rate,
                changes.get("deadline", self.now() + 10 * PERIOD),
                digest("holdout"),
                digest("holdout ref"),
                digest("program"),
                sender=changes.get("sender", self.initiator),
            )
        )

    def propose(self, who: str, request: int = 0, payee: str = "", dataset: int = 0) -> int:
        """Propose ten rows, a second after what was before."""
        self.wait(1)
        return int(
            self.association.propose(
                dataset or self.dataset,
                request,
                digest("ref"),
                digest("manifest"),
                10,
                payee or who,
                sender=who,
            )
        )

    def vote(self, proposal: int, *sides: tuple[str, bool]) -> None:
        for voter, support in sides:
            self.association.vote(proposal, support, sender=voter)

    def sign(self, proposal: int, verdict: tuple[Any, ...], *accounts: Any, **domain: Any) -> Any:
        """Signatures of a verdict in ascending order of signer; by the first two by default."""
        chosen = accounts or tuple(self.evaluators[:2])
        names = [field["name"] for field in VERDICT_FIELDS]
        message = encode_typed_data(
            domain_data={
                "name": "DataBright",
                "version": "1",
                "chainId": boa.env.evm.patch.chain_id,
                "verifyingContract": str(self.association.address),
            }
            | domain,
            message_types={"Verdict": VERDICT_FIELDS},
            message_data=dict(zip(names, (proposal, *verdict), strict=True)),
        )
        ordered = sorted(chosen, key=lambda account: int(account.address, 16))
        return [bytes(account.sign_message(message).signature) for account in ordered]

    def verdict(
        self, amount: int = 10, outcome: int = OK, copy_of: int = 0, base: int | None = None
    ) -> tuple[Any, ...]:
        """A verdict on the newest snapshot."""
        head = int(self.database.num_snapshots()) if base is None else base
        return (head, 1, outcome, copy_of, amount if outcome == OK else 0, digest("figures"))

    def end_voting(self, proposal: int) -> None:
        """Move the clock to the first second after a proposal's vote."""
        deadline = int(self.association.proposal(proposal).deadline)
        self.wait(max(0, deadline - self.now()))

    def execute(self, proposal: int, verdict: tuple[Any, ...] | None = None) -> None:
        """Execute with two good signatures."""
        found = self.verdict() if verdict is None else verdict
        self.association.execute(proposal, found, self.sign(proposal, found), sender=self.stranger)

    def status(self, proposal: int) -> int:
        return int(self.association.proposal(proposal).status)

    def carried(self, who: str, request: int = 0, payee: str = "") -> int:
        """A proposal that all curators voted for, its vote over."""
        proposal = self.propose(who, request, payee)
        self.vote(proposal, *((curator, True) for curator in self.curators if curator != who))
        self.end_voting(proposal)
        return proposal

    def accepted(self, who: str, amount: int = 10, request: int = 0) -> int:
        """An accepted proposal of `amount` shares; its tranche's id."""
        proposal = self.carried(who, request)
        self.execute(proposal, self.verdict(amount))
        return proposal

    def fund(self, snapshot: int, amount: int) -> None:
        self.database.fund(snapshot, amount, sender=self.buyer)

    def check_association(self) -> None:
        """The association holds exactly open bonds and fees, escrows and credits."""
        proposals = [
            self.association.proposal(number)
            for number in range(1, int(self.association.num_proposals()) + 1)
        ]
        requests = [
            self.association.request(number)
            for number in range(1, int(self.association.num_requests()) + 1)
        ]
        owed = sum(found.bond + found.fee for found in proposals if found.status == OPEN)
        owed += sum(found.escrow for found in requests)
        owed += sum(self.credit(account) for account in self.everybody())
        assert self.balance(self.association) == owed


def create_from_source(source: Path, sender: str) -> str:
    """Create a test's own contract, which has no constructor, by an ordinary creation."""
    code = boa.load_partial(str(source)).compiler_data.bytecode
    return str(boa.env.deploy_code(bytecode=code, sender=sender)[0])


def build_hostile_market() -> Market:
    """A market whose money is a token that misbehaves on demand."""
    return build_market(hostile=True)


def build_market(hostile: bool = False) -> Market:
    """Deploy a market by the deployment plan; one dataset without any data."""
    addresses = [str(boa.env.generate_address()) for _ in range(20)]
    # Evaluators sign, so they need keys: fixed ones, for reproducible runs.
    evaluators = [Account.from_key(bytes([index + 1]) * 32) for index in range(4)]
    market = Market(
        deployer=addresses[0],
        initiator=addresses[1],
        contributors=addresses[2:5],
        curators=addresses[5:8],
        oracle=addresses[8],
        evaluators=evaluators,
        buyer=addresses[9],
        stranger=addresses[10],
        workers=addresses[11:15],
        nodes=addresses[15:19],
        contracts={},
    )
    holders = [market.initiator, *market.contributors, *market.curators, market.buyer]
    holders += [market.stranger, *market.workers]
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
        market.contracts[name] = bound(name, address)
    for holder in holders:
        market.token.approve(market.association.address, FOREVER, sender=holder)
    market.dataset = market.create_dataset()
    market.token.approve(market.database.address, FOREVER, sender=market.buyer)
    return market
