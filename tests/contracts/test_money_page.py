"""Every test that the money pages name exists, once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "design").glob("money*.md"))


def defined_tests() -> Counter[str]:
    """Names of all test functions under tests/contracts."""
    found: Counter[str] = Counter()
    for path in Path(__file__).parent.rglob("test_*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        found.update(
            node.name
            for node in nodes
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        )
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tests_that_a_money_page_names_exist_once(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    found = defined_tests()
    assert len(named) > 10
    assert sorted(name for name in named if found[name] != 1) == []


def test_the_money_page_is_there() -> None:
    assert "money" in [page.stem for page in PAGES]
