"""One run of the demo as a user runs it, shared by every test that reads a told story."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = re.compile(r"The market's page: (http://127\.0\.0\.1:\d+/)")
DEMO_S = 600


@dataclass(frozen=True)
class Run:
    """What a run left behind.

    Attributes:
        seed: its seed.
        home: its home folder; no process runs in it any more.
        story: the JSON that it wrote.
        page: the market's page as it answered while the demo was running.
        printed: everything that it printed.
    """

    seed: int
    home: Path
    story: dict[str, Any]
    page: str
    printed: str


def play(folder: Path, seed: int) -> Run:
    """Run the program, and ask for the page while it runs."""
    home, out = folder / "home", folder / "out.json"
    words = ["--once", "--seed", str(seed), "--json", str(out), "--home", str(home)]
    environment = {**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    page, lines = "", []
    with subprocess.Popen(
        [sys.executable, "-m", "databright.cli.main", "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "opens dataset" in line and not page:
                found = PAGE.search("".join(lines))
                assert found is not None
                with urllib.request.urlopen(found[1], timeout=60) as answer:  # noqa: S310 - loopback
                    page = answer.read().decode()
        code = process.wait(timeout=DEMO_S)
    printed = "".join(lines)
    assert code == 0, printed[-4000:]
    return Run(seed, home, json.loads(out.read_text()), page, printed)
