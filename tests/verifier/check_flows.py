"""Transfers into and out of the data market's contracts, each with the event that explains it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.verifier.checks import Checks
from tests.verifier.export import ZERO, Market

PAID_IN: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Challenges", "Staked"): ("evaluator", "amount"),
    ("Challenges", "Challenged"): ("challenger", "bond"),
    ("Motions", "Moved"): ("mover", "bond"),
    ("DataAssociation", "Deposited"): ("account", "amount"),
    ("DataRequests", "RequestOpened"): ("initiator", "escrow"),
    ("DataRequests", "RequestToppedUp"): ("payer", "amount"),
    ("Database", "Funded"): ("payer", "amount"),
    ("Database", "TrancheFunded"): ("payer", "amount"),
}
"""(contract, event) -> who paid it, how much."""
PAID_OUT: Mapping[tuple[str, str], tuple[str, str]] = {
    ("DataAssociation", "Withdrawn"): ("account", "amount"),
    ("DataAssociation", "Burnt"): ("", "amount"),
    ("Challenges", "Withdrawn"): ("account", "amount"),
    ("Motions", "Withdrawn"): ("account", "amount"),
    ("DataRequests", "Withdrawn"): ("account", "amount"),
    ("ValuePools", "ValueClaimed"): ("owner", "amount"),
    ("Database", "Claimed"): ("holder", "amount"),
    ("Database", "Withdrawn"): ("account", "amount"),
}
"""(contract, event) -> whom it paid, how much; "" = burnt. Burns of stakes and motions are
compared where they are decided."""
_DECIDED = ("Challenges", "Motions")
Flows = Counter[tuple[str, str, str]]
"""(transaction, contract, the other side) -> base units."""


def check_flows(market: Market, checks: Checks) -> None:
    """Hold every transfer against the events of its transaction.

    Args:
        market: the chain.
        checks: where comparisons go.
    """
    inside = market.inside
    names = {contract for contract, _ in [*PAID_IN, *PAID_OUT]}
    came, went = Flows(), Flows()
    for event in market.transfers:
        sender, receiver, amount = (event.args[k] for k in ("sender", "receiver", "amount"))
        if inside.get(receiver) in names:
            came[event.tx, receiver, sender] += amount
        burnt = receiver == ZERO and inside.get(sender) in _DECIDED
        if inside.get(sender) in names and receiver not in inside and not burnt:
            went[event.tx, sender, receiver] += amount
    said_in, said_out = Flows(), Flows()
    for event in market.events:
        key = event.contract, event.name
        for table, said in ((PAID_IN, said_in), (PAID_OUT, said_out)):
            if key in table:
                who, amount = table[key]
                other = event.args[who] if who else ZERO
                said[event.tx, event.address, other] += event.args[amount]
        if event.name == "PoolFunded":
            database = market.one("DatasetCreated", dataset=event.args["dataset"])
            place = event.tx, event.address, database.args["database"]
            said_in[place] += event.args["amount"]
    for about, told, found in (("paid in", said_in, came), ("paid out", said_out, went)):
        wrong = sorted(place for place in told | found if told[place] != found[place])
        checks.same(f"{about}: transfers and events that differ", [], wrong)
