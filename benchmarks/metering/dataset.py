"""A dataset of our market: its proposals, their ballots, and what evaluators sign."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from benchmarks.metering.market import (
    PERIOD_S,
    REVIEW_S,
    THRESHOLD,
    Market,
    digest,
    sign,
)
from benchmarks.metering.session import Deployed, Sent, account
from databright.chain.bindings import Artifact
from databright.records.terms import Terms
from databright.records.words import address_of
from databright.units import Address, Amount

_VERDICT_TYPE = keccak(
    text="Verdict(uint256 proposal,bytes32 commitment,uint256 base,uint256 holdout_epoch,"
    "uint256 outcome,uint256 copy_of,uint256 amount,bytes32 evidence)"
)
_BALLOT_TYPE = keccak(
    text="Ballot(address voter,uint256 proposal,bytes32 commitment,bool support,uint256 nonce,"
    "uint256 deadline)"
)
_WINDOW = 32
_BATCH = 64
"""Ballots of one transaction, at most."""


@dataclass(frozen=True)
class Verdict:
    """What evaluators measured.

    Attributes:
        base: snapshot that it was measured on, 0 = none.
        amount: shares to mint.
        evidence: digest of the signed evidence, 32 bytes.
    """

    base: int
    amount: int
    evidence: bytes

    @property
    def words(self) -> tuple[int, int, int, int, int, bytes]:
        """The contract's `Verdict`."""
        return (self.base, 1, 0, 0, self.amount, self.evidence)


class Dataset:
    """One dataset and what becomes of its proposals.

    Args:
        market: its market.
        number: its id.

    Attributes:
        market: its market.
        number: its id.
        num_snapshots: of its Database.
    """

    def __init__(self, market: Market, number: int) -> None:
        self.market = market
        self.number = number
        self.num_snapshots = 0
        self._num_proposed = 0

    @cached_property
    def database(self) -> Deployed:
        """Its Database."""
        address = self.market.association.call("database_of", self.number)
        return Deployed(self.market.session, address, Artifact.load("Database"))

    def propose(
        self, proposer: LocalAccount, payee: Address | None = None, *, request: int = 0
    ) -> tuple[Terms, Sent]:
        """Propose data.

        Args:
            proposer: whose deposit pays.
            payee: who gets the shares; the proposer when None.
            request: the request that it answers, 0 without one.

        Returns:
            The proposal's terms and the transaction.
        """
        self._num_proposed += 1
        name = f"dataset {self.number} proposal {self._num_proposed}"
        content = [digest(f"{part} of {name}") for part in ("root", "ref", "manifest")]
        sent = self.market.association.send(
            proposer, "propose", self.number, request, payee or proposer.address, *content, 1_000
        )
        return terms_of(sent), sent

    def verdict(self, terms: Terms, amount: int) -> Verdict:
        """What the evaluators found of a proposal, on the newest snapshot.

        Args:
            terms: its terms.
            amount: shares to mint.

        Returns:
            It is accepted with that amount.
        """
        return Verdict(self.num_snapshots, amount, digest(f"evidence on {terms.proposal}"))

    def signed(self, terms: Terms, verdict: Verdict, pair: int = 0) -> list[bytes]:
        """Signatures of as many evaluators as are needed.

        Args:
            terms: the proposal's.
            verdict: what they measured.
            pair: 0 for the first two of the four, 1 for the others.

        Returns:
            65 bytes each, in ascending order of signer.
        """
        types = ("bytes32", "uint256", "bytes32", *("uint256",) * 5, "bytes32")
        named = (terms.proposal, terms.commitment())
        struct = keccak(encode(types, (_VERDICT_TYPE, *named, *verdict.words)))
        separator = self.market.separator(self.market.verdicts)
        chosen = range(THRESHOLD * pair, THRESHOLD * (pair + 1))
        evaluators = [account("evaluator", i) for i in chosen]
        evaluators.sort(key=lambda one: int(one.address, 16))
        return [bytes(sign(one, separator, struct).signature) for one in evaluators]

    def execute(self, sender: LocalAccount, terms: Terms, amount: int) -> Sent:
        """Execute a proposal that its voters carried.

        Args:
            sender: anyone.
            terms: its terms.
            amount: shares to mint.

        Returns:
            The transaction.
        """
        verdict = self.verdict(terms, amount)
        signatures = self.signed(terms, verdict)
        sent = self.market.verdicts.send(
            sender, "execute", words_of(terms), verdict.words, signatures, 0
        )
        self.num_snapshots += 1
        return sent

    def accept(
        self,
        proposer: LocalAccount,
        payees: Sequence[Address],
        curators: Sequence[LocalAccount],
        amount: int,
    ) -> list[tuple[Terms, Sent]]:
        """Propose for payees, let curators carry it, and execute, as soon as that can be.

        Args:
            proposer: who proposes everything and executes it.
            payees: who gets the shares, proposal by proposal.
            curators: who vote; together a majority.
            amount: shares to mint for each proposal.

        Returns:
            Terms and execution of each.
        """
        done = []
        for start in range(0, len(payees), _BATCH):
            wave = [self.propose(proposer, payee)[0] for payee in payees[start : start + _BATCH]]
            self.market.session.advance(REVIEW_S)
            for curator in curators:
                self.vote_many(curator, wave)
            done += [(terms, self.execute(proposer, terms, amount)) for terms in wave]
        return done

    def until_next_window(self) -> int:
        """Proposals until the next one begins another 32, whose states lie apart."""
        return -(self._num_proposed + 1) % _WINDOW

    def vote_many(self, voter: LocalAccount, proposals: Sequence[Terms]) -> Sent:
        """Cast one voter's ballots for proposals.

        Args:
            voter: whose.
            proposals: at most 64.

        Returns:
            The transaction.
        """
        ids = [terms.proposal for terms in proposals]
        return self.market.curators.send(voter, "vote_many", ids, (1 << len(ids)) - 1)

    def relayed(
        self, voters: Sequence[LocalAccount], terms: Terms
    ) -> list[tuple[int, bytes, bytes]]:
        """Ballots that voters signed for a proposal.

        Args:
            voters: whose; none has cancelled ballots.
            terms: the proposal's.

        Returns:
            The contract's `SignedBallot`s.
        """
        deadline = self.market.session.now + PERIOD_S
        separator = self.market.separator(self.market.curators)
        return [_ballot(voter, terms, deadline, separator) for voter in voters]


