"""Playing the story: each actor's steps in order, with the market's own rooms and processes.

What an actor does here is what its owner would do through the SDK or the command line. The
evaluators, the hub, the workers and the oracle are processes of their own; the player only
waits for what they write on the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from databright.chain.bindings import Contract
from databright.chain.writes import WritePlan
from databright.data_market import lending, requests
from databright.data_market.entities import Step
from databright.data_market.registry import DataRegistry
from databright.data_market.stakes import plan_stake
from databright.programs.builders import builder
from databright.programs.oplist import Program, program_to_json
from databright.records.rules import Rules
from databright.records.tensors import dump_tensors
from databright.units import Address, Amount, BasisPoints, Digest, Seconds, Shares
from databright.wiring.demo.cast import CURATORS, SCHEMA, Cast
from databright.wiring.local_market import LocalMarket, Purse, wait_until
from databright.wiring.session import OpenMarket
from databright.wiring.up import enrol

CAP_BPS = BasisPoints(7_500)
REFUSED_BPS = BasisPoints(500)
VOTING_PERIOD = Seconds(3_600)
YEAR = Seconds(365 * 86_400)
BOND = Amount(2_000_000)
EVALUATION_FEE = Amount(400_001)
ESCROW = Amount(60_000_000)
CURVE = (Step(Shares(600_000), Amount(12_000)), Step(Shares(2**40), Amount(6_000)))
"""Base units for 1,000 shares: what comes early earns more."""
RELAY_PRICE = Amount(900)
CHALLENGE_BOND = Amount(1_000_000)
STAKE = Amount(2_000_001)
GENESIS_WEIGHT = 2_000_000
LEAST_CONFIDENCE = BasisPoints(5_000)
EVALUATION_STEPS = 50
PURSE = Amount(500_000_000)
"""What everybody starts with, in base units of the market token."""


@dataclass
class Stage:
    """What the player keeps between the acts.

    Attributes:
        market: processes and keys.
        cast: who plays.
        say: prints one line of the story.
        addresses: keystore name -> address.
        dataset: dataset id.
        request: request id.
        proposals: contributor's name -> id of its proposal that was decided.
        replaced: contributor's name -> id of the version that it revised.
        books: proposal -> what its contributor keeps to prove points.
        takedown: the motion that took a tranche down.
    """

    market: LocalMarket
    cast: Cast
    say: Callable[[str], None]
    addresses: dict[str, Address] = field(default_factory=dict)
    dataset: int = 0
    request: int = 0
    proposals: dict[str, int] = field(default_factory=dict)
    replaced: dict[str, int] = field(default_factory=dict)
    books: dict[int, bytes] = field(default_factory=dict)
    takedown: int = 0

    @property
    def open(self) -> OpenMarket:
        """Contracts, store and registry."""
        return self.market.market()

    @property
    def registry(self) -> DataRegistry:
        """The data market."""
        return self.open.registry

    def send(self, actor: str, plan: WritePlan) -> None:
        """Carry out an actor's write.

        Args:
            actor: keystore name.
            plan: blobs and transactions.
        """
        plan.send(self.market.signer(actor), self.open.store.put)

    def transact(self, actor: str, contract: Contract, function: str, *args: object) -> None:
        """Send one transaction of an actor.

        Args:
            actor: keystore name.
            contract: the contract.
            function: its function.
            args: its arguments.
        """
        contract.transact(self.market.signer(actor), function, *args)


def set_up(stage: Stage, *, page_port: int = 0) -> str:
    """Start the chain, the contracts and every process.

    Args:
        stage: the stage.
        page_port: port of the page, 0 for a free one.

    Returns:
        Address of the page.
    """
    cast, market = stage.cast, stage.market
    stage.addresses = market.ensure_keys(cast.actors)
    chain = market.start_chain(list(stage.addresses.values()))
    stage.say(f"A chain of our own answers (chain id {chain.chain_id}).")
    holders = [name for name in cast.actors if name != "deployer"]
    market.deploy(chain, "deployer", [Purse(name, PURSE) for name in holders])
    stage.say("The contracts are deployed; nobody's key has power over them.")
    page = market.start_web(page_port)
    for name in cast.nodes:
        market.start_node(name)
    workers = stage.open.contracts.workers
    wait_until(lambda: int(workers.call("num_nodes")) == len(cast.nodes), "the nodes' registration")
    stage.say(f"{len(cast.nodes)} trusted nodes of as many operators are registered.")
    for number, name in enumerate(cast.workers):
        enrol(market, name, Amount(1_000 + 100 * number), cast.nodes)
        market.start_worker(name, fault="wrong-weights" if name == cast.liar else None)
    stage.say(f"{len(cast.workers)} owners offer a machine each, at their own minimum fee.")
    return page


def demo_program() -> tuple[Program, bytes]:
    """The program that the request names.

    Returns:
        Program and the blob of its first weights.
    """
    program, weights = builder("mlp")((SCHEMA.num_features,), SCHEMA.num_classes, 0)
    return program, dump_tensors(weights)


def open_dataset(stage: Stage) -> None:
    """The initiator opens a dataset and a funded request with a sealed holdout.

    Args:
        stage: the stage.
    """
    program, weights = demo_program()
    nodes = tuple(stage.addresses[name] for name in stage.cast.nodes)
    unset = Digest(b"\0" * 32)
    rules = Rules(
        metadata=unset,
        schema=unset,
        licence=unset,
        closes_at=Seconds(0),
        quorum_bps=BasisPoints(2_000),
        voting_period=VOTING_PERIOD,
        bond=BOND,
        evaluation_fee=EVALUATION_FEE,
        relay_price=RELAY_PRICE,
        challenge_bond=CHALLENGE_BOND,
        evaluator_stake=STAKE,
        change_delay=VOTING_PERIOD,
        mint_cap=5_000_000,
        epoch_length=Seconds(30 * 86_400),
        price_per_use=Amount(3_000_001),
        prediction_bps=BasisPoints(3_000),
        max_exposure_bps=CAP_BPS,
        a_bps=BasisPoints(10_000),
        threshold=2,
        evaluators=nodes,
        nodes=nodes,
        curators=tuple(stage.addresses[name] for name in CURATORS),
        weights=(GENESIS_WEIGHT,) * len(CURATORS),
    )
    draft = requests.DatasetDraft(
        title="Handwritten digits",
        description="Grey images of 8 x 8 points, one digit each.",
        licence="CC-BY-4.0",
        licence_text="Creative Commons Attribution 4.0 International",
        schema=SCHEMA,
        program=program_to_json(program),
        weights=weights,
        steps=EVALUATION_STEPS,
        rules=rules,
    )
    stage.send("initiator", requests.plan_dataset(stage.registry, draft))
    stage.dataset = stage.registry.num_datasets()
    now = stage.open.contracts.chain.head().timestamp
    plan = requests.plan_request(
        stage.registry,
        stage.addresses["initiator"],
        stage.dataset,
        stage.cast.holdout,
        requests.RequestDraft(
            deadline=Seconds(now + YEAR),
            escrow=ESCROW,
            curve=CURVE,
            title="More handwritten digits",
        ),
    )
    stage.send("initiator", plan)
    stage.request = stage.registry.num_requests()
    stage.say(
        f"The initiator opens dataset {stage.dataset} with an exposure cap of {CAP_BPS} bps and "
        f"request {stage.request} with an escrow of {ESCROW}; "
        f"{len(stage.cast.holdout)} rows are its sealed holdout."
    )
    for name in stage.cast.nodes:
        stage.send(name, plan_stake(stage.registry, stage.addresses[name], stage.dataset, STAKE))
    stage.say(f"{len(nodes)} evaluators put {STAKE} each at stake; two of them decide together.")


def lend_to_oracle(stage: Stage) -> None:
    """A genesis curator lends its weight to the oracle, which then votes by its policy.

    Args:
        stage: the stage.
    """
    lender = CURATORS[0]
    now = stage.open.contracts.chain.head().timestamp
    plan = lending.plan_lend(
        stage.registry,
        stage.addresses[lender],
        stage.dataset,
        stage.addresses["oracle"],
        cap=GENESIS_WEIGHT,
        least_confidence=LEAST_CONFIDENCE,
        expiry=Seconds(now + YEAR),
    )
    stage.send(lender, plan)
    stage.market.start_oracle("oracle")
    stage.say(f"{lender} lends its weight to an oracle with a declared policy.")
