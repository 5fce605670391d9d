"""What all tests share: skips become failures where nothing may be skipped."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

NO_SKIP = "DATABRIGHT_NO_SKIP"


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(NO_SKIP) == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped although {NO_SKIP}=1: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one under DATABRIGHT_NO_SKIP=1."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failed one under DATABRIGHT_NO_SKIP=1."""
    report = yield
    _fail_if_skipped(report)
    return report
