"""What each proposal is worth: the told rows, losses, figures, reasons and manifests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from tests.verifier import numbers_again, points_again, typed
from tests.verifier.assembly import COPY, FRAUD, HARMFUL, OK, REVISED, Assembly
from tests.verifier.calls import VERDICT
from tests.verifier.checks import Checks
from tests.verifier.content import Content, Tensors
from tests.verifier.export import Event, Market
from tests.verifier.rules_again import UNIT
from tests.verifier.snapshots_again import ACCEPTED

HARM_MARGIN = 0.01
"""Nats: the upper bound of a harmful gain is below minus this (decision 0004)."""


@dataclass(frozen=True)
class Holdout:
    """A retired holdout.

    Attributes:
        rows: x and y.
        evaluations: (proposal, figures digest in hex) -> the reveal's entry.
    """

    rows: Tensors
    evaluations: Mapping[tuple[int, str], Mapping[str, Any]]


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
    story: Mapping[str, Any], assembly: Assembly, content: Content, checks: Checks
) -> None:
    """Every executed or revised proposal is in the story, and no other."""
    market = assembly.market
    told = {row["id"]: row for row in story["proposals"]}
    executed = {event.args["proposal"]: event for event in market.named("Executed")}
    revised = [e.args["proposal"] for e in market.named("Settled", status=REVISED)]
    ids = [row["id"] for row in story["proposals"]]
    checks.same("proposals", ids, sorted([*executed, *revised]))
    holdouts: list[Holdout] = []
    with checks.section("retired holdouts"):
        holdouts += [
            read_holdout(market, content, event.args["request"], checks)
            for event in market.named("HoldoutRetired")
        ]
    for number, event in sorted(executed.items()):
        with checks.section(f"proposal {number}"):
            one = _Proposal(assembly, content, event, checks)
            one.check_told(told[number])
            one.check_measured(told[number], holdouts)
            one.check_reason(told[number])
            check_manifest(assembly, content, number, checks)
    for number in revised:
        with checks.section(f"proposal {number}"):
            _check_revised(assembly, told[number], checks)


def check_manifest(assembly: Assembly, content: Content, number: int, checks: Checks) -> None:
    """The public manifest names the rows and the root that were committed to."""
    terms = assembly.terms[number]
    manifest = content.json(terms["manifest"], "databright/manifest/v2")
    said = [manifest["num_rows"], manifest["root"]]
    checks.same(f"proposal {number}: manifest", said, [terms["num_rows"], terms["root"].hex()])


def _check_revised(assembly: Assembly, row: Mapping[str, Any], checks: Checks) -> None:
    number = row["id"]
    after = next(n for n, terms in assembly.terms.items() if terms["revises"] == number)
    found = {
        "id": number, "contributor": assembly.terms[number]["proposer"], "kind": row["kind"],
        "verdict": "revised", "reason": f"revised as proposal {after}", "copy_of": None,
        "log_loss_gain": 0.0, "ci95": [0.0, 0.0], "shares": "0",
    }  # fmt: skip
    told = {**row, "log_loss_gain": float(row["log_loss_gain"])}
    told["ci95"] = [float(end) for end in row["ci95"]]
    for name, value in found.items():
        checks.same(f"proposal {number}: {name}", told.get(name), value)


class _Proposal:
    def __init__(self, assembly: Assembly, content: Content, event: Event, checks: Checks) -> None:
        self.market, self.content, self.checks = assembly.market, content, checks
        self.assembly, self.done = assembly, event.args
        self.number = int(event.args["proposal"])
        self.event = event
        self.terms = assembly.terms[self.number]
        self.rules = assembly.poll_of(self.number).rules
        self.verdict = assembly.verdicts[self.number]
        self.signers = assembly.signers[self.number]
        self.figures = content.json(self.done["evidence"], "databright/figures/v1")

    def _same(self, what: str, told: Any, found: Any) -> bool:
        return self.checks.same(f"proposal {self.number}: {what}", told, found)

    def check_told(self, row: Mapping[str, Any]) -> None:
        """Verdict, copy, shares against the event and the signed verdict."""
        verdict, accepted = self.verdict, self.done["status"] == ACCEPTED
        self._same("contributor", row["contributor"], self.terms["proposer"])
        self._same("verdict", row["verdict"], "accepted" if accepted else "rejected")
        self._same("copy_of", row["copy_of"], verdict["copy_of"] or None)
        self._same("shares", row["shares"], str(verdict["amount"] if accepted else 0))
        copied = verdict["outcome"] == COPY
        self._same("kind", row["kind"] == "copy", copied)
        if row["kind"] == "flipped":
            self._same("a flipped set is rejected", row["verdict"], "rejected")
        self.checks.holds(
            f"proposal {self.number}: signed by 2 or more", len(self.signers) >= 2, self.signers
        )

    def check_measured(self, row: Mapping[str, Any], holdouts: list[Holdout]) -> None:
        """Gain, interval and accuracy from the per-sample losses."""
        key = self.number, self.done["evidence"].hex()
        holdout = next(one for one in holdouts if key in one.evaluations)
        entry, figures, rows = holdout.evaluations[key], self.figures, holdout.rows["y"]
        digests = [entry["losses_before"], entry["losses_after"]]
        self._same("losses named", digests, [figures["losses_before"], figures["losses_after"]])
        before, after = (self.content.tensors(bytes.fromhex(digest)) for digest in digests)
        for name, blob in (("before", before), ("after", after)):
            self._check_losses(name, blob, len(rows))
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

    def _check_losses(self, name: str, blob: Tensors, count: int) -> None:
        figures, size = self.figures, (count,)
        shapes = {key: (value.dtype.name, value.shape) for key, value in blob.items()}
        form = {"correct": ("uint8", size), "loss": ("float64", size)}
        self._same(f"form of the losses {name}", shapes, form)
        right = int((blob["correct"] == 1).sum())
        wrong = int((blob["correct"] == 0).sum())
        self._same(f"rows right {name}", figures[f"num_right_{name}"], right)
        self._same(f"rows right or wrong {name}", right + wrong, count)
        units = numbers_again.grid(blob["loss"])
        mean = float(Fraction(sum(units), len(units)) * numbers_again.UNIT)
        self._same(f"log-loss {name}", figures[f"log_loss_{name}"], mean)

    def _thread(self) -> list[int]:
        found, number = list[int](), self.terms["revises"]
        while number:
            found.append(number)
            number = self.assembly.terms[number]["revises"]
        return found[::-1]

    def _check_base(self, before: Tensors, labels: Any) -> None:
        figures, base = self.figures, self.verdict["base"]
        told = [figures["proposal"], figures["base"], figures["num_holdout"]]
        self._same("measured on", told, [self.number, base, len(labels)])
        entries = self.assembly.datasets[self.number // UNIT].registry.entries_in(base)
        num_rows = sum(entry.terms["num_rows"] for entry in entries)
        self._same("rows before", figures["num_rows_before"], num_rows)
        self._same("rows proposed", figures["num_rows"], self.terms["num_rows"])
        accepted = [entry.proposal for entry in entries]
        self._same("accepted before", figures["accepted"], accepted)
        self._same("earlier versions", figures["own"], self._thread())
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
        separator = typed.domain(self.market.chain_id, self.market.addresses["Verdicts"])
        reasons: dict[str, str] = {}
        for event in self.market.named("EvidencePublished", proposal=self.number):
            signed = self.content.json(event.args["evidence"], "databright/evidence/v1")
            verdict = signed["verdict"]
            values = [int(verdict[name]) for name in ("proposal", *VERDICT[:-1])]
            figures = bytes.fromhex(signed["figures"])
            named = bytes.fromhex(verdict["commitment"])
            self._same(
                "commitment of published evidence", named, points_again.commitment(self.terms)
            )
            signed_words: list[int | bytes] = [values[0], named, *values[1:], figures]
            message = typed.digest(separator, typed.VERDICT, signed_words)
            signer = typed.signer(message, bytes.fromhex(signed["signature"]))
            self._same("signer of published evidence", signed["evaluator"], signer)
            self._same("publisher of evidence", event.args["evaluator"], signer)
            said = [event.args["proposal"], event.args["base"]]
            self._same("proposal and base of published evidence", values[:2], said)
            if figures == self.done["evidence"]:
                reasons[signer] = signed["reason"]
        self._same("signers whose evidence is public", [], [*set(self.signers) - set(reasons)])
        self.checks.holds(
            f"proposal {self.number}: the reason is a signer's", row["reason"] in reasons.values()
        )
