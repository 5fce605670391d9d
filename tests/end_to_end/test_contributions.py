"""Proposals in parts, revised, withdrawn; shares, deposits, records and proofs on a real chain."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_abi.abi import encode
from eth_typing import Hash32
from eth_utils.crypto import keccak

from databright.cli.main import main
from databright.client import Client
from databright.client.provenance import check_offline
from databright.data_market.entities import ACCEPTED, REVISED, WITHDRAWN, Step, award
from databright.data_market.proposals import ProposalDraft
from databright.data_market.requests import RequestDraft
from databright.errors import BadInputError, UnknownEntityError
from databright.records.point_proof import PointProof, Status, is_sound
from databright.records.point_proof_json import read_proof
from databright.records.rows import Rows, row_digests
from databright.records.value_tree import ValueList
from databright.units import Amount, BasisPoints, Seconds, Shares
from tests.end_to_end.governance_world import (
    BOND,
    FEE,
    NODES,
    RELAY,
    VOTING_S,
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


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    capsys.readouterr()
    assert main([*(str(word) for word in words), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.err if code == 2 else captured.out)


def accept(world: World, proposal: int, amount: int = 1_000) -> None:
    """Let evaluators say that it gains, curators carry it and a keeper execute it."""
    world.publish(proposal, NODES[:2], amount=amount)
    world.advance_to(world.registry.proposal(proposal).votes_from)
    votes = world.market.contracts.curator_token
    # Who has brought data votes too: genesis weight fades as earned weight grows.
    for name in ("curator-1", "curator-2", "alice"):
        who = world.address(name)
        is_proposer = who == world.registry.proposal(proposal).proposer
        if not is_proposer and votes.call("weight_on", proposal, who):
            Client(world.home, name).curator.vote(proposal, support=True)
    world.advance_to(world.registry.proposal(proposal).deadline)
    keeper = world.keeper()
    while keeper.step():
        pass
    assert world.registry.proposal(proposal).status == ACCEPTED


def propose(world: World, name: str, dataset: int, seed: int, **said: Any) -> int:
    draft = ProposalDraft(f"rows {seed}", **said)
    written = Client(world.home, name).contributor.propose(dataset, make_rows(40, seed), draft)
    assert written.id is not None
    return written.id


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


def test_shares_are_handed_over_and_removed_and_keep_what_they_earned(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset()
    first = propose(world, "alice", dataset, 11)
    accept(world, first, 900)
    second = propose(world, "bob", dataset, 12)
    accept(world, second, 300)
    contracts = world.market.contracts
    database = contracts.database(dataset)
    money = 12_000
    contracts.token.transact(world.signer("initiator"), "approve", database.address, money)
    database.transact(world.signer("initiator"), "fund", 2, money)
    alice, bob = Client(world.home, "alice"), Client(world.home, "bob")
    assert alice.shareholder.claimable(dataset) == 9_000
    bobs = world.address("bob")
    with pytest.raises(BadInputError, match="cannot be sent"):
        alice.shareholder.transfer(first, bobs, 901)
    words = ["shares", "transfer", "--tranche", first, "--to", "bob", "--amount", 300]
    told(capsys, *words, "--home", world.home, "--as", "alice")
    assert [(one.address, one.shares) for one in bob.shareholder.owners(first)] == [
        (world.address("alice"), 600),
        (bobs, 300),
    ]
    held = {one.tranche: one for one in bob.shareholder.shares(dataset)}
    assert {(one.shares, one.total) for one in held.values()} == {(300, 900), (300, 300)}
    with pytest.raises(BadInputError, match="only who holds all"):
        alice.shareholder.remove(first)
    told(capsys, "shares", "remove", second, "--home", world.home, "--as", "bob")
    with pytest.raises(BadInputError, match="out of the dataset already"):
        bob.shareholder.remove(second)
    _check_removed(world, dataset, first, second)
    # What the old snapshot earned before and after the removal is bob's.
    assert bob.shareholder.claimable(dataset) == 3_000
    before = bob.wallet.balance().tokens
    told(capsys, "claim", "--home", world.home, "--as", "bob", "--dataset", dataset)
    assert bob.wallet.balance().tokens == before + 3_000
    balance = alice.wallet.balance()
    assert balance.credits[f"Database {dataset}"] == 9_000  # the transfer credited it
    alice.wallet.withdraw(with_deposit=False)
    assert alice.wallet.balance().tokens >= balance.tokens + 9_000


def _check_removed(world: World, dataset: int, first: int, second: int) -> None:
    newest = world.registry.snapshot(dataset, 3)
    assert (newest.kind, newest.tranche, newest.num_rows) == ("removed", second, 40)
    assert [one.proposal for one in world.registry.entries(dataset)] == [first]
    assert [one.proposal for one in world.registry.entries(dataset, 2)] == [first, second]
    assert world.registry.snapshot(dataset, 2).total_shares == 1_200
    with pytest.raises(UnknownEntityError, match="no snapshot 4"):
        world.registry.snapshot(dataset, 4)
    assert Client(world.home, "bob").provenance.prove(second, 3).snapshot.number == 2


def test_a_request_pays_by_its_falling_curve(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset()
    curve = (Step(Shares(500), Amount(2_000)), Step(Shares(2**52 - 1), Amount(1_000)))
    deadline = Seconds(world.now() + 10**6)
    initiator = Client(world.home, "initiator").initiator
    rising = RequestDraft(deadline, Amount(10**6), curve[::-1])
    with pytest.raises(BadInputError, match="does not come after"):
        initiator.open_request(dataset, make_rows(40, 1), rising)
    with pytest.raises(BadInputError, match="without an escrow"):
        Client(world.home, "bob").initiator.open_request(
            dataset, make_rows(40, 1), RequestDraft(deadline)
        )
    draft = RequestDraft(deadline, Amount(10**6), curve, title="More clouds")
    request = initiator.open_request(dataset, make_rows(40, 77), draft).id
    assert request is not None
    assert initiator.request_card(request).title == "More clouds"
    shown = told(capsys, "request", "show", request, "--home", world.home)
    assert shown["card"]["metric"] == "log-loss"
    proposal = propose(world, "bob", dataset, 21, request=request)
    accept(world, proposal, 900)
    paid = award(curve, 0, 900)
    assert paid == 1_400
    assert world.credit("requests", "bob") == paid + FEE
    found = initiator.request(request)
    assert (found.awarded_shares, found.escrow) == (900, 10**6 - paid - FEE)
    Client(world.home, "bob").wallet.withdraw()


def test_values_that_evaluators_signed_are_paid_by_proof(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.open_dataset(a_bps=BasisPoints(6_000))
    proposal = propose(world, "bob", dataset, 31)
    accept(world, proposal, 100)
    contracts, sender = world.market.contracts, world.signer("initiator")
    database = contracts.database(dataset)
    contracts.token.transact(sender, "approve", database.address, 10_000)
    database.transact(sender, "fund", 1, 10_000)
    bob = Client(world.home, "bob")
    assert bob.shareholder.pool(dataset, 1).amount == 4_000
    assert bob.shareholder.claimable(dataset) == 6_000
    owners = {world.address("alice"): 1, world.address("bob"): 3}
    values = ValueList(dataset, 1, owners)
    with pytest.raises(BadInputError, match="no values are posted"):
        bob.shareholder.claim_value(values)
    words = (contracts.chain.chain_id, dataset, 1, values.root, values.total, 1)
    types = ["address", *3 * ["uint256"], "bytes32", *2 * ["uint256"]]
    digest = Hash32(keccak(encode(types, [contracts.pools.address, *words])))
    keys = sorted((world.keys(name) for name in NODES[:2]), key=lambda one: int(one.address, 16))
    signatures = [bytes(one.account().unsafe_sign_hash(digest).signature) for one in keys]
    contracts.pools.transact(
        sender, "post_values", dataset, 1, values.root, values.total, signatures
    )
    with pytest.raises(BadInputError, match="can be vetoed until"):
        bob.shareholder.claim_value(values)
    world.advance_to(world.now() + VOTING_S)
    file = tmp_path / "values.json"
    file.write_bytes(values.to_json())
    before = bob.wallet.balance().tokens
    told(capsys, "shares", "claim-value", file, "--home", world.home, "--as", "bob")
    assert bob.wallet.balance().tokens == before + 3_000
    with pytest.raises(BadInputError, match="nothing more is owed"):
        bob.shareholder.claim_value(values)
    other = ValueList(dataset, 1, {**owners, world.address("alice"): 2})
    with pytest.raises(BadInputError, match="use the list that the evaluators signed"):
        bob.shareholder.claim_value(other)
