"""What an audit compares: for each table, which call answers for a row, and what must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databright.views.book import AnyTable
from databright.views.folds.compute_market import JOBS, NODES, SEGMENTS, SERVING, WORKERS
from databright.views.folds.data_market import DATASETS, PROPOSALS, REQUESTS, UNIT
from databright.views.folds.model_market import MODELS, PREDICTIONS
from databright.views.folds.money import ACCOUNTS, HOLDINGS, ZERO_ADDRESS
from databright.views.folds.shares import EVALUATORS, POOLS, TRANCHES
from databright.views.folds.votes import LOANS, MOTIONS, VOTERS, VOTES

Answer = Callable[..., Any]
"""(function, *arguments) -> what the contract answers at the audited block."""
Pairs = Mapping[str, tuple[object, object]]
"""What is compared -> (the index's value, the chain's)."""
_NO_DIGEST = "0x" + "0" * 64
_M52 = 2**52 - 1


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        table: whose rows.
        contract: name of the contract that answers.
        pairs: (row, answer) -> what must agree.
        counted_by: the contract's function that gives the number of rows, empty where there is
            none.
        dataset: of a row, whose Database answers; None where the contract is no Database.
    """

    table: AnyTable
    contract: str
    pairs: Callable[[Any, Answer], Pairs]
    counted_by: str = ""
    dataset: Callable[[Any], int] | None = None


def _same(row: Any, answer: Any, *names: str) -> Pairs:  # noqa: ANN401 - row and struct
    return {name: (getattr(row, name), getattr(answer, name)) for name in names}


# ------------------------------------------------------------------ money and shares


def _account(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"amount": (row.amount, answer("balanceOf", row.account))}


def _holding(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"shares": (row.shares, answer("balanceOf", row.holder, row.tranche))}


