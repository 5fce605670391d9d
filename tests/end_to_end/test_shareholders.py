"""Shares handed over and removed, values claimed, awards by a falling curve: on a real chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_typing import Hash32
from eth_utils.crypto import keccak

from databright.chain.snapshots import row_numbers
from databright.client import Client
from databright.data_market.entities import Step, award
from databright.data_market.requests import RequestDraft
from databright.errors import BadInputError, UnknownEntityError
from databright.records.value_tree import ValueList
from databright.units import Amount, BasisPoints, Seconds, Shares
from tests.end_to_end.contribution_world import accept, propose, told
from tests.end_to_end.governance_world import (
    FEE,
    NODES,
    VOTING_S,
    World,
    make_rows,
    make_world,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("home"))
    yield made
    made.local.stop()


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
    # A row keeps its number when others go and more come.
    third = propose(world, "relayer", dataset, 13)
    accept(world, third, 100)
    numbers = [list(row_numbers(world.market.contracts, dataset, one)) for one in (2, 3, 4)]
    assert numbers == [[*range(80)], [*range(40)], [*range(40), *range(80, 120)]]
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
