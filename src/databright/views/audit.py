"""The index against the chain: what rows say and what contracts answer at the same block.

Events tell what happened, a contract's state tells what came of it; the two are written by
different lines of the contracts and read by different lines here. A check names a table, the
call that answers for one of its rows, and the fields that must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databright.chain.bindings import Contract
from databright.chain.market_contracts import MarketContracts
from databright.errors import ChainError
from databright.views.batches import IndexedBlock, json_safe
from databright.views.book import AnyTable
from databright.views.folds.compute_market import JOBS, NODES, SEGMENTS, SERVING, WORKERS
from databright.views.folds.data_market import DATASETS, PROPOSALS, REQUESTS, VOTES
from databright.views.folds.model_market import MODELS, PREDICTIONS
from databright.views.folds.money import ACCOUNTS, HOLDINGS
from databright.views.folds.shares import LOANS, TRANCHES, VOTERS
from databright.views.index import Index
from databright.views.snapshot import Snapshot

Answer = Callable[..., Any]
"""(function, *arguments) -> what the contract answers at the audited block."""
DATABASE = "Database"
Pairs = Mapping[str, tuple[object, object]]
"""What is compared -> (the index's value, the chain's)."""


@dataclass(frozen=True)
class Difference:
    """Where index and chain disagree.

    Attributes:
        table: the table.
        id: the row's key, its parts joined by "/".
        field: what differs.
        index: what the index says.
        chain: what the chain says.
    """

    table: str
    id: str
    field: str
    index: object
    chain: object


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        block: the block that it was made at.
        block_hash: its hash.
        rows: rows compared.
        values: values compared.
        differences: where the two disagree; empty for a sound index.
    """

    block: int
    block_hash: str
    rows: int
    values: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        table: whose rows.
        contract: name of the contract that answers; of a Database, the row's dataset tells which.
        pairs: (row, answer) -> what must agree.
        counted_by: the contract's function that gives the number of rows, empty where there is
            none.
    """

    table: AnyTable
    contract: str
    pairs: Callable[[Any, Answer], Pairs]
    counted_by: str = ""


def audit(index: Index, contracts: MarketContracts) -> AuditReport:
    """Compare the index with the chain at the index's newest block.

    Args:
        index: the index, fed up to a block whose state the chain still has.
        contracts: the market.

    Returns:
        What differs.

    Raises:
        ChainError: the index is empty, or the chain was reorganised below its newest block.
    """
    with index.snapshot() as snapshot:
        head = snapshot.head
        if head is None:
            raise ChainError("the index holds no block yet: run: databright index rebuild")
        _require_block(contracts, head)
        tally = _Tally(contracts, snapshot, head.number)
        for check in CHECKS:
            tally.run(check)
        tally.add_up()
        _require_block(contracts, head)
    return AuditReport(head.number, head.hash, tally.rows, tally.values, tuple(tally.found))


def _require_block(contracts: MarketContracts, head: IndexedBlock) -> None:
    header = contracts.chain.header(head.number)
    if header is None or header.hash != head.hash:
        raise ChainError(
            f"the chain has taken block {head.number} ({head.hash}) back: run the audit again"
        )


class _Tally:
    def __init__(self, contracts: MarketContracts, snapshot: Snapshot, block: int) -> None:
        self._market = contracts
        self._snapshot = snapshot
        self._block = block
        fixed = (
            contracts.token,
            contracts.curator_token,
            contracts.association,
            contracts.workers,
            contracts.escrow,
            contracts.models,
            contracts.predictions,
        )
        self._contracts = {contract.artifact.name: contract for contract in fixed}
        self.rows = self.values = 0
        self.found: list[Difference] = []

    def _answer(self, contract: Contract) -> Answer:
        def answer(fn: str, *args: object) -> Any:  # noqa: ANN401 - the interface's
            return contract.call(fn, *args, block=self._block)

        return answer

    def run(self, check: Check) -> None:
        """Compare a table's rows one by one, and their number."""
        rows = self._snapshot.rows(check.table)
        if check.counted_by:
            number = self._answer(self._contracts[check.contract])(check.counted_by)
            self._compare(check.table.name, "all", {"rows": (len(rows), number)})
        for row in rows:
            self.rows += 1
            contract = (
                self._market.database(row.dataset)
                if check.contract == DATABASE
                else self._contracts[check.contract]
            )
            key = "/".join(str(part) for part in check.table.order(row))
            self._compare(check.table.name, key, check.pairs(row, self._answer(contract)))

    def add_up(self) -> None:
        """Compare sums of rows with supplies: a holder that the index lacks shows here."""
        token = self._answer(self._market.token)
        held = sum(row.amount for row in self._snapshot.rows(ACCOUNTS))
        self._compare("accounts", "all", {"sum of amount": (held, token("totalSupply"))})
        shares = self._answer(self._market.curator_token)
        for tranche in self._snapshot.rows(TRANCHES):
            holders = self._snapshot.rows(HOLDINGS, of=tranche.id)
            sums = (sum(row.shares for row in holders), shares("totalSupply", tranche.id))
            self._compare("holdings", f"{tranche.id}/all", {"sum of shares": sums})
        for proposal in self._snapshot.rows(PROPOSALS):
            cast = self._snapshot.rows(VOTES, of=proposal.id)
            for side, support in (("yes", True), ("no", False)):
                weight = sum(vote.weight for vote in cast if vote.support is support)
                pairs: Pairs = {f"sum of {side}": (weight, getattr(proposal, side))}
                self._compare("votes", f"{proposal.id}/all", pairs)

    def _compare(self, table: str, key: str, pairs: Pairs) -> None:
        for field, (ours, raw) in pairs.items():
            self.values += 1
            theirs = json_safe(raw)
            if ours != theirs:
                self.found.append(Difference(table, key, field, ours, theirs))


