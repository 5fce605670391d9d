"""A market on a chain of its own, driven call by call, and the blobs that its evaluators write.

The package deploys it and signs for it; what is checked of it is not the package's.
"""

# A contract's values have no static type here.
from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from benchmarks.metering.session import CHAIN_ID, Deployed, Sent, Session, account
from databright.chain.bindings import Artifact
from databright.contracts import deployment_plan
from databright.units import Address
from tests.verifier import numbers_again
from tests.verifier.content import RAW, canonical, cid, dump_tensors
from tests.verifier.signatures_of_events import read_event

WEALTH = 10**9
NUM_CLASSES = 3
VERDICT_FIELDS = {
    "proposal": "uint256", "commitment": "bytes32", "base": "uint256", "holdout_epoch": "uint256",
    "outcome": "uint256", "copy_of": "uint256", "amount": "uint256", "evidence": "bytes32",
}  # fmt: skip
BALLOT_FIELDS = {
    "voter": "address", "proposal": "uint256", "commitment": "bytes32", "support": "bool",
    "nonce": "uint256", "deadline": "uint256",
}  # fmt: skip
DELETION_FIELDS = {
    "dataset": "uint256", "tranche": "uint256", "erasedAt": "uint256", "contents": "bytes32",
}  # fmt: skip
Verdict = dict[str, Any]


def sha256(blob: bytes) -> bytes:
    """Digest of a blob."""
    return hashlib.sha256(blob).digest()


