"""What a thread is about: something on chain by its number, or a draft by its digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from databright.errors import BadInputError

DRAFT: Final = "draft"
ON_CHAIN: Final = ("dataset", "request", "proposal", "model")
"""Kinds of things that have a number on chain."""
_TEXT = re.compile(
    r"(?:(dataset|request|proposal|model)/([1-9][0-9]{0,17})|(draft)/(0x[0-9a-f]{64}))\Z"
)


@dataclass(frozen=True)
class Subject:
    """What a thread is about.

    Attributes:
        kind: dataset, request, proposal, model or draft.
        id: its number in decimal; of a draft its digest, 0x-prefixed.
    """

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"

    @property
    def is_draft(self) -> bool:
        """Whether only invited readers see it."""
        return self.kind == DRAFT

    @property
    def number(self) -> int:
        """Its number on chain.

        Raises:
            BadInputError: it is a draft, which has none.
        """
        if self.is_draft:
            raise BadInputError(f"{self} is a draft: it has no number on chain")
        return int(self.id)


def parse_subject(text: str) -> Subject:
    """Read what a thread is about.

    Args:
        text: kind/id, e.g. proposal/7 or draft/0x….

    Returns:
        The subject; whether it exists is not known here.

    Raises:
        BadInputError: another form.
    """
    found = _TEXT.match(text)
    if not found:
        raise BadInputError(
            f"{text[:90]!r} is nothing that can be discussed: write dataset/ID, request/ID, "
            "proposal/ID, model/ID or draft/DIGEST"
        )
    return Subject(found[1] or found[3], found[2] or found[4])


def draft_subject(digest: bytes) -> Subject:
    """The subject that a draft's own thread is about.

    Args:
        digest: of the signed draft.

    Returns:
        The subject.
    """
    return Subject(DRAFT, "0x" + digest.hex())
