"""Every text with which a contract of the data market refuses is brought about by a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "src" / "databright" / "contracts"
UNREACHABLE = {
    # It would take k = 0, which no rules have; the Verdicts refuse it before.
    "pools: not signed",
}
TEXT = re.compile(r'"([a-z]+: [^"]+)"')


def refusals_of(path: Path) -> set[str]:
    return {
        text
        for line in path.read_text().splitlines()
        if not line.strip().startswith("#")
        for text in TEXT.findall(line)
    }


def test_every_refusal_is_brought_about_by_a_test() -> None:
    folders = (CONTRACTS / "data_market", CONTRACTS / "modules")
    sources = [path for folder in folders for path in sorted(folder.glob("*.vy"))]
    texts = set().union(*(refusals_of(path) for path in sources))
    shown = set().union(
        *(
            refusals_of(path)
            for path in Path(__file__).parent.rglob("test_*.py")
            if path != Path(__file__)
        )
    )
    assert len(texts) > 100
    assert sorted(texts - shown - UNREACHABLE) == []
    assert not UNREACHABLE & shown
