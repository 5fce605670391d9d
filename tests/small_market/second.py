"""Dataset 2 of the small market: an optimistic acceptance, a value pool, motions on its rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from benchmarks.metering.session import CHAIN_ID
from tests.small_market.chain import Chain, sha256
from tests.small_market.steps import (
    CHALLENGE_BOND,
    CURATORS,
    MAX,
    NODES,
    execute,
    rules,
    vote,
    wait,
)
from tests.verifier.calls import RULES_KIND


def second_dataset(chain: Chain) -> None:
    """Create it and put stakes on it."""
    changes = {"a_bps": 6_000, "review_minutes": 1, "optimistic_window": 100, "bond": 11}
    given = rules(chain, **changes, evaluator_stake=CHALLENGE_BOND)
    chain.send("erin", "Charter", "create_dataset", given)
    chain.bind_database(2)
    for node in NODES:
        chain.send(node, "Challenges", "stake", 2, CHALLENGE_BOND)


def play_second(chain: Chain) -> None:
    """Dataset 2: optimistic acceptance, a value pool, ends without a verdict, motions."""
    withdrawn = chain.propose("carol", 2, 0)
    chain.send("carol", "DataAssociation", "withdraw_proposal", withdrawn)
    terms = chain.propose("bob", 2, 2, num_rows=4)
    verdict = chain.measure(terms, [], 0.3)
    for node in NODES[:2]:
        chain.publish(verdict, node)
    wait(chain, 60)
    chain.send("bob", "Verdicts", "post_verdict", terms, *chain.signed(verdict, NODES[:2]))
    wait(chain, 100)
    execute(chain, terms, verdict, NODES[:2])
    _pool(chain, terms)
    _vetoed(chain, terms)
    third = chain.propose("dave", 2, 2)
    wrong = chain.measure(third, [(terms[0], 4), (terms[0] + 1, 4)], 0.2)
    chain.send("erin", "Challenges", "challenge", third[0], *chain.signed(wrong, NODES[2:]))
    wait(chain)
    chain.send("dave", "Challenges", "lapse", third)
    changed = rules(
        chain, bond=13, a_bps=9_000, curators=[], weights=[], evaluator_stake=CHALLENGE_BOND,
        evaluators=[chain.address(who) for who in (*NODES[1:], "initiator")],
    )  # fmt: skip
    payload = keccak(encode([RULES_KIND], [changed]))
    for who, text, support in (("curator-2", b"better", True), ("mallory", b"worse", False)):
        chain.send(who, "Motions", "move", 2, 1, payload, sha256(text))
        (moved,) = chain.events("Moved", "Motions")
        wait(chain, 60)
        others = [one for one in ("curator-1", "curator-3", "bob") if one != who]
        vote(chain, moved["motion"], others, support)
        wait(chain)
        chain.send("dave", "Motions", "settle_motion", moved["motion"])
        if support:
            wait(chain)
            chain.send("dave", "Motions", "enact_rules", moved["motion"], changed)
    chain.send("curator-3", "CuratorToken", "take_back", 1)
    chain.send("curator-3", "CuratorToken", "cancel_ballots", 1)


def _pool(chain: Chain, terms: tuple[Any, ...]) -> None:
    database = chain.address("Database 2")
    chain.send("dave", "MarketToken", "approve", database, MAX)
    chain.send("dave", "Database 2", "fund", 1, 1_001)
    leaves = [
        keccak(b"\0" + bytes.fromhex(chain.address(who)[2:]) + worth.to_bytes(32, "big"))
        for who, worth in (("bob", 70), ("alice", 30))
    ]
    root = keccak(b"\1" + b"".join(sorted(leaves)))
    given = (2, 1, root, 100)
    signatures = _sign_values(chain, given, NODES[:2], 1)
    chain.send("dave", "ValuePools", "post_values", *given, signatures)
    wait(chain)
    chain.send("dave", "ValuePools", "claim_value", 2, 1, chain.address("bob"), 70, [leaves[1]])
    chain.send("dave", "Database 2", "fund", 1, 500)
    chain.send("dave", "ValuePools", "claim_value", 2, 1, chain.address("alice"), 30, [leaves[0]])
    chain.send("dave", "ValuePools", "claim_value", 2, 1, chain.address("bob"), 70, [leaves[1]])
    chain.send("dave", "Verdicts", "release_bond", terms)


def _sign_values(
    chain: Chain, given: tuple[int, int, bytes, int], whos: Sequence[str], purpose: int
) -> list[bytes]:
    kinds = ["address", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256"]
    pools = chain.contracts["ValuePools"].address
    digest = keccak(encode(kinds, [pools, CHAIN_ID, *given, purpose]))
    return chain.sign_digest(whos, digest)


def _vetoed(chain: Chain, before: tuple[Any, ...]) -> None:
    """Another snapshot, whose values are taken back: its pool falls to the shares."""
    terms = chain.propose("bob", 2, 2, num_rows=4)
    verdict = chain.measure(terms, [(before[0], before[7])], 0.2)
    for node in NODES[2:]:
        chain.publish(verdict, node)
    wait(chain, 60)
    vote(chain, terms[0], CURATORS, True)
    wait(chain)
    execute(chain, terms, verdict, NODES[2:])
    chain.send("dave", "Database 2", "fund", 2, 2_003)
    given = (2, 2, sha256(b"values"), 7)
    posted = _sign_values(chain, given, NODES[:2], 1)
    chain.send("dave", "ValuePools", "post_values", *given, posted)
    vetoed = _sign_values(chain, given, NODES[2:], 2)
    chain.send("dave", "ValuePools", "veto_values", 2, 2, vetoed)
    chain.send("dave", "Database 2", "fund", 2, 1_009)
    chain.send("dave", "Verdicts", "release_bond", terms)
    chain.send("bob", "Database 2", "claim_many", [before[0], terms[0]])
