"""A small market on a real development chain whose parts run in the test's own process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from databright.chain.bindings import Event, Signer
from databright.chain.writes import WritePlan
from databright.config import open_home
from databright.custody.blobs import sha256
from databright.custody.keys import ActorKeys
from databright.custody.references import (
    LABEL_HOLDOUT,
    reference_to_json,
    rows_label,
    seal_context,
)
from databright.custody.sealed_rows import point_tree, seal_part, sealed_parts
from databright.custody.sealing import seal_to_nodes
from databright.data_market.docket import Docket
from databright.data_market.evaluator import EvaluatorKeys, EvaluatorLoop
from databright.data_market.keeper import Keeper
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.registry import DataRegistry, Reader
from databright.programs.builders import builder
from databright.programs.child import ComputeChild
from databright.programs.oplist import program_to_json
from databright.records.datasets import DatasetCard
from databright.records.evidence import SignedEvidence, Verdict
from databright.records.manifest import Manifest
from databright.records.rows import Rows, Schema, rows_to_blob
from databright.records.rules import Rules
from databright.records.tensors import dump_tensors
from databright.units import Address, Amount, BasisPoints, Digest, Seconds
from databright.wiring.local_market import LocalMarket, Purse
from databright.wiring.node import ensure_registered
from databright.wiring.session import OpenMarket, open_actor

PEOPLE = ("initiator", "curator-1", "curator-2", "oracle", "alice", "bob", "relayer", "doubter")
NODES = ("node-1", "node-2", "node-3", "node-4")
REVIEW_MINUTES, VOTING_S = 2, 4_000
BOND, FEE, RELAY = Amount(1_001), Amount(503), Amount(7)
STAKE, CHALLENGE_BOND = Amount(10_000), Amount(2_000)
WEIGHT = 100
MARGIN_S = 5
SCHEMA = Schema(num_features=2, num_classes=2, low=0.0, high=1.0)
NOTHING = bytes(32)


def make_rows(count: int, seed: int) -> Rows:
    """Two clouds that a small program tells apart; no two rows are alike."""
    random = np.random.default_rng(seed)
    y_N = np.arange(count, dtype=np.int64) % 2
    x_NF = (y_N[:, None] * 0.5 + random.uniform(0.0, 0.5, (count, 2))).astype(np.float32)
    return Rows(x_NF, y_N)


@dataclass
class World:
    """A deployed market with registered nodes and one dataset's makings."""

    home: Path
    local: LocalMarket
    market: OpenMarket
    loops: dict[str, EvaluatorLoop] = field(default_factory=dict)

    # ------------------------------------------------------------------ people

    @property
    def registry(self) -> DataRegistry:
        return self.market.registry

    def keys(self, name: str) -> ActorKeys:
        return self.local.keys(name)

    def address(self, name: str) -> Address:
        return self.keys(name).address

    def signer(self, name: str) -> Signer:
        return self.local.signer(name)

    def send(self, name: str, plan: WritePlan) -> None:
        plan.send(self.signer(name), self.market.store.put)

    def credit(self, contract: str, name: str) -> int:
        bound = getattr(self.market.contracts, contract)
        return int(bound.call("credit_of", self.address(name)))

    def events(self, name: str) -> list[Event]:
        return [event for event in self.market.contracts.events() if event.name == name]

    # ------------------------------------------------------------------ time

    def now(self) -> int:
        return self.market.contracts.chain.next_timestamp()

    def advance_to(self, time: int) -> None:
        """Let the next block be a little after `time`: a pending block's time is a guess."""
        if time + MARGIN_S > self.now():
            self.local.advance_clock(time + MARGIN_S - self.now())

    # ------------------------------------------------------------------ dataset

    def open_dataset(self, **changes: object) -> int:
        store = self.market.store
        program, weights = builder("mlp")((2,), 2, 0)
        blobs = [program_to_json(program), dump_tensors(weights), SCHEMA.to_json(), b"CC0"]
        for blob in blobs:
            store.put(blob)
        card = DatasetCard("Clouds", "", "CC0-1.0", sha256(blobs[0]), sha256(blobs[1]), 4).to_json()
        store.put(card)
        nodes = tuple(self.address(name) for name in NODES)
        fields: dict[str, object] = {
            "metadata": sha256(card),
            "schema": sha256(blobs[2]),
            "licence": sha256(blobs[3]),
            "quorum_bps": BasisPoints(1_000),
            "review_minutes": REVIEW_MINUTES,
            "voting_period": Seconds(VOTING_S),
            "bond": BOND,
            "evaluation_fee": FEE,
            "relay_price": RELAY,
            "mint_cap": 10**9,
            "epoch_length": Seconds(10**8),
            "price_per_use": Amount(10_000),
            "prediction_bps": BasisPoints(2_000),
            "max_exposure_bps": BasisPoints(7_500),
            "threshold": 2,
            "change_delay": Seconds(VOTING_S),
            "evaluators": nodes,
            "nodes": nodes,
            "curators": (self.address("curator-1"), self.address("curator-2")),
            "weights": (WEIGHT, WEIGHT),
            **changes,
        }
        rules = Rules(**fields)  # type: ignore[arg-type]
        charter = self.market.contracts.charter
        charter.transact(self.signer("initiator"), "create_dataset", rules.check().to_struct())
        return int(charter.call("num_datasets"))

    def _public_keys(self) -> dict[Address, bytes]:
        return {self.address(name): self.keys(name).hpke_public_key for name in NODES}

    def open_request(self, dataset: int, holdout: Rows) -> int:
        contracts, store = self.market.contracts, self.market.store
        context = seal_context(contracts.deployment, dataset, LABEL_HOLDOUT)
        sealed = seal_to_nodes(rows_to_blob(holdout), self._public_keys(), context, store)
        reference = reference_to_json(sealed)
        store.put(reference)
        nothing: list[object] = []
        arguments = (dataset, 0, nothing, self.now() + 10**6, bytes(sealed.plain_commitment))
        digests = (sha256(reference), NOTHING, NOTHING)
        signer = self.signer("initiator")
        contracts.requests.transact(signer, "open_request", *arguments, *digests)
        return int(contracts.requests.call("num_requests"))

    # ------------------------------------------------------------------ proposals

    def propose(self, name: str, dataset: int, rows: Rows) -> int:
        contracts, store = self.market.contracts, self.market.store
        context = seal_context(contracts.deployment, dataset, rows_label(self.address(name)))
        part, blobs = seal_part(self.address(name), rows, self._public_keys(), context)
        root = point_tree([part]).root
        rules = self.registry.dataset(dataset).rules
        manifest = Manifest(
            "rows", "", "", "CC0-1.0", rules.licence, len(rows), rules.schema, Digest(root)
        ).to_json()
        reference = sealed_parts([part]).to_json()
        for blob in (*blobs, manifest, reference):
            store.put(blob)
        signer, money = self.signer(name), 10**6
        contracts.token.transact(signer, "approve", contracts.association.address, money)
        contracts.association.transact(signer, "deposit", money)
        arguments = (dataset, 0, self.address(name), root, sha256(reference), sha256(manifest))
        receipt = contracts.association.transact(signer, "propose", *arguments, len(rows))
        events = contracts.association.events(receipt.logs)
        return next(int(e.args["proposal"]) for e in events if e.name == "Proposed")

    def publish(
        self, proposal: int, names: Sequence[str], *, amount: int, outcome: int = 0
    ) -> Verdict:
        """Let evaluators sign and publish a verdict that nobody measured."""
        verdict, signed = self.sign(proposal, names, amount=amount, outcome=outcome)
        for name, evidence in zip(names, signed, strict=True):
            blob = evidence.to_json()
            self.market.store.put(blob)
            self.market.contracts.verdicts.transact(
                self.signer(name), "publish_evidence", proposal, verdict.base, sha256(blob)
            )
        return verdict

    def sign(
        self, proposal: int, names: Sequence[str], *, amount: int, outcome: int = 0
    ) -> tuple[Verdict, list[SignedEvidence]]:
        """Let evaluators sign a verdict that nobody measured, and keep it to themselves."""
        docket = Docket(self.registry)
        base = docket.head(self.registry.proposal(proposal).dataset)
        self.market.store.put(b"{}")
        named = Digest(self.registry.proposal(proposal).terms.commitment())
        verdict = Verdict(proposal, named, base, 1, outcome, 0, amount, sha256(b"{}"))
        sign = docket.domain.sign
        return verdict, [sign(verdict, "said so", self.keys(name).account_key) for name in names]

    def keeper(self) -> Keeper:
        return Keeper(Docket(self.registry), self.signer("relayer"))

    def loop(self, name: str, compute: ComputeChild, *, patience: int = 0) -> EvaluatorLoop:
        keys = self.keys(name)
        reader = Reader(keys.address, keys.hpke_private_key)
        return EvaluatorLoop(
            self.registry,
            EvaluatorKeys(self.signer(name), keys.account_key, reader),
            compute,
            PrivateLosses(self.home / f"losses-{name}"),
            patience=patience,
        )


def make_world(home: Path) -> World:
    """Start a chain, deploy the contracts, register the nodes."""
    os.chmod(home, 0o700)
    open_home(home)
    local = LocalMarket(home)
    try:
        addresses = local.ensure_keys(["deployer", *PEOPLE, *NODES])
        chain = local.start_chain(list(addresses.values()))
        purses = [Purse(name, Amount(10**12)) for name in (*PEOPLE, *NODES)]
        local.deploy(chain, "deployer", purses)
        for name in NODES:
            ensure_registered(local.market(), open_actor(home, name))
    except BaseException:
        local.stop()
        raise
    return World(home, local, local.market())


def begin_vote(world: World, number: int) -> None:
    world.advance_to(world.registry.proposal(number).votes_from)


def run(world: World) -> None:
    """Let a keeper do everything that is due."""
    keeper = world.keeper()
    while keeper.step():
        pass
