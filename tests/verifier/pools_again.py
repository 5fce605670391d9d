"""Value pools again: what comes in, whose signatures divide it, who is paid by which path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.verifier import ethereum
from tests.verifier.assembly import Assembly
from tests.verifier.export import Event

POST, VETO = 1, 2
OWN = {
    "post_values": "ValuesPosted",
    "veto_values": "ValuesVetoed",
    "claim_value": "ValueClaimed",
}
PATIENCE = 90 * 86_400
_SIGNED = ["address", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256"]


@dataclass
class Pool:
    """The value pool of one snapshot.

    Attributes:
        amount: base units that came in.
        since: chain time of the first.
        root: of the values; empty while none is posted.
        total: of the values.
        final_at: chain time from which on they cannot be vetoed.
        paid: owner -> base units.
        is_released: it fell to the shares.
    """

    amount: int = 0
    since: int = 0
    root: bytes = b""
    total: int = 0
    final_at: int = 0
    paid: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    is_released: bool = False

    @property
    def held(self) -> int:
        """What is left of it."""
        return 0 if self.is_released else self.amount - sum(self.paid.values())

    def is_settled(self, time: int) -> bool:
        """Whether nobody can contest its values any more."""
        if self.is_released:
            return True
        return bool(self.root) and time >= self.final_at


def step(assembly: Assembly, function: str, events: Sequence[Event]) -> None:
    """Follow one transaction."""
    if function in OWN:
        told = [event.name for event in events if event.name in OWN.values()]
        assembly.same(f"events of {function}", told, [OWN[function]])
    for event in events:
        if event.name == "PoolFunded":
            _funded(assembly, event, events)
        elif event.name in {"ValuesPosted", "ValuesVetoed"}:
            _signed(assembly, function, event)
        elif event.name == "PoolReleased":
            _released(assembly, function, event)
        elif event.name == "ValueClaimed":
            _claimed(assembly, event)


def _pool(assembly: Assembly, event: Event) -> tuple[Pool, str]:
    dataset, snapshot = event.args["dataset"], event.args["snapshot"]
    return assembly.pools[dataset, snapshot], f"pool of snapshot {snapshot} of dataset {dataset}"


def _funded(assembly: Assembly, event: Event, events: Sequence[Event]) -> None:
    pool, about = _pool(assembly, event)
    key = {name: event.args[name] for name in ("dataset", "snapshot")}
    funded = [
        other.args["to_pool"]
        for other in events
        if other.name == "Funded" and all(other.args[k] == v for k, v in key.items())
    ]
    told = [
        other.args["amount"]
        for other in events
        if other.name == "PoolFunded" and all(other.args[k] == v for k, v in key.items())
    ]
    assembly.same(f"{about}: funded", told, [amount for amount in funded if amount])
    assembly.holds(f"{about}: takes income", not pool.is_released)
    pool.since = pool.since or event.time
    pool.amount += event.args["amount"]


def _signed(assembly: Assembly, function: str, event: Event) -> None:
    pool, about = _pool(assembly, event)
    args = assembly.market.arguments(event.tx)
    dataset, snapshot, signatures = args[0], args[1], args[-1]
    posted = event.name == "ValuesPosted"
    assembly.same(f"{about}: call", function, "post_values" if posted else "veto_values")
    root, total = (args[2], args[3]) if posted else (pool.root, pool.total)
    contract = assembly.market.addresses["ValuePools"]
    chain_id, purpose = assembly.market.chain_id, POST if posted else VETO
    values = [contract, chain_id, dataset, snapshot, root, total, purpose]
    digest, versions = keccak(encode(_SIGNED, values)), assembly.datasets[dataset].versions
    assembly.check_signers(f"{about}: values", dataset, len(versions), digest, signatures)
    assembly.same(f"{about}: root", event.args["root"], root)
    if posted:
        assembly.same(f"{about}: total", event.args["total"], total)
        assembly.holds(f"{about}: first values", not pool.root and 0 < total < 2**128)
        pool.root, pool.total = root, total
        pool.final_at = event.time + versions[-1]["voting_period"]
    else:
        in_time = bool(pool.root) and event.time < pool.final_at
        assembly.holds(f"{about}: vetoed in time", in_time, event.time)


def _released(assembly: Assembly, function: str, event: Event) -> None:
    pool, about = _pool(assembly, event)
    assembly.same(f"{about}: released", event.args["amount"], pool.amount)
    waited = not pool.root and event.time >= pool.since + PATIENCE
    assembly.holds(f"{about}: may be released", function == "veto_values" or waited, event.time)
    pool.is_released = True


def _claimed(assembly: Assembly, event: Event) -> None:
    pool, about = _pool(assembly, event)
    _, _, owner, worth, path = assembly.market.arguments(event.tx)
    node = keccak(b"\0" + bytes.fromhex(owner[2:]) + worth.to_bytes(32, "big"))
    for sibling in path:
        node = keccak(b"\1" + b"".join(sorted((node, sibling))))
    assembly.same(f"{about}: path of {owner}", node, pool.root)
    final = pool.root and event.time >= pool.final_at and not pool.is_released
    assembly.holds(f"{about}: its values are final", bool(final), event.time)
    owner = ethereum.checksummed(owner)
    earned = pool.amount * worth // pool.total
    due = earned - pool.paid[owner]
    told = [event.args["owner"], event.args["amount"]]
    assembly.same(f"{about}: paid", told, [owner, due])
    pool.paid[owner] = earned
    assembly.holds(f"{about}: pays no more than it has", pool.held >= 0, pool.held)
