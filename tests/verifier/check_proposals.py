"""What each proposal is worth and what became of it: signatures, losses, votes, shares."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.verifier import numbers_again, typed
from tests.verifier.checks import Checks
from tests.verifier.content import Content, Tensors
from tests.verifier.export import Event, Market
from tests.verifier.signatures_of_events import RULES, VERDICT, read_call

OK, COPY, HARMFUL, FRAUD = range(4)
HARM_MARGIN = 0.01
"""Nats: the upper bound of a harmful gain is below minus this (decision 0004)."""
ACCEPTED, REJECTED = 2, 3


@dataclass(frozen=True)
class Holdout:
    """A retired holdout.

    Attributes:
        rows: x and y.
        evaluations: (proposal, figures digest in hex) -> the reveal's entry.
    """

    rows: Tensors
    evaluations: Mapping[tuple[int, str], Mapping[str, Any]]


def rules_of(market: Market, dataset: int) -> dict[str, Any]:
    """A dataset's rules, from the transaction that made it."""
    created = market.one("DatasetCreated", dataset=dataset)
    (values,) = read_call("create_dataset", market.calldata(created.tx, "DataAssociation"))
    rules = dict(zip(RULES, values, strict=True))
    for name in ("evaluators", "nodes", "curators"):
        rules[name] = [to_checksum_address(address) for address in rules[name]]
    return rules


def read_holdout(market: Market, content: Content, request: int, checks: Checks) -> Holdout:
    """The revealed holdout of a request, held against its commitment."""
    opened = market.one("RequestOpened", request=request).args
    retired = market.one("HoldoutRetired", request=request).args
    reveal = content.json(retired["reveal"], "databright/holdout-reveal/v1")
    checks.same(f"request {request}: request of the reveal", reveal["request"], request)
    blob = content.blob(bytes.fromhex(reveal["rows"]))
    salt = bytes.fromhex(reveal["salt"])
    found = hashlib.sha256(b"databright/commit/v1" + salt + blob).digest()
    checks.same(f"request {request}: commitment of the holdout", opened["holdout"], found)
    checks.holds(f"request {request}: the holdout's salt has 32 bytes", len(salt) == 32)
    rows = content.tensors(bytes.fromhex(reveal["rows"]))
    checks.same(f"request {request}: tensors of the holdout", ["x", "y"], [*rows])
    keyed = {(item["proposal"], item["figures"]): item for item in reveal["evaluations"]}
    return Holdout(rows, keyed)


def check_proposals(
    story: Mapping[str, Any], market: Market, content: Content, checks: Checks
) -> None:
    """Every proposal of the story, and no other."""
    told = {row["id"]: row for row in story["proposals"]}
    executed = {event.args["proposal"]: event for event in market.named("Executed")}
    checks.same("proposals", [row["id"] for row in story["proposals"]], sorted(executed))
    holdouts: dict[int, Holdout] = {}
    with checks.section("retired holdouts"):
        for event in market.named("HoldoutRetired"):
            request = event.args["request"]
            holdouts[request] = read_holdout(market, content, request, checks)
    for number, event in sorted(executed.items()):
        with checks.section(f"proposal {number}"):
            one = _Proposal(market, content, event, checks)
            one.check_told(told[number])
            one.check_measured(told[number], holdouts[one.proposed["request"]])
            one.check_reason(told[number])
            one.check_votes()
    with checks.section("snapshots"):
        _check_snapshots(market, checks)


