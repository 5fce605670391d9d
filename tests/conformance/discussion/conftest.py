"""The discussion on every database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from databright.database.connection import connect
from tests.discussing import Room, make_room

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/discussion.sqlite"
    else:
        url = str(request.getfixturevalue("postgres_url"))
    made = connect(url)
    yield made
    made.dispose()


@pytest.fixture
def room(engine: Engine) -> Room:
    return make_room(engine)
