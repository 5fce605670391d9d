"""Following something that other processes move, one line for each change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import typer

T = TypeVar("T")
_PAUSE_S: Final = 0.5


def follow(
    look: Callable[[], T],
    is_done: Callable[[T], bool],
    line: Callable[[T], str],
    *,
    as_json: bool,
) -> T:
    """Look again and again until it is done, printing what changes.

    Args:
        look: reads the present state.
        is_done: whether a state is the one awaited.
        line: says a state to people.
        as_json: print nothing on the way.

    Returns:
        The state that is_done took.
    """
    said = ""
    while True:
        found = look()
        text = line(found)
        if text != said and not as_json:
            typer.echo(text)
        said = text
        if is_done(found):
            return found
        time.sleep(_PAUSE_S)
