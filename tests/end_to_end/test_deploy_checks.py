"""`databright chain verify` tells every difference, and `--token` takes only what can be money."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vyper
from eth_abi.abi import encode

from databright.chain.bindings import Artifact, Signer, deploy
from databright.chain.deploying import Terms
from databright.chain.devnet.anvil import find_anvil
from databright.client import Client
from databright.custody.keys import Keystore
from databright.errors import BadInputError
from databright.records.deployment import CONTRACTS, FILE, Deployment
from databright.units import Address, Amount
from databright.wiring.deploying import deploy_market, verify_market
from databright.wiring.session import KEYS_FOLDER
from tests.end_to_end.deploy_chain import Ground, anvil, command, key

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ROOT / "tests" / "contracts" / "doubles" / "PlainToken.vy"
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]


@dataclasses.dataclass
class Place:
    """A deployed market on an anvil of its own."""

    ground: Ground
    home: Path

    def signer(self) -> Signer:
        return Signer(Keystore(self.home / KEYS_FOLDER).load("owner").account())

    def record(self) -> Deployment:
        return Deployment.load(self.home)

    def differences(self, file: Path | None = None) -> set[tuple[str, str]]:
        _, checks = verify_market(self.home, file=file, rpc_url=self.ground.rpc_url)
        return {(check.subject, check.what) for check in checks if not check.ok}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    with anvil(folder) as ground:
        home = ground.home(folder / "home", "owner")
        holders = ((key(home, "owner"), 10**15),)
        terms = Terms(Amount(50_000_000), holders)
        deploy_market(home, "owner", terms, rpc_url=ground.rpc_url)
        yield Place(ground, home)


@pytest.mark.parametrize("name", CONTRACTS)
def test_altered_code_at_any_address_is_found(
    place: Place, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = place.record().addresses[name]
    code = place.ground.chain().code(address)
    assert place.differences() == set()
    # The last byte lies in an immutable, or in the data section where there is none.
    altered = code[:-1] + bytes([code[-1] ^ 1])
    place.ground.cheat("anvil_setCode", address, "0x" + altered.hex())
    try:
        assert (name, "code") in place.differences()
        told: Any = command(capsys, "chain", "verify", "--home", place.home, code=1)
        assert told["ok"] is False
        assert [c["subject"] for c in told["checks"] if not c["ok"]].count(name) >= 1
        place.ground.cheat("anvil_setCode", address, "0x")
        assert (name, "code") in place.differences()
    finally:
        place.ground.cheat("anvil_setCode", address, "0x" + code.hex())
    assert place.differences() == set()


def test_a_double_wired_to_others_is_found(place: Place, tmp_path: Path) -> None:
    record, chain = place.record(), place.ground.chain()
    stranger = Address("0x" + "00" * 19 + "77")
    double, receipt = deploy(chain, place.signer(), Artifact.load("CuratorToken"), *3 * [stranger])
    made = dataclasses.replace(
        record.contracts["CuratorToken"],
        address=double,
        tx_hash=receipt.tx_hash,
        block=receipt.block_number,
    )
    forged = dataclasses.replace(record, contracts={**record.contracts, "CuratorToken": made})
    file = tmp_path / "forged.json"
    file.write_bytes(forged.to_bytes())
    found = place.differences(file)
    assert ("CuratorToken", "code") in found
    assert ("CuratorToken", "association()") in found
    assert ("CuratorToken", "address by nonce 1") in found


def test_every_claim_of_the_record_counts(place: Place, tmp_path: Path) -> None:
    whole = json.loads(place.record().to_bytes())
    stranger = "0x" + "00" * 19 + "77"
    changes: dict[tuple[str, str], tuple[str, str, object]] = {
        ("JobEscrow", "creation"): ("JobEscrow", "block", 1),
        ("JobEscrow", "artifact of this release"): ("JobEscrow", "artifact_sha256", "00" * 32),
        ("WorkerRegistry", "min_stake()"): (
            "WorkerRegistry",
            "arguments",
            {**whole["contracts"]["WorkerRegistry"]["arguments"], "min_stake_": "1"},
        ),
        ("ModelRegistry", "code"): ("ModelRegistry", "address", stranger),
    }
    for number, (expected, (name, field, value)) in enumerate(changes.items()):
        altered = json.loads(json.dumps(whole))
        altered["contracts"][name][field] = value
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(altered))
        assert expected in place.differences(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "schema None"),
        ("[]", "damaged"),
        ("no json", "damaged"),
        ('{"schema": 2}', "damaged"),
        ('{"schema": 1}', "schema 1"),
    ],
)
def test_a_record_that_is_none_is_refused(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    file = tmp_path / "record.json"
    file.write_text(text)
    words = ["chain", "verify", "--home", place.home, "--deployment", file]
    told: Any = command(capsys, *words, code=2)
    assert says in told["error"]["message"]
    file.unlink()
    told = command(capsys, *words, code=2)
    assert "cannot be read" in told["error"]["message"]


def plain(place: Place, decimals: int, *, knows_authorizations: bool) -> Address:
    compiled = vyper.compile_code(PLAIN.read_text(), output_formats=["bytecode"])["bytecode"]
    code = bytes.fromhex(compiled[2:]) + encode(["uint8", "bool"], [decimals, knows_authorizations])
    receipt = place.signer().send(place.ground.chain(), None, code)
    assert receipt.contract_address is not None
    return receipt.contract_address


def test_a_token_that_cannot_be_the_money_is_refused_with_the_reason(
    place: Place, tmp_path: Path
) -> None:
    home = place.ground.home(tmp_path / "home", "other")
    bad = {
        key(home, "other"): "there is no contract at",
        place.record().addresses["JobEscrow"]: "it lacks name()",
        plain(place, 18, knows_authorizations=True): "has 18 decimals, amounts here have 6",
        plain(place, 6, knows_authorizations=False): "it lacks EIP-3009's authorizationState",
        plain(place, 6, knows_authorizations=True): "refuses a valid EIP-3009 authorization",
    }
    for token, says in bad.items():
        terms = Terms(Amount(1), token=token)
        with pytest.raises(BadInputError, match=re.escape(says)):
            deploy_market(home, "other", terms, rpc_url=place.ground.rpc_url)
    assert place.ground.chain().nonce(key(home, "other")) == 0


def test_a_market_on_a_token_that_exists(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = place.ground.home(tmp_path / "home", "other")
    token = place.record().addresses["MarketToken"]
    words = ["--rpc", place.ground.rpc_url, "--home", home, "--token", token]
    done: Any = command(capsys, "deploy", *words)
    assert done["created"] == [name for name in CONTRACTS if name != "MarketToken"]
    assert done["deployment"]["contracts"]["MarketToken"] == {
        "address": token,
        "nonce": None,
        "arguments": {},
        "artifact_sha256": "",
        "tx_hash": "",
        "block": 0,
    }
    _, checks = verify_market(home)
    assert [check for check in checks if not check.ok] == []
    assert ("DataAssociation", "token()") in {(check.subject, check.what) for check in checks}
    assert (home / FILE).exists()
    assert Client(home, "other").wallet.balance().tokens == 0
    again: Any = command(capsys, "deploy", *words)
    assert again["created"] == []
