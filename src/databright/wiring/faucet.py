"""Gas and test money for new keys of a development market: plain transfers from one funded key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from databright.chain.devnet import clock
from databright.errors import ConfigError
from databright.units import Address, Amount
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


def fund(home: Path, receiver: Address, amount: Amount) -> list[str]:
    """Give gas and test money to an address.

    Args:
        home: home folder of a market that `databright up` runs.
        receiver: who gets it.
        amount: base units of the market token.

    Returns:
        Hashes of the two transactions.

    Raises:
        ConfigError: the home runs no development market.
    """
    _check_ours(home)
    market = open_market(home)
    signer = open_actor(home, FAUCET).signer
    gas = signer.send(market.contracts.chain, receiver, b"", value=GAS_GIFT)
    money = market.contracts.token.transact(signer, "transfer", receiver, amount)
    return [gas.tx_hash, money.tx_hash]


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
