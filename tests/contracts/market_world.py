"""A whole market in one process, from the committed artifacts, for the contract tests.

Everything is played by the real contracts: the dataset has been opened, proposed to, voted on and
executed. Amounts are small, so that a unit too much or too little shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory
from eth_abi.abi import decode, encode
from eth_account import Account

from databright.contracts import DEPLOY_ORDER

Contract: TypeAlias = Any
"""A bound contract: its methods are those of its ABI."""
Term: TypeAlias = Any
"""One value of rules or of a job's spec."""

SUPPLY = 10**12
STAKE = 10
MIN_STAKE = 5
DATA_PRICE = 8
EVALUATION_FEE = 4
SILENCE = 100
HOUR = 3600
RELEASE = 7 * 86400
FOUND = {
    "token": "MarketToken",
    "votes": "CuratorToken",
    "association": "DataAssociation",
    "verdicts": "Verdicts",
    "charter": "Charter",
    "registry": "WorkerRegistry",
    "escrow": "JobEscrow",
    "models": "ModelRegistry",
    "predictions": "PredictionMarket",
}
"""Field of a world -> its contract."""
ERROR_SELECTOR = bytes.fromhex("08c379a0")
HOSTILE = Path(__file__).parent / "doubles" / "HostileToken.vy"


def digest(text: str) -> bytes:
    """A readable 32-byte stand-in for a blob's digest."""
    return text.encode().ljust(32, b".")[:32]


def artifact(name: str) -> dict[str, Any]:
    """The committed artifact of a contract."""
    path = resources.files("databright.contracts") / "artifacts" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def artifact_bound(name: str, address: str) -> Contract:
    """A contract of the committed artifacts at an address."""
    return ABIContractFactory.from_abi_dict(artifact(name)["abi"], name=name).at(address)


def deploy(name: str, args: Sequence[Any] = (), at: str | None = None) -> Contract:
    """Deploy a committed artifact; return the bound contract."""
    found = artifact(name)
    constructor = [item for item in found["abi"] if item["type"] == "constructor"]
    types = [arg["type"] for item in constructor for arg in item["inputs"]]
    code = bytes.fromhex(found["bytecode"].removeprefix("0x")) + encode(types, list(args))
    override = boa.env.generate_address() if at is None else at
    address, runtime = boa.env.deploy_code(bytecode=code, override_address=override)
    if not runtime:
        raise RuntimeError(f"{name} was not deployed: its constructor reverted")
    return artifact_bound(name, address)


@contextmanager
def refused(text: str) -> Iterator[None]:
    """Expect a revert with exactly this reason."""
    try:
        yield
    except boa.BoaError as error:
        output = bytes(error.call_trace.computation.output)
        if output[:4] != ERROR_SELECTOR:
            raise AssertionError(f"expected {text!r}, reverted with {output.hex()!r}") from error
        (reason,) = decode(["string"], output[4:])
        assert reason == text, f"expected {text!r}, got {reason!r}"
        return
    raise AssertionError(f"expected {text!r}, but the call went through")


def events(contract: Contract, name: str) -> list[Any]:
    """Events of one kind that the contract emitted in its last call."""
    return [log for log in contract.get_logs() if type(log).__name__ == name]


def bitmap(*shards: int) -> int:
    """A bitmap of shards."""
    return sum(1 << shard for shard in shards)


