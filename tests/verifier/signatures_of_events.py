"""Events of the market, written out by hand from its contracts.

An asterisk marks an indexed value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.verifier.signatures_of_data import DATA_EVENTS

EVENTS: Mapping[str, tuple[str, ...]] = {
    "MarketToken": ("Transfer(address* sender, address* receiver, uint256 amount)",),
    **DATA_EVENTS,
    "WorkerRegistry": (
        "WorkerRegistered(address* owner, uint256 min_fee, bytes32 tls_pin, bytes32 numeric_class,"
        " uint256 stake)",
        "MinFeeSet(address* owner, uint256 min_fee)",
        "PinSet(address* owner, bytes32 tls_pin)",
        "StakeAdded(address* owner, uint256 amount)",
        "Serving(address* owner, address* node, uint256 until)",
        "Leaving(address* owner, uint256 leaving_at)",
        "StakeReturned(address* owner, uint256 amount)",
        "Slashed(address* owner, uint256* job, uint256 amount)",
        "NodeRegistered(address* operator, bytes32 tls_pin, bytes32 hpke_key, string endpoint)",
        "EndpointSet(address* operator, string endpoint)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "JobEscrow": (
        "JobOpened(uint256* job, address* buyer, uint256* dataset, uint256 snapshot,"
        " bytes32 program, bytes32 spec, uint256 data_fee, uint256 compute, uint256 reserve,"
        " uint256 node_fee, uint256 chain_fee, uint256 cap_bps, uint256 num_shards,"
        " uint256 num_rounds, uint256 replicas)",
        "HubClaimed(uint256* job, address* node, uint256 epoch)",
        "Reserved(uint256* job, address* owner, uint256 shards, uint256 price)",
        "DataFeePaid(uint256* job, uint256 snapshot, uint256 amount)",
        "SegmentAccepted(uint256* job, uint256* segment, bytes32 result, bytes32 receipt)",
        "SegmentPaid(uint256* job, uint256* segment, address* owner, uint256 amount,"
        " uint256 source)",
        "Compensated(uint256* job, uint256* segment, address* owner, uint256 amount)",
        "Voided(uint256* job, uint256* segment, address* owner, uint256 kind, uint256 slashed,"
        " bytes32 evidence)",
        "ChainRepaid(uint256* job, address* node, uint256 amount)",
        "JobFinished(uint256* job, bytes32 weights, uint256 metric_bps, bytes32 receipt)",
        "NodePaid(uint256* job, address* node, uint256 amount)",
        "BuyerRefunded(uint256* job, address* buyer, uint256 amount)",
        "PotBurnt(uint256* job, uint256 amount)",
        "JobRefunded(uint256* job, uint256 amount)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "ModelRegistry": (
        "ModelRegistered(uint256* model, address* owner, uint256* job, uint256 dataset,"
        " uint256 snapshot, bytes32 program, bytes32 weights, bytes32 card, bytes32 weights_ref,"
        " uint256 metric_bps, uint256 price)",
        "ModelImproved(uint256* model, uint256* job, bytes32 weights, uint256 metric_bps)",
        "PriceSet(uint256* model, uint256 price)",
    ),
    "PredictionMarket": (
        "PredictionRequested(uint256* prediction, uint256* model, address* payer, bytes32 input,"
        " uint256 price)",
        "PredictionFulfilled(uint256* prediction, address* worker, bytes32 output,"
        " uint256 worker_fee, uint256 data_amount, uint256 owner_amount, uint256 returned)",
        "PredictionRefunded(uint256* prediction, uint256 amount)",
        "Withdrawn(address* account, uint256 amount)",
    ),
    "DiscussionAnchor": (
        "Anchored(address* publisher, uint256 first, uint256 count, bytes32 root)",
    ),
}


class _Event:
    def __init__(self, text: str) -> None:
        self.name, inside = text.removesuffix(")").split("(", 1)
        # A comma inside a tuple has no space behind it.
        pairs = [part.strip().split() for part in inside.split(", ")]
        self.fields = [(kind.rstrip("*"), name, kind.endswith("*")) for kind, name in pairs]
        canonical = f"{self.name}({','.join(kind for kind, _, _ in self.fields)})"
        self.topic = keccak(text=canonical)

    def read(self, topics: list[bytes], body: bytes) -> dict[str, Any]:
        plain = [(kind, name) for kind, name, indexed in self.fields if not indexed]
        values = decode([kind for kind, _ in plain], body)
        found = {name: _tidy(k, v) for (k, name), v in zip(plain, values, strict=True)}
        marked = [(kind, name) for kind, name, indexed in self.fields if indexed]
        for (kind, name), topic in zip(marked, topics[1:], strict=True):
            found[name] = _tidy(kind, decode([kind], topic)[0])
        return found


def _tidy(kind: str, value: Any) -> Any:
    return to_checksum_address(value) if kind == "address" else value


_BY_TOPIC = {
    contract: {event.topic: event for event in map(_Event, texts)}
    for contract, texts in EVENTS.items()
}


def topic_of(contract: str, name: str) -> bytes:
    """First topic of an event."""
    return next(e.topic for e in _BY_TOPIC[contract].values() if e.name == name)


def read_event(contract: str, topics: list[bytes], body: bytes) -> tuple[str, dict[str, Any]]:
    """Name and values of a contract's event; ("", {}) of one that is not read here."""
    event = _BY_TOPIC.get(contract, {}).get(topics[0]) if topics else None
    return (event.name, event.read(topics, body)) if event else ("", {})
