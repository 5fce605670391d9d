"""Who plays the small market, under which rules, and the steps that recur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.small_market.chain import Chain, sha256

PEOPLE = (
    "deployer", "initiator", "alice", "bob", "carol", "dave", "mallory", "erin", "investor",
    "curator-1", "curator-2", "curator-3", "oracle", "node-1", "node-2", "node-3", "node-4",
    "contributor-9",
)  # fmt: skip
NODES = ("node-1", "node-2", "node-3", "node-4")
CURATORS = ("curator-1", "curator-2", "curator-3")
WEIGHTS = [600_000, 300_000, 200_000]
PERIOD = 400
STAKE, CHALLENGE_BOND = 1_500, 500
FOREVER = 2**255
MAX = 2**256 - 1
ROWS = 40


def rules(chain: Chain, **changes: Any) -> tuple[Any, ...]:
    """Rules of a dataset in the order of the Charter's struct."""
    nodes = [chain.address(node) for node in NODES]
    values: dict[str, Any] = {
        "metadata": sha256(b"metadata"), "schema": sha256(b"schema"),
        "licence": sha256(b"licence"), "closes_at": 0, "quorum_bps": 3_000, "review_minutes": 0,
        "voting_period": PERIOD, "bond": 1_001, "evaluation_fee": 701, "relay_price": 3,
        "mint_cap": 10**6, "epoch_length": 10**6, "price_per_use": 900, "prediction_bps": 4_000,
        "max_exposure_bps": 500, "a_bps": 10_000, "threshold": 2, "optimistic_window": 0,
        "challenge_bond": CHALLENGE_BOND, "evaluator_stake": STAKE, "tolerance_bps": 500,
        "change_delay": PERIOD, "evaluators": nodes, "nodes": nodes,
        "curators": [chain.address(one) for one in CURATORS], "weights": WEIGHTS,
        "programs": [],
    }  # fmt: skip
    return tuple({**values, **changes}.values())


def wait(chain: Chain, seconds: int = PERIOD) -> None:
    """Let time pass."""
    chain.session.advance(seconds)


def vote(chain: Chain, proposal: int, whos: Sequence[str], support: bool) -> None:
    """Several cast the same ballot."""
    for who in whos:
        chain.send(who, "CuratorToken", "vote", proposal, support)


def execute(
    chain: Chain, terms: tuple[Any, ...], verdict: dict[str, Any], whos: Sequence[str],
    status: str = "accepted", copied: int = 0,
) -> None:  # fmt: skip
    """Execute on a verdict that these signed; the player says how it ends."""
    signed = chain.signed(verdict, whos)
    chain.send("contributor-9", "Verdicts", "execute", terms, *signed, copied)
    gain = chain.gains[verdict["evidence"]]
    chain.executed[terms[0]] = {
        "id": terms[0], "contributor": terms[2], "kind": "honest", "verdict": status,
        "reason": f"measured by {whos[0]}", "copy_of": verdict["copy_of"] or None,
        "log_loss_gain": gain[0], "ci95": [*gain[1:]],
        "shares": str(verdict["amount"] if status == "accepted" else 0),
    }  # fmt: skip
