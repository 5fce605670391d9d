"""What every verb of the command line owes its user: --json, and --dry-run before it sends."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.main import get_command

from databright.cli import _options
from databright.cli.main import build_app
from databright.client import Client, Written, deploy_market

RUNS = {"up", "demo", "worker start"}
"""Verbs that stay and act by themselves: there is no single write that could be shown before."""


def leaves() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(command: object, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found[" ".join(words)] = command
            return
        for name, child in below.items():
            walk(child, (*words, name))

    walk(get_command(build_app()), ())
    return found


VERBS = leaves()


SIGNED_READS = {
    "discussion show",
    "discussion feed",
    "discussion draft list",
    "discussion draft show",
}


def flags(verb: str) -> set[str]:
    return {flag for option in VERBS[verb].params for flag in option.opts}


def views() -> Iterator[type]:
    """The SDK's roles, found by the client's properties."""
    for name in vars(Client):
        attribute = inspect.getattr_static(Client, name)
        kind = (
            inspect.get_annotations(attribute.func, eval_str=True)
            if hasattr(attribute, "func")
            else {}
        )
        if isinstance(kind.get("return"), type):
            yield kind["return"]


def sending() -> set[str]:
    """Names of what sends a transaction: the SDK's writing methods and the wiring behind verbs."""
    names = {deploy_market.__name__, "fund_address", "advance_clock"}
    for view in views():
        for name, method in inspect.getmembers(view, inspect.isfunction):
            if "dry_run" in inspect.signature(method).parameters:
                names.add(name)
    return names


def names_in(function: Callable[..., object]) -> tuple[set[str], set[str]]:
    """Names that a verb's function mentions, and keywords that it hands on."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    given = {node.arg or "" for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    return used, given


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_speaks_json(verb: str) -> None:
    assert "--json" in flags(verb)


def test_the_search_for_senders_finds_them() -> None:
    assert len(list(views())) >= 7
    assert {"propose", "vote", "open_job", "register", "withdraw", "predict"} <= sending()
    assert {"propose", "vote cast", "job open", "chain fund", "chain advance", "deploy"} <= set(
        senders()
    )
    assert not {"balance", "chain verify", "job list", "home show"} & set(senders())


def senders() -> list[str]:
    found = []
    for verb in sorted(set(VERBS) - RUNS):
        used, _ = names_in(inspect.unwrap(VERBS[verb].callback))
        # A passphrase opens a key that sends; a discussion's readers sign what they ask for alone.
        signs = "--passphrase-file" in flags(verb) and verb not in SIGNED_READS
        if used & sending() or signs:
            found.append(verb)
    return found


@pytest.mark.parametrize("verb", senders())
def test_every_verb_that_sends_shows_it_first(verb: str) -> None:
    used, given = names_in(inspect.unwrap(VERBS[verb].callback))
    assert "--dry-run" in flags(verb)
    assert "dry_run" in used | given


def test_every_write_of_the_sdk_takes_dry_run() -> None:
    silent = [
        f"{view.__name__}.{name}"
        for view in views()
        for name, method in inspect.getmembers(view, inspect.isfunction)
        if not name.startswith("_")
        and Written.__name__ in str(inspect.signature(method).return_annotation)
        and "dry_run" not in inspect.signature(method).parameters
    ]
    assert silent == []


def test_runs_are_verbs() -> None:
    assert set(VERBS) >= RUNS


def test_a_dry_run_shows_gas_and_the_decoded_call(capsys: pytest.CaptureFixture[str]) -> None:
    from databright.chain.writes import CallPreview
    from databright.units import Address

    call = CallPreview(
        to=Address("0x" + "11" * 20),
        contract="DataAssociation",
        function="vote",
        arguments=("7", "True"),
        purpose="vote yes on proposal 7",
        gas=81_234,
    )
    _options.show_written(Written(None, (call,), (), 0), "vote", as_json=False)
    said = capsys.readouterr().out
    for part in ("DataAssociation.vote", "81234 gas", "7, True", call.to):
        assert part in said
