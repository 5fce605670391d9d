"""The rules of every dataset, by version, from the transactions that set them."""

from __future__ import annotations

from typing import Any

from tests.verifier.calls import rules_in
from tests.verifier.export import Event, Market

UNIT = 1_000_000
"""A proposal's id is its dataset times this plus its number."""
MOTIONS = 500_000
"""Motions are numbered from here on."""
Rules = dict[str, Any]


def rules_by_version(market: Market, dataset: int) -> list[tuple[Event, Rules]]:
    """What set each version, and the version; the first is version 1.

    Genesis curators and weights are those of version 1 in all of them.
    """
    created = market.one("DatasetCreated", dataset=dataset)
    (values,) = market.arguments(_of(market, created, "Charter", "create_dataset"))
    found = [(created, rules_in(values))]
    for event in market.named("RulesChanged", dataset=dataset):
        _, values = market.arguments(_of(market, event, "Motions", "enact_rules"))
        rules = rules_in(values)
        for name in ("curators", "weights"):
            rules[name] = found[0][1][name]
        found.append((event, rules))
    return found


def _of(market: Market, event: Event, contract: str, function: str) -> str:
    if market.call(event.tx) != (contract, function):
        raise ValueError(f"transaction {event.tx} should call {contract}.{function}")
    return event.tx


def version_at(market: Market, dataset: int, index: int) -> int:
    """Version of the rules that an event finds."""
    return sum(event.index < index for event, _ in rules_by_version(market, dataset))


def rules_of(market: Market, dataset: int, index: int | None = None) -> Rules:
    """The rules that an event finds; the newest when none is named."""
    versions = rules_by_version(market, dataset)
    version = len(versions) if index is None else version_at(market, dataset, index)
    return versions[version - 1][1]


def database_of(market: Market, dataset: int) -> str:
    """Address of a dataset's Database."""
    return str(market.one("DatasetCreated", dataset=dataset).args["database"])
