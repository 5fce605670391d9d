"""What all tests share: skips become failures where nothing may be skipped."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.played import Run
    from tests.postgres import Server
    from tests.small_market.run import Small

NO_SKIP = "DATABRIGHT_NO_SKIP"


def pytest_configure() -> None:
    """No test fails by the clock: a busy machine is slow."""
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")


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


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo, played once under a fresh seed; DATABRIGHT_SEED repeats one."""
    from tests.played import play

    seed = int(os.environ.get("DATABRIGHT_SEED") or secrets.randbelow(10**6))
    print(f"demo seed {seed}")  # noqa: T201 - a failure must be repeatable
    return play(tmp_path_factory.mktemp("demo"), seed)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A small data market, played once on an anvil of its own."""
    from databright.chain.devnet.anvil import find_anvil
    from tests.small_market.run import play_small

    if find_anvil(os.environ) is None:
        pytest.skip("no anvil: run `npm install` in the checkout")
    return play_small(tmp_path_factory.mktemp("small-market"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A private PostgreSQL server, one for all tests that need one."""
    from tests.postgres import private_server

    with private_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """Address of a fresh PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a fresh database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/fresh.sqlite"
    return str(request.getfixturevalue("postgres_url"))
