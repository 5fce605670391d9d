"""The page of attacks and the tests of attacks name each other completely."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "design" / "attacks.md"
ROW = re.compile(r"^\| [^|]+ \| [^|]+ \| [^|]+ \| `(test_\w+)` \|$")
HEADS = {"| Attack | Why the naive design falls | What stops it here | Test |", "|---|---|---|---|"}
# Whose tests attack nothing: this file's, and the naive designs' own.
NO_ATTACKS = {"test_naive_ballots_count_for_whatever_takes_the_place"}


def rows() -> list[str]:
    """The tests that the page names, one for each row."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    found = [ROW.match(line) for line in lines if line not in HEADS]
    assert all(found), "a row has four columns, the last a test's name"
    return [match[1] for match in found if match]


def defined() -> dict[str, list[str]]:
    """Test -> names of all that its function and its decorators mention."""
    found: dict[str, list[str]] = {}
    for path in HERE.glob("test_attack_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
                assert node.name not in found
                found[node.name] = names
    return found


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    named = rows()
    assert len(named) == len(set(named)) > 50
    assert sorted(named) == sorted(set(defined()) - NO_ATTACKS)


def test_a_row_says_why_the_naive_design_falls_where_it_is_attacked() -> None:
    known = defined()
    for line in PAGE.read_text().splitlines():
        match = ROW.match(line)
        if match is not None and "both" in known[match[1]]:
            assert "| — |" not in line, line


def test_every_naive_contract_is_attacked() -> None:
    texts = "".join(path.read_text() for path in HERE.glob("test_attack_*.py"))
    unused = [path.name for path in (HERE / "naive").glob("*.vy") if path.name not in texts]
    assert unused == []
