"""Playing the small market once, with everything that its verifier needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.metering.session import open_session
from tests.small_market.chain import Chain, people
from tests.small_market.market import play
from tests.small_market.steps import PEOPLE
from tests.small_market.story import tell


@dataclass(frozen=True)
class Small:
    """A played market.

    Attributes:
        story: what is told of it.
        document: the chain export.
        home: folder of the content store and the point proof.
    """

    story: dict[str, Any]
    document: dict[str, Any]
    home: Path


def play_small(home: Path) -> Small:
    """Play the small market on a chain of its own.

    Args:
        home: an empty folder.

    Returns:
        What there is to verify.
    """
    (home / "store").mkdir()
    who = people(*PEOPLE)
    with open_session(list(who.values()), block_s=2) as session:
        played = play(Chain(session, who, home / "store"))
        document = played.chain.export()
        story = tell(played, document)
    (home / "point-proof.bin").write_bytes(played.proof)
    return Small(story, document, home)
