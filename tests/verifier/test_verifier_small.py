"""The verifier on a small market of its own: it holds as it is, and what is altered is seen."""

from __future__ import annotations

from tests.verifier.conftest import Told, failed_names


def test_every_figure_holds(small: Told) -> None:
    checks = small.failed()
    assert failed_names(checks) == ""
    assert len(checks.lines) > 700
