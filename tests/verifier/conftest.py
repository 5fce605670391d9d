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
from tests.verifier.export import check_chain, load_export, read_market
from tests.verifier.verify import EXPORT, PROOF, STORE, check_data_market, verify

STORY_HOME = "DATABRIGHT_STORY_HOME"
STORY = "story.json"


@dataclass(frozen=True)
class Told:
    """A story with what it follows from; copies may be altered, these may not.

    Attributes:
        story: the JSON.
        document: the chain export.
        home: folder of the content store and the point proof.
        has_job: whether it has a job, a model and a prediction.
    """

    story: dict[str, Any]
    document: dict[str, Any]
    home: Path
    has_job: bool = True

    @property
    def store(self) -> Path:
        """Folder of the content store."""
        return self.home / STORE

    def altered(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Copies of story and export."""
        return json.loads(json.dumps(self.story)), json.loads(json.dumps(self.document))

    def other_home(self, folder: Path) -> Path:
        """The same blobs and proof in another folder; put new files there."""
        shutil.copytree(self.store, folder / STORE, copy_function=os.link)
        shutil.copyfile(self.home / PROOF, folder / PROOF)
        return folder

    def failed(
        self,
        story: dict[str, Any] | None = None,
        document: dict[str, Any] | None = None,
        home: Path | None = None,
    ) -> Checks:
        """Verify with some of it replaced."""
        given = story or self.story, document or self.document
        if self.has_job:
            return verify(*given, home or self.home)
        checks = Checks()
        with checks.section("the export"):
            market = read_market(given[1])
            check_chain(market, checks)
            check_data_market(given[0], market, home or self.home, checks, {})
        return checks


def failed_names(checks: Checks) -> str:
    """Names of the checks that do not hold, in one line."""
    return "; ".join(check.name for check in checks.failed)


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest) -> Told:
    named = os.environ.get(STORY_HOME)
    home = Path(named) if named else request.getfixturevalue("demo_run").home
    return Told(json.loads((home / STORY).read_bytes()), load_export(home / EXPORT), home)


@pytest.fixture(scope="session")
def small(request: pytest.FixtureRequest) -> Told:
    """The small market and its story."""
    found = request.getfixturevalue("small_run")
    return Told(found.story, found.document, found.home, has_job=False)
