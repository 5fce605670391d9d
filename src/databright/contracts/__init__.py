"""The market's contracts: where their artifacts lie and how they are deployed.

Every address is fixed in a constructor. The deployer computes all of them from its nonce before it
sends the first transaction, so no contract has a set-up call and no key keeps a power.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from databright.errors import BadInputError
from databright.units import Address

TOKEN_NAME: Final = "DataBright test money"  # noqa: S105 - the name of a coin
TOKEN_SYMBOL: Final = "DBT"  # noqa: S105 - the symbol of a coin
MAX_HOLDERS: Final = 64
"""The most accounts that can hold the money from the start (the token's constructor)."""

DEPLOY_ORDER: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("MarketToken", ("name", "symbol", "holders", "amounts")),
    ("CuratorToken", ("DataAssociation", "Charter", "Motions")),
    ("DatabaseBlueprint", ()),
    (
        "DataAssociation",
        ("MarketToken", "Charter", "CuratorToken", "Verdicts", "DataRequests"),
    ),
    (
        "Verdicts",
        (
            "MarketToken",
            "DataAssociation",
            "CuratorToken",
            "Charter",
            "Challenges",
            "ValuePools",
        ),
    ),
    ("Challenges", ("MarketToken", "Verdicts", "CuratorToken", "Charter")),
    ("ValuePools", ("MarketToken", "DataAssociation", "Charter", "Verdicts")),
    (
        "Charter",
        (
            "MarketToken",
            "DataAssociation",
            "CuratorToken",
            "Verdicts",
            "Challenges",
            "Motions",
            "ValuePools",
            "DatabaseBlueprint",
        ),
    ),
    ("Motions", ("MarketToken", "DataAssociation", "CuratorToken", "Charter")),
    ("DataRequests", ("MarketToken", "DataAssociation", "Charter")),
    ("WorkerRegistry", ("MarketToken", "JobEscrow", "min_stake")),
    ("JobEscrow", ("MarketToken", "Charter", "WorkerRegistry")),
    ("ModelRegistry", ("JobEscrow", "Charter")),
    ("PredictionMarket", ("MarketToken", "ModelRegistry", "WorkerRegistry", "Charter")),
    ("DiscussionAnchor", ()),
)
"""Contracts in order of deployment, one transaction each, with their constructor's arguments.

A capitalised argument is the address of the contract of that name.
"""

_ADDRESS_BYTES = 20
_SHORT = 0x80
"""RLP: bytes below stand for themselves; a short string has this plus its length in front."""
_LIST = 0xC0


def artifact_path(name: str) -> Path:
    """Where a contract's artifact lies.

    Args:
        name: the contract's name, as in `DEPLOY_ORDER`, or "Database".

    Returns:
        Path of its JSON file.

    Raises:
        BadInputError: there is no such contract.
    """
    folder = Path(__file__).parent / "artifacts"
    known = sorted(path.stem for path in folder.glob("*.json"))
    if name not in known:
        raise BadInputError(f"there is no contract {name!r}: the contracts are {', '.join(known)}")
    return folder / f"{name}.json"


def create_address(deployer: Address, nonce: int) -> Address:
    """The address of a contract that an account creates.

    Args:
        deployer: the creating account.
        nonce: its nonce in the creating transaction, >= 0.

    Returns:
        The contract's address, EIP-55.

    Raises:
        BadInputError: the deployer is no address or the nonce is negative.

    Source: Ethereum yellow paper, section 7: keccak-256 of the RLP of (sender, nonce).
    """
    try:
        sender = bytes.fromhex(deployer.removeprefix("0x"))
    except ValueError as error:
        raise BadInputError(f"deployer {deployer!r} is no address: give 20 bytes in hex") from error
    if len(sender) != _ADDRESS_BYTES:
        raise BadInputError(f"deployer {deployer!r} is no address: give 20 bytes in hex")
    if nonce < 0:
        raise BadInputError(f"nonce {nonce} is negative: give the deployer's next nonce")
    items = _rlp_bytes(sender) + _rlp_bytes(nonce.to_bytes((nonce.bit_length() + 7) // 8, "big"))
    return Address(to_checksum_address(keccak(bytes([_LIST + len(items)]) + items)[-20:]))


def deployment_plan(
    deployer: Address,
    first_nonce: int,
    token_holders: Sequence[Address],
    token_amounts: Sequence[int],
    min_stake: int,
    token: Address | None = None,
) -> list[tuple[str, tuple[object, ...]]]:
    """The contracts of one market, to be created one after the other by one account.

    Args:
        deployer: the creating account; it sends nothing else in between.
        first_nonce: its nonce in the first of the transactions.
        token_holders: who holds the whole money at first, at most 64 accounts.
        token_amounts: base units for each of them.
        min_stake: least stake of a worker, base units.
        token: an ERC-20 that is there already and is the money; none is created then.

    Returns:
        (name, constructor's arguments) in order; entry i is created with nonce first_nonce + i.

    Raises:
        BadInputError: holders and amounts differ in number, or there are more than 64.
    """
    if len(token_holders) != len(token_amounts):
        raise BadInputError(
            f"{len(token_holders)} holders but {len(token_amounts)} amounts: give one for each"
        )
    if len(token_holders) > MAX_HOLDERS:
        raise BadInputError(
            f"{len(token_holders)} holders: the token starts with at most {MAX_HOLDERS}"
        )
    values: dict[str, object] = {
        "name": TOKEN_NAME,
        "symbol": TOKEN_SYMBOL,
        "holders": list(token_holders),
        "amounts": list(token_amounts),
        "min_stake": min_stake,
    }
    order = DEPLOY_ORDER
    if token is not None:
        values["MarketToken"] = token
        order = tuple(entry for entry in DEPLOY_ORDER if entry[0] != "MarketToken")
    for index, (name, _) in enumerate(order):
        values[name] = create_address(deployer, first_nonce + index)
    return [(name, tuple(values[key] for key in arguments)) for name, arguments in order]


def _rlp_bytes(content: bytes) -> bytes:
    # Only short strings occur here: an address and a nonce.
    if len(content) == 1 and content[0] < _SHORT:
        return content
    return bytes([_SHORT + len(content)]) + content
