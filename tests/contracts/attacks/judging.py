"""How an attack is judged: it must pay against the naive design and be worthless against ours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Attack:
    """One attack on one design; it returns figures, among them the attacker's `gain`."""

    design: str
    play: Callable[[], dict[str, int]]

    def judge(self) -> None:
        figures = self.play()
        shown = ", ".join(f"{name} {value:,}" for name, value in figures.items())
        sys.stdout.write(f"[{self.design}] {self.play.__name__}: {shown}\n")
        if self.design == "naive":
            assert figures["gain"] > 0, "the attack must work somewhere, or the test shows nothing"
        else:
            assert figures["gain"] <= 0


def both(
    naive: Callable[[], dict[str, int]], ours: Callable[[], dict[str, int]]
) -> pytest.MarkDecorator:
    """Parametrise a test with the attack on the naive design and on ours."""
    attacks = [Attack("naive", naive), Attack("ours", ours)]
    return pytest.mark.parametrize("attack", attacks, ids=["naive", "ours"])
