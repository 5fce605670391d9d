"""Terms of proposals: told by events, held against the word that the chain keeps of each.

The chain stores only the hash of a proposal's terms. Whoever needs them reads the event that
committed to them, and takes them only where they hash to that word. Terms never change, so each
proposal is looked up once; whoever gives the chain's word of now learns of a reorganisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from databright.chain.bindings import Contract, Event
from databright.errors import ChainError, UnknownEntityError
from databright.records.terms import Terms
from databright.records.words import WORD_BYTES
from databright.units import Address, Amount

EVENT: Final = "Proposed"
_AT_ONCE = 200
"""Proposals that one question names."""
_NOTHING = bytes(WORD_BYTES)


@dataclass(frozen=True)
class Commitment:
    """A proposal as it was committed.

    Attributes:
        terms: its terms.
        word: the chain's commitment to them, 32 bytes.
        block: number of the block that holds it.
        tx: hash of its transaction, 0x-prefixed hex.
    """

    terms: Terms
    word: bytes
    block: int
    tx: str


class TermsBook:
    """Terms by proposal, each verified and kept.

    Args:
        association: the DataAssociation.
        first_block: nothing of the market is older.
    """

    def __init__(self, association: Contract, first_block: int) -> None:
        self._association = association
        self._first = first_block
        self._known: dict[int, Commitment] = {}

    def of(self, proposal: int) -> Commitment:
        """One proposal's commitment.

        Args:
            proposal: its id.

        Returns:
            The commitment with its terms.

        Raises:
            UnknownEntityError: the chain knows no such proposal.
            ChainError: the chain's events do not hold its terms.
        """
        known = self._known.get(proposal)
        return known if known is not None else self.of_many({proposal: None})[proposal]

    def of_many(self, words: dict[int, bytes | None]) -> dict[int, Commitment]:
        """Commitments of several proposals.

        Args:
            words: proposal -> the chain's commitment where it was read already, else None.

        Returns:
            Proposal -> commitment.

        Raises:
            UnknownEntityError: the chain knows no such proposal.
            ChainError: the chain's events do not hold the terms of one.
        """
        wanted = [one for one, word in words.items() if not self._is_known(one, word)]
        for start in range(0, len(wanted), _AT_ONCE):
            self._read(wanted[start : start + _AT_ONCE], words)
        return {one: self._known[one] for one in words}

    def _is_known(self, proposal: int, word: bytes | None) -> bool:
        known = self._known.get(proposal)
        # After a reorganisation the same id may stand for other terms.
        return known is not None and word in (None, known.word)

    def _read(self, proposals: Sequence[int], words: dict[int, bytes | None]) -> None:
        association, chain = self._association, self._association.chain
        topics = [
            [association.topic(EVENT)],
            [proposal.to_bytes(WORD_BYTES, "big") for proposal in proposals],
        ]
        logs = chain.logs(self._first, chain.head().number, [association.address], topics)
        told = {int(event.args["proposal"]): event for event in association.events(logs)}
        for proposal in proposals:
            word = words[proposal]
            if word is None:
                word = bytes(association.call("commitment", proposal))
            if word == _NOTHING:
                raise UnknownEntityError(f"there is no proposal {proposal} on this chain")
            self._known[proposal] = _verified(proposal, told.get(proposal), word)


def _verified(proposal: int, event: Event | None, word: bytes) -> Commitment:
    if event is None:
        raise ChainError(
            f"the chain commits to proposal {proposal}, but its endpoint gives no event of it: use "
            "an endpoint that keeps all events"
        )
    terms = terms_of(event)
    if terms.commitment() != word:
        raise ChainError(
            f"the event of proposal {proposal} in {event.tx_hash} tells other terms than the chain "
            "commits to: the endpoint lies or has lost blocks; use another one"
        )
    return Commitment(terms, word, event.block_number, event.tx_hash)


def terms_of(event: Event) -> Terms:
    """The terms that a `Proposed` event tells, not yet compared with anything.

    Args:
        event: the event.

    Returns:
        The terms.
    """
    args = event.args
    return Terms(
        proposal=int(args["proposal"]),
        request=int(args["request"]),
        proposer=Address(str(args["proposer"])),
        payee=Address(str(args["payee"])),
        root=bytes(args["root"]),
        ref=bytes(args["ref"]),
        manifest=bytes(args["manifest"]),
        num_rows=int(args["num_rows"]),
        revises=int(args["revises"]),
        bond=Amount(int(args["bond"])),
        fee=Amount(int(args["fee"])),
        electorate=int(args["electorate"]),
    )
