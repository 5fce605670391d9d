"""A stranger's proposal costs itself, never the evaluator's work for others."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from databright.custody.blobs import sha256
from databright.custody.envelopes import generate_hpke
from databright.custody.references import rows_label, seal_context
from databright.custody.sealed_rows import (
    SECRET_BYTES,
    OpenedPart,
    SealedPart,
    SealedParts,
    point_tree,
    seal_part,
    sealed_parts,
)
from databright.custody.sealing import SealedRef, seal_to_nodes
from databright.data_market import evaluator as evaluator_module
from databright.data_market.evaluator import EvaluatorKeys, EvaluatorLoop
from databright.data_market.measuring import Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.registry import DataRegistry, Reader
from databright.errors import BadInputError, BlobMissingError, ComputeError, MalformedDataError
from databright.evaluation.utility import prior_logits
from databright.records.manifest import MAX_PROPOSED_ROWS, Manifest
from databright.records.rows import Rows, Schema
from databright.records.strict_json import dumps_canonical
from databright.records.terms import Terms
from databright.storage.base import Store, open_store
from databright.units import Address, Amount, Cid, Digest

NODE = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
ALICE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
SCHEMA = Schema(num_features=2, num_classes=2, low=0.0, high=1.0)
ROWS = Rows(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
NOTHING = Digest(bytes(32))


class OneDataset(DataRegistry):
    """A registry that knows its dataset and proposals without a chain."""

    proposals: dict[int, Any]

    def _newest_rules(self, dataset: int) -> Any:
        return None

    def schema(self, rules: object) -> Schema:
        return SCHEMA

    def proposal(self, proposal: int) -> Any:
        return self.proposals[proposal]


class Market:
    """A store with sealed proposals, as strangers leave them."""

    def __init__(self) -> None:
        self.store: Store = open_store("memory")
        self.private, self._public = generate_hpke()
        deployment: Any = SimpleNamespace(chain_id=1, addresses={"DataAssociation": NODE})
        contracts: Any = SimpleNamespace(deployment=deployment)
        self.registry = OneDataset(contracts, self.store)
        self.registry.proposals = {}
        self._context = seal_context(deployment, 1, rows_label(ALICE))

    def put(self, blob: bytes) -> Digest:
        self.store.put(blob)
        return sha256(blob)

    def part(self) -> OpenedPart:
        part, blobs = seal_part(ALICE, ROWS, {NODE: self._public}, self._context)
        for blob in blobs:
            self.store.put(blob)
        return part

    def seal(self, plain: bytes) -> SealedRef:
        return seal_to_nodes(plain, {NODE: self._public}, self._context, self.store)

    def propose(self, ref: bytes, root: bytes = NOTHING, manifest: bytes | None = None) -> Any:
        said = manifest_of(root).to_json()
        number = 1_000_001 + len(self.registry.proposals)
        terms = Terms(
            proposal=number,
            request=0,
            proposer=ALICE,
            payee=ALICE,
            root=root,
            ref=self.put(ref),
            manifest=self.put(manifest or said),
            num_rows=len(ROWS),
            revises=0,
            bond=Amount(0),
            fee=Amount(0),
            electorate=0,
        )
        self.registry.proposals[number] = SimpleNamespace(id=number, terms=terms)
        return self.registry.proposals[number]

    def propose_well(self) -> Any:
        part = self.part()
        return self.propose(sealed_parts([part]).to_json(), point_tree([part]).root)

    def measurer(self) -> Measurer:
        docket: Any = SimpleNamespace(registry=self.registry)
        compute: Any = None
        return Measurer(docket, Reader(NODE, self.private), compute)


def manifest_of(root: bytes) -> Manifest:
    return Manifest("t", "", "", "CC0", NOTHING, len(ROWS), NOTHING, Digest(root))


def one_part(ref: SealedRef) -> bytes:
    return SealedParts((SealedPart(ALICE, len(ROWS), ref),)).to_json()


def impossible_rows() -> bytes:
    header = dumps_canonical(
        {
            "x": {"data_offsets": [0, 0], "dtype": "F32", "shape": [0, 2**62]},
            "y": {"data_offsets": [0, 0], "dtype": "I64", "shape": [0]},
        }
    )
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header


def hostile(market: Market, kind: str) -> Any:
    part = market.part()
    good, root = part.ref, point_tree([part]).root
    if kind == "reference not JSON":
        return market.propose(b"\xff\xfe{", root)
    if kind == "address of no content":
        bad = SealedRef(Cid("../../etc/passwd"), good.envelopes, good.plain_commitment)
        return market.propose(one_part(bad), root)
    if kind == "envelopes longer than any":
        long = market.store.put(bytes(3 << 20))
        bad = SealedRef(good.ciphertext, long, good.plain_commitment)
        return market.propose(one_part(bad), root)
    if kind == "rows that no array holds":
        sealed = market.seal(bytes(SECRET_BYTES) + impossible_rows())
        return market.propose(one_part(sealed), root)
    if kind == "another root":
        return market.propose(one_part(good), bytes(range(32)))
    title = "" if kind == "manifest without a title" else "t"
    rows = MAX_PROPOSED_ROWS + 1 if kind == "more rows than are compared" else len(ROWS)
    said = json.loads(manifest_of(root).to_json())
    manifest = dumps_canonical({**said, "title": title, "num_rows": rows})
    return market.propose(one_part(good), root, manifest)


KINDS = [
    "reference not JSON",
    "address of no content",
    "envelopes longer than any",
    "rows that no array holds",
    "another root",
    "manifest without a title",
    "more rows than are compared",
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_unusable_proposal_is_its_own_fault_and_spoils_no_comparison(kind: str) -> None:
    market = Market()
    good = market.propose_well()
    bad = hostile(market, kind)
    measurer = market.measurer()
    with pytest.raises(MalformedDataError):  # which is judged as fraud
        measurer._proposed(bad.terms)
    pending, unreadable = measurer._pending([good.id, bad.id])
    assert (list(pending), unreadable) == ([good.id], [bad.id])


def test_rows_that_were_taken_down_are_forgotten() -> None:
    market = Market()
    kept, gone = market.propose_well(), market.propose_well()
    measurer = market.measurer()
    for proposal in (kept, gone):
        measurer._proposed(proposal.terms)
    measurer.forget([Digest(gone.terms.ref)])
    for part in market.registry.sealed_parts(Digest(gone.terms.ref)).parts:
        market.store.erase(part.ref.ciphertext)
    assert len(measurer._proposed(kept.terms)) == len(ROWS)
    with pytest.raises(BlobMissingError):
        measurer._proposed(gone.terms)


def test_a_holdout_of_too_many_logits_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(BadInputError, match="smaller holdout"):
        prior_logits(10**7, 65_536)


class Loop(EvaluatorLoop):
    """An evaluator whose docket holds one proposal of each of two datasets."""

    def __init__(self, folder: Path) -> None:
        silent = SimpleNamespace(address=NODE)
        names = ("association", "charter", "requests", "verdicts", "challenges")
        contracts: Any = SimpleNamespace(
            deployment=SimpleNamespace(chain_id=1), **dict.fromkeys(names, silent)
        )
        registry: Any = SimpleNamespace(contracts=contracts, store=None)
        keys = EvaluatorKeys(SimpleNamespace(), bytes(32), Reader(NODE, b""))  # type: ignore[arg-type]
        self.compute = SimpleNamespace(train=lambda *_: b"", predict=lambda *_: b"")
        super().__init__(registry, keys, self.compute, PrivateLosses(folder))
        self.asked: list[int] = []
        self.published: list[int] = []
        self.fault: Exception = MemoryError("too much")
        docket: Any = self.docket
        docket.refresh = lambda: None
        docket.undecided = dict
        measurer: Any = self.measurer
        measurer.measure = self._measure

    def _measure(self, proposal: int, base: int) -> Any:
        del base
        self.asked.append(proposal)
        if proposal == 1:
            raise self.fault
        return proposal

    def _tasks(self) -> list[Any]:
        left = [number for number in (1, 2) if number not in self.published]
        return [evaluator_module._Task(number, 0, True, number, (NODE,)) for number in left]

    def _is_my_turn(self, task: Any) -> bool:
        return True

    def _publish(self, task: Any, measured: Any) -> bool:
        self.published.append(task.proposal)
        return True


@pytest.mark.parametrize(
    "fault", [MemoryError("too much"), ValueError("array is too big"), BadInputError("no holdout")]
)
def test_a_measurement_that_fails_in_any_way_leaves_the_others_theirs(
    tmp_path: Path, fault: Exception
) -> None:
    loop = Loop(tmp_path)
    loop.fault = fault
    assert loop.step()
    assert (loop.asked, loop.published) == ([1, 2], [2])
    assert not loop.step()
    assert loop.asked == [1, 2]  # the failing one rests for a while


def test_a_failing_measurement_rests_longer_each_time_and_the_longer_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("databright.data_market.evaluator.time.monotonic", lambda: now[0])
    loop = Loop(tmp_path)
    loop.published.append(2)
    tried = []
    for second in range(16):
        now[0] = float(second)
        before = len(loop.asked)
        loop.step()
        if len(loop.asked) > before:
            tried.append(second)
    assert tried == [0, 1, 3, 7, 15]
    task: Any = evaluator_module._Task(1, 0, True, 1, (NODE,))
    loop._rest(task, "slow", 1_000.0)
    assert loop._failed[task.key].again_at == now[0] + 4_000.0


def test_one_measurement_has_a_budget_of_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("databright.data_market.evaluator.time.monotonic", lambda: now[0])

    def train(*_: bytes) -> bytes:
        now[0] += 1_000.0
        return b"weights"

    compute: Any = SimpleNamespace(train=train)
    budget = evaluator_module._Budget(compute)
    assert budget.train(b"", b"", b"", b"") == budget.train(b"", b"", b"", b"") == b"weights"
    with pytest.raises(ComputeError, match="smaller program"):
        budget.train(b"", b"", b"", b"")
