"""The chain says of a point what the package's own trees say."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from databright.records.points import Part, PointTree
from databright.records.terms import Terms
from databright.units import Address, Digest
from tests.contracts.data_world import Market, call
from tests.contracts.market_world import refused

SIZES = [1, 2, 3, 4, 5, 7, 8, 13]


def tree_of(market: Market, size: int, seed: int = 1) -> PointTree:
    """Points of two owners, or of one where there is one."""
    draw = random.Random(seed)
    sizes = [size] if size == 1 else [size // 2, size - size // 2]
    return PointTree(
        [
            Part(
                Address(owner),
                Digest(draw.randbytes(32)),
                draw.randbytes(32),
                [draw.randbytes(32) for _ in range(count)],
            )
            for owner, count in zip(market.contributors, sizes, strict=False)
        ]
    )


def offered(market: Market, tree: PointTree, shares: int = 4) -> Terms:
    """Accepted data with this tree."""
    terms = market.propose(market.contributors[0], root=tree.root, num_rows=len(tree))
    market.vote_all(terms)
    market.execute(terms, market.verdict(shares))
    return terms


def point_of(tree: PointTree, index: int) -> tuple[Any, ...]:
    point = tree.point(index)
    return (
        index, len(tree), point.salt, point.row_digest, point.owner, point.cid_digest,
    )  # fmt: skip


def verify(
    market: Market, terms: Terms, tree: PointTree, index: int, s: int = 1, born: int = 1
) -> bool:
    path = list(tree.path(index).siblings)
    return bool(market.database.verify_point(call(terms), point_of(tree, index), path, s, born))


@pytest.mark.parametrize("size", SIZES)
def test_every_point_of_a_tree_is_verified(market: Market, size: int) -> None:
    tree = tree_of(market, size)
    terms = offered(market, tree)

    assert all(verify(market, terms, tree, index) for index in range(size))


@pytest.mark.parametrize("size", SIZES)
def test_no_changed_point_is_verified(market: Market, size: int) -> None:
    tree = tree_of(market, size)
    terms = offered(market, tree)
    draw = random.Random(size)
    for index in range(size):
        point = point_of(tree, index)
        path = list(tree.path(index).siblings)
        changed = [
            (*point[:field], value, *point[field + 1 :])
            for field, value in (
                (0, (index + 1) % size if size > 1 else 1),
                (1, size + 1),
                (2, draw.randbytes(32)),
                (3, draw.randbytes(32)),
                (4, market.stranger),
                (5, draw.randbytes(32)),
            )
        ]
        calls = [(one, path) for one in changed]
        calls += [(point, [*path, draw.randbytes(32)]), ((size, *point[1:]), path)]
        if path:
            calls += [(point, path[:-1]), (point, [draw.randbytes(32), *path[1:]])]
        for one, siblings in calls:
            with refused("database: wrong path"):
                market.database.verify_point(call(terms), one, siblings, 1, 1)


def test_an_inner_node_passes_for_no_point(market: Market) -> None:
    """A leaf is hashed with another prefix than a node."""
    tree = tree_of(market, 4)
    terms = market.propose(market.contributors[0], root=tree.root, num_rows=2)
    market.vote_all(terms)
    market.execute(terms, market.verdict(4))
    point = point_of(tree, 0)
    # A tree that claims two points: the left one would be the node above the first two.
    upper = list(tree.path(0).siblings)[1:]

    with refused("database: wrong path"):
        market.database.verify_point(call(terms), (0, 2, *point[2:]), upper, 1, 1)


def test_a_point_is_part_of_the_snapshots_that_hold_it(market: Market) -> None:
    tree = tree_of(market, 3)
    market.accepted(market.contributors[1], 1)
    terms = offered(market, tree)
    market.accepted(market.contributors[2], 1)
    market.database.remove(terms.proposal, sender=market.contributors[0])

    assert [verify(market, terms, tree, 1, s=one, born=2) for one in (2, 3)] == [True, True]
    for snapshot in (1, 4, 5):
        with refused("database: not in the snapshot"):
            verify(market, terms, tree, 1, s=snapshot, born=2)


def test_a_point_comes_with_the_terms_and_birth_of_its_proposal(market: Market) -> None:
    tree = tree_of(market, 3)
    first = market.accepted(market.contributors[1], 1)
    terms = offered(market, tree)

    with refused("database: other terms"):
        verify(market, replace(terms, num_rows=4), tree, 1, born=2)
    with refused("database: unknown tranche"):
        verify(market, terms, tree, 1, born=1)
    with refused("database: unknown snapshot"):
        verify(market, terms, tree, 1, born=3)
    assert market.database.balanceOf(market.contributors[1], first) == 1


def test_a_point_of_an_open_proposal_is_in_no_snapshot(market: Market) -> None:
    tree = tree_of(market, 3)
    market.accepted(market.contributors[1], 1)
    terms = market.propose(market.contributors[0], root=tree.root, num_rows=len(tree))

    with refused("database: unknown tranche"):
        verify(market, terms, tree, 1)


def test_a_tree_of_more_levels_than_the_chain_walks_is_refused(market: Market) -> None:
    rows = 2**20 + 1
    tree = tree_of(market, 1)
    terms = market.propose(market.contributors[0], root=tree.root, num_rows=rows)
    market.vote_all(terms)
    market.execute(terms, market.verdict(4))
    point = (rows - 1, rows, *point_of(tree, 0)[2:])

    # The last leaf of such a tree would go up alone to the last level.
    with refused("database: wrong path"):
        market.database.verify_point(call(terms), point, [], 1, 1)
