"""EIP-712 signatures under the market's domain: name "DataBright", version "1"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from databright.errors import NotAuthorisedError
from databright.units import Address

SIGNATURE_BYTES = 65


class SignsMessages(Protocol):
    """The part of an eth-account key that signs."""

    def sign_message(self, signable_message: Any) -> Any:  # noqa: ANN401 - eth-account's types
        """Sign an EIP-191 or EIP-712 message."""
        ...


@dataclass(frozen=True)
class Domain:
    """Where a signature holds.

    Attributes:
        chain_id: EIP-155 id.
        contract: the contract that the message is about.
    """

    chain_id: int
    contract: Address


@dataclass(frozen=True)
class Message:
    """One typed message.

    Attributes:
        name: its primary type.
        fields: (name, Solidity type) in order.
        values: name -> value.
    """

    name: str
    fields: Sequence[tuple[str, str]]
    values: Mapping[str, object]


def sign(key: SignsMessages, domain: Domain, message: Message) -> bytes:
    """Sign a message.

    Args:
        key: the signer's key.
        domain: where it holds.
        message: what is signed.

    Returns:
        65 bytes, r | s | v.
    """
    return bytes(key.sign_message(_typed(domain, message)).signature)


def message_digest(domain: Domain, message: Message) -> bytes:
    """The EIP-712 digest of a message: what is signed, and a name for it.

    Args:
        domain: where it holds.
        message: the message.

    Returns:
        32 bytes.
    """
    typed = _typed(domain, message)
    return keccak(b"\x19" + typed.version + typed.header + typed.body)


def check_signer(
    signature: bytes, expected: Address, domain: Domain, message: Message, what: str
) -> None:
    """Check who signed a message.

    Args:
        signature: 65 bytes.
        expected: who should have.
        domain: where it holds.
        message: what was signed.
        what: what the error calls it.

    Raises:
        NotAuthorisedError: somebody else, or no signature at all.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise NotAuthorisedError(f"{what} has a signature of {len(signature)} bytes, not of 65")
    try:
        signer = str(Account.recover_message(_typed(domain, message), signature=signature))
    except (ValueError, TypeError, BadSignature, ValidationError) as error:
        raise NotAuthorisedError(f"{what} has no readable signature: {error}") from error
    if signer != expected:
        raise NotAuthorisedError(f"{what} is signed by {signer}, not by {expected}")


def prediction_message(prediction: int, samples: bytes) -> Message:
    """What a payer signs to hand in the input of a paid prediction.

    Args:
        prediction: id on chain.
        samples: SHA-256 of the input blob.

    Returns:
        EIP-712 `Prediction(uint256 prediction,bytes32 input)`.
    """
    fields = (("prediction", "uint256"), ("input", "bytes32"))
    values: dict[str, object] = {"prediction": prediction, "input": bytes(samples)}
    return Message("Prediction", fields, values)


def _typed(domain: Domain, message: Message) -> SignableMessage:
    return encode_typed_data(
        domain_data={
            "name": "DataBright",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
        },
        message_types={
            message.name: [{"name": name, "type": kind} for name, kind in message.fields]
        },
        message_data=dict(message.values),
    )
