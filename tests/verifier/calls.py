"""Calls of the market that are read from transactions, written out by hand from its contracts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from tests.verifier.ethereum import checksummed

RULES = (
    "metadata", "schema", "licence", "closes_at", "quorum_bps", "review_minutes", "voting_period",
    "bond", "evaluation_fee", "relay_price", "mint_cap", "epoch_length", "price_per_use",
    "prediction_bps", "max_exposure_bps", "a_bps", "threshold", "optimistic_window",
    "challenge_bond", "evaluator_stake", "tolerance_bps", "change_delay", "evaluators", "nodes",
    "curators", "weights", "programs",
)  # fmt: skip
TERMS = (
    "proposal", "request", "proposer", "payee", "root", "ref", "manifest", "num_rows", "revises",
    "bond", "fee", "electorate",
)  # fmt: skip
JOB_SPEC = (
    "dataset", "snapshot", "program", "spec", "num_shards", "num_rounds", "replicas", "cap_bps",
    "segment_price", "reserve", "node_fee", "chain_fee", "chain_price", "silence",
)  # fmt: skip
VERDICT = ["base", "holdout_epoch", "outcome", "copy_of", "amount", "evidence"]

RULES_KIND = (
    "(bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "address[],address[],address[],uint256[],bytes32[])"
)
TERMS_KIND = (
    "(uint256,uint256,address,address,bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256,"
    "uint256)"
)
VERDICT_KIND = "(uint256,uint256,uint256,uint256,uint256,bytes32)"
_SIGNED = (VERDICT_KIND, "bytes[]")
CALLS: Mapping[str, tuple[str, ...]] = {
    # CuratorToken
    "vote": ("uint256", "bool"),
    "vote_many": ("uint256[]", "uint256"),
    "vote_signed": ("(uint256,bytes32,bytes32)[]",),
    "vote_lent": (TERMS_KIND, "bool", "uint256", "address[]"),
    "lend": ("uint256", "address", "uint256", "uint256", "uint256"),
    "take_back": ("uint256",),
    "cancel_ballots": ("uint256",),
    # DataRequests
    "open_request": (
        "uint256",
        "uint256",
        "(uint256,uint256)[]",
        "uint256",
        "bytes32",
        "bytes32",
        "bytes32",
        "bytes32",
    ),
    # DataAssociation
    "propose": ("uint256", "uint256", "address", "bytes32", "bytes32", "bytes32", "uint256"),
    "withdraw_proposal": (TERMS_KIND,),
    "revise": (TERMS_KIND, "bytes32", "bytes32", "bytes32", "uint256"),
    # Verdicts
    "execute": (TERMS_KIND, *_SIGNED, "uint256"),
    "post_verdict": (TERMS_KIND, *_SIGNED),
    "expire": (TERMS_KIND,),
    "release_bond": (TERMS_KIND,),
    # Challenges
    "challenge": ("uint256", *_SIGNED),
    "answer": ("uint256", *_SIGNED),
    "lapse": (TERMS_KIND,),
    "stake": ("uint256", "uint256"),
    "unstake": ("uint256",),
    # Charter, Motions
    "create_dataset": (RULES_KIND,),
    "move": ("uint256", "uint256", "bytes32", "bytes32"),
    "settle_motion": ("uint256",),
    "enact_rules": ("uint256", RULES_KIND),
    "enact_takedown": ("uint256", "uint256", "uint256", "address"),
    # Database
    "remove": ("uint256",),
    # ValuePools
    "post_values": ("uint256", "uint256", "bytes32", "uint256", "bytes[]"),
    "veto_values": ("uint256", "uint256", "bytes[]"),
    "claim_value": ("uint256", "uint256", "address", "uint256", "bytes32[]"),
    # JobEscrow, MarketToken, and what all contracts with money have
    "open_job": (
        "(uint256,uint256,bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
        "uint256,uint256,uint256)",
    ),
    "accept": ("uint256", "uint256", "bytes32", "(uint256,bytes32,address[])[]"),
    "transfer": ("address", "uint256"),
    "withdraw": (),
    "withdraw_for": ("address",),
}
"""Functions whose arguments are read from transactions."""
_BY_SELECTOR = {
    keccak(text=f"{name}({','.join(kinds)})")[:4]: name for name, kinds in CALLS.items()
}


def called(calldata: bytes) -> str:
    """Which of the functions a transaction calls; "" for any other."""
    return _BY_SELECTOR.get(calldata[:4], "")


@cache
def read_call(name: str, calldata: bytes) -> tuple[Any, ...]:
    """Arguments of a call, when it is one of that function."""
    if called(calldata) != name:
        raise ValueError(f"a transaction that should call {name} calls something else")
    return tuple(decode(CALLS[name], calldata[4:]))


def terms_of(values: tuple[Any, ...]) -> dict[str, Any]:
    """Terms as a call has them, by name."""
    found = dict(zip(TERMS, values, strict=True))
    for name in ("proposer", "payee"):
        found[name] = checksummed(found[name])
    return found


def rules_in(values: tuple[Any, ...]) -> dict[str, Any]:
    """Rules as a call has them, by name."""
    found = dict(zip(RULES, values, strict=True))
    for name in ("evaluators", "nodes", "curators"):
        found[name] = [checksummed(address) for address in found[name]]
    return found
