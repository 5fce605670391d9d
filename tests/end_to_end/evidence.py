"""What a long run found, as a page: DATABRIGHT_EVIDENCE names the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "DATABRIGHT_EVIDENCE"


def tell(name: str, title: str, command: str, found: Sequence[tuple[str, object]]) -> None:
    """Print what a run found, and write docs/evidence/NAME.md where that is asked for.

    Args:
        name: the page's name, without its ending.
        title: its heading.
        command: what makes the page again.
        found: (what, value) of each row.
    """
    rows = [
        ("date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("cores", len(os.sched_getaffinity(0))),
        *found,
    ]
    print(f"{title}: " + ", ".join(f"{what} {value}" for what, value in rows))  # noqa: T201
    folder = os.environ.get(FOLDER)
    if folder:
        table = [f"| {what} | {value} |" for what, value in rows]
        text = [f"# {title}", "", f"Written by `{FOLDER}=docs/evidence {command}`.", ""]
        text += ["| What | Found |", "|---|---|", *table, ""]
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.md").write_text("\n".join(text), encoding="utf-8")
