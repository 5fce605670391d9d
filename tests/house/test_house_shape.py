from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
MAX_STATEMENTS = 40
FORBIDDEN = frozenset(
    "utils helpers common misc manager service handler engine data".split()  # noqa: SIM905
)
# Built from pieces, so that this file does not hold what it looks for.
ADDRESSES = re.compile(
    "|".join(
        (
            "https?://" + r"[^\s\"']*" + "(pypi|npmjs|files[.]pythonhosted|yarnpkg)",
            "(?<![\\w.])/" + "(work|root|opt/pypi)/",
            "/home/" + r"[a-z]",
        )
    )
)
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def written_by_hand(*tops: str) -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in tops
        and not GENERATED.search(path.name)
    ]


def statements(function: ast.AST) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1


def test_there_is_something_to_look_at() -> None:
    assert len(written_by_hand("src")) > 30


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in written_by_hand("src", "tests")
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": count
        for path in written_by_hand("src")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := statements(node)) > MAX_STATEMENTS
    }
    assert long == {}


def test_no_room_or_file_has_a_name_that_says_nothing() -> None:
    bad = [
        str(path.relative_to(ROOT))
        for path in written_by_hand("src")
        if FORBIDDEN & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]
    assert bad == []


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if ADDRESSES.search(line)
        ]
    assert found == []


@pytest.mark.parametrize(
    "line", ["see https://" + "pypi.org/x", "cd /" + "work/main", "in /" + "home/someone"]
)
def test_the_search_for_addresses_finds_them(line: str) -> None:
    assert ADDRESSES.search(line)


def test_nothing_of_a_stranger_s_is_unpickled() -> None:
    forbidden = re.compile(
        r"^\s*(import|from) (pickle|cloudpickle|dill|yaml|joblib|marshal)\b"
        r"|torch\.load\(|torch\.export\.load\(|allow_pickle\s*=\s*True",
        re.MULTILINE,
    )
    bad = [
        str(path.relative_to(ROOT))
        for path in written_by_hand("src")
        if forbidden.search(path.read_text())
    ]
    assert bad == []


def test_every_room_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in written_by_hand("src")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
