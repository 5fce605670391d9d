from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from databright.database.connection import connect
from tests.discussing import Room, make_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    engine = connect(f"sqlite:///{tmp_path}/discussion.sqlite")
    yield make_room(engine)
    engine.dispose()
