"""Gas and test money for new keys of a development market: plain transfers from one funded key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from databright.chain.base import Receipt
from databright.chain.devnet import clock
from databright.chain.writes import Call, CallPreview, WritePlan
from databright.errors import ConfigError
from databright.units import Address, Amount, in_tokens
from databright.wiring.local_market import CHAIN_FOLDER
from databright.wiring.session import keystore, open_actor, open_market
from databright.wiring.up import FAUCET

GAS_GIFT: Final = 10 * 10**18
"""Native coin that a funded key gets, in wei."""


def _check_ours(home: Path) -> None:
    if not (home / CHAIN_FOLDER).is_dir() or FAUCET not in keystore(home).names():
        raise ConfigError(
            f"{home} runs no development market of its own, so it has no test money to give: "
            "'databright up' makes one"
        )


@dataclass(frozen=True)
class Gift:
    """What the faucet gave, or would give.

    Attributes:
        calls: its two transactions described, with estimated gas where it was a dry run.
        receipts: what was mined; none after a dry run.
    """

    calls: tuple[CallPreview, ...]
    receipts: tuple[Receipt, ...]


def fund(home: Path, receiver: Address, amount: Amount, *, dry_run: bool = False) -> Gift:
    """Give gas and test money to an address.

    Args:
        home: home folder of a market that `databright up` runs.
        receiver: who gets it.
        amount: base units of the market token.
        dry_run: show only.

    Returns:
        The two transactions.

    Raises:
        ConfigError: the home runs no development market.
    """
    _check_ours(home)
    market = open_market(home)
    chain, signer = market.contracts.chain, open_actor(home, FAUCET).signer
    purpose = f"send {in_tokens(amount)} test tokens"
    money = Call(market.contracts.token, "transfer", (receiver, amount), purpose)
    plan = WritePlan((money,))
    coin = CallPreview(receiver, "native coin", "send", (str(GAS_GIFT),), "send gas money", None)
    if dry_run:
        request = {"from": signer.address, "to": receiver, "value": hex(GAS_GIFT)}
        gas = chain.estimate_gas(request)
        return Gift((replace(coin, gas=gas), *plan.preview(signer.address)), ())
    plan.preview(signer.address)  # a faucet without money says so before it gives gas
    first = signer.send(chain, receiver, b"", value=GAS_GIFT)
    return Gift((coin, money.described()), (first, *plan.send(signer, market.store.put)))


def advance(home: Path, seconds: int) -> int:
    """Move the clock of the home's development chain; the journal keeps it.

    Args:
        home: home folder.
        seconds: how far, >= 1.

    Returns:
        The chain's new time.

    Raises:
        ConfigError: the home runs no development market.
    """
    _check_ours(home)
    return clock.advance_clock(home / CHAIN_FOLDER, seconds)