def _ballot(
    voter: LocalAccount, terms: Terms, deadline: int, separator: bytes
) -> tuple[int, bytes, bytes]:
    types = ("bytes32", "address", "uint256", "bytes32", "bool", "uint256", "uint256")
    values = (voter.address, terms.proposal, terms.commitment(), True, 0, deadline)
    struct = keccak(encode(types, (_BALLOT_TYPE, *values)))
    signed = sign(voter, separator, struct)
    what = int(voter.address, 16) | deadline << 160 | 1 << 200 | terms.proposal << 201
    parity = int(signed.v) - 27
    return what, int(signed.r).to_bytes(32), (int(signed.s) | parity << 255).to_bytes(32)


def words_of(terms: Terms) -> tuple[Any, ...]:
    """The contract's `Terms`.

    Args:
        terms: a proposal's.

    Returns:
        Its 12 members.
    """
    return dataclasses.astuple(terms)


def terms_of(sent: Sent) -> Terms:
    """The terms that a proposal was committed with.

    Args:
        sent: the transaction that proposed it.

    Returns:
        Its terms, from the event.
    """
    topic = keccak(
        text="Proposed(uint256,uint256,address,address,bytes32,bytes32,bytes32,uint256,uint256,"
        "uint256,uint256,uint256)"
    )
    log = next(log for log in sent.logs if log.topics[0] == topic)
    proposal, request, proposer = log.topics[1:]
    words = [log.data[place : place + 32] for place in range(0, len(log.data), 32)]
    payee, root, ref, manifest = words[:4]
    num_rows, revises, bond, fee, electorate = (int.from_bytes(word) for word in words[4:])
    return Terms(
        int.from_bytes(proposal),
        int.from_bytes(request),
        address_of(proposer[12:]),
        address_of(payee[12:]),
        root,
        ref,
        manifest,
        num_rows,
        revises,
        Amount(bond),
        Amount(fee),
        electorate,
    )
