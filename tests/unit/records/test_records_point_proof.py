"""Proofs of points: what is found in honest ones and in every altered one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.errors import BadInputError
from databright.records.merkle import MerklePath
from databright.records.point_proof import (
    InSnapshot,
    ModelUse,
    PointProof,
    Status,
    is_sound,
    prove_point,
    verify,
)
from databright.records.point_proof_forms import proof_to_bytes
from databright.units import Digest
from tests.unit.records.point_world import world
from tests.verifier import points_again

WORLD = ([4, 3, 6], 7, 4)
OPEN_AT_FIRST = {"commitment", "snapshot", "entries", "licence", "value", "model"}


def found(proof: PointProof, **known: Any) -> dict[str, Status]:
    return {finding.about: finding.status for finding in verify(proof, **known)}


def failing(proof: PointProof, **known: Any) -> set[str]:
    findings = verify(proof, **known)
    failed = {one.about for one in findings if one.status is Status.FAILS}
    assert is_sound(findings) == (not failed)
    return failed


def test_an_honest_proof_holds_and_says_what_is_open() -> None:
    proof = world(*WORLD).proof(8, num_models=1)
    statuses = found(proof)
    assert {about for about, status in statuses.items() if status is Status.OPEN} == OPEN_AT_FIRST
    assert set(statuses.values()) == {Status.OPEN, Status.HOLDS}
    assert is_sound(verify(proof))


def test_what_the_chain_says_closes_what_is_open() -> None:
    case = world(*WORLD)
    proof = case.proof(8)
    statuses = found(
        proof,
        commitment_on_chain=case.terms.commitment(),
        snapshot_root=proof.snapshot.root,
        num_entries=len(case.entries),
    )
    assert {about for about, status in statuses.items() if status is Status.OPEN} == {
        "licence", "value",
    }  # fmt: skip
    assert failing(proof, commitment_on_chain=bytes(32)) == {"commitment"}
    assert failing(proof, commitment_on_chain=b"") == {"commitment"}
    assert failing(proof, snapshot_root=bytes(32)) == {"snapshot"}
    assert failing(proof, num_entries=8) == {"entries"}


def test_contributor_proposer_and_payee_are_named() -> None:
    case = world(*WORLD)
    texts = {one.about: one.text for one in verify(case.proof(12))}
    assert case.parts[2].owner in texts["contributor"]
    assert case.terms.proposer in texts["proposer"]
    assert case.terms.payee in texts["payee"]
    assert case.parts[2].owner != case.terms.proposer


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(1, 12),
    st.data(),
)
def test_a_second_reading_agrees(sizes: list[int], num_entries: int, data: st.DataObject) -> None:
    case = world(sizes, num_entries, data.draw(st.integers(0, num_entries - 1)))
    proof = case.proof(data.draw(st.integers(0, sum(sizes) - 1)), num_models=2, value=-7)
    assert is_sound(verify(proof))
    assert set(points_again.holds(points_again.read(proof_to_bytes(proof))).values()) == {True}


def _flip(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


def _changed(proof: PointProof, name: str) -> PointProof:
    value = getattr(proof, name)
    other: Any = _flip(value) if isinstance(value, bytes) else value + 1
    return replace(proof, **{name: other})


@pytest.mark.parametrize("name", ["salt", "row_digest", "cid_digest"])
def test_an_altered_point_fails(name: str) -> None:
    proof = world(*WORLD).proof(8)
    changed: Any = _flip(getattr(proof.point, name))
    altered = replace(proof, point=replace(proof.point, **{name: changed}))
    assert failing(altered) == {"point", "contributor"}


def test_another_contributor_fails() -> None:
    case = world(*WORLD)
    proof = case.proof(8)
    altered: Any = replace(proof.point, owner=case.parts[0].owner)
    assert failing(replace(proof, point=altered)) == {"point", "contributor"}


@pytest.mark.parametrize(
    "name", ["request", "num_rows", "revises", "bond", "fee", "electorate", "ref", "manifest"]
)
def test_altered_terms_fail(name: str) -> None:
    proof = world(*WORLD).proof(8)
    value = getattr(proof.terms, name)
    changed: Any = _flip(value) if isinstance(value, bytes) else value + 1
    altered = replace(proof, terms=replace(proof.terms, **{name: changed}))
    expected = {"terms", "contributor", "proposer", "payee"}
    assert failing(altered) == expected | ({"count"} if name == "num_rows" else set())


@pytest.mark.parametrize("name", ["proposer", "payee"])
def test_another_payee_or_proposer_fails(name: str) -> None:
    case = world(*WORLD)
    proof = case.proof(0)
    changed: Any = case.parts[1].owner
    altered = replace(proof, terms=replace(proof.terms, **{name: changed}))
    assert failing(altered) == {"terms", "contributor", "proposer", "payee"}


def test_terms_and_commitment_altered_together_fail_at_the_snapshot() -> None:
    proof = world(*WORLD).proof(8)
    terms = replace(proof.terms, payee=proof.terms.proposer)
    altered = replace(proof, terms=terms, commitment=terms.commitment())
    assert failing(altered) == {"entry"}
    assert failing(altered, commitment_on_chain=proof.commitment) == {"entry", "commitment"}


def test_a_whole_forged_snapshot_fails_against_the_chain_alone() -> None:
    honest = world(*WORLD).proof(8)
    forged = world([5, 8], 7, 4, seed=2).proof(8)
    assert failing(forged) == set()
    known = {
        "commitment_on_chain": honest.commitment,
        "snapshot_root": honest.snapshot.root,
    }
    assert failing(forged, **known) == {"commitment", "snapshot"}


@pytest.mark.parametrize("name", ["shares", "born"])
def test_an_altered_entry_fails(name: str) -> None:
    assert failing(_changed(world(*WORLD).proof(8), name)) == {"entry"}


def test_another_commitment_fails_twice() -> None:
    altered = _changed(world(*WORLD).proof(8), "commitment")
    assert failing(altered) == {"terms", "entry", "contributor", "proposer", "payee"}


def test_a_wrong_count_of_points_is_seen_though_its_path_leads_to_the_root() -> None:
    case = world([3], 2, 0)
    proof = case.proof(0)
    altered = replace(proof, path=MerklePath(0, 4, proof.path.siblings))
    assert failing(altered) == {"count"}


def test_a_wrong_count_of_entries_is_seen_when_it_is_known() -> None:
    proof = world([3], 3, 0).proof(0)
    path = MerklePath(0, 4, proof.snapshot.path.siblings)
    altered = replace(proof, snapshot=replace(proof.snapshot, path=path))
    assert failing(altered) == set()
    assert failing(altered, num_entries=3) == {"entries"}


def test_another_place_in_the_snapshot_fails() -> None:
    proof = world(*WORLD).proof(8)
    path = proof.snapshot.path
    moved = MerklePath(path.index + 1, path.num_leaves, path.siblings)
    assert failing(replace(proof, snapshot=replace(proof.snapshot, path=moved))) == {"entry"}


def test_a_snapshot_from_before_the_proposal_fails() -> None:
    case = world(*WORLD)
    proof = case.proof(8)
    assert proof.born == 5
    early = InSnapshot(4, proof.snapshot.root, proof.snapshot.path)
    assert failing(replace(proof, snapshot=early)) == {"born"}
    born_at_zero = [replace(one, born=0) for one in case.entries]
    zero = prove_point(
        case.tree, 8, case.terms, entries=born_at_zero, snapshot=7, licence=Digest(bytes(32))
    )
    assert failing(zero) == {"born"}


def test_a_model_that_is_older_than_the_point_fails() -> None:
    proof = world(*WORLD).proof(8)
    uses = [ModelUse(1, 1, snapshot, Digest(bytes(32))) for snapshot in (5, 4, 6)]
    findings = verify(replace(proof, uses=tuple(uses)))
    assert [one.status for one in findings if one.about == "model"] == [
        Status.OPEN, Status.FAILS, Status.OPEN,
    ]  # fmt: skip
    assert not is_sound(findings)


def test_a_proof_needs_a_snapshot_that_holds_the_proposal() -> None:
    case = world(*WORLD)
    with pytest.raises(BadInputError, match="0 times, not once"):
        prove_point(
            case.tree, 0, case.terms, entries=case.entries[:4], snapshot=4, licence=Digest(b"")
        )
    with pytest.raises(BadInputError, match="2 times, not once"):
        prove_point(
            case.tree, 0, case.terms, entries=case.entries * 2, snapshot=4, licence=Digest(b"")
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"path": MerklePath(0, 1, ())},
        {"commitment": bytes(31)},
        {"licence": ""},
        {"shares": -1},
        {"born": 2**256},
        {"value": 2**255},
        {"value": -(2**255)},
        {"value": True},
        {"value": 0.5},
        {"uses": (ModelUse(1, 1, 1, Digest(bytes(32))),) * 65},
    ],
)
def test_what_no_proof_can_hold_is_refused(changed: dict[str, Any]) -> None:
    proof = world(*WORLD).proof(8)
    with pytest.raises(BadInputError):
        replace(proof, **changed)


def test_models_and_snapshots_out_of_range_are_refused() -> None:
    with pytest.raises(BadInputError):
        ModelUse(-1, 1, 1, Digest(bytes(32)))
    with pytest.raises(BadInputError):
        ModelUse(1, 1, 1, Digest(b""))
    with pytest.raises(BadInputError):
        InSnapshot(2**256, bytes(32), MerklePath(0, 1, ()))


def test_the_entry_of_a_proof_is_the_snapshot_s() -> None:
    case = world(*WORLD)
    assert case.proof(3).entry() == case.entries[4]
