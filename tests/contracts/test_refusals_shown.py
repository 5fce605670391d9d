"""Every text with which a contract of the data market refuses is brought about by a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "src" / "databright" / "contracts"
NO_TOKEN_DOES_THIS = {
    # A token that answers false instead of reverting; the doubles revert.
    "token: transfer failed",
    # 2^32 oracles, and 2^16 loans of one lender, are more than a test can make.
    "curator: too many oracles",
    "curator: too many loans",
    # A contract deployed without money cannot be made by the plan.
    "token: zero address",
    # It would take k = 0, which no rules have.
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
    sources = [*(CONTRACTS / "data_market").glob("*.vy"), CONTRACTS / "modules" / "accounts.vy"]
    texts = set().union(*(refusals_of(path) for path in sources))
    shown = set().union(
        *(
            refusals_of(path)
            for path in Path(__file__).parent.rglob("test_*.py")
            if path != Path(__file__)
        )
    )
    assert len(texts) > 100
    assert sorted(texts - shown - NO_TOKEN_DOES_THIS) == []
    assert not NO_TOKEN_DOES_THIS & {text for text in shown if text.startswith("curator")}
