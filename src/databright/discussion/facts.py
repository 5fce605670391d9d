"""What the discussion has to know of the markets; handed in, since it imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from databright.discussion.subjects import Subject
from databright.units import Address

AUTHOR: Final = "author"
CURATOR: Final = "curator"
HOLDER: Final = "holder"
NODE: Final = "node"
REVIEWER: Final = "reviewer"
MARKS: Final = (AUTHOR, CURATOR, HOLDER, NODE, REVIEWER)
"""Marks that a comment's author may carry, in the order in which they are shown."""


@dataclass(frozen=True)
class People:
    """Who has to do with a subject.

    Attributes:
        owners: who is told of every comment: a proposal's proposer, a dataset's creator, ….
        moderators: who may hide: the dataset's creator, its genesis curators, its nodes.
        nodes: who evaluates, and so is asked for evaluations.
    """

    owners: frozenset[Address]
    moderators: frozenset[Address]
    nodes: frozenset[Address]


@dataclass(frozen=True)
class Facts:
    """Questions to the markets.

    Attributes:
        people: who has to do with a subject on chain; raises UnknownEntityError if there is none.
        marks: which of `MARKS` an address carries in a subject's thread now.
        names: the market's address book.
    """

    people: Callable[[Subject], People]
    marks: Callable[[Subject, Address], frozenset[str]]
    names: Callable[[], Mapping[str, Address]]
