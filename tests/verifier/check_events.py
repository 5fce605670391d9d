"""The story's list of transactions, and what the deployer's key did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from tests.verifier import ethereum
from tests.verifier.checks import Checks
from tests.verifier.export import Market

STORY = (
    "NodeRegistered", "WorkerRegistered", "DatasetCreated", "RequestOpened", "Staked", "Lent",
    "Proposed", "EvidencePublished", "Overridden", "Voted", "VotedLent", "Challenged",
    "ChallengeDecided", "Executed", "JobOpened", "HubClaimed", "Reserved", "DataFeePaid", "Voided",
    "SegmentAccepted", "SegmentPaid", "JobFinished", "ModelRegistered", "PredictionRequested",
    "PredictionFulfilled", "HoldoutRetired", "Moved", "MotionSettled", "TakenDown", "Erased",
    "Claimed", "Withdrawn",
)  # fmt: skip
"""What a transaction is named after: the first of these that it emitted (docs/design/story.md)."""
_FEWEST = 11


def check_events(
    story: Mapping[str, Any], market: Market, names: Mapping[str, str], checks: Checks
) -> None:
    """Every transaction of the story is there, and every such transaction is in the story."""
    emitted: dict[str, tuple[int, int]] = {}
    for event in market.events:
        if event.name in STORY:
            known = emitted.get(event.tx, (len(STORY), 0))
            emitted[event.tx] = min(known, (STORY.index(event.name), event.block))
    told = {(row["name"], row["tx"], row["block"]) for row in story["events"]}
    found = {(STORY[rank], tx, block) for tx, (rank, block) in emitted.items()}
    checks.holds(f"at least {_FEWEST} events", len(told) >= _FEWEST, len(told))
    checks.same("events, each once", len(told), len(story["events"]))
    checks.same("events that the chain does not show", [], sorted(told - found))
    checks.same("events that the story leaves out", [], sorted(found - told))
    blocks = [row["block"] for row in story["events"]]
    checks.same("order of events", blocks, sorted(blocks))
    wrong = [
        row["tx"]
        for row in story["events"]
        if (is_address(row["actor"]) or names)
        and row["actor"] != names.get(sender := market.sender(row["tx"]), sender)
    ]
    checks.same(f"events of another actor ({len(names)} names known)", [], wrong)


def check_deployer(market: Market, checks: Checks) -> None:
    """Whoever deployed did nothing but deploy and hand out tokens."""
    first = next(tx for tx in market.transactions.values() if not tx.get("to"))
    deployer = market.sender(first["hash"])
    token = market.addresses["MarketToken"]
    created: set[str] = set()
    others: list[str] = []
    for hashed, tx in market.transactions.items():
        if market.sender(hashed) != deployer:
            if not tx.get("to"):
                others.append(hashed)
            continue
        if not tx.get("to"):
            created.add(ethereum.created_address(deployer, ethereum.number(tx["nonce"])))
        elif to_checksum_address(tx["to"]) == token:
            market.calldata(hashed, "MarketToken")
            if tx["input"][:10] != "0xa9059cbb":  # transfer(address,uint256)
                others.append(hashed)
        else:
            others.append(hashed)
    checks.same(
        "contracts made by the deployer", sorted(market.addresses.values()), [*sorted(created)]
    )
    checks.same("other transactions of the deployer, other makers of contracts", [], others)
    actors = {market.sender(tx) for tx in market.transactions}
    checks.holds("the deployer acts in no role", deployer not in _roles(market), len(actors))


def _roles(market: Market) -> set[str]:
    people = {"owner", "operator", "creator", "initiator", "proposer", "evaluator", "by", "buyer",
              "node", "payer", "worker", "holder", "oracle", "lender", "voter", "challenger",
              "mover"}  # fmt: skip
    return {
        str(value)
        for event in market.events
        if event.name in STORY
        for key, value in event.args.items()
        if key in people and isinstance(value, str)
    }
