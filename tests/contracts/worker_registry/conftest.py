from __future__ import annotations

from tests.contracts.compute_fixtures import built_world, world

__all__ = ["built_world", "world"]