@dataclass
class Chain:
    """A deployed market and its people.

    Attributes:
        session: the chain.
        people: by name.
        contracts: by name; Databases as "Database 1" and so on.
        store: folder of the blobs.
        evaluations: what the reveal says of each measurement.
        gains: digest of figures -> gain with its interval.
        executed: proposal -> its row of the story.
        draws: where losses come from.
        labels: of the holdout.
    """

    session: Session
    people: dict[str, LocalAccount]
    store: Path
    contracts: dict[str, Deployed] = field(default_factory=dict)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    gains: dict[bytes, tuple[float, float, float]] = field(default_factory=dict)
    executed: dict[int, dict[str, Any]] = field(default_factory=dict)
    draws: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))
    labels: Any = None

    # -- chain

    def deploy(self) -> None:
        """Create all contracts and let everybody's money be taken by them."""
        deployer = self.people["deployer"]
        holders = [Address(one.address) for one in self.people.values()]
        plan = deployment_plan(
            Address(deployer.address), 0, holders, [WEALTH] * len(holders), 1_000
        )
        for name, arguments in plan:
            artifact = Artifact.load(name)
            self.contracts[name] = self.session.deploy(deployer, artifact, *arguments)

    def send(self, who: str, contract: str, function: str, *args: Any) -> Sent:
        """Send a transaction."""
        return self.contracts[contract].send(self.people[who], function, *args)

    def address(self, who: str) -> str:
        """Address of a person or a contract."""
        if who in self.people:
            return str(self.people[who].address)
        return str(self.contracts[who].address)

    def bind_database(self, dataset: int) -> None:
        """Bind a dataset's Database."""
        address = Address(self.contracts["Charter"].call("database_of", dataset))
        found = Deployed(self.session, address, Artifact.load("Database"))
        self.contracts[f"Database {dataset}"] = found

    def events(self, name: str, contract: str) -> list[dict[str, Any]]:
        """Events of a name that the last block's contract emitted."""
        block = cast(dict[str, Any], self.session.request("eth_getBlockByNumber", "latest", False))
        wanted = {
            "address": self.contracts[contract].address,
            "fromBlock": block["number"],
            "toBlock": block["number"],
        }
        logs = cast(list[dict[str, Any]], self.session.request("eth_getLogs", wanted))
        found = []
        for log in logs:
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            kind, args = read_event(
                contract.split(" ")[0], topics, bytes.fromhex(log["data"].removeprefix("0x"))
            )
            found += [args] if kind == name else []
        return found

    def propose(
        self, who: str, dataset: int, request: int, *,
        payee: str | None = None, root: bytes | None = None, ref: bytes | None = None,
        num_rows: int = 5,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Propose; the terms."""
        given = self._committed(root, ref, num_rows)
        to = self.address(payee or who)
        self.send(who, "DataAssociation", "propose", dataset, request, to, *given)
        return self._terms()

    def revise(self, who: str, terms: tuple[Any, ...], num_rows: int) -> tuple[Any, ...]:
        """Revise; the new terms."""
        given = self._committed(None, None, num_rows)
        self.send(who, "DataAssociation", "revise", terms, *given)
        return self._terms()

    def _committed(self, root: bytes | None, ref: bytes | None, num_rows: int) -> tuple[Any, ...]:
        root = root or self.draws.bytes(32)
        manifest = {"kind": "databright/manifest/v2", "root": root.hex(), "num_rows": num_rows}
        return root, ref or self.draws.bytes(32), self.put(canonical(manifest)), num_rows

    def _terms(self) -> tuple[Any, ...]:
        (args,) = self.events("Proposed", "DataAssociation")
        names = (
            "proposal", "request", "proposer", "payee", "root", "ref", "manifest", "num_rows",
            "revises", "bond", "fee", "electorate",
        )  # fmt: skip
        return tuple(args[name] for name in names)

    # -- signatures

    def sign(
        self, who: str, contract: str, name: str, fields: dict[str, str], values: dict[str, Any]
    ) -> bytes:
        """An EIP-712 signature for one of the contracts."""
        domain = {
            "name": "DataBright", "version": "1", "chainId": CHAIN_ID,
            "verifyingContract": self.contracts[contract].address,
        }  # fmt: skip
        types = {name: [{"name": key, "type": kind} for key, kind in fields.items()]}
        message = encode_typed_data(domain, types, values)
        return bytes(self.people[who].sign_message(message).signature)

    def sign_digest(self, whos: Sequence[str], digest: bytes) -> list[bytes]:
        """Signatures of a plain digest, in ascending order of signer."""
        keys = sorted((self.people[who] for who in whos), key=lambda key: int(key.address, 16))
        return [bytes(Account.unsafe_sign_hash(digest, key.key).signature) for key in keys]

    def signed(self, verdict: Verdict, whos: Sequence[str]) -> tuple[Any, ...]:
        """A verdict as the contracts take it, and its signatures."""
        by = sorted(whos, key=lambda who: int(self.address(who), 16))
        signatures = [self.sign(who, "Verdicts", "Verdict", VERDICT_FIELDS, verdict) for who in by]
        names = list(VERDICT_FIELDS)[2:]
        return tuple(verdict[name] for name in names), signatures

    def ballot(self, who: str, proposal: int, support: bool, deadline: int) -> tuple[Any, ...]:
        """A signed ballot as the CuratorToken takes it."""
        voter = self.address(who)
        nonce = self.contracts["CuratorToken"].call("ballot_nonce", proposal // 10**6, voter)
        values = {
            "voter": voter, "proposal": proposal, "commitment": self.committed(proposal),
            "support": support, "nonce": nonce, "deadline": deadline,
        }  # fmt: skip
        signature = self.sign(who, "CuratorToken", "Ballot", BALLOT_FIELDS, values)
        r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
        what = int(voter, 16) | deadline << 160 | int(support) << 200 | proposal << 201
        return what, r, (s | (v - 27) << 255).to_bytes(32, "big")

    def committed(self, number: int) -> bytes:
        """What the chain commits to under the number of a proposal or a motion."""
        opener = "Motions" if number % 10**6 > 500_000 else "DataAssociation"
        return bytes(self.contracts[opener].call("commitment", number))

    # -- blobs

    def put(self, blob: bytes) -> bytes:
        """Store a blob; its digest."""
        digest = sha256(blob)
        places = digest.hex()
        path = self.store / "blocks" / places[:2] / places[2:4] / cid(RAW, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob)
        return digest

    def drop(self, text: str, digest: bytes) -> bool:
        """Erase a blob; whether it was there."""
        places = digest.hex()
        path = self.store / "blocks" / places[:2] / places[2:4] / text
        found = path.exists()
        path.unlink(missing_ok=True)
        return found

    def losses(self, values_N: Any, right_N: Any) -> bytes:
        """A blob of losses."""
        grid_N = np.round(values_N * 2**30) / 2**30
        return dump_tensors({"correct": right_N.astype(np.uint8), "loss": grid_N})

    def measure(
        self, terms: tuple[Any, ...], accepted: Sequence[tuple[int, int]], gain: float, *,
        copy_of: int = 0, own: Sequence[int] = (),
    ) -> Verdict:  # fmt: skip
        """Figures of a proposal on a snapshot, and the verdict that follows from them.

        Args:
            terms: of the proposal.
            accepted: (proposal, rows) of the snapshot's entries.
            gain: mean of the gain, nats.
            copy_of: the proposal that all of its rows are copies of.
            own: earlier versions.
        """
        count = len(self.labels)
        before_N = self.draws.uniform(1.0, 1.5, count)
        right_N = self.draws.integers(0, 2, count)
        base = len(accepted)
        if base == 0:
            before_N = np.full(count, numbers_again.prior_loss(NUM_CLASSES))
            right_N = self.labels == 0
        after_N = before_N - gain + self.draws.normal(0, 0.01, count)
        later_N = self.draws.integers(0, 2, count)
        before, after = self.losses(before_N, right_N), self.losses(after_N, later_N)
        units = [numbers_again.grid(np.round(x * 2**30) / 2**30) for x in (before_N, after_N)]
        mean, low, high = numbers_again.gain(*units)
        only_before, only_after, p = numbers_again.mcnemar(
            right_N.astype(np.uint8), later_N.astype(np.uint8)
        )
        copies = terms[7] if copy_of else 0
        figures = {
            "kind": "databright/figures/v1", "proposal": terms[0], "base": base,
            "holdout_epoch": 1, "num_holdout": count, "num_rows": terms[7],
            "num_rows_before": sum(rows for _, rows in accepted),
            "accepted": [number for number, _ in accepted], "own": [*own],
            "program": self.put(canonical({"num_classes": NUM_CLASSES})).hex(),
            "losses_before": self.put(before).hex(), "losses_after": self.put(after).hex(),
            "num_right_before": int(right_N.sum()), "num_right_after": int(later_N.sum()),
            "log_loss_before": sum(units[0]) / count / 2**30,
            "log_loss_after": sum(units[1]) / count / 2**30,
            "gain": {"mean": mean, "low": low, "high": high},
            "mcnemar": {"only_before": only_before, "only_after": only_after, "p_value": p},
            "duplicates": {
                "num_exact": copies, "num_near": 0, "num_rows": terms[7],
                "worst": copy_of or None,
            },
        }  # fmt: skip
        evidence = self.put(canonical(figures))
        self.gains[evidence] = mean, low, high
        names = ("losses_before", "losses_after")
        self.evaluations.append(
            {"proposal": terms[0], "figures": evidence.hex(), **{n: figures[n] for n in names}}
        )
        outcome = 1 if copy_of else 2 if high < -0.01 else 0
        amount = int(mean * 10**6) if outcome == 0 and low > 0 else 0
        return {
            "proposal": terms[0], "commitment": self.committed(terms[0]), "base": base,
            "holdout_epoch": 1, "outcome": outcome, "copy_of": copy_of, "amount": amount,
            "evidence": evidence,
        }  # fmt: skip

    def publish(self, verdict: Verdict, who: str, reason: str = "measured") -> None:
        """Publish signed evidence."""
        signature = self.sign(who, "Verdicts", "Verdict", VERDICT_FIELDS, verdict)
        inner = {name: verdict[name] for name in list(VERDICT_FIELDS)[:-1]}
        signed = {
            "kind": "databright/evidence/v1", "figures": verdict["evidence"].hex(),
            "verdict": {
                **inner, "commitment": verdict["commitment"].hex(), "amount": str(verdict["amount"])
            },
            "reason": f"{reason} by {who}", "evaluator": self.address(who),
            "signature": signature.hex(),
        }  # fmt: skip
        digest = self.put(canonical(signed))
        values = verdict["proposal"], verdict["base"], digest
        self.send(who, "Verdicts", "publish_evidence", *values)

    # -- what the verifier is given

    def export(self) -> dict[str, Any]:
        """The chain as the demo exports it."""
        ask = self.session.request
        head = int(cast(str, ask("eth_blockNumber")), 16)
        blocks = [ask("eth_getBlockByNumber", hex(n), True) for n in range(head + 1)]
        found = cast(list[dict[str, Any]], blocks)
        receipts = [
            ask("eth_getTransactionReceipt", tx["hash"])
            for block in found
            for tx in block["transactions"]
        ]
        token = self.contracts["MarketToken"]
        outside = ("MarketToken", "DatabaseBlueprint", "DiscussionAnchor")
        balances = {
            str(to_checksum_address(one.address)): str(token.call("balanceOf", one.address))
            for name, one in self.contracts.items()
            if name not in outside
        }
        addresses = {n: c.address for n, c in self.contracts.items() if " " not in n}
        deployment = {
            "addresses": addresses, "genesis_hash": found[0]["hash"], "chain_id": CHAIN_ID,
        }  # fmt: skip
        document = {
            "chain_id": CHAIN_ID, "genesis_hash": found[0]["hash"], "blocks": blocks,
            "receipts": receipts, "balances": balances, "deployment": deployment,
        }  # fmt: skip
        return cast(dict[str, Any], json.loads(json.dumps(document)))


def people(*names: str) -> dict[str, LocalAccount]:
    """Accounts by name."""
    return {name: account(name) for name in names}