@dataclass
class World:
    """Contracts and people of one market."""

    token: Contract
    votes: Contract
    association: Contract
    verdicts: Contract
    charter: Contract
    registry: Contract
    escrow: Contract
    models: Contract
    predictions: Contract
    people: dict[str, str]
    workers: list[str]
    nodes: list[str]
    evaluators: list[Any]
    dataset: int = 0
    database: Contract = None

    @property
    def buyer(self) -> str:
        return self.people["buyer"]

    @property
    def stranger(self) -> str:
        return self.people["stranger"]

    @property
    def hub(self) -> str:
        return self.nodes[0]

    def balance(self, account: Contract | str) -> int:
        return int(self.token.balanceOf(getattr(account, "address", account)))

    def wait(self, seconds: int) -> None:
        boa.env.time_travel(seconds=seconds)

    def now(self) -> int:
        return int(boa.env.timestamp)

    # The data market

    def rules(self, **changes: Term) -> tuple[Any, ...]:
        """Rules of a dataset as the Charter takes them."""
        values: dict[str, Any] = {
            "metadata": digest("metadata"),
            "schema": digest("schema"),
            "licence": digest("licence"),
            "closes_at": 0,
            "quorum_bps": 1,
            "review_minutes": 0,
            "voting_period": HOUR,
            "bond": 0,
            "evaluation_fee": EVALUATION_FEE,
            "relay_price": 0,
            "mint_cap": 10**9,
            "epoch_length": 10 * HOUR,
            "price_per_use": DATA_PRICE,
            "prediction_bps": 4_000,
            "max_exposure_bps": 5_000,
            "a_bps": 10_000,
            "threshold": 1,
            "optimistic_window": 0,
            "challenge_bond": 0,
            "evaluator_stake": 0,
            "tolerance_bps": 0,
            "change_delay": HOUR,
            "evaluators": [account.address for account in self.evaluators],
            "nodes": self.nodes[:2],
            "curators": [self.people["curator"]],
            "weights": [100],
            "programs": [digest("program")],
        }
        values.update(changes)
        return tuple(values.values())

    def create_dataset(self, **changes: Term) -> int:
        return int(
            self.charter.create_dataset(self.rules(**changes), sender=self.people["initiator"])
        )

    def database_of(self, dataset: int) -> Contract:
        return artifact_bound("Database", str(self.charter.database_of(dataset)))

    def add_tranche(self, dataset: int, shares: int, who: str) -> int:
        """Propose, vote and execute; the snapshot that comes of it."""
        database = self.database_of(dataset)
        base = int(database.num_snapshots())
        self.wait(1)
        self.association.deposit(EVALUATION_FEE, sender=who)
        self.association.propose(
            dataset, 0, who, digest("root"), digest("ref"), digest("manifest"), 10, sender=who
        )
        (event,) = events(self.association, "Proposed")
        terms = (
            event.proposal, event.request, event.proposer, event.payee, event.root, event.ref,
            event.manifest, event.num_rows, event.revises, event.bond, event.fee, event.electorate,
        )  # fmt: skip
        self.votes.vote(event.proposal, True, sender=self.people["curator"])
        self.wait(HOUR + 1)
        verdict = (base, 1, 0, 0, shares, digest("figures"))
        message = self.verdicts.verdict_digest(event.proposal, verdict)
        signed = bytes(self.evaluators[0].unsafe_sign_hash(message).signature)
        self.verdicts.execute(terms, verdict, [signed], 0, sender=self.stranger)
        return int(database.num_snapshots())

    # The compute market

    def spec(self, **changes: Term) -> tuple[Any, ...]:
        """A job of 4 shards, 2 rounds, 3 replicas; half of the shards may go to one owner."""
        values: dict[str, Any] = {
            "dataset": self.dataset,
            "snapshot": 1,
            "program": digest("program"),
            "spec": digest("spec"),
            "num_shards": 4,
            "num_rounds": 2,
            "replicas": 3,
            "cap_bps": 5_000,
            "segment_price": 3,
            "reserve": 6,
            "node_fee": 7,
            "chain_fee": 5,
            "chain_price": 1,
            "silence": SILENCE,
        }
        values.update(changes)
        return tuple(values.values())

    def open_job(self, **changes: Term) -> int:
        return int(self.escrow.open_job(self.spec(**changes), sender=self.buyer))

    def started_job(self, **changes: Term) -> int:
        """A job whose shards all have their owners: A, B, C on 0 and 1; D, E, F on 2 and 3."""
        job = self.open_job(**changes)
        self.escrow.claim_hub(job, sender=self.hub)
        shards = [bitmap(0, 1)] * 3 + [bitmap(2, 3)] * 3
        self.escrow.reserve(job, 1, self.workers[:6], shards, sender=self.hub)
        return job

    def owners(self, job: int, shard: int) -> list[str]:
        return [str(owner) for owner in self.escrow.active_owners(job, shard)]

    def accept(self, job: int, segments: Iterable[int], sender: str | None = None) -> None:
        """Accept segments with the owners that are active on them."""
        found = self.escrow.job(job)
        accepted = [
            (segment, digest(f"result {segment}"), self.owners(job, segment % found.spec[4]))
            for segment in segments
        ]
        who = self.hub if sender is None else sender
        self.escrow.accept(job, found.epoch, digest("receipt"), accepted, sender=who)

    def void(self, job: int, segment: int, owner: str, kind: int = 1) -> None:
        epoch = self.escrow.job(job).epoch
        self.escrow.void(job, epoch, segment, owner, kind, digest("verdict"), sender=self.hub)

    def reserve(self, job: int, owner: str, *shards: int) -> None:
        epoch = self.escrow.job(job).epoch
        self.escrow.reserve(job, epoch, [owner], [bitmap(*shards)], sender=self.hub)

    def finish(self, job: int, metric_bps: int = 9_000) -> None:
        epoch = self.escrow.job(job).epoch
        self.escrow.finish(
            job, epoch, digest(f"weights {job}"), metric_bps, digest("final"), sender=self.hub
        )

    def finished_job(self, metric_bps: int = 9_000, **changes: Term) -> int:
        job = self.started_job(**changes)
        self.accept(job, range(8))
        self.finish(job, metric_bps)
        return job

    def lines(self, job: int) -> int:
        """All money that the escrow still holds for a job."""
        found = self.escrow.job(job)
        held = found.data_fee + found.compute_left + found.reserve_left + found.chain_left
        held += found.pot + found.pot_held + found.reserve_held
        return int(held + (found.spec[10] if found.status in (1, 2) else 0))

    def credits(self, contract: Contract, accounts: Iterable[str] | None = None) -> int:
        known = self.everybody() if accounts is None else accounts
        return sum(int(contract.credit_of(account)) for account in known)

    def everybody(self) -> list[str]:
        return [*self.people.values(), *self.workers, *self.nodes]

    def check_escrow(self) -> None:
        """The escrow's balance is the sum of its jobs' lines and its credits, to the unit."""
        jobs = range(1, int(self.escrow.num_jobs()) + 1)
        owed = sum(self.lines(job) for job in jobs) + self.credits(self.escrow)
        assert self.balance(self.escrow) == owed

    # The model market

    def model(self, price: int = 10, **changes: Term) -> int:
        job = self.finished_job(**changes)
        return int(
            self.models.register(job, digest("card"), digest("where"), price, sender=self.buyer)
        )

    def ask(self, model: int, max_price: int = 10) -> int:
        return int(
            self.predictions.request_prediction(
                model, digest("input"), max_price, sender=self.people["payer"]
            )
        )

    def check_predictions(self) -> None:
        """The market's balance is its open prices and its credits, to the unit."""
        count = int(self.predictions.num_predictions())
        asked = [self.predictions.prediction(number) for number in range(1, count + 1)]
        owed = sum(found.price for found in asked if found.status == 1)
        assert self.balance(self.predictions) == owed + self.credits(self.predictions)


