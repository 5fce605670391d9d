"""The small market's story, told by hand: its player writes down who was paid in which role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.small_market.market import Played
from tests.verifier.check_events import STORY
from tests.verifier.export import ZERO, Market, read_market

_PAID: Mapping[str, Mapping[str, tuple[tuple[str, ...], str]]] = {
    "DataAssociation": {
        "contributor": (
            ("alice", "bob", "carol", "dave", "mallory"),
            "deposits, bonds and fees returned",
        ),
        "node": (("node-1", "node-2", "node-3", "node-4"), "evaluation fees"),
        "relayer": (("curator-2",), "relayed ballots repaid"),
    },
    "DataRequests": {
        "contributor": (("alice", "bob", "carol"), "awards, and fees of accepted data repaid"),
        "initiator": (("initiator",), "rest of the request's escrow"),
    },
    "Challenges": {
        "challenger": (("curator-2", "erin"), "bond and reward of a challenge"),
        "node": (("node-1", "node-2", "node-4"), "stakes, and fees of measuring again"),
    },
    "Motions": {"mover": (("curator-2",), "bond of a motion returned")},
    "ValuePools": {"contributor": (("alice", "bob"), "part of a value pool")},
    "Database": {
        "contributor": (("alice", "bob"), "dividends"),
        "holder": (("investor",), "dividends of shares that were bought"),
        "successor": (("initiator",), "income of a tranche that was taken down"),
    },
}  # fmt: skip
"""Contract -> role -> (who of the play, what for)."""


def tell(played: Played, document: Mapping[str, Any]) -> dict[str, Any]:
    """The story in the demo's form, without job and prediction.

    Args:
        played: what the player remembers.
        document: the chain export.
    """
    market = read_market(document)
    payments, sums = _money(played, market)
    return {
        "events": _events(market),
        "proposals": [row for _, row in sorted(played.chain.executed.items())],
        "payments": payments,
        "conservation": {name: str(amount) for name, amount in sums.items()},
        **played.acts,
    }


def _events(market: Market) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for name in STORY:
        for event in market.events:
            if event.name == name and event.tx not in rows:
                sender = market.sender(event.tx)
                rows[event.tx] = {
                    "name": name, "actor": sender, "tx": event.tx, "block": event.block
                }  # fmt: skip
    return sorted(rows.values(), key=lambda row: (row["block"], row["tx"]))


def _money(played: Played, market: Market) -> tuple[list[dict[str, str]], dict[str, int]]:
    chain, payments = played.chain, list[dict[str, str]]()
    sums = {"in": 0, "out": 0, "held": 0, "difference": 0}
    names = {chain.address(who): who for who in chain.people}
    for event in market.transfers:
        sender, receiver, amount = (event.args[k] for k in ("sender", "receiver", "amount"))
        is_in, is_out = (one in market.inside for one in (receiver, sender))
        sums["in"] += amount if is_in and not is_out else 0
        sums["out"] += amount if is_out and not is_in else 0
        if is_out and not is_in:
            payer = market.inside[sender]
            role, why = "burn", f"burnt by {payer}"
            if receiver != ZERO:
                role, why = next(
                    (role, why)
                    for role, (whos, why) in _PAID[payer].items()
                    if names[receiver] in whos
                )
            payments.append({"to": receiver, "role": role, "amount": str(amount), "why": why})
    token = chain.contracts["MarketToken"]
    sums["held"] = sum(int(token.call("balanceOf", address)) for address in market.inside)
    sums["difference"] = sums["in"] - sums["out"] - sums["held"]
    return payments, sums
