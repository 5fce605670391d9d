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
from databright.data_market import dividends, proposals, requests, voting
from databright.data_market.docket import Docket
from databright.data_market.measuring import Measurer
from databright.data_market.oracles.base import Decision, Opinion
from databright.data_market.oracles.evidence_policy import EvidencePolicy
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.registry import OPEN, DataRegistry, Reader
from databright.data_market.retirement import plan_retirement
from databright.programs.builders import builder
from databright.programs.child import ComputeChild
from databright.programs.oplist import Program, program_to_json
from databright.records.datasets import Rules
from databright.records.evidence import SignedEvidence
from databright.records.tensors import dump_tensors
from databright.units import Address, Amount, BasisPoints, Digest, Seconds
from databright.wiring.demo.cast import CURATORS, SCHEMA, Cast, Part
from databright.wiring.demo.report import read_json
from databright.wiring.local_market import LocalMarket, Purse, wait_until
from databright.wiring.node import state_folder
from databright.wiring.session import OpenMarket
from databright.wiring.up import enrol

CAP_BPS = BasisPoints(7_500)
REFUSED_BPS = BasisPoints(500)
VOTING_PERIOD = Seconds(3_600)
YEAR = Seconds(365 * 86_400)
BOND = Amount(2_000_000)
EVALUATION_FEE = Amount(400_001)
ESCROW = Amount(60_000_000)
AWARD_RATE = Amount(10_000)
GENESIS_WEIGHT = 2_000_000
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
        proposals: contributor's name -> proposal id.
    """

    market: LocalMarket
    cast: Cast
    say: Callable[[str], None]
    addresses: dict[str, Address] = field(default_factory=dict)
    dataset: int = 0
    request: int = 0
    proposals: dict[str, int] = field(default_factory=dict)

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
        deadline=Seconds(now + YEAR),
        escrow=ESCROW,
        award_rate=AWARD_RATE,
    )
    stage.send("initiator", plan)
    stage.request = stage.registry.num_requests()
    stage.say(
        f"The initiator opens dataset {stage.dataset} with an exposure cap of {CAP_BPS} bps and "
        f"request {stage.request} with an escrow of {ESCROW}; "
        f"{len(stage.cast.holdout)} rows are its sealed holdout."
    )


def lend_to_oracle(stage: Stage) -> None:
    """A genesis curator lends its weight to the oracle, which then votes by its policy.

    Args:
        stage: the stage.
    """
    lender = CURATORS[0]
    now = stage.open.contracts.chain.head().timestamp
    plan = voting.plan_lend(
        stage.registry,
        stage.addresses[lender],
        stage.dataset,
        stage.addresses["oracle"],
        cap=GENESIS_WEIGHT,
        expiry=Seconds(now + YEAR),
    )
    stage.send(lender, plan)
    stage.market.start_oracle("oracle")
    stage.say(f"{lender} lends its weight to an oracle with a declared policy.")


def play_proposal(stage: Stage, part: Part, docket: Docket) -> None:
    """One contributor proposes; evaluators measure; curators and the oracle vote.

    Args:
        stage: the stage.
        part: the contributor's part.
        docket: the player's view of proposals and evidence.
    """
    draft = proposals.ProposalDraft(
        title=f"{len(part.rows)} digits of {part.name}",
        provenance="collected by the contributor",
        request=stage.request,
    )
    address = stage.addresses[part.name]
    plan = proposals.plan_proposal(stage.registry, address, stage.dataset, part.rows, draft)
    stage.send(part.name, plan)
    number = stage.registry.num_proposals()
    stage.proposals[part.name] = number
    stage.say(f"{part.name} proposes {len(part.rows)} rows, sealed: proposal {number}.")
    agreed = _await_evidence(docket, number)
    opinion = _vote(stage, number, agreed)
    if opinion.decision is not Decision.ABSTAIN:
        _await_oracle(stage, number)
    proposal = stage.registry.proposal(number)
    now = stage.open.contracts.chain.head().timestamp
    stage.market.advance_clock(max(1, proposal.deadline - now + 1))
    wait_until(
        lambda: stage.registry.proposal(number).status != OPEN,
        f"the execution of proposal {number}",
    )
    verdict = stage.registry.proposal(number).status_name
    stage.say(f"Proposal {number} is {verdict}: {opinion.reason}")


def _await_evidence(docket: Docket, number: int) -> list[SignedEvidence]:
    found: list[SignedEvidence] = []

    def seen() -> bool:
        docket.refresh()
        found[:] = docket.newest_settled(number)
        return bool(found)

    wait_until(seen, f"the evidence on proposal {number}")
    return found


def _vote(stage: Stage, number: int, agreed: list[SignedEvidence]) -> Opinion:
    """The curators read the published evidence and vote by the same declared policy.

    Where the policy abstains (a gain that may be zero), people decide: no check failed, so yes.
    """
    figures = read_json(stage.open.store, bytes(agreed[0].verdict.evidence))
    opinion = EvidencePolicy().decide(agreed, figures)
    support = opinion.decision is not Decision.REJECT
    for curator in CURATORS[1:]:
        plan = voting.plan_vote(stage.registry, stage.addresses[curator], number, support)
        stage.send(curator, plan)
    return opinion


def _await_oracle(stage: Stage, number: int) -> None:
    """Give the oracle its turn: its policy is the curators', so it decides where they do."""
    lender = stage.addresses[CURATORS[0]]
    wait_until(
        lambda: voting.ballot(stage.registry, number, lender).cast != 0,
        f"the oracle's ballot on proposal {number}",
    )


def retire_holdout(stage: Stage) -> None:
    """The first node's operator publishes the holdout, so that everybody can redo the figures.

    Args:
        stage: the stage.
    """
    name = stage.cast.nodes[0]
    keys = stage.market.keys(name)
    docket = Docket(stage.registry)
    losses = PrivateLosses(state_folder(stage.market.home, name) / "losses")
    reader = Reader(keys.address, keys.hpke_private_key)
    with ComputeChild() as compute:
        measurer = Measurer(docket, reader, compute)
        plan = plan_retirement(docket, measurer, losses, reader, stage.request)
    stage.send(name, plan)
    stage.say("The holdout is retired: its rows and every evaluation's losses are public now.")


def claim_everything(stage: Stage) -> None:
    """Everybody takes what it is owed.

    Args:
        stage: the stage.
    """
    for part in stage.cast.parts:
        address = stage.addresses[part.name]
        if dividends.claimable(stage.registry, address):
            stage.send(part.name, dividends.plan_claims(stage.registry, address))
    contracts = stage.open.contracts
    for contract in (contracts.association, contracts.escrow, contracts.predictions):
        for name, address in stage.addresses.items():
            if int(contract.call("credit_of", address)):
                stage.transact(name, contract, "withdraw")
    stage.say("Dividends are claimed and everybody has withdrawn what it earned.")
