"""A told story: from the folder that DATABRIGHT_STORY_HOME names, else by playing the demo once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.verifier.checks import Checks
from tests.verifier.export import load_export
from tests.verifier.verify import EXPORT, STORE, verify

STORY_HOME = "DATABRIGHT_STORY_HOME"
STORY = "story.json"
_LIMIT_S = 600


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


def _play(home: Path) -> None:
    command = [sys.executable, "-m", "databright.cli.main", "demo", "--once", "--seed", "3"]
    told = subprocess.run(
        [*command, "--home", str(home)], capture_output=True, timeout=_LIMIT_S, check=False
    )
    if told.returncode:
        raise RuntimeError(f"the demo failed: {(told.stdout + told.stderr).decode()[-2000:]}")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    named = os.environ.get(STORY_HOME)
    home = Path(named) if named else tmp_path_factory.mktemp("story") / "home"
    if not named:
        _play(home)
    return Told(json.loads((home / STORY).read_bytes()), load_export(home / EXPORT), home / STORE)
