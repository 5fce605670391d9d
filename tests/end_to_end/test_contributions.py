"""Proposals in parts, revised, withdrawn; deposits, records and proofs on a real chain."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from databright.client import Client
from databright.client.provenance import check_offline
from databright.data_market.entities import REVISED, WITHDRAWN
from databright.data_market.proposals import ProposalDraft
from databright.errors import BadInputError
from databright.records.point_proof import PointProof, Status, is_sound
from databright.records.point_proof_json import read_proof
from databright.records.rows import Rows, row_digests
from databright.units import Amount
from tests.end_to_end.contribution_world import accept, propose, told
from tests.end_to_end.governance_world import (
    BOND,
    FEE,
    NODES,
    RELAY,
    World,
    make_rows,
    make_world,
)

LOCKED = FEE + 64 * RELAY
"""What a proposal locks besides its bond."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("home"))
    yield made
    made.local.stop()


def findings(proof: PointProof, client: Client) -> dict[str, Status]:
    return {one.about: one.status for one in client.provenance.check(proof).findings}


def test_a_batch_is_one_proposal_and_every_owner_keeps_its_points(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset()
    rows = {name: make_rows(count, count) for name, count in (("alice", 20), ("bob", 13))}
    for name, one in rows.items():
        np.savez(tmp_path / f"{name}.npz", x=one.x_NF, y=one.y_N)
    listed = {"parts": [{"owner": name, "file": f"{name}.npz"} for name in rows]}
    (tmp_path / "parts.json").write_text(json.dumps(listed))
    words = ["proposal", "batch", dataset, tmp_path / "parts.json", "--home", world.home]
    words += ["--as", "oracle", "--sample-rows", "0,25", "--payee", "bob"]
    shown = told(capsys, *words, "--dry-run")
    assert [call["function"] for call in shown["calls"]] == ["approve", "deposit", "propose"]
    assert world.registry.proposal_ids(dataset) == range(dataset * 10**6 + 1, dataset * 10**6 + 1)
    made = told(capsys, *words)
    proposal = made["id"]
    assert proposal == dataset * 10**6 + 1
    found = world.registry.proposal(proposal)
    assert (found.num_rows, found.payee) == (33, world.address("bob"))
    assert (found.bond, found.fee) == (BOND, LOCKED)
    parts = world.registry.sealed_parts(found.ref).parts
    assert [(part.owner, part.num_rows) for part in parts] == [
        (world.address(name), len(one)) for name, one in rows.items()
    ]
    samples = Client(world.home, "bob").contributor.samples(proposal)
    assert samples is not None
    assert samples.indices == (0, 25)
    assert np.array_equal(samples.rows.x_NF[1], rows["bob"].x_NF[5])
    shown = told(capsys, "proposal", "show", proposal, "--home", world.home)
    assert shown["proposal"]["payee"] == world.address("bob")
    assert shown["samples"] == [0, 25]
    accept(world, proposal)

    _check_proofs(world, proposal, rows["bob"])


def _check_proofs(world: World, proposal: int, bobs: Rows) -> None:
    # The proposer proves from its own secrets, a node from the sealed rows: the same points.
    proofs = {
        name: Client(world.home, name).provenance.prove(proposal, 25)
        for name in ("oracle", "node-1")
    }
    assert proofs["oracle"] == proofs["node-1"]
    for path in (world.home / "points").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        path.rename(path.with_suffix(".away"))
    assert Client(world.home, "node-3").provenance.prove(proposal, 25) == proofs["oracle"]
    with pytest.raises(BadInputError, match="neither this home nor the key oracle"):
        Client(world.home, "oracle").provenance.prove(proposal, 25)
    for path in (world.home / "points").iterdir():
        path.rename(path.with_suffix(".points"))
    proof = proofs["oracle"]
    assert proof.point.owner == world.address("bob")
    assert proof.point.row_digest == row_digests(bobs)[5]
    assert is_sound(check_offline(proof).findings)
    statuses = findings(proof, Client(world.home, "oracle"))
    assert set(statuses.values()) == {Status.HOLDS, Status.OPEN}
    assert [about for about, status in statuses.items() if status is Status.OPEN] == ["value"]


def test_a_proof_is_written_and_verified_and_a_changed_one_is_not(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset()
    first = propose(world, "alice", dataset, 1)
    accept(world, first, 900)
    second = propose(world, "bob", dataset, 2)
    accept(world, second, 300)
    home = ("--home", world.home)
    for name in ("proof.bin", "proof.json"):
        file = tmp_path / name
        made = told(capsys, "data", "prove", second, 7, "--out", file, *home, "--as", "bob")
        assert made["bytes"] < 1_500
        assert made["contributor"] == world.address("bob")
        assert [(one["address"], one["shares"]) for one in made["owners"]] == [
            (world.address("bob"), 300)
        ]
        offline = told(capsys, "data", "verify", file)
        states = {one["about"]: one["status"] for one in offline["findings"]}
        assert (states["point"], states["commitment"]) == ("holds", "open")
        record = world.home / "market.json"
        checked = told(capsys, "data", "verify", file, "--deployment", record)
        assert checked["ok"]
        states = {one["about"]: one["status"] for one in checked["findings"]}
        assert {states[name] for name in ("commitment", "snapshot", "entries", "database")} == {
            "holds"
        }
        told(capsys, "data", "prove", second, 7, "--out", file, *home, "--as", "bob", code=2)
    proof = read_proof((tmp_path / "proof.bin").read_bytes())
    assert proof.snapshot.number == 2
    older = Client(world.home, "alice").provenance.prove(first, 0, snapshot=1)
    assert (older.snapshot.number, older.path.num_leaves) == (1, 40)
    with pytest.raises(BadInputError, match="does not hold proposal"):
        Client(world.home, "bob").provenance.prove(second, 0, snapshot=1)
    with pytest.raises(BadInputError, match="there is no point 40"):
        Client(world.home, "bob").provenance.prove(second, 40)
    changes = {
        "point": dataclasses.replace(
            proof, point=dataclasses.replace(proof.point, owner=world.address("alice"))
        ),
        "snapshot": dataclasses.replace(
            proof, snapshot=dataclasses.replace(proof.snapshot, root=bytes(32))
        ),
        "commitment": dataclasses.replace(
            proof, terms=dataclasses.replace(proof.terms, bond=Amount(1))
        ),
    }
    client = Client(world.home, "alice")
    for about, wrong in changes.items():
        found = client.provenance.check(wrong)
        failed = {one.about for one in found.findings if one.status is Status.FAILS}
        assert failed, about
        if about != "snapshot":  # the Database knows no root of a snapshot
            assert "database" in failed, about


def test_a_proposal_is_revised_and_withdrawn_and_its_money_comes_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset()
    alice = Client(world.home, "alice")
    before, paid_before = alice.wallet.balance(), _of_nodes(world)
    first = propose(world, "alice", dataset, 5)
    assert alice.wallet.balance().locked == before.locked + 1
    revised = alice.contributor.revise(first, make_rows(44, 6), ProposalDraft("better")).id
    assert revised == first + 1
    found = world.registry.proposal(revised)
    assert (found.revises, found.num_rows, found.bond) == (first, 44, BOND)
    assert [one.id for one in alice.contributor.thread(revised)] == [first, revised]
    assert world.registry.proposal(first).status == REVISED
    with pytest.raises(BadInputError, match="is revised: it cannot be changed"):
        alice.contributor.revise(first, make_rows(44, 7), ProposalDraft("again"))
    with pytest.raises(BadInputError, match="only its proposer"):
        Client(world.home, "bob").contributor.withdraw(revised)
    # A second open proposal costs twice the bond.
    second = propose(world, "alice", dataset, 8)
    assert world.registry.proposal(second).bond == 2 * BOND
    told(capsys, "proposal", "withdraw", second, "--home", world.home, "--as", "alice")
    assert world.registry.proposal(second).status == WITHDRAWN
    world.advance_to(found.votes_from)
    with pytest.raises(BadInputError, match="cannot be withdrawn"):
        alice.contributor.withdraw(revised)
    # During the vote it can still be revised; what was measured is paid for.
    world.publish(revised, NODES[:2], amount=10)
    third = alice.contributor.revise(revised, make_rows(40, 9), ProposalDraft("third")).id
    assert third is not None
    alice.contributor.withdraw(third)
    after = alice.wallet.balance()
    assert (before.tokens + before.deposit) - (after.tokens + after.deposit) == FEE
    assert _of_nodes(world) == paid_before + FEE
    record = alice.contributor.record()
    mine = [one for one in record.contributions if one.proposal // 10**6 == dataset]
    assert [one.status for one in mine] == ["revised", "revised", "withdrawn", "withdrawn"]
    shown = told(capsys, "contributor", "show", "alice", "--home", world.home)
    assert shown["counts"] == record.counts
    assert shown["slashed"] == 0


def _of_nodes(world: World) -> int:
    found = [Client(world.home, name).wallet.balance() for name in NODES]
    return sum(one.tokens + sum(one.credits.values()) for one in found)


def test_a_deposit_is_paid_in_used_up_and_taken_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset()
    doubter = Client(world.home, "doubter")
    before = doubter.wallet.balance().tokens
    told(capsys, "deposit", "0.001", "--home", world.home, "--as", "doubter")
    assert doubter.wallet.balance().deposit == 1_000
    plan = doubter.contributor.propose(dataset, make_rows(40, 3), ProposalDraft("x"), dry_run=True)
    assert [call.arguments for call in plan.calls if call.function == "deposit"] == [
        (str(BOND + LOCKED - 1_000),)
    ]
    propose(world, "doubter", dataset, 3)
    assert doubter.wallet.balance().deposit == 0
    with pytest.raises(BadInputError, match="nothing waits"):
        doubter.wallet.withdraw()
    doubter.contributor.withdraw(dataset * 10**6 + 1)
    with pytest.raises(BadInputError, match="nothing waits"):
        doubter.wallet.withdraw(with_deposit=False)
    told(capsys, "withdraw", "--home", world.home, "--as", "doubter")
    assert doubter.wallet.balance().tokens == before
    with pytest.raises(BadInputError, match="at least 1"):
        doubter.wallet.pay_in(Amount(0))
    with pytest.raises(BadInputError, match="market tokens"):
        doubter.wallet.pay_in(Amount(10**15))
