"""A small market played from its deployment to its last withdrawal, and the story told of it.

Every act of the data market is in it: batch, revision, override, relayed and lent ballots, late
ballot, challenge upheld, copy, removal, takedown in dataset 1; withdrawal, optimistic acceptance,
value pool, unanswered challenge, expiry, new rules and a lost motion in dataset 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from databright.records.point_proof import prove_point
from databright.records.point_proof_forms import proof_to_bytes
from databright.records.points import Part, PointTree
from databright.records.terms import SnapshotEntry, Terms
from databright.units import Address, Digest, Shares
from tests.small_market.chain import DELETION_FIELDS, Chain, sha256
from tests.small_market.second import play_second, second_dataset
from tests.small_market.steps import (
    CHALLENGE_BOND,
    CURATORS,
    MAX,
    NODES,
    PEOPLE,
    PERIOD,
    ROWS,
    STAKE,
    execute,
    rules,
    vote,
    wait,
)
from tests.verifier.content import RAW, canonical, cid, dump_tensors


@dataclass
class Played:
    """What the play remembers: the story's objects, told by who played them.

    Attributes:
        chain: the chain.
        acts: the story's new objects.
        proof: the point proof's bytes.
    """

    chain: Chain
    acts: dict[str, Any]
    proof: bytes = b""


def _opened(chain: Chain) -> None:
    """Money, nodes, datasets, requests, stakes, loans."""
    payers = {
        "DataAssociation": ("alice", "bob", "carol", "dave", "mallory", "erin"),
        "Challenges": (*NODES, "curator-2", "erin"),
        "DataRequests": ("initiator", "bob"),
        "Motions": ("curator-2", "mallory"),
    }
    for contract, names in payers.items():
        for who in names:
            chain.send(who, "MarketToken", "approve", chain.address(contract), MAX)
    for who in payers["DataAssociation"]:
        chain.send(who, "DataAssociation", "deposit", 20_000)
    for node in NODES:
        pin = sha256(node.encode())
        chain.send(node, "WorkerRegistry", "register_node", pin, pin, f"{node}:1")
    chain.send("initiator", "Charter", "create_dataset", rules(chain))
    chain.bind_database(1)
    for node in NODES:
        chain.send(node, "Challenges", "stake", 1, STAKE + 7)
    chain.labels = chain.draws.integers(0, 3, ROWS)
    deadline = chain.session.now + 10**6
    for dataset in (1, 2):
        if dataset == 2:
            second_dataset(chain)
        holdout = (dump_tensors(_holdout(chain)), bytes(range(32)))
        commitment = sha256(b"databright/commit/v1" + holdout[1] + holdout[0])
        curve = [(300_000, 50), (2**52 - 1, 20)]
        digest = sha256(b"some blob")
        given = (curve, deadline, commitment, digest, digest, digest)
        chain.send("initiator", "DataRequests", "open_request", dataset, 60_000, *given)
    chain.send("bob", "DataRequests", "top_up", 1, 4_000)
    lend = ("curator-1", "curator-3")
    for who, least in zip(lend, (0, 9_500), strict=True):
        oracle, expiry = chain.address("oracle"), chain.session.now + 10**5
        chain.send(who, "CuratorToken", "lend", 1, oracle, 99_999, expiry, least)


def _holdout(chain: Chain) -> dict[str, Any]:
    return {"x": np.zeros((ROWS, 2), np.float32), "y": np.asarray(chain.labels, np.int64)}


def _batch(chain: Chain, played: Played) -> tuple[Any, ...]:
    owners, secrets = ("alice", "contributor-9"), (b"\x01" * 32, b"\x02" * 32)
    parts, listed = [], []
    for owner, secret, count in zip(owners, secrets, (4, 3), strict=True):
        sealed = chain.put(b"sealed rows of " + owner.encode())
        envelopes = chain.put(b"envelopes of " + owner.encode())
        row_digests = tuple(sha256(bytes((k,)) + secret) for k in range(count))
        part = Part(Address(chain.address(owner)), Digest(sealed), secret, row_digests)
        parts.append(part)
        listed.append({
            "owner": chain.address(owner), "num_rows": count, "ciphertext": cid(RAW, sealed),
            "envelopes": cid(RAW, envelopes), "commitment": sealed.hex(),
        })  # fmt: skip
    ref = chain.put(canonical({"kind": "databright/sealed-rows/v1", "parts": listed}))
    tree = PointTree(parts)
    terms = chain.propose("alice", 1, 1, root=tree.root, ref=ref, num_rows=7)
    verdict = chain.measure(terms, [], 0.4)
    for node in NODES[:2]:
        chain.publish(verdict, node)
    deadline = chain.session.now + 300
    ballots = [chain.ballot(who, terms[0], True, deadline) for who in ("curator-1", "curator-3")]
    # One who has no weight, and one who signed already, are passed over.
    ballots += [chain.ballot("bob", terms[0], True, deadline), ballots[0]]
    chain.send("curator-2", "CuratorToken", "vote_signed", ballots)
    execute(chain, terms, verdict, NODES[:2])
    names = ("owner", "ciphertext", "num_rows")
    told = [dict(zip(("owner", "cid", "num_rows"), (p[n] for n in names), strict=True))
            for p in listed]  # fmt: skip
    played.acts["batch"] = {"proposal": terms[0], "root": tree.root.hex(), "parts": told}
    played.acts["relay"] = {
        "proposal": terms[0], "relayer": chain.address("curator-2"), "ballots": 2, "repaid": "6"
    }  # fmt: skip
    commitment = Terms(*terms).commitment()
    shares = Shares(verdict["amount"])
    entries = [SnapshotEntry(terms[0], commitment, shares, 1)]
    proof = prove_point(
        tree, 5, Terms(*terms), entries=entries, snapshot=1, licence=Digest(sha256(b"licence"))
    )
    played.proof = proof_to_bytes(proof)
    played.acts["point_proof"] = {
        "proposal": terms[0], "index": 5, "bytes": len(played.proof), "snapshot": 1, "models": []
    }  # fmt: skip
    return terms


def _revision(chain: Chain, played: Played, first: tuple[Any, ...]) -> tuple[Any, ...]:
    early = chain.propose("bob", 1, 1, num_rows=3)
    given = [(first[0], first[7])]
    chain.publish(chain.measure(early, given, 0.2), "node-1")
    vote(chain, early[0], ["curator-2"], True)
    terms = chain.revise("bob", early, 8)
    verdict = chain.measure(terms, given, 0.3, own=[early[0]])
    for node in ("node-1", "node-3"):
        chain.publish(verdict, node)
    vote(chain, terms[0], ["curator-1", "curator-3", "alice"], True)
    wait(chain)
    execute(chain, terms, verdict, ("node-1", "node-3"))
    chain.executed[early[0]] = {
        "id": early[0], "contributor": chain.address("bob"), "kind": "honest",
        "verdict": "revised", "reason": f"revised as proposal {terms[0]}", "copy_of": None,
        "log_loss_gain": 0.0, "ci95": [0.0, 0.0], "shares": "0",
    }  # fmt: skip
    played.acts["revision"] = {"thread": [early[0], terms[0]], "proposal": terms[0]}
    return terms


def _override(chain: Chain, played: Played, before: Sequence[tuple[int, int]]) -> tuple[Any, ...]:
    sealed, envelopes = chain.put(b"rows of carol"), chain.put(b"envelopes of carol")
    part = {
        "owner": chain.address("carol"), "num_rows": 6, "ciphertext": cid(RAW, sealed),
        "envelopes": cid(RAW, envelopes), "commitment": sealed.hex(),
    }  # fmt: skip
    ref = chain.put(canonical({"kind": "databright/sealed-rows/v1", "parts": [part]}))
    terms = chain.propose("carol", 1, 1, ref=ref, num_rows=6)
    verdict = chain.measure(terms, before, 0.2)
    for node in ("node-2", "node-4"):
        chain.publish(verdict, node)
    lenders = [chain.address(who) for who in ("curator-1", "curator-3", "bob", "curator-1")]
    chain.send("oracle", "CuratorToken", "vote_lent", terms, False, 9_000, lenders)
    weight = chain.contracts["CuratorToken"].call("lent_tallies", terms[0]) >> 52
    vote(chain, terms[0], ["curator-1"], True)
    # Late, and the yes side leads: the deadline moves.
    wait(chain, PERIOD - 60)
    vote(chain, terms[0], ["curator-3", "alice"], True)
    wait(chain, 2 * PERIOD)
    execute(chain, terms, verdict, ("node-2", "node-4"))
    played.acts["override"] = {
        "proposal": terms[0], "lender": chain.address("curator-1"),
        "oracle": chain.address("oracle"), "oracle_support": False, "own_support": True,
        "weight": str(weight),
    }  # fmt: skip
    return terms


def _challenged(chain: Chain, played: Played, before: Sequence[tuple[int, int]]) -> None:
    terms = chain.propose("dave", 1, 1, payee="erin")
    honest = chain.measure(terms, before, -0.2)
    lie = {**honest, "outcome": 0, "amount": 70_000, "evidence": chain.put(b'{"kind":"lie"}')}
    for node in ("node-3", "node-4"):
        chain.publish(lie, node)
    chain.send("curator-2", "Challenges", "challenge", terms[0],
               *chain.signed(lie, ("node-3", "node-4")))  # fmt: skip
    for node in NODES[:2]:
        chain.publish(honest, node)
    signed = chain.signed(honest, NODES[:2])
    chain.send("initiator", "Challenges", "answer", terms[0], *signed)
    vote(chain, terms[0], ["alice", *CURATORS], False)
    execute(chain, terms, honest, NODES[:2], "rejected")
    chain.executed[terms[0]]["kind"] = "flipped"
    pot = 2 * (STAKE + 7)
    played.acts["challenge"] = {
        "proposal": terms[0], "challenger": chain.address("curator-2"),
        "bond": str(CHALLENGE_BOND), "base": 3, "claimed_amount": "70000",
        "measured_outcome": honest["outcome"], "measured_amount": "0",
        "first_signers": _ascending(chain, ("node-3", "node-4")),
        "second_signers": _ascending(chain, NODES[:2]), "status": "upheld",
        "reward": str(2 * CHALLENGE_BOND), "burnt": str(pot - 2 * CHALLENGE_BOND),
    }  # fmt: skip


def _ascending(chain: Chain, whos: Sequence[str]) -> list[str]:
    return sorted((chain.address(who) for who in whos), key=lambda address: int(address, 16))


def _copied(chain: Chain, played: Played, before: Sequence[tuple[int, int]]) -> None:
    terms = chain.propose("mallory", 1, 1)
    second = chain.propose("mallory", 1, 0)
    verdict = chain.measure(terms, before, 0.1, copy_of=before[0][0])
    for node in NODES[:2]:
        chain.publish(verdict, node)
    vote(chain, terms[0], ["curator-1"], True)
    wait(chain, PERIOD)
    execute(chain, terms, verdict, NODES[:2], "rejected", 1)
    chain.executed[terms[0]]["kind"] = "copy"
    # Nobody measures her second one: it expires, with its doubled bond.
    wait(chain, 3 * PERIOD)
    chain.send("mallory", "Verdicts", "expire", second)


def _income(chain: Chain, played: Played, tranche: int) -> None:
    database = chain.address("Database 1")
    chain.send("initiator", "MarketToken", "approve", database, MAX)
    for snapshot, amount in ((1, 1_003), (3, 2_001), (2, 777)):
        chain.send("initiator", "Database 1", "fund", snapshot, amount)
    chain.send("alice", "Database 1", "claim", tranche)
    chain.send("initiator", "Database 1", "fund", 3, 3_333)
    due = chain.contracts["Database 1"].call("claimable", tranche, chain.address("alice"))
    receiver = chain.address("investor")
    chain.send("alice", "Database 1", "transfer", receiver, tranche, 12_345)
    played.acts["transfer"] = {
        "tranche": tranche, "from": chain.address("alice"), "to": receiver, "shares": "12345",
        "credited": str(due),
    }  # fmt: skip
    chain.send("initiator", "Database 1", "fund", 2, 5_555)
    chain.send("investor", "Database 1", "claim", tranche)
    chain.send("initiator", "Database 1", "fund", 3, 1_111)


def _taken_down(chain: Chain, played: Played, terms: tuple[Any, ...]) -> None:
    tranche, born, to = terms[0], 3, chain.address("initiator")
    payload = keccak(encode(["uint256", "uint256", "address"], [tranche, born, to]))
    chain.send("curator-2", "Motions", "move", 1, 2, payload, sha256(b"why"))
    (moved,) = chain.events("Moved", "Motions")
    lenders = [chain.address("curator-1")]
    empty = (moved["motion"], 0, to, to, *3 * [bytes(32)], *5 * [0])
    chain.send("oracle", "CuratorToken", "vote_lent", empty, True, 10_000, lenders)
    vote(chain, moved["motion"], ["curator-3", "alice", "bob"], True)
    wait(chain)
    chain.send("bob", "Motions", "settle_motion", moved["motion"])
    wait(chain)
    given = (tranche, born, to)
    chain.send("bob", "Motions", "enact_takedown", moved["motion"], *given)
    for node in NODES[:2]:
        _erase(chain, node, tranche)
    redirected = chain.contracts["Database 1"].call("claimable", tranche, chain.address("carol"))
    chain.send("bob", "Database 1", "claim_for", tranche, chain.address("carol"))
    played.acts["takedown"] = {
        "motion": moved["motion"], "tranche": tranche, "to": to, "snapshot": 4,
        "redirected": str(redirected), "erased_by": [chain.address(node) for node in NODES[:2]],
        "flagged_models": [],
    }  # fmt: skip


def _erase(chain: Chain, node: str, tranche: int) -> None:
    named = [(cid(RAW, sha256(blob)), sha256(blob)) for blob in
             (b"rows of carol", b"envelopes of carol")]  # fmt: skip
    lists: dict[bool, list[str]] = {True: [], False: []}
    for text, digest in named:
        lists[chain.drop(text, digest)].append(text)
    contents = sha256(canonical([lists[True], lists[False]]))
    values = {"dataset": 1, "tranche": tranche, "erasedAt": chain.session.now}
    values_signed = {**values, "contents": contents}
    signature = chain.sign(node, "Charter", "Deletion", DELETION_FIELDS, values_signed)
    log = {
        "kind": "databright/deletion-log/v1", "dataset": 1, "tranche": tranche,
        "node": chain.address(node), "erased_at": values["erasedAt"], "erased": lists[True],
        "missing": lists[False], "signature": signature.hex(),
    }  # fmt: skip
    chain.send(node, "Charter", "log_erasure", 1, tranche, chain.put(canonical(log)))


def _ended(chain: Chain, tranches: Sequence[int]) -> None:
    """A removal, retired holdouts, closed requests, and everybody takes what it is owed."""
    chain.send("bob", "Database 1", "remove", tranches[1])
    chain.send("initiator", "Database 1", "fund", 5, 2_222)
    chain.send("initiator", "Database 1", "fund", 2, 909)
    salt, rows = bytes(range(32)), dump_tensors(_holdout(chain))
    chain.put(rows)
    for request, node in ((1, "node-1"), (2, "node-2")):
        found = [one for one in chain.evaluations if one["proposal"] // 10**6 == request]
        reveal = {
            "kind": "databright/holdout-reveal/v1", "request": request, "salt": salt.hex(),
            "rows": hashlib.sha256(rows).hexdigest(), "evaluations": found,
        }  # fmt: skip
        digest = chain.put(canonical(reveal))
        chain.send(node, "DataRequests", "retire_holdout", request, digest)
        chain.send("initiator", "DataRequests", "close_request", request)
    for who in ("alice", "bob", "investor", "initiator"):
        chain.send(who, "Database 1", "claim_many", list(tranches))
        chain.send(who, "Database 1", "withdraw")
    chain.send("node-4", "Challenges", "unstake", 2)
    wait(chain, 180 * 86_400)
    chain.send("node-4", "Challenges", "unstake", 2)
    for contract in ("DataAssociation", "Challenges", "Motions", "DataRequests"):
        for who in PEOPLE[1:]:
            if chain.contracts[contract].call("credit_of", chain.address(who)):
                chain.send(who, contract, "withdraw")
    chain.send("dave", "DataAssociation", "withdraw")


def play(chain: Chain) -> Played:
    """Play all of it."""
    played = Played(chain, {})
    chain.deploy()
    _opened(chain)
    first = _batch(chain, played)
    second = _revision(chain, played, first)
    before = [(first[0], first[7]), (second[0], second[7])]
    third = _override(chain, played, before)
    before.append((third[0], third[7]))
    _challenged(chain, played, before)
    _copied(chain, played, before)
    _income(chain, played, first[0])
    _taken_down(chain, played, third)
    play_second(chain)
    _ended(chain, [first[0], second[0], third[0]])
    return played
