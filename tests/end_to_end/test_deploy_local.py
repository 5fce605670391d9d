"""What `databright up` deploys has the same record; verbs show and explain what they send."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from databright.chain.refusals import refusals
from databright.errors import TransactionFailedError
from databright.records.deployment import Deployment
from databright.units import Amount
from databright.wiring.deploying import verify_market
from databright.wiring.session import open_actor
from databright.wiring.up import FAUCET
from tests.end_to_end.deploy_chain import command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import DataMarket


def test_the_local_market_is_what_its_record_says(data_market: DataMarket, tmp_path: Path) -> None:
    first, second = data_market.open_dataset("One"), data_market.open_dataset("Two")
    record, checks = verify_market(data_market.home)
    assert [check for check in checks if not check.ok] == []
    seen = {(check.subject, check.what) for check in checks}
    assert {(f"Database {number}", "code") for number in (first, second)} <= seen
    assert record.block > 0
    assert record.is_complete

    # Databases that pay in another money than the record says are not those of the record.
    token = record.contracts["MarketToken"]
    other = dataclasses.replace(token, address=record.addresses["ModelRegistry"])
    forged = dataclasses.replace(record, contracts={**record.contracts, "MarketToken": other})
    file = tmp_path / "forged.json"
    file.write_bytes(forged.to_bytes())
    _, told = verify_market(data_market.home, file=file)
    wrong = {(check.subject, check.what) for check in told if not check.ok}
    assert {(f"Database {number}", "code") for number in (first, second)} <= wrong


def test_a_local_deployment_is_made_once(data_market: DataMarket) -> None:
    chain = data_market.local.market().contracts.chain
    before = chain.head().number
    assert data_market.local.deploy(chain, "deployer", []) == Deployment.load(data_market.home)
    assert chain.head().number == before


def test_the_faucet_shows_gas_and_calls_before_it_gives(
    data_market: DataMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = data_market.local.market().contracts.chain
    data_market.local.ensure_keys([FAUCET])
    faucet = data_market.address(FAUCET)
    giver = open_actor(data_market.home, "initiator").signer
    giver.send(chain, faucet, b"", value=100 * 10**18)
    data_market.client("initiator").wallet.transfer(faucet, Amount(10**7))
    words = ["chain", "fund", "poor", "--amount", "2", "--home", data_market.home]
    head = chain.head().number
    shown: Any = command(capsys, *words, "--dry-run")
    assert chain.head().number == head
    assert [(call["contract"], call["function"]) for call in shown["calls"]] == [
        ("native coin", "send"),
        ("MarketToken", "transfer"),
    ]
    assert all(call["gas"] >= 21_000 for call in shown["calls"])
    assert shown["calls"][1]["arguments"] == [data_market.address("poor"), "2000000"]
    given: Any = command(capsys, *words)
    assert len(given["transactions"]) == 2
    assert data_market.client("poor").wallet.balance().tokens == 2_000_000


def test_a_refusal_of_a_contract_reaches_people_with_cause_and_fix(data_market: DataMarket) -> None:
    models = data_market.local.market().contracts.models
    signer = open_actor(data_market.home, "alice").signer
    with pytest.raises(TransactionFailedError) as refused:
        models.transact(signer, "set_price", 1, 5)
    assert refused.value.reason == "models: not the owner"
    found = refusals()["models: not the owner"]
    assert str(refused.value) == (
        f"ModelRegistry.set_price failed: models: not the owner. {found.happened} {found.why} "
        f"{found.do}"
    )
