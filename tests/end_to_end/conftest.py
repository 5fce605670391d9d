"""A market on a real development chain, shared by the end-to-end tests of a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from databright.client import Client
from databright.config import open_home
from databright.data_market.entities import Step
from databright.data_market.requests import DatasetDraft, RequestDraft
from databright.programs.builders import builder
from databright.programs.oplist import program_to_json
from databright.records.rows import Rows, Schema
from databright.records.rules import Rules
from databright.records.tensors import dump_tensors
from databright.units import Address, Amount, BasisPoints, Digest, Seconds, Shares
from databright.wiring.local_market import LocalMarket, Purse
from databright.wiring.node import ensure_registered
from databright.wiring.session import open_actor
from tests.end_to_end.governance_world import World, make_world

PEOPLE = ("initiator", "curator-1", "curator-2", "oracle", "alice", "bob", "carol", "dave", "poor")
NODES = ("node-1", "node-2", "node-3", "node-4")
VOTING_S = 3_600
BOND, FEE = Amount(1_001), Amount(503)
SCHEMA = Schema(num_features=64, num_classes=10, low=0.0, high=1.0)


@dataclass
class DataMarket:
    """A deployed market with registered trusted nodes; no node process runs yet."""

    home: Path
    local: LocalMarket
    holdout: Rows
    parts: list[Rows]

    def client(self, name: str) -> Client:
        return Client(self.home, name)

    def address(self, name: str) -> Address:
        return self.local.keystore.public(name).address

    def now(self) -> int:
        return self.local.market().contracts.chain.head().timestamp

    def draft(self, title: str = "Digits", **changes: object) -> DatasetDraft:
        program, weights = builder("mlp")((64,), 10, 0)
        nodes = tuple(self.address(name) for name in NODES)
        fields: dict[str, object] = {
            "metadata": Digest(bytes(32)),
            "schema": Digest(bytes(32)),
            "licence": Digest(bytes(32)),
            "closes_at": Seconds(0),
            "quorum_bps": BasisPoints(1_000),
            "voting_period": Seconds(VOTING_S),
            "bond": BOND,
            "evaluation_fee": FEE,
            "mint_cap": 10**9,
            "epoch_length": Seconds(10**6),
            "price_per_use": Amount(10_000),
            "prediction_bps": BasisPoints(2_000),
            "max_exposure_bps": BasisPoints(7_500),
            "a_bps": BasisPoints(10_000),
            "threshold": 2,
            "evaluators": nodes,
            "nodes": nodes,
            "curators": (self.address("curator-1"), self.address("curator-2")),
            "weights": (100, 100),
            **changes,
        }
        return DatasetDraft(
            title=title,
            description="Handwritten digits of 8 x 8 grey values.",
            licence="CC0-1.0",
            licence_text="No rights reserved.",
            schema=SCHEMA,
            program=program_to_json(program),
            weights=dump_tensors(weights),
            steps=80,
            rules=Rules(**fields),  # type: ignore[arg-type]
        )

    def open_dataset(self, title: str = "Digits", **changes: object) -> int:
        written = self.client("initiator").initiator.create_dataset(self.draft(title, **changes))
        assert written.id is not None
        return written.id

    def open_request(self, dataset: int, *, escrow: int = 0, lasts_s: int = 3_000) -> int:
        draft = RequestDraft(
            deadline=Seconds(self.now() + lasts_s),
            escrow=Amount(escrow),
            curve=(Step(Shares(2**52 - 1), Amount(1_000)),),
        )
        written = self.client("initiator").initiator.open_request(dataset, self.holdout, draft)
        assert written.id is not None
        return written.id


def _digits() -> tuple[Rows, list[Rows]]:
    x_NF, y_N = load_digits(return_X_y=True)
    rows = Rows((x_NF / 16.0).astype(np.float32), y_N.astype(np.int64))
    order = np.random.default_rng(0).permutation(len(rows))
    pick = [order[:397], *(order[397 + i * 233 : 630 + i * 233] for i in range(6))]
    sets = [Rows(rows.x_NF[chosen], rows.y_N[chosen]) for chosen in pick]
    return sets[0], sets[1:]


def make_data_market(home: Path) -> DataMarket:
    """Start a chain, deploy the contracts, register the nodes."""
    os.chmod(home, 0o700)
    open_home(home)
    local = LocalMarket(home)
    try:
        addresses = local.ensure_keys(["deployer", *PEOPLE, *NODES])
        chain = local.start_chain(list(addresses.values()))
        purses = [Purse(name, Amount(10**12)) for name in (*PEOPLE, *NODES) if name != "poor"]
        local.deploy(chain, "deployer", purses)
        for name in NODES:
            ensure_registered(local.market(), open_actor(home, name))
    except BaseException:
        local.stop()
        raise
    holdout, parts = _digits()
    return DataMarket(home, local, holdout, parts)


@pytest.fixture(scope="module")
def data_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataMarket]:
    market = make_data_market(tmp_path_factory.mktemp("home"))
    yield market
    market.local.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("home"))
    yield made
    made.local.stop()
