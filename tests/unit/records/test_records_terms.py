"""Terms, commitments, ids and snapshots' roots."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from databright.errors import BadInputError
from databright.records.terms import (
    SnapshotEntry,
    Terms,
    proposal_id,
    snapshot_tree,
    split_proposal_id,
)
from databright.records.words import address_of
from databright.units import Address, Shares
from tests.unit.records.point_world import world
from tests.verifier import points_again

UINT = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 300))
WORD = st.binary(min_size=32, max_size=32)
ADDRESSES = st.binary(min_size=20, max_size=20).map(address_of)
IDS = st.builds(proposal_id, st.integers(1, 2**64), st.integers(1, 999_999))
TERMS = st.builds(
    Terms,
    proposal=IDS,
    request=UINT,
    proposer=ADDRESSES,
    payee=ADDRESSES,
    root=WORD,
    ref=WORD,
    manifest=WORD,
    num_rows=UINT,
    revises=UINT,
    bond=UINT,
    fee=UINT,
    electorate=UINT,
)
KINDS = ["uint256"] * 2 + ["address"] * 2 + ["bytes32"] * 3 + ["uint256"] * 5
ENTRIES = st.builds(SnapshotEntry, proposal=IDS, commitment=WORD, shares=UINT, born=UINT)


@given(TERMS)
def test_the_encoding_is_the_abi_s(terms: Terms) -> None:
    values = list(asdict(terms).values())
    assert terms.encode() == encode(KINDS, values)
    assert len(terms.encode()) == 12 * 32
    assert terms.commitment() == keccak(encode(KINDS, values))
    assert terms.commitment() == points_again.commitment(asdict(terms))


@given(TERMS, TERMS, st.sampled_from([field.name for field in fields(Terms)]))
def test_every_field_is_committed_to(terms: Terms, other: Terms, name: str) -> None:
    changed = replace(terms, **{name: getattr(other, name)})
    assert (changed.commitment() == terms.commitment()) == (changed == terms)


@given(st.lists(ENTRIES, min_size=1, max_size=20))
def test_a_snapshot_s_root_is_that_of_a_second_reading(entries: list[SnapshotEntry]) -> None:
    leaves = [
        points_again.entry_leaf(one.proposal, one.commitment, one.shares, one.born)
        for one in entries
    ]
    tree = snapshot_tree(entries)
    assert tree.root == points_again.tree_root(leaves)
    for index, entry in enumerate(entries):
        assert tree.path(index).root_of(entry.content()) == tree.root


def test_a_snapshot_has_entries_in_order() -> None:
    with pytest.raises(BadInputError, match="at least one entry"):
        snapshot_tree([])
    entries = list(world([3], 6, 2).entries)
    assert snapshot_tree(entries).root != snapshot_tree(entries[::-1]).root


@given(st.integers(1, 2**200), st.integers(1, 999_999))
def test_an_id_says_dataset_and_number(dataset: int, number: int) -> None:
    found = proposal_id(dataset, number)
    assert split_proposal_id(found) == (dataset, number)
    assert found == dataset * 1_000_000 + number


@pytest.mark.parametrize(
    ("dataset", "number"), [(0, 1), (-1, 1), (1, 0), (1, -1), (1, 1_000_000), (2**256, 1)]
)
def test_numbers_that_make_no_id(dataset: int, number: int) -> None:
    with pytest.raises(BadInputError, match=r"use 1 to|numbered from 1"):
        proposal_id(dataset, number)


@pytest.mark.parametrize("found", [0, 1, 999_999, 1_000_000, 7_000_000, -5, 2**256])
def test_ids_that_no_proposal_has(found: int) -> None:
    with pytest.raises(BadInputError, match="no proposal has the id"):
        split_proposal_id(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proposal", 12),
        ("proposal", True),
        ("request", -1),
        ("fee", 2**256),
        ("bond", 1.0),
        ("root", bytes(31)),
        ("ref", "0x" + 64 * "0"),
        ("payee", "0x" + 39 * "0"),
        ("payee", 64 * "0"),
        ("payee", None),
    ],
)
def test_terms_without_an_encoding_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BadInputError):
        replace(world([1], 1, 0).terms, **{name: value})


def test_an_address_without_its_checksum_is_refused() -> None:
    terms = world([1], 1, 0).terms
    lower = Address(terms.payee.lower())
    assert lower != terms.payee
    with pytest.raises(BadInputError, match="checksum"):
        replace(terms, payee=lower)


@pytest.mark.parametrize("changed", [{"shares": -1}, {"born": 2**256}, {"commitment": b""}])
def test_entries_without_an_encoding_are_refused(changed: dict[str, Any]) -> None:
    whole: dict[str, Any] = {
        "proposal": 1_000_001, "commitment": bytes(32), "shares": Shares(1), "born": 1,
    }  # fmt: skip
    with pytest.raises(BadInputError):
        SnapshotEntry(**(whole | changed))
