from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from tests.contracts.market_world import deploy


@pytest.fixture(scope="session")
def built_anchor() -> Any:
    return deploy("DiscussionAnchor")


@pytest.fixture
def anchor(built_anchor: Any) -> Iterator[Any]:
    with boa.env.anchor():
        yield built_anchor


@pytest.fixture(scope="session")
def publishers() -> list[str]:
    return [str(boa.env.generate_address()) for _ in range(3)]
