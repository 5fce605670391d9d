from __future__ import annotations

import boa
import pytest
import rlp  # type: ignore[import-untyped]
from eth_utils.crypto import keccak

from databright.contracts import DEPLOY_ORDER, create_address, deployment_plan
from databright.errors import BadInputError
from databright.units import Address
from tests.contracts.data_world import Market

DEPLOYER = Address("0x" + "5a" * 20)


@pytest.mark.parametrize("nonce", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**64 - 2])
def test_create_address_is_that_of_the_chain(nonce: int) -> None:
    expected = keccak(rlp.encode([bytes.fromhex("5a" * 20), nonce]))[-20:]

    assert bytes.fromhex(create_address(DEPLOYER, nonce)[2:]) == expected


@pytest.mark.parametrize("deployer", ["0x12", "nobody", "0x" + "zz" * 20])
def test_create_address_refuses_what_is_no_address(deployer: str) -> None:
    with pytest.raises(BadInputError, match="is no address"):
        create_address(Address(deployer), 0)


def test_create_address_refuses_a_negative_nonce() -> None:
    with pytest.raises(BadInputError, match="nonce -1 is negative"):
        create_address(DEPLOYER, -1)


def test_plan_names_every_address_before_it_exists() -> None:
    plan = deployment_plan(DEPLOYER, 7, [DEPLOYER], [5], 3)

    assert [name for name, _ in plan] == [name for name, _ in DEPLOY_ORDER]
    at = {name: create_address(DEPLOYER, 7 + index) for index, (name, _) in enumerate(plan)}
    arguments = dict(plan)
    assert arguments["CuratorToken"] == (at["DataAssociation"], at["Charter"], at["Motions"])
    assert arguments["WorkerRegistry"] == (at["MarketToken"], at["JobEscrow"], 3)
    assert arguments["MarketToken"][2:] == ([DEPLOYER], [5])


def test_plan_refuses_bad_holders() -> None:
    with pytest.raises(BadInputError, match="1 holders but 2 amounts"):
        deployment_plan(DEPLOYER, 0, [DEPLOYER], [1, 2], 3)
    with pytest.raises(BadInputError, match="65 holders"):
        deployment_plan(DEPLOYER, 0, [DEPLOYER] * 65, [1] * 65, 3)


def test_contracts_know_one_another(market: Market) -> None:
    """Every address that a contract was told at its creation is the one that was made."""
    found = market.contracts
    getters = {
        "MarketToken": "token",
        "DataAssociation": "association",
        "CuratorToken": "curator_token",
        "ValuePools": "pools",
        "DataRequests": "requests",
        "WorkerRegistry": "registry",
        "ModelRegistry": "models",
        "JobEscrow": "escrow",
    }
    checked = 0
    for name, arguments in DEPLOY_ORDER:
        for told in arguments:
            getter = getters.get(told, told.lower())
            if told in found and hasattr(found[name], getter):
                assert str(getattr(found[name], getter)()) == str(found[told].address)
                checked += 1
    assert checked > 30
    blueprint = boa.env.get_code(found["DatabaseBlueprint"].address)
    # ERC-5202: a blueprint cannot be called.
    assert blueprint[:3] == bytes.fromhex("fe7100")
