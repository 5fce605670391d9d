"""One round of a job: lease all open segments, hear all replicas, judge, replace, accept.

All replicas of a round are heard before any of them is judged, so what is found wrong does not
depend on who answered first.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from databright.compute_market.jobs import SegmentState, segment_number
from databright.compute_market.projections import LOST, WRONG, JobHistory
from databright.compute_market.trusted import disputes
from databright.compute_market.trusted.dispatch import TRAIN, Dispatcher, Tracked, Work
from databright.compute_market.trusted.material import Material
from databright.compute_market.trusted.protections import redundancy
from databright.compute_market.trusted.receipts import Rejected, SegmentReceipt, void_record
from databright.compute_market.trusted.settlement import Settlement
from databright.compute_market.trusted.verifier import SegmentBook
from databright.errors import ProtocolError
from databright.programs.child import ComputeChild
from databright.records.signatures import Domain
from databright.transport import hub_pb2
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long the hub waits for workers; wall time.

    Attributes:
        lease_timeout_s: without a session, before an owner counts as lost.
        answer_timeout_s: connected but silent, before it counts as lost.
        poll_s: longest sleep between looks.
    """

    lease_timeout_s: float = 60.0
    answer_timeout_s: float = 600.0
    poll_s: float = 1.0


@dataclass
class RoundContext:
    """What a round needs from its job.

    Attributes:
        material: the job's rows and program.
        settlement: its transactions.
        dispatcher: its workers.
        domain: where commitments are signed.
        make_child: starts a compute child for re-runs.
        patience: how long to wait.
        check: raises when the job has to stop.
        replace: reserves replacements for vacant places; returns the job's new history.
        has_spare: whether somebody who is there could take a place on a shard.
        barred: owners that were slashed, as the chain has it now.
    """

    material: Material
    settlement: Settlement
    dispatcher: Dispatcher
    domain: Domain
    make_child: Callable[[], ComputeChild]
    patience: Patience
    check: Callable[[], None]
    replace: Callable[[], JobHistory]
    has_spare: Callable[[int], bool]
    barred: Callable[[], set[Address]]


@dataclass
class _Loss:
    segment: int
    owner: Address
    reason: str