def deploy_hostile_token(at: str, holders: Iterable[str]) -> Contract:
    """A token that misbehaves on demand, in the market token's place."""
    code = boa.load_partial(str(HOSTILE))
    boa.env.deploy_code(bytecode=code.compiler_data.bytecode, override_address=at)
    token = code.at(at)
    for holder in holders:
        token.mint(holder, SUPPLY)
    return token


def deploy_market(holders: Sequence[str], hostile: bool) -> dict[str, Contract]:
    """Every contract of the plan, by name."""
    values: dict[str, Any] = {name: str(boa.env.generate_address()) for name, _ in DEPLOY_ORDER}
    supply = {"holders": list(holders), "amounts": [SUPPLY] * len(holders), "min_stake": MIN_STAKE}
    found: dict[str, Contract] = {}
    for name, arguments in DEPLOY_ORDER:
        if hostile and name == "MarketToken":
            found[name] = deploy_hostile_token(values[name], holders)
            continue
        given = {"name": "Test", "symbol": "TST"} | supply | values
        found[name] = deploy(name, [given[argument] for argument in arguments], values[name])
    return found


def build_world(hostile: bool = False) -> World:
    """Deploy a market and give everybody money, stakes and a dataset with 30 shares."""
    roles = ("initiator", "curator", "contributor", "buyer", "payer", "stranger")
    people = {name: str(boa.env.generate_address()) for name in roles}
    workers = [str(boa.env.generate_address()) for _ in range(8)]
    nodes = [str(boa.env.generate_address()) for _ in range(3)]
    holders = [*people.values(), *workers]
    contracts = deploy_market(holders, hostile)
    # evaluators sign, so they need keys: fixed ones, for reproducible runs
    evaluators = [Account.from_key(bytes([index + 1]) * 32) for index in range(2)]
    found = {field: contracts[name] for field, name in FOUND.items()}
    world = World(**found, people=people, workers=workers, nodes=nodes, evaluators=evaluators)
    registry = world.registry
    for account in holders:
        for contract in (world.association, registry, world.escrow, world.predictions):
            world.token.approve(contract.address, 2**256 - 1, sender=account)
    for index, node in enumerate(nodes):
        registry.register_node(digest(f"node {index}"), digest("hpke"), "127.0.0.1:1", sender=node)
    for index, worker in enumerate(workers):
        registry.register(2, digest(f"pin {index}"), digest("cpu"), STAKE, sender=worker)
        registry.serve(nodes[:2], sender=worker)
    world.dataset = world.create_dataset()
    world.database = world.database_of(world.dataset)
    world.add_tranche(world.dataset, 30, people["contributor"])
    return world