# ------------------------------------------------------------------ the checks


def _same(row: Any, answer: Any, *names: str) -> Pairs:  # noqa: ANN401 - row and struct
    return {name: (getattr(row, name), getattr(answer, name)) for name in names}


def _account(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"amount": (row.amount, answer("balanceOf", row.account))}


def _holding(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"shares": (row.shares, answer("balanceOf", row.holder, row.tranche))}


def _tranche(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {
        "snapshot": (row.snapshot, answer("born_of", row.id)),
        "shares": (row.shares, answer("shares_of", row.id)),
        "root": (row.root, answer("snapshot", row.snapshot).root),
    }


def _voter(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"earned": (row.earned, answer("earned_votes", row.dataset, row.account))}


def _loan(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return _same(row, answer("lent", row.dataset, row.lender), "oracle", "cap", "expiry")


def _dataset(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {
        "creator": (row.creator, answer("creator_of", row.id)),
        "database": (row.database, answer("database_of", row.id)),
        "price_per_use": (row.price_per_use, answer("price_per_use", row.id)),
        "max_exposure_bps": (row.max_exposure_bps, answer("max_exposure_bps", row.id)),
    }


def _request(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("request", row.id)
    same = _same(row, found, "dataset", "initiator", "escrow", "award_rate", "deadline")
    return {**same, "state": (row.state, {1: "open", 2: "closed"}.get(found.status))}


def _proposal(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("proposal", row.id)
    names = ("dataset", "request", "proposer", "num_rows", "deadline", "yes", "no")
    verdicts = {1: "open", 2: "accepted", 3: "rejected", 4: "expired"}
    return {
        **_same(row, found, *names),
        "verdict": (row.verdict, verdicts.get(found.status)),
    }


def _vote(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    found = answer("ballot", row.proposal, row.voter)
    cast, weight, by = tuple(found)
    return {
        "support": (row.support, {1: True, 2: False}.get(cast)),
        "weight": (row.weight, weight),
        "by": (row.by, by),
    }


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
        "weights": (row.weights or "0x" + "0" * 64, found.weights),
    }


def _segment(row: Any, answer: Answer) -> Pairs:  # noqa: ANN401
    return {"result": (row.result, answer("segment_result", row.job, row.segment))}


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
    Check(HOLDINGS, "CuratorToken", _holding),
    Check(VOTERS, "CuratorToken", _voter),
    Check(LOANS, "CuratorToken", _loan),
    Check(TRANCHES, DATABASE, _tranche),
    Check(DATASETS, "DataAssociation", _dataset, "num_datasets"),
    Check(REQUESTS, "DataAssociation", _request, "num_requests"),
    Check(PROPOSALS, "DataAssociation", _proposal, "num_proposals"),
    Check(VOTES, "DataAssociation", _vote),
    Check(WORKERS, "WorkerRegistry", _worker, "num_workers"),
    Check(SERVING, "WorkerRegistry", _serving),
    Check(NODES, "WorkerRegistry", _node, "num_nodes"),
    Check(JOBS, "JobEscrow", _job, "num_jobs"),
    Check(SEGMENTS, "JobEscrow", _segment),
    Check(MODELS, "ModelRegistry", _model, "num_models"),
    Check(PREDICTIONS, "PredictionMarket", _prediction, "num_predictions"),
)
"""Everything that is compared; a row that a contract cannot answer for has no check."""