def _tranche(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {
        "shares": (row.shares, answer("shares_born", row.snapshot, row.id)),
        # An ending is the accumulator then, in 160 bits, and the snapshot.
        "ended": (row.ended, answer("endings", row.id) >> 160),
        "redirected_to": (row.redirected_to or ZERO_ADDRESS, answer("redirect", row.id)),
    }


def _pool(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("pool", row.dataset, row.snapshot)
    return {
        **_same(row, found, "amount", "paid", "total"),
        "root": (row.root or _NO_DIGEST, found.root),
        "released": (row.state == "released", found.is_released),
    }


def _evaluator(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"stake": (row.stake, answer("stake_of", row.dataset, row.evaluator))}


# ------------------------------------------------------------------ votes


def _voter(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {
        "earned": (row.earned, answer("earned_votes", row.dataset, row.account)),
        "genesis": (row.genesis, answer("genesis_weight", row.dataset, row.account)),
    }


def _loan(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("lent", row.dataset, row.lender)
    return _same(row, found, "oracle", "cap", "expiry", "least_confidence")


def _vote(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    # 1: an own ballot, whose side the contract does not keep; 2 and 3: lent weight for and against.
    expected = 1 if row.by == row.voter else 2 if row.support else 3
    return {"ballot": (expected, answer("ballot_of", row.proposal, row.voter))}


def _motion(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("motion", row.id)
    states = {1: "open", 2: "carried", 3: "lost", 4: "enacted"}
    return {
        **_same(row, found, "mover", "text", "bond", "electorate", "ready_at"),
        "kind": (row.kind, {1: "rules", 2: "takedown"}.get(found.kind)),
        "state": (row.state, states.get(found.status)),
    }


def _motion_tally(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    tally = answer("tallies", row.id)
    return {"yes": (row.yes, tally & _M52), "no": (row.no, (tally >> 52) & _M52)}


# ------------------------------------------------------------------ the data market


def _dataset(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {
        "creator": (row.creator, answer("creator_of", row.id)),
        "database": (row.database, answer("database_of", row.id)),
        "version": (row.version, answer("version_of", row.id)),
        "price_per_use": (row.price_per_use, answer("price_per_use", row.id)),
        "max_exposure_bps": (row.max_exposure_bps, answer("max_exposure_bps", row.id)),
    }


def _snapshot(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    shares = answer("total_shares", row.snapshot) if row.snapshot else 0
    return {
        "snapshot": (row.snapshot, answer("num_snapshots")),
        "shares": (row.shares, shares),
    }


def _request(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("request", row.id)
    return {
        **_same(row, found, "dataset", "initiator", "escrow", "deadline"),
        "state": (row.state, {1: "open", 2: "closed"}.get(found.status)),
        "reveal": (row.reveal or _NO_DIGEST, found.reveal),
    }


def _proposal(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    # A tally: yes 52 bits, no 52, and the status from bit 212 on.
    tally = answer("tallies", row.id)
    verdicts = {
        1: "open",
        2: "accepted",
        3: "rejected",
        4: "expired",
        5: "withdrawn",
        6: "revised",
    }
    return {
        "yes": (row.yes, tally & _M52),
        "no": (row.no, (tally >> 52) & _M52),
        "verdict": (row.verdict, verdicts.get((tally >> 212) & 15)),
    }


# ------------------------------------------------------------------ the compute market


def _worker(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    min_fee, stake, tls_pin, _, barred, leaving_at, _ = tuple(answer("worker", row.owner))
    return {
        "min_fee": (row.min_fee, min_fee),
        "stake": (row.stake, stake),
        "tls_pin": (row.tls_pin, tls_pin),
        "barred": (row.state == "barred", barred),
        "leaving": (row.state == "leaving", leaving_at != 0 and not barred),
    }


def _serving(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"until": (row.until, answer("served_until", row.owner, row.node))}


def _node(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return _same(row, answer("node", row.operator), "tls_pin", "hpke_key", "endpoint")


def _job(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("job", row.id)
    states = {1: "funded", 2: "running", 3: "finished", 4: "refunded"}
    segments = found.spec.num_shards * found.spec.num_rounds
    return {
        **_same(row, found, "buyer", "accepted", "metric_bps"),
        **_same(row, found.spec, "dataset", "snapshot"),
        "segments": (row.segments, segments),
        "state": (row.state, states.get(found.status)),
        "weights": (row.weights or _NO_DIGEST, found.weights),
    }


def _segment(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"result": (row.result, answer("segment_result", row.job, row.segment))}


# ------------------------------------------------------------------ the model market


def _model(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    names = ("owner", "job", "dataset", "snapshot", "weights", "metric_bps", "price")
    return _same(row, answer("model", row.id), *names)


def _prediction(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("prediction", row.id)
    states = {1: "open", 2: "fulfilled", 3: "refunded"}
    return {
        **_same(row, found, "model", "payer", "price"),
        "state": (row.state, states.get(found.status)),
    }


CHECKS: Sequence[Check] = (
    Check(ACCOUNTS, "MarketToken", _account),
    Check(HOLDINGS, "Database", _holding, dataset=lambda row: row.tranche // UNIT),
    Check(TRANCHES, "Database", _tranche, dataset=lambda row: row.dataset),
    Check(POOLS, "ValuePools", _pool),
    Check(EVALUATORS, "Challenges", _evaluator),
    Check(VOTERS, "CuratorToken", _voter),
    Check(LOANS, "CuratorToken", _loan),
    Check(VOTES, "CuratorToken", _vote),
    Check(MOTIONS, "Motions", _motion),
    Check(MOTIONS, "CuratorToken", _motion_tally),
    Check(DATASETS, "Charter", _dataset, "num_datasets"),
    Check(DATASETS, "Database", _snapshot, dataset=lambda row: row.id),
    Check(REQUESTS, "DataRequests", _request, "num_requests"),
    Check(PROPOSALS, "CuratorToken", _proposal),
    Check(WORKERS, "WorkerRegistry", _worker, "num_workers"),
    Check(SERVING, "WorkerRegistry", _serving),
    Check(NODES, "WorkerRegistry", _node, "num_nodes"),
    Check(JOBS, "JobEscrow", _job, "num_jobs"),
    Check(SEGMENTS, "JobEscrow", _segment),
    Check(MODELS, "ModelRegistry", _model, "num_models"),
    Check(PREDICTIONS, "PredictionMarket", _prediction, "num_predictions"),
)
"""Everything that is compared; a row that a contract cannot answer for has no check."""
