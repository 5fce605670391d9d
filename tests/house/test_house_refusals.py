"""Every text with which a contract refuses is explained in chain/refusals.toml, and no other."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest
from typer.main import get_command

from databright.chain.refusals import refusals
from databright.cli.main import build_app

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "src" / "databright" / "contracts"
TEXT = re.compile(r"[a-z]+: \S.*\Z")


def texts_of(source: str) -> dict[str, int]:
    """Revert texts of a Vyper source with the line of the first use of each.

    An `assert` says its text after the last comma outside brackets, a `raise` right behind itself.
    """
    found: dict[str, int] = {}
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.NEWLINE, tokenize.ENDMARKER}:
            text = _text(statement)
            if text is not None:
                found.setdefault(text, statement[0].start[0])
            statement = []
        elif token.type not in {
            tokenize.NL,
            tokenize.COMMENT,
            tokenize.INDENT,
            tokenize.DEDENT,
        }:
            statement.append(token)
    return found


def _text(statement: list[tokenize.TokenInfo]) -> str | None:
    if not statement or statement[0].string not in {"assert", "raise"}:
        return None
    depth, start = 0, 0 if statement[0].string == "raise" else None
    for index, token in enumerate(statement):
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == "," and depth == 0:
            start = index
    if start is None or start + 2 != len(statement):
        return None
    last = statement[-1]
    return last.string[1:-1] if last.type == tokenize.STRING else None


def all_texts() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(CONTRACTS.rglob("*.vy")):
        for text, line in texts_of(path.read_text()).items():
            found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
    return found


def test_the_search_finds_every_kind_of_statement() -> None:
    source = (
        "def f():\n"
        '    """\n    assert x, "doc: no"\n    """\n'
        '    assert a[1, 2] == f(b, c), "one: text"\n'
        "    assert (\n        a or b\n    ), "
        '"two: texts"\n'
        '    assert not extcall T.f(x, default="in, here"), "three: texts"  # "no: comment"\n'
        '    if a:\n        raise "four: texts"\n'
        "    assert silent(a, b)\n"
    )
    assert texts_of(source) == {
        "one: text": 5,
        "two: texts": 6,
        "three: texts": 9,
        "four: texts": 11,
    }


def test_every_refusal_of_a_contract_is_explained_and_no_other() -> None:
    sources = all_texts()
    assert len(sources) > 100
    missing = [f"{place}: {text!r}" for text, place in sources.items() if text not in refusals()]
    stale = [text for text in refusals() if text not in sources]
    told = "\n".join(
        [
            "src/databright/chain/refusals.toml and the contracts differ.",
            *(f"no entry for {line}" for line in missing),
            *(f"no source of the entry {text!r}" for text in stale),
        ]
    )
    assert not missing and not stale, told  # noqa: PT018 (one message lists both)


def test_texts_begin_with_their_contract() -> None:
    assert [text for text in all_texts() if not TEXT.match(text)] == []


@pytest.mark.parametrize("part", ["happened", "why", "do"])
def test_each_part_of_an_explanation_is_a_sentence(part: str) -> None:
    wrong = {}
    for reason, refusal in refusals().items():
        sentence = getattr(refusal, part)
        if not re.fullmatch(r"[A-Z].{8,}[^.]\.", sentence) and not sentence.startswith("quorum_"):
            wrong[reason] = sentence
    wrong = {
        reason: sentence
        for reason, sentence in wrong.items()
        # A field of a file keeps its own spelling.
        if not re.match(r"[a-z]+_[a-z_]+ is |receiveWithAuthorization is ", sentence)
    }
    assert wrong == {}


def test_commands_that_explanations_name_exist() -> None:
    verbs: set[str] = set()

    def walk(command: object, words: tuple[str, ...]) -> None:
        for name, child in (getattr(command, "commands", None) or {}).items():
            walk(child, (*words, name))
        verbs.add(" ".join(words))

    walk(get_command(build_app()), ())
    named = {
        found
        for refusal in refusals().values()
        for found in re.findall(
            r"databright ([a-z-]+(?: [a-z-]+)?)(?=['.),;])", f"{refusal.why} {refusal.do}"
        )
    }
    assert len(named) > 10
    assert named <= verbs
