"""The funded job: plan, owners, receipts, weights, accuracy, exposure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from eth_utils.address import to_checksum_address

from tests.verifier import numbers_again, typed
from tests.verifier.assignment_again import (
    Draw,
    bitmaps,
    shards_of,
    workers_after,
)
from tests.verifier.calls import JOB_SPEC, read_call
from tests.verifier.check_proposals import read_holdout
from tests.verifier.checks import Checks
from tests.verifier.content import Content, Tensors, dump_tensors
from tests.verifier.export import Event, Market
from tests.verifier.rules_again import rules_of
from tests.verifier.snapshots_again import registry_of

WRONG = 1
_SHARED = ("dataset", "snapshot", "num_shards", "num_rounds", "replicas", "cap_bps")


def row_numbers(market: Market, dataset: int, snapshot: int) -> list[int]:
    """Lasting numbers of a snapshot's rows: places among the rows of all entries ever."""
    return registry_of(market, dataset).row_numbers(snapshot)


def check_refused_plan(story: Mapping[str, Any], market: Market, checks: Checks) -> None:
    """How many owners a lower cap would take, and how many there were when the job was opened."""
    told, opened = story["refused_plan"], market.one("JobOpened", job=story["job"]["id"])
    replicas = opened.args["replicas"]
    needed = max(replicas, -(-replicas * numbers_again.BPS // told["cap_bps"]))
    checks.same("refused plan: owners needed", told["owners_needed"], needed)
    before = market.events[: market.events.index(opened)]
    open_now = [worker for worker in workers_after(before).values() if worker.is_open]
    checks.same("refused plan: owners available", told["owners_available"], len(open_now))
    refused = needed > len(open_now) or told["cap_bps"] * opened.args["num_shards"] < 10_000
    checks.holds("refused plan: it cannot be kept", refused, told)


class Job:
    """One job, replayed.

    Args:
        market: the chain.
        content: the store.
        number: job id.
        checks: where comparisons go.
    """

    def __init__(self, market: Market, content: Content, number: int, checks: Checks) -> None:
        self.market, self.content, self.number, self.checks = market, content, number, checks
        self.event = market.one("JobOpened", job=number)
        self.opened = self.event.args
        self.events = [e for e in market.events if e.args.get("job") == number]
        self.spec = content.json(self.opened["spec"], "databright/job/v1")
        (values,) = read_call("open_job", market.calldata(self.event.tx, "JobEscrow"))
        self.paid_for = dict(zip(JOB_SPEC, values, strict=True))
        self.dataset = int(self.opened["dataset"])
        self.rows = row_numbers(market, self.dataset, self.opened["snapshot"])
        self.num_rows = len(self.rows)
        self.shards = self._shards(self.opened, self.spec, self.rows)
        self.rules = rules_of(market, self.dataset, self.event.index)
        self.separator = typed.domain(market.chain_id, market.addresses["JobEscrow"])

    def _same(self, what: str, told: Any, found: Any) -> bool:
        return self.checks.same(f"job {self.number}: {what}", told, found)

    @staticmethod
    def _shards(
        opened: Mapping[str, Any], spec: Mapping[str, Any], rows: list[int]
    ) -> list[frozenset[int]]:
        """Lasting row numbers of each shard."""
        found = numbers_again.shards(len(rows), opened["num_shards"], spec["seed"])
        return [frozenset(rows[place] for place in shard) for shard in found]

    def check_told(self, told: Mapping[str, Any]) -> None:
        """The story's plain figures."""
        opened, spec = self.opened, self.spec
        program = hashlib.sha256(self.content.blob(opened["program"])).hexdigest()
        self._same("program", told["program"], program)
        self._same("program of the spec", spec["program"], program)
        self._same("segments", told["segments"], opened["num_shards"] * opened["num_rounds"])
        self._same("replicas", told["replicas"], opened["replicas"])
        self._same("cap", told["cap_bps"], opened["cap_bps"])
        for name in _SHARED:
            self._same(f"{name} of spec and payment", spec[name], opened[name])
            self._same(f"{name} of call and event", self.paid_for[name], opened[name])
        cap = self.rules["max_exposure_bps"]
        self.checks.holds("the job's cap is within the dataset's", opened["cap_bps"] <= cap, cap)

    def check_exposure(self, told: Mapping[str, int]) -> None:
        """Rows ever reserved for each owner, over all jobs of the dataset."""
        seen = self._seen_before(len(self.market.events))
        found = {o: numbers_again.ceil_bps(len(r), self.num_rows) for o, r in seen.items()}
        self._same("exposure by owner", dict(told), found)
        cap = self.rules["max_exposure_bps"]
        self.checks.holds("nobody is above the cap", max(found.values()) <= cap, cap)

    def _seen_before(self, position: int) -> dict[str, set[int]]:
        """Owner -> rows of this job's snapshot, by the reservations before an event."""
        market, found, mine = self.market, dict[str, set[int]](), set(self.rows)
        for event in market.events[:position]:
            if event.name != "Reserved":
                continue
            opened = market.one("JobOpened", job=event.args["job"]).args
            if opened["dataset"] != self.opened["dataset"]:
                continue
            spec = self.content.json(opened["spec"], "databright/job/v1")
            rows = row_numbers(market, opened["dataset"], opened["snapshot"])
            shards = self._shards(opened, spec, rows)
            for shard in shards_of(event.args["shards"]):
                found.setdefault(event.args["owner"], set()).update(shards[shard] & mine)
        return found

    # -- owners

    def check_owners(self) -> None:
        """Every reservation is what the drawing gives, at the price of the owner's offer."""
        reserved: dict[str, list[Event]] = {}
        for event in self.events:
            if event.name == "Reserved":
                reserved.setdefault(event.tx, []).append(event)
        block = self.market.block_hash(self.event.block + 1)
        draw = Draw(
            hashlib.sha256(block + self.number.to_bytes(32, "big")).digest(),
            self.shards,
            self.num_rows,
            self.opened["cap_bps"],
            self.rules["max_exposure_bps"],
        )
        first, *later = reserved.values()
        told = {event.args["owner"]: event.args["shards"] for event in first}
        self._same("owners drawn", told, dict(bitmaps(self._drawn(draw, first[0]))))
        for events in later:
            self._check_replacements(draw, events)
        self._check_offers()

    def _drawn(self, draw: Draw, event: Event) -> list[tuple[str, int]]:
        position = self.market.events.index(event)
        before = self.market.events[:position]
        draw.seen = self._seen_before(position)
        at_seed = [e for e in before if e.block <= self.event.block + 1]
        early = self._candidates(at_seed, self._hub(before))
        candidates = [owner for owner in self._candidates(before) if owner in early]
        places = [k for k in range(len(self.shards)) for _ in range(self.opened["replicas"])]
        return [(draw.choose(shard, candidates), shard) for shard in places]

    def _check_replacements(self, draw: Draw, events: list[Event]) -> None:
        """The hub passes over owners that are not connected; the chain cannot show who was."""
        position = self.market.events.index(events[0])
        before = self.market.events[:position]
        draw.seen = self._seen_before(position)
        candidates = self._candidates(before)
        told = {(e.args["owner"], k) for e in events for k in shards_of(e.args["shards"])}
        vacant = self._vacant(before)
        self._same("places that were vacant", sorted(k for _, k in told), vacant)
        for shard in vacant:
            ranked = draw.ranked(shard, candidates)
            taken = [owner for owner in ranked if (owner, shard) in told]
            name = f"job {self.number}: replacement on shard {shard} is drawn"
            if self.checks.holds(f"{name} from those who may", bool(taken), taken[:1]):
                told.discard((taken[0], shard))
                draw.take(taken[0], shard)
                passed = ranked[: ranked.index(taken[0])]
                connected = self._worked_around(passed, events[0])
                self.checks.same(f"{name} in order, present ones passed over", [], connected)

    def _worked_around(self, owners: list[str], event: Event) -> list[str]:
        """Owners that were paid for a segment of this job after they were passed over here."""
        later = self.market.events[self.market.events.index(event) :]
        working = {
            e.args["owner"]
            for e in later
            if e.name == "SegmentPaid"
            and e.args["job"] == self.number
            and e.tx == self._next_acceptance(later)
        }
        return [owner for owner in owners if owner in working]

    def _next_acceptance(self, later: list[Event]) -> str:
        accepted = (e for e in later if e.name == "SegmentAccepted")
        return next((e.tx for e in accepted if e.args["job"] == self.number), "")

    def _hub(self, events: list[Event]) -> str:
        claims = [e for e in events if e.name == "HubClaimed" and e.args["job"] == self.number]
        return str(claims[-1].args["node"])

    def _candidates(self, events: list[Event], hub: str | None = None) -> list[str]:
        node = hub or self._hub(events)
        price = self.paid_for["segment_price"]
        return [
            owner
            for owner, worker in workers_after(events).items()
            if worker.is_open and node in worker.serves and worker.min_fee <= price
        ]

    def active_after(self, events: list[Event]) -> dict[int, list[str]]:
        """Shard -> owners that compute it."""
        active: dict[int, list[str]] = {k: [] for k in range(len(self.shards))}
        for event in events:
            if event.args.get("job") != self.number:
                continue
            if event.name == "Reserved":
                for shard in shards_of(event.args["shards"]):
                    active[shard].append(event.args["owner"])
            elif event.name == "Voided":
                active[event.args["segment"] % len(self.shards)].remove(event.args["owner"])
        return active

    def _vacant(self, events: list[Event]) -> list[int]:
        last = (self.opened["num_rounds"] - 1) * len(self.shards)
        done = {
            event.args["segment"]
            for event in events
            if event.name == "SegmentAccepted" and event.args["job"] == self.number
        }
        return [
            shard
            for shard, owners in self.active_after(events).items()
            if last + shard not in done
            for _ in range(self.opened["replicas"] - len(owners))
        ]

    def _check_offers(self) -> None:
        offers: dict[str, int] = {}
        for event in self.events:
            if event.name == "Reserved":
                before = self.market.events[: self.market.events.index(event)]
                fee = workers_after(before)[event.args["owner"]].min_fee
                offer = offers.setdefault(event.args["owner"], fee)
                self._same(f"offer of {event.args['owner']}", event.args["price"], offer)

    # -- results

    def check_results(self, told: Mapping[str, Any]) -> None:
        """Average the accepted blobs round by round, and hold every receipt against them."""
        accepted = {
            e.args["segment"]: e for e in self.market.named("SegmentAccepted", job=self.number)
        }
        rounds, shards = self.opened["num_rounds"], len(self.shards)
        self._same("segments accepted", sorted(accepted), list(range(rounds * shards)))
        digest = bytes.fromhex(self.spec["weights"])
        weights = self.content.tensors(digest)
        receipts: list[str] = []
        for number in range(rounds):
            events = [accepted[number * shards + shard] for shard in range(shards)]
            blobs = [self.content.tensors(event.args["result"]) for event in events]
            after = numbers_again.average(blobs, [len(rows) for rows in self.shards])
            after_digest = hashlib.sha256(dump_tensors(after)).digest()
            for receipt in dict.fromkeys(event.args["receipt"] for event in events):
                mine = [event for event in events if event.args["receipt"] == receipt]
                self._check_receipt(receipt, number, (digest, after_digest), mine)
            receipts.append(events[0].args["receipt"].hex())
            digest, weights = after_digest, after
        self._check_end(told, digest, weights, receipts)

    def _check_receipt(
        self, digest: bytes, number: int, weights: tuple[bytes, bytes], events: list[Event]
    ) -> None:
        receipt = self.content.json(digest, "databright/receipt/v1")
        told = [
            receipt["job"],
            receipt["round"],
            receipt["weights_before"],
            receipt["weights_after"],
        ]
        found = [self.number, number, weights[0].hex(), weights[1].hex()]
        self._same(f"receipt of round {number}", told, found)
        segments = {entry["segment"]: entry for entry in receipt["segments"]}
        self._same(f"segments of receipt {number}", sorted(segments), [
            event.args["segment"] for event in events
        ])  # fmt: skip
        for event in events:
            self._check_segment(event, segments[event.args["segment"]])

    def _check_segment(self, event: Event, entry: Mapping[str, Any]) -> None:
        segment, result = event.args["segment"], event.args["result"]
        call = read_call("accept", self.market.calldata(event.tx, "JobEscrow"))
        called = {item[0]: [to_checksum_address(o) for o in item[2]] for item in call[3]}
        paid = self.market.named("SegmentPaid", job=self.number, segment=segment)
        owners = [one["owner"] for one in entry["results"]]
        before = self.market.events[: self.market.events.index(event)]
        active = self.active_after(before)[segment % len(self.shards)]
        self._same(f"segment {segment}: owners accepted", owners, called[segment])
        self._same(f"segment {segment}: owners active", sorted(owners), sorted(active))
        self._same(
            f"segment {segment}: paid", sorted(owners), sorted({e.args["owner"] for e in paid})
        )
        self._same(
            f"segment {segment}: owners, distinct", len(set(owners)), self.opened["replicas"]
        )
        results = [one["result"] for one in entry["results"]]
        self._same(f"segment {segment}: results", results, [result.hex()] * len(owners))
        self._same(f"segment {segment}: accepted", entry["accepted"], result.hex())
        for one in [*entry["results"], *entry["rejected"]]:
            self._check_commitment(segment, one)
        voids = self._wrong(segment)
        told = [(one["owner"], one["result"], one["reason"]) for one in entry["rejected"]]
        self._same(f"segment {segment}: rejected", sorted(told), sorted(voids))

    def _check_commitment(self, segment: int, one: Mapping[str, Any]) -> None:
        result, salt = bytes.fromhex(one["result"]), bytes.fromhex(one["salt"])
        owner = bytes.fromhex(one["owner"][2:])
        found = hashlib.sha256(b"databright/result/v1" + result + salt + owner).digest()
        who = f"segment {segment}: {one['owner']}"
        self._same(f"{who} committed", one["commitment"], found.hex())
        values = (self.number, segment, one["attempt"], found)
        message = typed.digest(self.separator, typed.COMMIT, values)
        signer = typed.signer(message, bytes.fromhex(one["signature"]))
        self._same(f"{who} signed", one["owner"], signer)

    def _wrong(self, segment: int) -> list[tuple[str, str, str]]:
        found = []
        for event in self.market.named("Voided", job=self.number, segment=segment, kind=WRONG):
            verdict = self.content.json(event.args["evidence"], "databright/void/v1")
            found.append((event.args["owner"], verdict["result"], verdict["reason"]))
        return found

    def check_rejected(self, told: list[Mapping[str, Any]]) -> None:
        """Results that two agreeing re-runs are against."""
        rows = []
        for event in self.market.named("Voided", job=self.number, kind=WRONG):
            segment, owner = event.args["segment"], event.args["owner"]
            verdict = self.content.json(event.args["evidence"], "databright/void/v1")
            named = [verdict["job"], verdict["segment"], verdict["owner"]]
            self._same(f"segment {segment}: verdict", named, [self.number, segment, owner])
            self._check_commitment(segment, verdict)
            accepted = self.market.one("SegmentAccepted", job=self.number, segment=segment)
            right = accepted.args["result"].hex()
            self._same(f"segment {segment}: re-runs", verdict["reruns"], [right, right])
            differs = verdict["result"] != right
            self.checks.holds(f"segment {segment}: what {owner} gave differs", differs)
            rows.append({"segment": segment, "worker": owner, "reason": verdict["reason"]})
        self._same("rejected results", [dict(row) for row in told], rows)

    def _check_end(
        self, told: Mapping[str, Any], digest: bytes, weights: Tensors, receipts: list[str]
    ) -> None:
        finished = self.market.one("JobFinished", job=self.number).args
        self._same("weights averaged again", told["weights_sha256"], digest.hex())
        self._same("weights on chain", finished["weights"], digest)
        self._same("weights in the store", self.content.has(digest), True)
        final = self.content.json(finished["receipt"], "databright/final/v1")
        said = [final["job"], final["weights"], final["rounds"]]
        self._same("final receipt", said, [self.number, digest.hex(), receipts])
        holdout = read_holdout(self.market, self.content, self.spec["request"], self.checks)
        x, y = holdout.rows["x"], holdout.rows["y"]
        program = self.content.blob(self.opened["program"])
        sure, close = numbers_again.count_right(numbers_again.logits(program, weights, x), y)
        correct, total = final["holdout_accuracy"]
        self._same("rows of the holdout", total, len(y))
        self.checks.holds(
            f"job {self.number}: {correct} right; {sure} for sure and {close} too close to call",
            sure <= correct <= sure + close,
            correct,
        )
        self._same("holdout accuracy", float(told["holdout_accuracy"]), correct / total)
        self._same("metric on chain", finished["metric_bps"], correct * 10_000 // total)


def check_job(story: Mapping[str, Any], market: Market, content: Content, checks: Checks) -> None:
    """Everything that the story says about its job."""
    told = story["job"]
    with checks.section("refused plan"):
        check_refused_plan(story, market, checks)
    with checks.section("job"):
        job = Job(market, content, told["id"], checks)
        job.check_told(told)
        with checks.section("exposure"):
            job.check_exposure(told["exposure_by_owner_bps"])
        with checks.section("owners"):
            job.check_owners()
        with checks.section("rejected results"):
            job.check_rejected(told["rejected_results"])
        with checks.section("weights"):
            job.check_results(told)