class Round:
    """One round under way.

    Args:
        context: the job's side.
        number: of the round, from 0.
        weights: blob of the weights that it starts from.
        rejected: segment -> replicas that were found wrong before a restart.
    """

    def __init__(
        self,
        context: RoundContext,
        number: int,
        weights: bytes,
        rejected: Mapping[int, list[Rejected]],
    ) -> None:
        self._context = context
        self._number = number
        self._weights = weights
        self._weights_digest = Digest(hashlib.sha256(weights).digest())
        self._rejected = {segment: list(found) for segment, found in rejected.items()}
        self._books: dict[int, SegmentBook] = {}
        self._blobs: dict[Digest, bytes] = {}
        self._split: dict[int, Digest] = {}
        self._requests: dict[int, tuple[bytes, bytes, bytes, bytes]] = {}

    def run(self, history: JobHistory) -> tuple[list[SegmentReceipt], dict[int, bytes]]:
        """Work until every open segment of the round has an agreed result.

        Args:
            history: the job as the chain has it.

        Returns:
            Receipts of the segments in order, and shard -> weights blob of each.
        """
        spec = self._context.material.spec
        history = self._sweep_barred(history)
        while True:
            shards = [
                shard
                for shard in range(spec.num_shards)
                if segment_number(spec, self._number, shard) not in history.accepted
            ]
            self._lease(history, shards)
            loss = self._hear(history)
            if loss is not None:
                self._void_lost(loss.segment, loss.owner, loss.reason)
                history = self._context.replace()
                continue
            if not self._judge():
                break
            history = self._sweep_barred(self._context.replace())
        return self._receipts(), self._results()

    # -- leases

    def _lease(self, history: JobHistory, shards: list[int]) -> None:
        for shard in shards:
            segment = segment_number(self._context.material.spec, self._number, shard)
            owners = tuple(history.active.get(shard, []))
            book = self._books.get(segment)
            if book is None:
                job = self._context.settlement.job
                book = self._books[segment] = SegmentBook(job, segment, self._context.domain)
            if book.owners != owners:
                book.lease(owners)
            attempt = history.attempt(segment)
            for owner in owners:
                if owner not in book.reports:
                    self._put(segment, shard, owner, attempt)

    def _put(self, segment: int, shard: int, owner: Address, attempt: int) -> None:
        request = self._request(segment, shard)
        program, weights, rows, batches = (hashlib.sha256(blob).digest() for blob in request)
        lease = hub_pb2.Lease(
            kind=TRAIN,
            job=self._context.settlement.job,
            epoch=self._context.settlement.epoch,
            segment=segment,
            attempt=attempt,
            program=program,
            weights=weights,
            rows=rows,
            batches=batches,
        )
        named = dict(zip((program, weights, rows, batches), request, strict=True))
        blobs = {Digest(digest): blob for digest, blob in named.items()}
        self._context.dispatcher.put(self._work(segment, owner), lease, blobs)

    def _request(self, segment: int, shard: int) -> tuple[bytes, bytes, bytes, bytes]:
        if segment not in self._requests:
            material = self._context.material
            self._requests[segment] = (
                material.program_json,
                self._weights,
                material.shard_blob(shard),
                material.batches_blob(shard, self._number),
            )
        return self._requests[segment]

    def _work(self, segment: int, owner: Address) -> Work:
        return Work(TRAIN, self._context.settlement.job, segment, owner)

    # -- hearing

    def _hear(self, history: JobHistory) -> _Loss | None:
        """Hear until all have answered, or somebody is lost for whom another one is there.

        A shard is never reserved for the same owner twice, so a lost owner is kept, and waited
        for, as long as nobody could take its place.
        """
        dispatcher, spec = self._context.dispatcher, self._context.material.spec
        while True:
            self._context.check()
            seen = dispatcher.version()
            losses = [
                loss
                for book in self._books.values()
                if book.segment not in history.accepted
                for loss in self._hear_segment(book)
            ]
            for loss in losses:
                if self._context.has_spare(loss.segment % spec.num_shards):
                    return loss
            if not losses and all(self._is_heard(book) for book in self._books.values()):
                return None
            dispatcher.wait(seen, self._context.patience.poll_s)

    def _hear_segment(self, book: SegmentBook) -> list[_Loss]:
        losses = []
        for owner in book.owners:
            reason = self._hear_owner(book, owner)
            if reason:
                losses.append(_Loss(book.segment, owner, reason))
        if not losses and book.state == SegmentState.COMMITTED:
            for owner in book.owners:
                self._context.dispatcher.want_reveal(self._work(book.segment, owner))
        return losses

    def _hear_owner(self, book: SegmentBook, owner: Address) -> str:
        """Carry an owner's answers into the book; the reason when the owner is lost."""
        work = self._work(book.segment, owner)
        tracked = self._context.dispatcher.answer(work)
        report = book.reports.get(owner)
        if tracked is None:
            return ""
        try:
            if report is None and tracked.commitment is not None:
                book.commit(owner, tracked.lease.attempt, *tracked.commitment)
            is_news = report is None or not report.result
            if tracked.revealed is not None and is_news and book.state != SegmentState.LEASED:
                book.reveal(owner, *tracked.revealed)
        except ProtocolError as error:
            _LOG.warning("job %d: %s", book.job, error)
            return "broke-protocol"
        if tracked.revealed is not None and tracked.revealed[1] not in self._blobs:
            self._context.dispatcher.want_blob(work)
        if tracked.blob is not None and tracked.revealed is not None:
            self._blobs[tracked.revealed[1]] = tracked.blob
        return self._lateness(owner, tracked)

    def _lateness(self, owner: Address, tracked: Tracked) -> str:
        owes = (
            tracked.commitment is None
            or (tracked.wants_reveal and tracked.revealed is None)
            or (tracked.wants_blob and tracked.blob is None and not self._has(tracked))
        )
        if not owes:
            return ""
        patience = self._context.patience
        if self._context.dispatcher.absence_s(owner) > patience.lease_timeout_s:
            return disputes.REASON_LOST
        if time.monotonic() - tracked.asked_at > patience.answer_timeout_s:
            return tracked.refusal or "no-answer"
        return ""

    def _has(self, tracked: Tracked) -> bool:
        return tracked.revealed is not None and tracked.revealed[1] in self._blobs

    def _is_heard(self, book: SegmentBook) -> bool:
        if book.segment in self._split:
            return self._split[book.segment] in self._blobs
        if book.state != SegmentState.REVEALED:
            return book.state == SegmentState.ACCEPTED
        replicas = self._context.material.spec.replicas
        result = redundancy.agreed(book.results(), replicas)
        return result is None or result in self._blobs

    # -- judging

    def _judge(self) -> bool:
        """Judge every heard segment; True when somebody has to be replaced."""
        replicas = self._context.material.spec.replicas
        changed = False
        with disputes.Rerunner(self._context.make_child) as rerunner:
            for segment in sorted(self._books):
                book = self._books[segment]
                if book.state == SegmentState.ACCEPTED:
                    continue
                if redundancy.agreed(book.results(), replicas) is not None:
                    continue
                changed |= self._dispute(book, rerunner)
        if not changed:
            for book in self._books.values():
                book.move(SegmentState.ACCEPTED)
        return changed

    def _dispute(self, book: SegmentBook, rerunner: disputes.Rerunner) -> bool:
        context, segment = self._context, book.segment
        if segment in self._split:
            return self._split[segment] not in self._blobs
        book.move(SegmentState.DISPUTED)
        shard = segment % context.material.spec.num_shards
        reruns, blob = rerunner.run(self._request(segment, shard))
        decision = disputes.decide(book.results(), reruns)
        if decision.accepted is not None:
            _LOG.warning("job %d: the numeric class is split on segment %d", book.job, segment)
            self._split[segment] = decision.accepted
            self._blobs[reruns[0]] = blob
            return decision.accepted not in self._blobs
        self._blobs[reruns[0]] = blob
        for owner in decision.wrong:
            report = book.reports[owner]
            _LOG.warning("job %d: %s gave wrong weights for segment %d", book.job, owner, segment)
            evidence = void_record(
                book.job, segment, report, owner, report.attempt, disputes.REASON_WRONG, reruns
            )
            context.settlement.void(segment, owner, WRONG, evidence)
            context.dispatcher.drop(self._work(segment, owner))
            rejected = Rejected(report, disputes.REASON_WRONG, reruns)
            self._rejected.setdefault(segment, []).append(rejected)
        return bool(decision.wrong)

    def _sweep_barred(self, history: JobHistory) -> JobHistory:
        """Take barred owners off the shards where nothing was found wrong with them."""
        spec = self._context.material.spec
        barred, swept = self._context.barred(), False
        for shard in range(spec.num_shards):
            segment = segment_number(spec, self._number, shard)
            for owner in list(history.active.get(shard, [])):
                if segment not in history.accepted and owner in barred:
                    self._void_lost(segment, owner, disputes.REASON_BARRED)
                    swept = True
        return self._context.replace() if swept else history

    def _void_lost(self, segment: int, owner: Address, reason: str) -> None:
        job = self._context.settlement.job
        _LOG.warning("job %d: %s leaves segment %d: %s", job, owner, segment, reason)
        evidence = void_record(job, segment, None, owner, 0, reason)
        self._context.settlement.void(segment, owner, LOST, evidence)
        self._context.dispatcher.drop(self._work(segment, owner))

    # -- what came out

    def _accepted_result(self, book: SegmentBook) -> Digest:
        agreed = redundancy.agreed(book.results(), self._context.material.spec.replicas)
        return agreed if agreed is not None else self._split[book.segment]

    def _receipts(self) -> list[SegmentReceipt]:
        spec = self._context.material.spec
        return [
            SegmentReceipt(
                segment=segment,
                shard=segment % spec.num_shards,
                accepted=self._accepted_result(self._books[segment]),
                results=tuple(self._books[segment].reports[o] for o in self._books[segment].owners),
                rejected=tuple(self._rejected.get(segment, ())),
            )
            for segment in sorted(self._books)
        ]

    def _results(self) -> dict[int, bytes]:
        num_shards = self._context.material.spec.num_shards
        return {
            segment % num_shards: self._blobs[self._accepted_result(book)]
            for segment, book in sorted(self._books.items())
        }
