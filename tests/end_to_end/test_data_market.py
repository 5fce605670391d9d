"""Dataset, request, proposals, evidence, votes, shares: by real processes on a real chain."""

from __future__ import annotations

import hashlib
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from databright.custody.blobs import read_blob
from databright.data_market.proposals import ProposalDraft
from databright.data_market.registry import ACCEPTED, REJECTED
from databright.records.evidence import OUTCOME_COPY
from databright.records.losses import log_losses
from databright.records.rows import Rows, rows_from_blob
from databright.records.strict_json import loads_object
from databright.records.tensors import load_tensors
from databright.units import Amount, Digest, Seconds
from databright.wiring.local_market import wait_until

if TYPE_CHECKING:
    from tests.end_to_end.conftest import DataMarket

EVALUATORS = ("node-1", "node-2")
VOTING_S = 3_600
BOND, FEE = 1_001, 503


def _flipped(rows: Rows) -> Rows:
    shift = np.where(np.arange(len(rows)) < 140, 3, 0)
    return Rows(rows.x_NF, (rows.y_N + shift) % 10)


def _disturbed(rows: Rows) -> Rows:
    noise = np.random.default_rng(1).normal(0, 0.01, rows.x_NF.shape)
    return Rows(np.clip(rows.x_NF + noise, 0, 1).astype(np.float32), rows.y_N)


def test_proposals_are_measured_voted_on_and_settled(data_market: DataMarket) -> None:
    market = data_market
    dataset = market.open_dataset()
    request = market.open_request(dataset, escrow=10**9)
    market.client("curator-1").curator.lend(
        dataset, market.address("oracle"), cap=100, expiry=Seconds(market.now() + 10**6)
    )
    people = {
        "alice": market.parts[0],
        "bob": market.parts[1],
        "carol": _flipped(market.parts[2]),
        "dave": _disturbed(market.parts[0]),
    }
    before = {name: market.client(name).wallet.balance().tokens for name in people}
    ids = {}
    for name, rows in people.items():
        draft = ProposalDraft(title=f"{name}'s digits", request=request)
        ids[name] = market.client(name).contributor.propose(dataset, rows, draft).id or 0
    for name in EVALUATORS:
        market.local.start_node(name)
    market.local.start_oracle("oracle")
    view = market.client("alice").contributor

    def measured() -> bool:
        return all(len({e.evaluator for e in view.evidence(p)}) >= 2 for p in ids.values())

    wait_until(lambda: bool(view.evidence(ids["alice"])), "the first evidence")
    # A node that is killed goes on from the chain; nothing is published twice.
    node = market.local.supervisor.pid("node-1")
    assert node is not None
    os.kill(node, signal.SIGKILL)
    wait_until(measured, "evidence of two evaluators on every proposal")
    wait_until(lambda: view.proposal(ids["alice"]).yes >= 100, "the oracle's ballot")
    for name in ("alice", "bob"):
        market.client("curator-2").curator.vote(ids[name], support=True)
    market.local.advance_clock(VOTING_S + 1)
    wait_until(lambda: all(view.proposal(p).status != 1 for p in ids.values()), "the end of votes")

    status = {name: view.proposal(number).status for name, number in ids.items()}
    assert status == {"alice": ACCEPTED, "bob": ACCEPTED, "carol": REJECTED, "dave": REJECTED}
    copy = view.evidence(ids["dave"])[-1].verdict
    assert (copy.outcome, copy.copy_of) == (OUTCOME_COPY, ids["alice"])
    published = Counter(
        (e.evaluator, e.verdict.proposal, e.verdict.base)
        for number in ids.values()
        for e in view.evidence(number)
    )
    assert set(published.values()) == {1}
    assert {key[0] for key in published} == {market.address(name) for name in EVALUATORS}
    _check_shares_and_money(market, ids, before, request)
    _check_reveal(market, request, ids)


def _check_shares_and_money(
    market: DataMarket, ids: dict[str, int], before: dict[str, Amount], request: int
) -> None:
    view = market.client("alice").contributor
    accepted = market.local.market().registry.entries(view.proposal(ids["alice"]).dataset)
    assert [entry.proposal for entry in accepted] == [ids["alice"], ids["bob"]]
    assert accepted[0].shares > 1_000_000  # the first rows take a nat or more off the prior
    for name, entry in zip(("alice", "bob"), accepted, strict=True):
        verdict = view.evidence(ids[name])[-1].verdict
        held = sum(item.shares for item in market.client(name).shareholder.shares())
        assert held == entry.shares == verdict.amount
        # Bond and fee were paid; the bond came back to the deposit, fee and award as credit.
        wallet = market.client(name).wallet.balance()
        assert wallet.tokens == before[name] - BOND - FEE
        assert wallet.deposit == BOND
        assert wallet.credits["DataRequests"] == FEE + verdict.amount * 1_000 // 1_000
    # Half of the copier's bond goes to the copied tranche, rounded down; the rest is burnt.
    assert market.client("alice").shareholder.claimable() in {BOND // 2, BOND // 2 - 1}
    lost = market.client("dave").wallet.balance()
    assert (lost.credits, lost.deposit) == ({}, 0)


def _check_reveal(market: DataMarket, request: int, ids: dict[str, int]) -> None:
    opened = market.local.market()
    market.client("node-1").evaluator.retire_holdout(request)
    retired = opened.registry.request(request).retired
    assert retired is not None
    reveal = loads_object(read_blob(opened.store, retired, 1 << 20), max_bytes=1 << 20)
    plain = read_blob(opened.store, Digest(bytes.fromhex(str(reveal["rows"]))), 1 << 24)
    salt = bytes.fromhex(str(reveal["salt"]))
    commitment = hashlib.sha256(b"databright/commit/v1" + salt + plain).digest()
    assert commitment == opened.registry.request(request).holdout
    holdout = rows_from_blob(plain)
    assert np.array_equal(holdout.x_NF, market.holdout.x_NF)
    evaluations = reveal["evaluations"]
    assert isinstance(evaluations, list)
    seen = set()
    for item in evaluations:
        assert isinstance(item, dict)
        figures = loads_object(
            read_blob(opened.store, Digest(bytes.fromhex(str(item["figures"]))), 1 << 20),
            max_bytes=1 << 20,
            allow_floats=True,
        )
        losses = [
            load_tensors(
                read_blob(opened.store, Digest(bytes.fromhex(str(item[name]))), 1 << 24),
                max_bytes=1 << 24,
                max_tensors=2,
            )["loss"]
            for name in ("losses_before", "losses_after")
        ]
        gain = figures["gain"]
        assert isinstance(gain, dict)
        # Losses are multiples of 2**-30, so their sum is exact and the mean is rounded once.
        assert gain["mean"] == (losses[0] - losses[1]).sum() / len(holdout)
        if figures["base"] == 0:
            zeros = np.zeros((len(holdout), 10), dtype=np.float32)
            assert np.array_equal(losses[0], log_losses(zeros, holdout.y_N))
        seen.add(item["proposal"])
    assert seen == set(ids.values())
