"""Every transfer into and out of a market's contracts, and whether it balances.

The figures come from the token's own Transfer events and from balances, never from the
contracts' internal books, so that a book that lies is seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from databright.units import Address, Amount

ZERO_ADDRESS = Address("0x0000000000000000000000000000000000000000")


@dataclass(frozen=True)
class Transfer:
    """One movement of the market token.

    Attributes:
        sender: who paid; the zero address for the first supply.
        receiver: who was paid; the zero address for a burn.
        amount: base units.
        tx: transaction hash.
        block: its block.
    """

    sender: Address
    receiver: Address
    amount: Amount
    tx: str
    block: int


@dataclass(frozen=True)
class Payment:
    """One transfer out of the market's contracts.

    Attributes:
        to: payee; the zero address for a burn.
        role: what the payee is to the contract that paid.
        amount: base units.
        why: what the money was for.
    """

    to: Address
    role: str
    amount: Amount
    why: str


@dataclass(frozen=True)
class Conservation:
    """The sums over all transfers since the deployment.

    Attributes:
        paid_in: all paid into the market's contracts.
        paid_out: all paid out of them and burnt.
        held: what they hold now, by the token's balances.
    """

    paid_in: Amount
    paid_out: Amount
    held: Amount

    @property
    def difference(self) -> int:
        """What does not balance: 0 in an honest market."""
        return self.paid_in - self.paid_out - self.held


_REASONS: Mapping[tuple[str, str], str] = {
    ("DataAssociation", "contributor"): "deposits, bonds and fees returned",
    ("DataAssociation", "node"): "evaluation fees",
    ("DataAssociation", "relayer"): "relayed ballots repaid",
    ("DataRequests", "contributor"): "awards, and fees of accepted data repaid",
    ("DataRequests", "initiator"): "rest of the request's escrow",
    ("Challenges", "challenger"): "bond and reward of a challenge",
    ("Challenges", "node"): "stakes, and fees of measuring again",
    ("Motions", "mover"): "bond of a motion returned",
    ("ValuePools", "contributor"): "part of a value pool",
    ("ValuePools", "holder"): "part of a value pool",
    ("Database", "contributor"): "dividends",
    ("Database", "holder"): "dividends of shares that were bought",
    ("Database", "successor"): "income of a tranche that was taken down",
    ("WorkerRegistry", "worker"): "stake returned",
    ("JobEscrow", "worker"): "wages",
    ("JobEscrow", "node"): "node fee and chain costs",
    ("JobEscrow", "buyer"): "rest of the job's escrow",
    ("PredictionMarket", "worker"): "wages of predictions",
    ("PredictionMarket", "model_owner"): "income of predictions",
    ("PredictionMarket", "buyer"): "prediction returned",
}


def payments_out(
    transfers: Iterable[Transfer],
    contracts: Mapping[Address, str],
    roles: Mapping[Address, tuple[str, ...]],
) -> list[Payment]:
    """Every transfer from a market contract to anybody outside, burns included.

    Args:
        transfers: all transfers of the token, in chain order.
        contracts: market contract -> its name.
        roles: address -> the roles that it plays in this market.

    Returns:
        Payments in chain order.
    """
    found = []
    for transfer in transfers:
        if transfer.sender not in contracts or transfer.receiver in contracts:
            continue
        payer = contracts[transfer.sender]
        if transfer.receiver == ZERO_ADDRESS:
            found.append(Payment(transfer.receiver, "burn", transfer.amount, f"burnt by {payer}"))
            continue
        # Somebody with several roles is paid in the first that this payer knows.
        played = roles.get(transfer.receiver, ())
        role = next((r for p, r in _REASONS if p == payer and r in played), "other")
        why = _REASONS.get((payer, role), f"paid by {payer}")
        found.append(Payment(transfer.receiver, role, transfer.amount, why))
    return found


def conservation(
    transfers: Iterable[Transfer], contracts: Iterable[Address], held: Amount
) -> Conservation:
    """Sum what went in and out.

    Args:
        transfers: all transfers of the token since the deployment.
        contracts: the market's contracts.
        held: sum of their balances now.

    Returns:
        The sums.
    """
    inside = set(contracts)
    paid_in = paid_out = 0
    for transfer in transfers:
        if transfer.sender not in inside and transfer.receiver in inside:
            paid_in += transfer.amount
        if transfer.sender in inside and transfer.receiver not in inside:
            paid_out += transfer.amount
    return Conservation(Amount(paid_in), Amount(paid_out), held)
