from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from typer.main import get_command

import databright.storage
from databright.cli.main import build_app
from databright.config import Settings

ROOT = Path(__file__).resolve().parents[2]
DESIGN = ROOT / "docs" / "design"
COMMON = {
    "read": {"--home", "--json"},
    "run": {"--home", "--json"},
    "local": {"--home", "--json", "--dry-run"},
    "write": {"--home", "--json", "--dry-run", "--as", "--passphrase-file"},
}
ROW = re.compile(
    r"^\| `(?P<verb>[^`]+)` \| (?P<kind>\w+) \|(?P<flags>[^|]*)\| [^|]+ \| (?P<state>\w+) \|$"
)


def documented() -> dict[str, re.Match[str]]:
    lines = (DESIGN / "verbs.md").read_text().splitlines()
    return {found["verb"]: found for line in lines if (found := ROW.match(line))}


def built() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}

    def walk(command: object, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is not None:
            for name, child in below.items():
                walk(child, (*words, name))
            return
        found[" ".join(words)] = {
            flag
            for option in vars(command)["params"]
            for flag in (*option.opts, *option.secondary_opts)
            if flag.startswith("--") and flag != "--help"
        }

    walk(get_command(build_app()), ())
    return found


def settings_of(kind: type[Any], prefix: str = "") -> list[str]:
    hints = get_type_hints(kind)
    names: list[str] = []
    for one in fields(kind):
        if is_dataclass(hints[one.name]):
            names += settings_of(hints[one.name], f"{prefix}{one.name}.")
        else:
            names.append(prefix + one.name)
    return names


def test_the_verbs_that_exist_are_those_documented() -> None:
    exists = {verb for verb, row in documented().items() if row["state"] == "exists"}
    assert set(built()) == exists


def test_the_flags_that_exist_are_those_documented() -> None:
    wrong = {}
    for verb, flags in built().items():
        row = documented()[verb]
        expected = COMMON[row["kind"]] | set(re.findall(r"--[a-z-]+", row["flags"]))
        if flags != expected:
            wrong[verb] = sorted(flags ^ expected)
    assert wrong == {}


def test_every_row_of_the_verbs_is_understood() -> None:
    rows = [
        line for line in (DESIGN / "verbs.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert len(rows) == len(documented()) > 60
    assert {row["state"] for row in documented().values()} <= {"exists", "planned"}
    assert {row["kind"] for row in documented().values()} <= set(COMMON)


@pytest.mark.parametrize("name", settings_of(Settings))
def test_each_setting_has_its_heading(name: str) -> None:
    assert f"### {name}\n" in (DESIGN / "settings.md").read_text()


def test_no_heading_is_left_of_a_setting_that_went() -> None:
    told = re.findall(r"^### (\S+)$", (DESIGN / "settings.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(settings_of(Settings))


def providers() -> list[str]:
    return [
        module.name
        for module in pkgutil.iter_modules(databright.storage.__path__)
        if hasattr(importlib.import_module(f"databright.storage.{module.name}"), "provide")
    ]


def test_each_store_is_told_of() -> None:
    page = (DESIGN / "storage.md").read_text()
    assert [name for name in providers() if name not in page] == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in [*ROOT.glob("*.md"), *DESIGN.rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_decisions_are_numbered_without_gaps_and_say_what_they_cost() -> None:
    pages = sorted((DESIGN / "decisions").glob("[0-9]*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(numbers) + 1))
    for page in pages:
        text = page.read_text()
        for part in ("**Decision.**", "**Reason.**", "**Cost.**"):
            assert part in text, f"{page.name} lacks {part}"
