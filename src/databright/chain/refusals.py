"""What a contract's refusal means to people: what happened, why, and what to do.

The sentences lie in refusals.toml, one entry for each revert text of the contracts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

_FILE: Final = "refusals.toml"
_MOST: Final = 300
"""Characters of an unknown text that are shown: it may come from a stranger's contract."""


@dataclass(frozen=True)
class Refusal:
    """One refusal explained.

    Attributes:
        happened: what became of the call, one sentence.
        why: the cause.
        do: what helps.
    """

    happened: str
    why: str
    do: str


@lru_cache(maxsize=1)
def refusals() -> dict[str, Refusal]:
    """Every revert text of the contracts.

    Returns:
        Text -> its explanation.
    """
    text = (resources.files("databright") / "chain" / _FILE).read_text(encoding="utf-8")
    return {reason: Refusal(**entry) for reason, entry in tomllib.loads(text).items()}


def explain(reason: str) -> Refusal | None:
    """Look a revert text up.

    Args:
        reason: the contract's own text.

    Returns:
        Its explanation, or None for a text that is none of ours.
    """
    return refusals().get(reason)


def told(reason: str) -> str:
    """A revert text as errors say it.

    Args:
        reason: the contract's own text; may be empty.

    Returns:
        The text with its explanation; a text that is none of ours as it is, in printable
        characters; "no reason given" for none.
    """
    found = explain(reason)
    if found is not None:
        return f"{reason}. {found.happened} {found.why} {found.do}"
    raw = "".join(letter if letter.isprintable() else "?" for letter in reason[:_MOST])
    return raw or "no reason given"
