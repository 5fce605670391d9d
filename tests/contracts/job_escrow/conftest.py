from __future__ import annotations

from tests.contracts.compute_fixtures import (
    built_hostile_world,
    built_world,
    hostile_world,
    world,
)

__all__ = ["built_hostile_world", "built_world", "hostile_world", "world"]
