"""Creations on every backend: run without sending, and sent for one nonce only."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from databright.chain.bindings import Artifact, Contract, Signer
from databright.chain.devnet import launcher
from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import EthereumChain, connect
from databright.contracts import create_address
from databright.errors import BadInputError, NonceSpentError, TransactionFailedError
from databright.units import Address

RICH: LocalAccount = Account.create()
STRANGER = Address("0x" + "00" * 19 + "77")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            "anvil",
            marks=[
                pytest.mark.anvil,
                pytest.mark.skipif(
                    find_anvil(os.environ) is None,
                    reason="no anvil: run `npm install` in the checkout",
                ),
            ],
        ),
        "eth-tester",
    ],
)
def chain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EthereumChain]:
    running = launcher.start(
        tmp_path_factory.mktemp("creation") / "chain",
        {Address(RICH.address): 10**24},
        backend=request.param,
    )
    yield connect(running.rpc_url)
    running.stop()


def test_a_creation_that_is_only_run_gives_the_very_code(chain: EthereumChain) -> None:
    artifact, signer = Artifact.load("WorkerRegistry"), Signer(RICH)
    code = artifact.creation_code([STRANGER, STRANGER, 123_456])
    head = chain.head().number
    expected = chain.call(None, code, None, signer.address)
    assert (123_456).to_bytes(32, "big") in expected
    assert chain.head().number == head
    receipt = signer.send(chain, None, code)
    assert receipt.contract_address is not None
    assert chain.code(receipt.contract_address) == expected
    assert Contract(chain, receipt.contract_address, artifact).call("min_stake") == 123_456


def test_a_creation_that_refuses_says_why(chain: EthereumChain) -> None:
    zero = Address("0x" + "00" * 20)
    code = Artifact.load("ModelRegistry").creation_code([zero, STRANGER])
    with pytest.raises(TransactionFailedError, match="given the zero address") as refused:
        chain.call(None, code)
    assert refused.value.reason == "models: no escrow"


def test_a_constructor_takes_its_own_arguments_only() -> None:
    with pytest.raises(BadInputError, match="takes 2 arguments, not 1"):
        Artifact.load("ModelRegistry").creation_code([STRANGER])
    with pytest.raises(BadInputError, match="do not fit"):
        Artifact.load("ModelRegistry").creation_code([STRANGER, 7])


def test_a_nonce_that_is_given_is_the_only_one_used(chain: EthereumChain) -> None:
    signer = Signer(RICH)
    nonce = chain.nonce(signer.address)
    code = Artifact.load("DatabaseBlueprint").creation_code([])
    receipt = signer.send(chain, None, code, nonce=nonce)
    assert receipt.contract_address == create_address(signer.address, nonce)
    head = chain.head().number
    signed: list[str] = []
    with pytest.raises(NonceSpentError, match=f"nonce {nonce} of {signer.address} is used up"):
        signer.send(
            chain, None, code, nonce=nonce, on_signed=lambda raw, tx_hash: signed.append(tx_hash)
        )
    assert signed == []
    assert chain.head().number == head
