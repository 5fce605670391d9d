"""Copies and wrong labels among scikit-learn's handwritten digits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from databright.errors import BadInputError
from databright.evaluation.duplicates import find_duplicates
from databright.evaluation.suspicion import find_suspicion
from databright.records.rows import Rows, Schema

UNIT = Schema(num_features=64, num_classes=10, low=0.0, high=1.0)
SIXTEEN = Schema(num_features=64, num_classes=10, low=0.0, high=16.0)
WIDE = Schema(num_features=64, num_classes=10, low=-1000.0, high=1000.0)
SEEDS = range(200, 205)


def _digits(seed: int, size: int, count: int, scale: float = 16.0) -> list[Rows]:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = [order[i * size : (i + 1) * size] for i in range(count)]
    x = (pixels / scale).astype(np.float32)
    return [Rows(x[part], labels[part].astype(np.int64)) for part in parts]


def _disturbed(rows: Rows, noise: float, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    x = rows.x_NF + random.normal(0, noise, rows.x_NF.shape)
    return Rows(np.clip(x, 0, 1).astype(np.float32), rows.y_N)


def _flipped(rows: Rows, share: float, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    labels = rows.y_N.copy()
    chosen = random.permutation(len(labels))[: int(share * len(labels))]
    labels[chosen] = (labels[chosen] + random.integers(1, 10, len(chosen))) % 10
    return Rows(rows.x_NF, labels)


@pytest.mark.parametrize("size", [100, 230])
def test_honest_rows_are_rarely_taken_for_copies(size: int) -> None:
    found = total = 0
    for seed in SEEDS:
        *named, proposed = _digits(seed, size, 6)
        report = find_duplicates(proposed, dict(enumerate(named)), UNIT)
        assert report.share < 0.05
        found += report.num_exact + report.num_near
        total += size
    assert found / total < 0.01


@pytest.mark.parametrize("size", [100, 230])
@pytest.mark.parametrize("noise", [0.001, 0.03, 0.05])
def test_disturbed_copies_are_found_and_attributed(size: int, noise: float) -> None:
    found = total = 0
    for seed in SEEDS:
        named = _digits(seed, size, 6)
        report = find_duplicates(
            _disturbed(named[3], noise, seed), dict(enumerate(named, start=7)), UNIT
        )
        assert report.worst == 10
        found += report.num_near
        total += size
    assert found / total >= 0.99


def test_exact_copies_count_whatever_their_label_and_sign_of_zero() -> None:
    first, second = _digits(1, 100, 2)
    x = np.where(first.x_NF == 0, np.float32(-0.0), first.x_NF)
    report = find_duplicates(Rows(x, (first.y_N + 1) % 10), {1: second, 2: first}, UNIT)
    assert report.num_exact == 100
    assert report.num_near == 0
    assert report.by_id[2] == (100, 0)
    assert report.exact_share == report.share == 1.0


def test_the_earliest_of_two_matches_is_the_copied_one() -> None:
    first, second = _digits(2, 100, 2)
    copy = _disturbed(first, 0.01, 0)
    report = find_duplicates(copy, {9: copy, 4: first, 1: second}, UNIT)
    assert report.worst == 4
    assert report.by_id == {4: (0, 100)}


def test_an_earlier_version_keeps_its_date_against_whoever_copied_it() -> None:
    version, other = _digits(2, 100, 2)
    thief = _disturbed(version, 0.01, 0)
    revision = Rows(
        np.concatenate([version.x_NF, other.x_NF[:20]]),
        np.concatenate([version.y_N, other.y_N[:20]]),
    )
    named = {1: version, 2: thief, 3: other}
    report = find_duplicates(revision, named, UNIT, exempt={1})
    assert (report.by_id, report.worst) == ({3: (20, 0)}, 3)
    assert find_duplicates(revision, named, UNIT).worst == 1
    # Committed in the other order, the version itself was the copy, and so is the revision.
    swapped = {1: thief, 2: version, 3: other}
    assert find_duplicates(revision, swapped, UNIT, exempt={2}).by_id[1] == (0, 100)


def test_rows_repeated_within_a_proposal_count_in_a_revision_too() -> None:
    rows, other = _digits(3, 100, 2)
    x = np.concatenate([rows.x_NF[:50], rows.x_NF[:50]])
    padded = Rows(x, np.zeros(100, np.int64))
    report = find_duplicates(padded, {1: rows, 2: other}, UNIT, exempt={1})
    assert (report.num_exact, report.num_within, report.worst) == (50, 50, None)


def test_rows_repeated_within_a_proposal_count() -> None:
    rows, other = _digits(3, 100, 2)
    x = np.concatenate([rows.x_NF[:50], rows.x_NF[:50], _disturbed(rows, 0.01, 0).x_NF[:20]])
    report = find_duplicates(Rows(x, np.zeros(120, np.int64)), {1: other}, UNIT)
    assert (report.num_exact, report.num_near, report.num_within) == (50, 20, 70)
    assert report.worst is None


def test_the_rule_does_not_depend_on_the_unit_of_the_features() -> None:
    named = _digits(4, 100, 4)
    coarse = _digits(4, 100, 4, scale=1.0)
    copy = _disturbed(named[1], 0.04, 0)
    coarse_copy = Rows(copy.x_NF * np.float32(16), copy.y_N)
    expected = find_duplicates(copy, dict(enumerate(named)), UNIT)
    assert find_duplicates(coarse_copy, dict(enumerate(coarse)), SIXTEEN) == expected
    assert find_duplicates(copy, dict(enumerate(named)), WIDE) == expected


def test_the_first_proposal_has_nothing_to_copy() -> None:
    (rows,) = _digits(5, 230, 1)
    report = find_duplicates(rows, {}, UNIT)
    assert report.share < 0.01
    assert report.by_id == {}


def _repeated(rows: Rows, times: int) -> Rows:
    return Rows(np.repeat(rows.x_NF, times, axis=0), np.repeat(rows.y_N, times))


def test_one_strange_set_does_not_move_the_scale() -> None:
    """Scattered rows would make everything look near, repeated ones nothing."""
    named = dict(enumerate(_digits(6, 100, 4)))
    proposed = _digits(6, 100, 6)[5]
    random = np.random.default_rng(0)
    scattered = Rows(random.integers(0, 2, (100, 64)).astype(np.float32), np.zeros(100, np.int64))
    assert find_duplicates(proposed, {**named, 8: scattered}, UNIT).share < 0.03
    collapsed = _repeated(named[0], 3)
    copy = _disturbed(named[2], 0.04, 0)
    assert find_duplicates(copy, {**named, 8: collapsed}, UNIT).near_share > 0.97


@pytest.mark.parametrize(("size", "accepted"), [(100, 0), (100, 1), (100, 5), (230, 0), (230, 4)])
def test_wrong_labels_stand_out(size: int, accepted: int) -> None:
    for seed in SEEDS:
        *others, proposed = _digits(seed, size, accepted + 1)
        assert find_suspicion(proposed, others, UNIT).share < 0.10
        assert find_suspicion(_flipped(proposed, 0.6, seed), others, UNIT).share > 0.40


def test_suspicion_of_a_handful_of_rows_by_hand() -> None:
    line = Schema(num_features=1, num_classes=3, low=0.0, high=100.0)
    x: NDArray[np.float32] = np.array([[1], [2], [3], [50], [51], [52]], np.float32)
    accepted = Rows(x, np.array([0, 0, 0, 1, 1, 1]))
    proposed = Rows(np.array([[4], [49], [48]], np.float32), np.array([0, 2, 1]))
    report = find_suspicion(proposed, [accepted], line)
    assert (report.num_rows, report.num_suspect) == (3, 1)
    alone = Rows(np.array([[4]], np.float32), np.array([0]))
    assert find_suspicion(alone, [], line).num_suspect == 0


def test_empty_or_misshapen_rows_are_refused() -> None:
    narrow = Rows(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
    with pytest.raises(BadInputError, match="features"):
        find_duplicates(narrow, {}, UNIT)
    with pytest.raises(BadInputError, match="features"):
        find_suspicion(narrow, [], UNIT)
