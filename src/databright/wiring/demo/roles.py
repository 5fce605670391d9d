"""Which roles people play in the story, by what they did on chain."""

from __future__ import annotations

from collections.abc import Sequence

from databright.chain.bindings import Event
from databright.units import Address


def roles_of(events: Sequence[Event]) -> dict[Address, tuple[str, ...]]:
    """Which roles each address plays, by what it did on chain.

    Args:
        events: the market's events.

    Returns:
        Address -> roles.
    """
    causes = {
        "NodeRegistered": ("operator", "node"),
        "WorkerRegistered": ("owner", "worker"),
        "RequestOpened": ("initiator", "initiator"),
        "Proposed": ("payee", "contributor"),
        "JobOpened": ("buyer", "buyer"),
        "ModelRegistered": ("owner", "model_owner"),
        "PredictionRequested": ("payer", "buyer"),
        "BallotsRepaid": ("relayer", "relayer"),
        "Challenged": ("challenger", "challenger"),
        "Moved": ("mover", "mover"),
        "Ended": ("redirected_to", "successor"),
    }
    found: dict[Address, dict[str, None]] = {}
    for event in events:
        cause = causes.get(event.name)
        if cause is not None:
            found.setdefault(Address(event.args[cause[0]]), {})[cause[1]] = None
        if event.name == "Proposed":
            found.setdefault(Address(event.args["proposer"]), {})["contributor"] = None
        if event.name == "Transfer" and "id" in event.args and int(event.args["sender"], 16):
            # Shares that move between people; the token's transfers have no id.
            found.setdefault(Address(event.args["receiver"]), {})["holder"] = None
    return {address: tuple(roles) for address, roles in found.items()}
