"""Signed ballots: cast by whoever hands them in, counted for the voter who signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.address import is_checksum_address

from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import digest_field, int_field, text_field
from databright.records.signatures import (
    SIGNATURE_BYTES,
    Domain,
    Message,
    SignsMessages,
    check_signer,
    sign,
)
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.records.terms import split_proposal_id
from databright.units import Address, Digest, Seconds

BALLOTS_KIND: Final = "databright/ballots/v1"
MAX_BALLOTS: Final = 64
"""Most ballots of one file and of one transaction."""
MAX_FILE_BYTES: Final = 64 * 1024
_FIELDS: Final = (
    ("voter", "address"),
    ("proposal", "uint256"),
    ("commitment", "bytes32"),
    ("support", "bool"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_KEYS: Final = {"chain", "contract", *(name for name, _ in _FIELDS)}
_MAX_NONCE: Final = 2**16 - 1
_MAX_TIME: Final = 2**40 - 1
_MAX_PROPOSAL: Final = 2**48 - 1
_DEADLINE_AT, _SUPPORT_AT, _PROPOSAL_AT, _PARITY_AT = 160, 200, 201, 255
_V_OFFSET: Final = 27


@dataclass(frozen=True)
class Ballot:
    """What a voter signs.

    Attributes:
        voter: whose weight.
        proposal: id of a proposal or a motion.
        commitment: what the chain commits to under that id, 32 bytes: in a reorganised chain
            another one may get the id, and the ballot does not count on it.
        support: True for it.
        nonce: the voter's ballot nonce in the dataset: cancelling makes it another.
        deadline: chain time after which it counts no more.
    """

    voter: Address
    proposal: int
    commitment: Digest
    support: bool
    nonce: int
    deadline: Seconds

    def __post_init__(self) -> None:
        """Refuse a ballot that does not fit the contract's word.

        Raises:
            BadInputError: a value out of range.
        """
        split_proposal_id(self.proposal)
        if not is_checksum_address(self.voter):
            raise BadInputError(f"{self.voter[:60]!r} is no address with an EIP-55 checksum")
        if self.proposal > _MAX_PROPOSAL or not 0 <= self.nonce <= _MAX_NONCE:
            raise BadInputError(
                f"a ballot on proposal {self.proposal} with nonce {self.nonce}: use ids up to "
                f"{_MAX_PROPOSAL} and nonces from 0 to {_MAX_NONCE}"
            )
        if len(self.commitment) != 32:
            raise BadInputError("a ballot names its proposal's commitment, 32 bytes")
        if not 0 < self.deadline <= _MAX_TIME:
            raise BadInputError(f"the deadline {self.deadline} of a ballot is no chain time")

    def message(self) -> Message:
        """The typed message.

        Returns:
            EIP-712 `Ballot(address voter,uint256 proposal,bytes32 commitment,bool support,uint256
            nonce,uint256 deadline)`.
        """
        return Message("Ballot", _FIELDS, {name: getattr(self, name) for name, _ in _FIELDS})


@dataclass(frozen=True)
class SignedBallot:
    """A ballot that anybody may hand in.

    Attributes:
        ballot: what was signed.
        domain: the chain and CuratorToken that it counts at.
        signature: r | s | v, 65 bytes, with the lower s.
    """

    ballot: Ballot
    domain: Domain
    signature: bytes

    def __post_init__(self) -> None:
        """Refuse what is no signature.

        Raises:
            BadInputError: another length, or another v.
        """
        if len(self.signature) != SIGNATURE_BYTES or self.signature[64] not in {27, 28}:
            raise BadInputError("a ballot's signature is r | s | v of 65 bytes, v 27 or 28")

    @classmethod
    def make(cls, ballot: Ballot, key: SignsMessages, domain: Domain) -> SignedBallot:
        """Sign a ballot.

        Args:
            ballot: what is signed.
            key: the voter's.
            domain: the CuratorToken on its chain.

        Returns:
            The signed ballot.
        """
        return cls(ballot, domain, sign(key, domain, ballot.message()))

    def check(self) -> None:
        """Refuse a ballot that its voter's key did not sign; a contract's vote cannot be told so.

        Raises:
            NotAuthorisedError: somebody else signed it.
        """
        what = f"the ballot of {self.ballot.voter} on {self.ballot.proposal}"
        check_signer(self.signature, self.ballot.voter, self.domain, self.ballot.message(), what)

    def packed(self) -> tuple[int, bytes, bytes]:
        """The ballot as the contract takes it.

        Returns:
            Voter 160 | deadline 40 | for 1 | proposal 48 from the low end; r; s with the
            signature's parity in the highest bit (EIP-2098).
        """
        ballot, s = self.ballot, int.from_bytes(self.signature[32:64], "big")
        what = (
            int(ballot.voter, 16)
            | ballot.deadline << _DEADLINE_AT
            | int(ballot.support) << _SUPPORT_AT
            | ballot.proposal << _PROPOSAL_AT
        )
        parity = self.signature[64] - _V_OFFSET
        return what, self.signature[:32], (s | parity << _PARITY_AT).to_bytes(32, "big")


def ballots_to_json(ballots: Sequence[SignedBallot]) -> bytes:
    """Write ballots to hand on.

    Args:
        ballots: 1 to 64.

    Returns:
        Canonical JSON.

    Raises:
        BadInputError: none or too many.
    """
    if not 1 <= len(ballots) <= MAX_BALLOTS:
        raise BadInputError(f"{len(ballots)} ballots: a file holds 1 to {MAX_BALLOTS}")
    listed: list[JsonValue] = [
        {
            "chain": signed.domain.chain_id,
            "contract": signed.domain.contract,
            "voter": signed.ballot.voter,
            "proposal": signed.ballot.proposal,
            "commitment": signed.ballot.commitment.hex(),
            "support": signed.ballot.support,
            "nonce": signed.ballot.nonce,
            "deadline": signed.ballot.deadline,
            "signature": signed.signature.hex(),
        }
        for signed in ballots
    ]
    return dumps_canonical({"kind": BALLOTS_KIND, "ballots": listed})


def ballots_from_json(blob: bytes) -> list[SignedBallot]:
    """Read ballots that strangers wrote; signatures are not checked here.

    Args:
        blob: JSON, at most 64 KiB.

    Returns:
        The ballots, 1 to 64.

    Raises:
        MalformedDataError: another document.
    """
    fields = loads_object(blob, max_bytes=MAX_FILE_BYTES, max_depth=4)
    listed = fields.get("ballots")
    if fields.get("kind") != BALLOTS_KIND or not isinstance(listed, list) or len(fields) != 2:
        raise MalformedDataError(f"expected a {BALLOTS_KIND} document: 'databright vote --sign'")
    if not 1 <= len(listed) <= MAX_BALLOTS:
        raise MalformedDataError(f"{len(listed)} ballots: a file holds 1 to {MAX_BALLOTS}")
    try:
        return [_ballot(item) for item in listed]
    except BadInputError as error:
        raise MalformedDataError(str(error)) from error


def _ballot(fields: JsonValue) -> SignedBallot:
    if not isinstance(fields, dict) or set(fields) != _KEYS | {"signature"}:
        raise MalformedDataError(f"a ballot has the fields {', '.join(sorted(_KEYS))}, signature")
    support, signature = fields["support"], text_field(fields, "signature")
    if not isinstance(support, bool):
        raise MalformedDataError(f"support is {str(support)[:40]!r}, not true or false")
    if set(signature) - set("0123456789abcdef") or len(signature) % 2:
        raise MalformedDataError("a signature is 65 bytes in lower-case hex")
    contract = text_field(fields, "contract")
    if not is_checksum_address(contract):
        raise MalformedDataError(f"{contract[:60]!r} is no address with an EIP-55 checksum")
    ballot = Ballot(
        voter=Address(text_field(fields, "voter")),
        proposal=int_field(fields, "proposal"),
        commitment=digest_field(fields, "commitment"),
        support=support,
        nonce=int_field(fields, "nonce"),
        deadline=Seconds(int_field(fields, "deadline")),
    )
    domain = Domain(int_field(fields, "chain"), Address(contract))
    return SignedBallot(ballot, domain, bytes.fromhex(signature))
