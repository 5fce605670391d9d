"""Commit, reveal, equality, disputes: what counts as a result and who is to blame."""

from __future__ import annotations

import hashlib

import pytest
from eth_account import Account

from databright.compute_market.jobs import (
    JobSpec,
    SegmentState,
    result_commitment,
    sign_commit,
)
from databright.compute_market.trusted.disputes import decide
from databright.compute_market.trusted.protections.redundancy import agreed
from databright.compute_market.trusted.receipts import read_void, void_record
from databright.compute_market.trusted.verifier import SegmentBook
from databright.compute_market.worker.faults import fault, wrong_weights
from databright.errors import BadInputError, MalformedDataError, NotAuthorisedError, ProtocolError
from databright.programs.builders import builder
from databright.records.signatures import Domain
from databright.records.tensors import dump_tensors, load_tensors
from databright.units import Address, BasisPoints, Digest

DOMAIN = Domain(31_337, Address("0x" + "11" * 20))
KEYS = [Account.from_key(bytes([n]) * 32) for n in (1, 2, 3, 4)]
OWNERS = [Address(str(key.address)) for key in KEYS]
RIGHT, WRONG = Digest(b"\1" * 32), Digest(b"\2" * 32)
SALT = b"\7" * 32


def commit(book: SegmentBook, who: int, result: Digest, attempt: int = 0) -> None:
    commitment = result_commitment(result, SALT, OWNERS[who])
    signature = sign_commit(KEYS[who], DOMAIN, 1, 5, attempt, commitment)
    book.commit(OWNERS[who], attempt, commitment, signature)


def make_book() -> SegmentBook:
    book = SegmentBook(1, 5, DOMAIN)
    book.lease(OWNERS[:3])
    return book


def test_results_count_only_when_all_committed_before_any_was_revealed() -> None:
    book = make_book()
    commit(book, 0, RIGHT)
    with pytest.raises(ProtocolError, match="too early"):
        book.reveal(OWNERS[0], SALT, RIGHT)
    commit(book, 1, RIGHT)
    assert not book.is_committed
    commit(book, 2, RIGHT)
    assert book.is_committed
    for owner in OWNERS[:3]:
        book.reveal(owner, SALT, RIGHT)
    assert book.state == SegmentState.REVEALED
    assert agreed(book.results(), 3) == RIGHT


def test_a_copied_or_changed_result_does_not_fit_its_commitment() -> None:
    book = make_book()
    for who in range(3):
        commit(book, who, WRONG if who == 2 else RIGHT)
    with pytest.raises(ProtocolError, match="another result"):
        book.reveal(OWNERS[2], SALT, RIGHT)
    assert result_commitment(RIGHT, SALT, OWNERS[0]) != result_commitment(RIGHT, SALT, OWNERS[1])


def test_a_commitment_needs_the_owners_own_signature_for_this_very_work() -> None:
    book = make_book()
    commitment = result_commitment(RIGHT, SALT, OWNERS[0])
    forged = sign_commit(KEYS[1], DOMAIN, 1, 5, 0, commitment)
    elsewhere = sign_commit(KEYS[0], DOMAIN, 1, 6, 0, commitment)
    for signature in (forged, elsewhere, b"", bytes(65), b"\xff" * 65):
        with pytest.raises(NotAuthorisedError):
            book.commit(OWNERS[0], 0, commitment, signature)
    with pytest.raises(NotAuthorisedError, match="no lease"):
        commit(book, 3, RIGHT)
    assert not book.reports


def test_a_replacement_computes_alone_and_the_others_stay() -> None:
    book = make_book()
    for who in range(3):
        commit(book, who, WRONG if who == 2 else RIGHT)
    for who in range(3):
        book.reveal(OWNERS[who], SALT, WRONG if who == 2 else RIGHT)
    assert agreed(book.results(), 3) is None
    book.move(SegmentState.DISPUTED)
    book.lease([OWNERS[0], OWNERS[1], OWNERS[3]])
    assert set(book.reports) == {OWNERS[0], OWNERS[1]}
    commit(book, 3, RIGHT, attempt=1)
    book.reveal(OWNERS[3], SALT, RIGHT)
    assert book.state == SegmentState.REVEALED
    assert agreed(book.results(), 3) == RIGHT


def test_an_accepted_segment_never_moves_again() -> None:
    book = make_book()
    for who in range(3):
        commit(book, who, RIGHT)
    for owner in OWNERS[:3]:
        book.reveal(owner, SALT, RIGHT)
    book.move(SegmentState.ACCEPTED)
    for state in set(SegmentState) - {SegmentState.ACCEPTED}:
        with pytest.raises(ProtocolError, match="cannot go"):
            book.move(state)


def test_two_agreeing_reruns_name_every_replica_that_differs() -> None:
    results = dict(zip(OWNERS, (RIGHT, WRONG, RIGHT), strict=False))
    decision = decide(results, (RIGHT, RIGHT))
    assert (decision.wrong, decision.accepted) == ((OWNERS[1],), None)
    assert decide(results, (WRONG, WRONG)).wrong == (OWNERS[0], OWNERS[2])


def test_reruns_that_differ_slash_nobody_and_the_majority_stands() -> None:
    results = dict(zip(OWNERS, (RIGHT, WRONG, RIGHT), strict=False))
    decision = decide(results, (RIGHT, WRONG))
    assert (decision.wrong, decision.accepted) == ((), RIGHT)


def test_fewer_replicas_than_paid_for_never_agree() -> None:
    assert agreed({OWNERS[0]: RIGHT, OWNERS[1]: RIGHT}, 3) is None


def test_a_verdict_can_be_read_back() -> None:
    book = make_book()
    for who in range(3):
        commit(book, who, RIGHT)
    book.reveal(OWNERS[0], SALT, RIGHT)
    report = book.reports[OWNERS[0]]
    blob = void_record(1, 5, report, OWNERS[0], 0, "wrong-weights", (WRONG, WRONG))
    read = read_void(blob)
    assert read.report == report
    assert read.reruns == (WRONG, WRONG)
    lost = void_record(1, 5, None, OWNERS[0], 0, "lost")
    with pytest.raises(MalformedDataError):
        read_void(lost)


def test_the_labelled_liar_changes_the_hash_and_nothing_else() -> None:
    _, weights = builder("mlp")((4,), 3, 1)
    honest = dump_tensors(weights)
    wrong = wrong_weights(honest)
    assert hashlib.sha256(wrong).digest() != hashlib.sha256(honest).digest()
    assert wrong_weights(honest) == wrong
    assert load_tensors(wrong, max_bytes=1 << 20, max_tensors=9).keys() == weights.keys()
    assert fault(None)(honest) == honest
    with pytest.raises(BadInputError, match="no fault"):
        fault("kind")


def test_a_job_spec_is_read_back_and_refused_out_of_range() -> None:
    spec = JobSpec(1, 2, RIGHT, WRONG, 7, 6, 8, 50, 3, BasisPoints(7_500), 1)
    assert JobSpec.from_json(spec.to_json()) == spec
    with pytest.raises(BadInputError, match="num_shards is 65"):
        JobSpec.from_json(spec.to_json().replace(b'"num_shards":6', b'"num_shards":65'))
    with pytest.raises(MalformedDataError):
        JobSpec.from_json(spec.to_json().replace(b'"seed"', b'"sead"'))
