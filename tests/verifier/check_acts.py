"""The story's acts, each read again from the chain and the store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.verifier import typed
from tests.verifier.assembly import REVISED, Assembly
from tests.verifier.checks import Checks
from tests.verifier.content import Content, canonical
from tests.verifier.export import ZERO, Event, Market
from tests.verifier.income_again import ONE, Income
from tests.verifier.rules_again import UNIT
from tests.verifier.snapshots_again import ACCEPTED, registry_of

STATUSES = {1: "pending", 2: "upheld", 3: "refused", 4: "unanswered"}


class Acts:
    """What the story says about its acts.

    Args:
        assembly: the replayed market.
        content: the store.
        checks: where comparisons go.
    """

    def __init__(self, assembly: Assembly, content: Content, checks: Checks) -> None:
        self.assembly, self.market, self.content = assembly, assembly.market, content
        self.checks = checks

    def check(self, story: Mapping[str, Any]) -> None:
        """All of them."""
        found = {
            "batch": self.batch, "revision": self.revision, "override": self.override,
            "relay": self.relay, "challenge": self.challenge, "transfer": self.transfer,
            "takedown": self.takedown,
        }  # fmt: skip
        for name, read in found.items():
            with self.checks.section(name):
                self._compare(name, story[name], read(story[name]))
        with self.checks.section("erasures"):
            self.check_erasures()

    def _compare(self, name: str, told: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        self.checks.same(f"{name}: fields", sorted(told), sorted(found))
        for key, value in found.items():
            said = told[key]
            # Weights and shares may be told as numbers or as their decimal strings.
            if isinstance(value, int) and not isinstance(value, bool):
                said, value = str(said), str(value)
            self.checks.same(f"{name}: {key}", said, value)

    def _status(self, proposal: int) -> int:
        return self.assembly.poll_of(proposal).status

    def _parts(self, proposal: int) -> list[Mapping[str, Any]]:
        ref = self.assembly.terms[proposal]["ref"]
        parts = self.content.json(ref, "databright/sealed-rows/v1")["parts"]
        rows = sum(part["num_rows"] for part in parts)
        told = self.assembly.terms[proposal]["num_rows"]
        self.checks.same(f"proposal {proposal}: rows of its parts", rows, told)
        return list(parts)

    def batch(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """One proposal with parts of several owners under one root."""
        number = told["proposal"]
        parts = self._parts(number)
        owners = {part["owner"] for part in parts}
        self.checks.holds("batch: of several owners", len(owners) > 1, len(owners))
        self.checks.same("batch: accepted", self._status(number), ACCEPTED)
        return {
            "proposal": number,
            "root": self.assembly.terms[number]["root"].hex(),
            "parts": [
                {
                    "owner": part["owner"],
                    "cid": part["ciphertext"],
                    "num_rows": part["num_rows"],
                }
                for part in parts
            ],
        }

    def revision(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """A thread of versions, of which the last is accepted."""
        number = told["proposal"]
        self.checks.same("revision: accepted", self._status(number), ACCEPTED)
        thread, first = [number], number
        while first := self.assembly.terms[first]["revises"]:
            thread.insert(0, first)
            self.checks.same(f"revision: {first} was revised", self._status(first), REVISED)
        self.checks.holds("revision: has an earlier version", len(thread) > 1, thread)
        bonds = {self.assembly.terms[one]["bond"] for one in thread}
        self.checks.same("revision: one bond for all versions", 1, len(bonds))
        return {"thread": thread, "proposal": number}

    def override(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """A lender's own ballot that took an oracle's off again."""
        number, lender = told["proposal"], told["lender"]
        event = self.market.one("Overridden", proposal=number, lender=lender)
        own = self.market.one("Voted", proposal=number, voter=lender)
        cast = self.market.one("VotedLent", proposal=number, lender=lender)
        self.checks.same("override: the oracle's side", event.args["support"], cast.args["support"])
        self.checks.same("override: weight", event.args["weight"], cast.args["weight"])
        self.checks.holds("override: later", cast.index < event.index < own.index, own.tx)
        opposite = own.args["support"] != cast.args["support"]
        self.checks.holds("override: the other way", opposite, own.tx)
        self.checks.same("override: it carries", self._status(number), ACCEPTED)
        return {
            "proposal": number, "lender": lender, "oracle": cast.args["oracle"],
            "oracle_support": cast.args["support"], "own_support": own.args["support"],
            "weight": event.args["weight"],
        }  # fmt: skip

    def relay(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Signed ballots that somebody else handed in."""
        number = told["proposal"]
        event = self.market.one("BallotsRepaid", proposal=number, relayer=told["relayer"])
        cast = [e for e in self.market.named("Voted", proposal=number) if e.tx == event.tx]
        self.checks.same(
            "relay: handed in by the relayer", event.args["relayer"], self.market.sender(event.tx)
        )
        return {
            "proposal": number, "relayer": event.args["relayer"], "ballots": len(cast),
            "repaid": str(event.args["amount"]),
        }  # fmt: skip

    def challenge(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """A false verdict that k others measured again."""
        number = told["proposal"]
        case = self.assembly.challenges[number]
        decided = self.market.one("ChallengeDecided", proposal=number)
        _, values, signatures = self.market.arguments(decided.tx)
        separator = typed.domain(self.market.chain_id, self.market.addresses["Verdicts"])
        named = self.assembly.poll_of(number).commitment
        digest = typed.digest(separator, typed.VERDICT, (number, named, *values))
        second = [typed.signer(digest, signature) for signature in signatures]
        slashed = self.market.named("EvaluatorSlashed", proposal=number)
        taken = sum(event.args["amount"] for event in slashed)
        self.checks.same(
            "challenge: slashed", [event.args["evaluator"] for event in slashed], case.signers
        )
        reward = min(taken, 2 * case.bond)
        later = [one for one in case.signers if one in self.assembly.signers.get(number, [])]
        self.checks.same("challenge: liars among who signed in the end", [], later)
        done = self.market.one("Executed", proposal=number)
        self.checks.holds("challenge: executed after it", done.index > decided.index, done.tx)
        same = done.args["evidence"] == decided.args["evidence"]
        self.checks.holds("challenge: executed on what was measured again", same, done.tx)
        return {
            "proposal": number, "challenger": case.challenger, "bond": str(case.bond),
            "base": case.claimed["base"], "claimed_amount": str(case.claimed["amount"]),
            "measured_outcome": decided.args["outcome"],
            "measured_amount": str(decided.args["amount"]), "first_signers": case.signers,
            "second_signers": second, "status": STATUSES[case.status], "reward": str(reward),
            "burnt": str(taken - reward),
        }  # fmt: skip

    def transfer(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Shares that were sold; what they earned before stays with the seller."""
        tranche = told["tranche"]
        moved = self._moved(told)
        income = Income(self.market, tranche // UNIT, Checks())
        income.replay(moved.index)
        due = income.due(tranche, moved.args["sender"]) // ONE
        credited = [
            event.args["amount"]
            for event in self.market.named("Credited", tranche=tranche)
            if event.tx == moved.tx
        ]
        self.checks.same("transfer: credited to the seller", credited, [due] if due else [])
        return {
            "tranche": tranche, "from": moved.args["sender"], "to": moved.args["receiver"],
            "shares": moved.args["amount"], "credited": str(due),
        }  # fmt: skip

    def _moved(self, told: Mapping[str, Any]) -> Event:
        wanted = {"id": told["tranche"], "sender": told["from"], "receiver": told["to"]}
        found = [
            event
            for event in self.market.events
            if (event.contract, event.name) == ("Database", "Transfer")
            and all(event.args[key] == value for key, value in wanted.items())
        ]
        if len(found) != 1:
            raise ValueError(f"{len(found)} transfers {wanted}, expected one")
        return found[0]

    def takedown(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """A tranche taken down by a motion: its income, who erased it, which models knew it."""
        tranche = told["tranche"]
        down = self.market.one("TakenDown", tranche=tranche)
        motion = self.market.arguments(down.tx)[0]
        ended = next(
            event
            for event in self.market.named("Ended", tranche=tranche)
            if event.args["redirected_to"] != ZERO
        )
        to = down.args["to"]
        redirected = [
            event.args["amount"] for event in self.market.named("Redirected", tranche=tranche)
        ]
        erased = [event.args["node"] for event in self.market.named("Erased", tranche=tranche)]
        self.checks.holds("takedown: somebody erased it", bool(erased), erased)
        return {
            "motion": motion, "tranche": tranche, "to": to, "snapshot": ended.args["snapshot"],
            "redirected": str(sum(redirected)), "erased_by": [*dict.fromkeys(erased)],
            "flagged_models": flagged_models(self.market, tranche),
        }  # fmt: skip

    def check_erasures(self) -> None:
        """Every deletion log is its node's, and what it names is in the store no more."""
        separator = typed.domain(self.market.chain_id, self.market.addresses["Charter"])
        named: dict[int, set[str]] = {}
        for event in self.market.named("Erased"):
            tranche, node = event.args["tranche"], event.args["node"]
            log = self.content.json(event.args["log_digest"], "databright/deletion-log/v1")
            about = f"deletion log of {node} on {tranche}"
            said = [log["dataset"], log["tranche"], log["node"]]
            self.checks.same(about, said, [event.args["dataset"], tranche, node])
            contents = hashlib.sha256(canonical([log["erased"], log["missing"]])).digest()
            values = [event.args["dataset"], tranche, log["erased_at"], contents]
            digest = typed.digest(separator, typed.DELETION, values)
            signer = typed.signer(digest, bytes.fromhex(log["signature"]))
            self.checks.same(f"{about}: signer", signer, node)
            named.setdefault(tranche, set()).update([*log["erased"], *log["missing"]])
        for tranche, texts in named.items():
            left = sorted(text for text in texts if self.content.has_cid(text))
            self.checks.same(f"tranche {tranche}: erased and still in the store", [], left)
            kept = [
                part[name]
                for version in self._thread(tranche)
                for part in self._parts(version)
                for name in ("ciphertext", "envelopes")
                if part[name] not in texts
            ]
            self.checks.same(f"tranche {tranche}: sealed parts that no log names", [], kept)

    def _thread(self, number: int) -> list[int]:
        found = [number]
        while number := self.assembly.terms[number]["revises"]:
            found.append(number)
        return found


def flagged_models(market: Market, tranche: int) -> list[int]:
    """Models that were trained on a snapshot which held the tranche."""
    dataset = tranche // UNIT
    entry = registry_of(market, dataset).entries[tranche]
    return [
        event.args["model"]
        for event in market.named("ModelRegistered", dataset=dataset)
        if entry.is_in(event.args["snapshot"])
    ]