class _Proposal:
    def __init__(self, market: Market, content: Content, event: Event, checks: Checks) -> None:
        self.market, self.content, self.event, self.checks = market, content, event, checks
        self.done = event.args
        self.number = int(event.args["proposal"])
        self.proposed = market.one("Proposed", proposal=self.number).args
        self.rules = rules_of(market, self.done["dataset"])
        call = read_call("execute", market.calldata(event.tx, "DataAssociation"))
        self.verdict = dict(zip(VERDICT, call[1], strict=True))
        self.signers = self._signers(call)
        self.figures = content.json(self.done["evidence"], "databright/figures/v1")

    def _same(self, what: str, told: Any, found: Any) -> bool:
        return self.checks.same(f"proposal {self.number}: {what}", told, found)

    def _signers(self, call: tuple[Any, ...]) -> list[str]:
        separator = typed.domain(self.market.chain_id, self.market.addresses["DataAssociation"])
        message = typed.digest(separator, typed.VERDICT, (call[0], *call[1]))
        found = [typed.signer(message, signature) for signature in call[2]]
        self._same("proposal that was executed", self.number, int(call[0]))
        distinct = sorted(set(found), key=lambda address: int(address, 16))
        self._same("signers of the verdict, each once, ascending", found, distinct)
        self._same("signers that are no evaluators", [], [
            signer for signer in found if signer not in self.rules["evaluators"]
        ])  # fmt: skip
        threshold = self.rules["threshold"]
        self.checks.holds(
            f"proposal {self.number}: signed by at least {threshold}, and by 2 or more",
            len(found) >= max(2, threshold),
            len(found),
        )
        return found

    def check_told(self, row: Mapping[str, Any]) -> None:
        """Verdict, copy, shares against the event and the signed verdict."""
        done, verdict = self.done, self.verdict
        accepted = done["status"] == ACCEPTED
        self._same("contributor", row["contributor"], self.proposed["proposer"])
        self._same("verdict", row["verdict"], "accepted" if accepted else "rejected")
        self._same("copy_of", row["copy_of"], verdict["copy_of"] or None)
        self._same("shares", row["shares"], str(verdict["amount"] if accepted else 0))
        for name in ("outcome", "copy_of", "evidence"):
            self._same(f"executed {name}", done[name], verdict[name])
        self._same("executed shares", done["shares"], verdict["amount"] if accepted else 0)
        copied = verdict["outcome"] == COPY
        self._same("kind", row["kind"] == "copy", copied)
        if row["kind"] == "flipped":
            self._same("a flipped set is rejected", row["verdict"], "rejected")
        if copied:
            origin = self.market.one("Proposed", proposal=verdict["copy_of"])
            self.checks.holds(
                f"proposal {self.number}: what it copies was there before",
                verdict["copy_of"] < self.number and origin.block < self.event.block,
            )

    def check_measured(self, row: Mapping[str, Any], holdout: Holdout) -> None:
        """Gain, interval and accuracy from the per-sample losses."""
        entry = holdout.evaluations[self.number, self.done["evidence"].hex()]
        figures, rows = self.figures, holdout.rows["y"]
        digests = [entry["losses_before"], entry["losses_after"]]
        self._same("losses named", digests, [figures["losses_before"], figures["losses_after"]])
        before, after = (self.content.tensors(bytes.fromhex(digest)) for digest in digests)
        for name, blob in (("before", before), ("after", after)):
            shapes = {key: (value.dtype.name, value.shape) for key, value in blob.items()}
            size = (len(rows),)
            form = {"correct": ("uint8", size), "loss": ("float64", size)}
            self._same(f"form of the losses {name}", shapes, form)
            right = int((blob["correct"] == 1).sum())
            wrong = int((blob["correct"] == 0).sum())
            self._same(f"rows right {name}", figures[f"num_right_{name}"], right)
            self._same(f"rows right or wrong {name}", right + wrong, len(rows))
            units = numbers_again.grid(blob["loss"])
            mean = float(Fraction(sum(units), len(units)) * numbers_again.UNIT)
            self._same(f"log-loss {name}", figures[f"log_loss_{name}"], mean)
        mean, low, high = numbers_again.gain(
            numbers_again.grid(before["loss"]), numbers_again.grid(after["loss"])
        )
        signed = figures["gain"]
        self._same(
            "signed gain", [signed["mean"], signed["low"], signed["high"]], [mean, low, high]
        )
        self._same("log_loss_gain", float(row["log_loss_gain"]), mean)
        self._same("ci95", [float(end) for end in row["ci95"]], [low, high])
        p = numbers_again.mcnemar(before["correct"], after["correct"])
        told = figures["mcnemar"]
        self._same("McNemar", (told["only_before"], told["only_after"], told["p_value"]), p)
        self._check_base(before, rows)
        self._check_outcome(mean, low, high)

    def _check_base(self, before: Tensors, labels: Any) -> None:
        figures, base = self.figures, self.verdict["base"]
        told = [figures["proposal"], figures["base"], figures["num_holdout"]]
        self._same("measured on", told, [self.number, base, len(labels)])
        entries = self.market.named("Registered", dataset=self.done["dataset"])[:base]
        num_rows = sum(entry.args["num_rows"] for entry in entries)
        self._same("rows before", figures["num_rows_before"], num_rows)
        self._same("rows proposed", figures["num_rows"], self.proposed["num_rows"])
        accepted = [entry.args["proposal"] for entry in entries]
        self._same("accepted before", figures["accepted"], sorted(accepted))
        if base == 0:
            program = json.loads(self.content.blob(bytes.fromhex(figures["program"])))
            prior = numbers_again.prior_loss(program["num_classes"])
            self._same("losses of knowing nothing", {prior}, {float(x) for x in before["loss"]})
            said = before["correct"].tolist()
            self._same("rows of class 0", said, (labels == 0).astype(np.uint8).tolist())

    def _check_outcome(self, mean: float, low: float, high: float) -> None:
        copies = self.figures["duplicates"]
        outcome, copy_of = OK, 0
        if 100 * (copies["num_exact"] + copies["num_near"]) > 20 * copies["num_rows"]:
            copy_of = copies["worst"] or 0
            outcome = COPY if copy_of else FRAUD
        elif high < -HARM_MARGIN:
            outcome = HARMFUL
        amount = 0
        if outcome == OK and low > 0:
            amount = min(math.floor(Fraction(mean) * 10**6), self.rules["mint_cap"])
        signed = [self.verdict[name] for name in ("outcome", "copy_of", "amount")]
        self._same("outcome, copy and amount signed", signed, [outcome, copy_of, amount])

    def check_reason(self, row: Mapping[str, Any]) -> None:
        """The story's reason is that of an evaluator who signed these figures."""
        separator = typed.domain(self.market.chain_id, self.market.addresses["DataAssociation"])
        reasons: dict[str, str] = {}
        for event in self.market.named("EvidencePublished", proposal=self.number):
            signed = self.content.json(event.args["evidence"], "databright/evidence/v1")
            verdict = signed["verdict"]
            values = [int(verdict[name]) for name in ("proposal", *VERDICT[:-1])]
            figures = bytes.fromhex(signed["figures"])
            message = typed.digest(separator, typed.VERDICT, (*values, figures))
            signer = typed.signer(message, bytes.fromhex(signed["signature"]))
            self._same("signer of published evidence", signed["evaluator"], signer)
            self._same("publisher of evidence", event.args["evaluator"], signer)
            if figures == self.done["evidence"]:
                reasons[signer] = signed["reason"]
        self._same("signers whose evidence is public", [], [*set(self.signers) - set(reasons)])
        self.checks.holds(
            f"proposal {self.number}: the reason is a signer's", row["reason"] in reasons.values()
        )

    def check_votes(self) -> None:
        """Weights, tallies, quorum, and the status that follows."""
        opened = next(e.time for e in self.market.named("Proposed", proposal=self.number))
        ballots: dict[str, tuple[bool, int]] = {}
        for event in self.market.named("Voted", proposal=self.number):
            args = event.args
            weight = self._weight(args["voter"], opened - 1)
            if args["by"] != args["voter"]:
                loans = self.market.named("Lent", lender=args["voter"], oracle=args["by"])
                loan = next(e for e in reversed(loans) if e.time < opened)
                weight = min(weight, loan.args["cap"])
            self._same(f"weight of {args['voter']}", args["weight"], weight)
            ballots[args["voter"]] = (args["support"], weight)
        yes = sum(weight for support, weight in ballots.values() if support)
        no = sum(weight for support, weight in ballots.values() if not support)
        self.checks.holds(
            f"proposal {self.number}: its proposer has no ballot",
            self.proposed["proposer"] not in ballots,
        )
        members = self._supply(opened - 1) - self._weight(self.proposed["proposer"], opened - 1)
        carried = yes > no and (yes + no) * 10_000 >= self.rules["quorum_bps"] * members
        status = ACCEPTED if carried and self.verdict["outcome"] == OK else REJECTED
        self._same("status that votes and verdict give", self.done["status"], status)

    def _earned(self, time: int) -> list[Event]:
        minted = self.market.named("Minted", dataset=self.done["dataset"])
        return [event for event in minted if event.time <= time]

    def _supply(self, time: int) -> int:
        genesis = sum(self.rules["weights"])
        earned = sum(event.args["amount"] for event in self._earned(time))
        return int(earned + (genesis * genesis // (genesis + earned) if genesis else 0))

    def _weight(self, account: str, time: int) -> int:
        earned = self._earned(time)
        genesis, supply = sum(self.rules["weights"]), sum(e.args["amount"] for e in earned)
        members = zip(self.rules["curators"], self.rules["weights"], strict=True)
        own = sum(weight for curator, weight in members if curator == account)
        mine = sum(e.args["amount"] for e in earned if e.args["to"] == account)
        return int(mine) + (int(own) * genesis // (genesis + supply) if own else 0)


def _check_snapshots(market: Market, checks: Checks) -> None:
    for dataset in [event.args["dataset"] for event in market.named("DatasetCreated")]:
        root = bytes(32)
        kinds = ["bytes32", "uint256", "address", "bytes32", "bytes32", "uint256", "uint256"]
        for number, event in enumerate(market.named("Registered", dataset=dataset), start=1):
            args = event.args
            done = market.one("Executed", proposal=args["proposal"]).args
            proposed = market.one("Proposed", proposal=args["proposal"]).args
            values = [
                root, args["proposal"], proposed["payee"], proposed["ref"], proposed["manifest"],
                proposed["num_rows"], done["shares"],
            ]  # fmt: skip
            root = keccak(encode(kinds, values))
            checks.same(f"snapshot {number}: root", args["root"], root)
            checks.same(f"snapshot {number}: number", args["snapshot"], number)
            minted = market.one("Minted", dataset=dataset, tranche=args["proposal"]).args
            checks.same(f"snapshot {number}: minted", minted["amount"], done["shares"])
            checks.same(f"snapshot {number}: minted to", minted["to"], proposed["payee"])
