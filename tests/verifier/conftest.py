"""A told story: from the folder that DATABRIGHT_STORY_HOME names, else of the shared demo run."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.verifier.checks import Checks
from tests.verifier.export import load_export
from tests.verifier.verify import EXPORT, STORE, verify

STORY_HOME = "DATABRIGHT_STORY_HOME"
STORY = "story.json"


@dataclass(frozen=True)
class Told:
    """A story with what it follows from; copies may be altered, these may not.

    Attributes:
        story: the JSON.
        document: the chain export.
        store: folder of the content store.
    """

    story: dict[str, Any]
    document: dict[str, Any]
    store: Path

    def altered(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Copies of story and export."""
        return json.loads(json.dumps(self.story)), json.loads(json.dumps(self.document))

    def other_store(self, folder: Path) -> Path:
        """A store of the same blobs in another folder; put new files there."""
        shutil.copytree(self.store, folder, copy_function=os.link)
        return folder

    def failed(
        self,
        story: dict[str, Any] | None = None,
        document: dict[str, Any] | None = None,
        store: Path | None = None,
    ) -> Checks:
        """Verify with some of it replaced."""
        return verify(story or self.story, document or self.document, store or self.store)


def failed_names(checks: Checks) -> str:
    """Names of the checks that do not hold, in one line."""
    return "; ".join(check.name for check in checks.failed)


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest) -> Told:
    named = os.environ.get(STORY_HOME)
    home = Path(named) if named else request.getfixturevalue("demo_run").home
    return Told(json.loads((home / STORY).read_bytes()), load_export(home / EXPORT), home / STORE)
