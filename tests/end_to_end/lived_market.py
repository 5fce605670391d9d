"""A market on an anvil of its own, lived in by drawn transactions and reorganised when asked to.

The contracts are called directly, so that every kind of event comes from the contract that emits
it. What a contract refuses is passed over; what a reorganisation took away is tried and refused.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32

from databright.chain.base import Receipt
from databright.chain.bindings import Artifact, Contract, Signer
from databright.chain.deploying import Terms
from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import connect
from databright.chain.jsonrpc import JsonRpc
from databright.chain.market_contracts import MarketContracts
from databright.errors import TransactionFailedError
from databright.records.deployment import FILE, Deployment
from databright.units import Address, Amount
from databright.wiring.deploying import DeploymentFile, carry_out

DEEPEST = 64
PEOPLE: list[LocalAccount] = [Account.from_key("0x" + f"{n:02x}" * 32) for n in (0x5A, 0x5B, 0x5C)]
MONTH = 30 * 86_400
PLENTY = 2**200


@contextmanager
def bare_anvil() -> Iterator[JsonRpc]:
    """An anvil with its cheat methods; it ends with the block."""
    words = [str(find_anvil(os.environ)), "--host", "127.0.0.1", "--port", "0", "--accounts", "0"]
    # Once anvil moves old states to its disk, reorganisations lose states: it keeps all it has.
    words += ["--color", "never", "--prune-history", "100000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "Listening on" in line)
            drain = threading.Thread(target=process.stdout.read)
            drain.start()
            yield JsonRpc("http://" + line.split()[-1], 30.0)
        finally:
            process.kill()
        drain.join()


class LivedMarket:
    """The market.

    Args:
        folder: gets its market.json.
        rpc: the anvil, with its cheat methods.
    """

    name = "anvil"

    def __init__(self, folder: Path, rpc: JsonRpc) -> None:
        self.place = folder
        self._rpc = rpc
        for person in PEOPLE:
            rpc.once("anvil_setBalance", [person.address, hex(10**24)])
        self._chain = connect(rpc.rpc_url)
        signer = Signer(PEOPLE[0])
        holders = tuple((Address(person.address), 10**12) for person in PEOPLE)
        terms = Terms(Amount(5), holders)
        file = DeploymentFile(folder, self._chain, signer.address)
        self.deployment: Deployment = carry_out(
            self._chain, signer, file, terms, lambda line: None
        ).at(rpc.rpc_url)
        (folder / FILE).write_bytes(self.deployment.to_bytes())
        for name in ("DataAssociation", "DataRequests", "Challenges", "Motions", "WorkerRegistry"):
            for person in PEOPLE:
                spender = self.deployment.addresses[name]
                self._at("MarketToken").transact(Signer(person), "approve", spender, PLENTY)
        self._terms: dict[int, tuple[object, ...]] = {}
        self.skipped = self.acted = 0
        self._spoken: list[int] = []  # heights of blocks with transactions, from here on
        for _ in range(8):
            self._do_transfer(random.Random(0), signer)
            self._spoken.append(self._chain.head().number)
            rpc.once("anvil_mine", [hex(8)])

    def contracts(self) -> MarketContracts:
        """The market, for an audit."""
        return MarketContracts(self._chain, self.deployment)

    def _at(self, name: str, address: Address | None = None) -> Contract:
        place = self.deployment.addresses[name] if address is None else address
        return Contract(self._chain, place, Artifact.load(name))

    def _database(self, dataset: int) -> Contract:
        address = self._at("Charter").call("database_of", dataset)
        return self._at("Database", Address(str(address)))

    # ------------------------------------------------------------------ what happens

    def change(self, draw: random.Random) -> int:
        """Reorganise 1 to 64 blocks, or none, and add some; the depth taken back."""
        top = self._chain.head().number
        # An empty block may come back the same: the deepest one that is taken back has a
        # transaction, so that it changes.
        fit = [height for height in self._spoken if top - height < DEEPEST]
        depth = 0
        if fit and draw.random() < 0.5:
            lowest = draw.choice(fit)
            depth = top - lowest + 1
            self._spoken = [height for height in self._spoken if height < lowest]
            self._rpc.once("anvil_reorg", [depth, []])
        for _ in range(draw.randint(1, 4)):
            self.act(draw)
            self._rpc.once("anvil_mine", [hex(draw.randint(1, 3))])
        return depth

    def act(self, draw: random.Random) -> None:
        """Do something that the contracts do not refuse."""
        while True:
            doing: Callable[[random.Random, Signer], Receipt] = draw.choice(
                [getattr(self, name) for name in dir(self) if name.startswith("_do_")]
            )
            try:
                receipt = doing(draw, Signer(draw.choice(PEOPLE)))
            except (TransactionFailedError, IndexError):  # refused, or nothing there to do it to
                self.skipped += 1
                continue
            self.acted += 1
            self._spoken.append(receipt.block_number)
            for event in self._at("DataAssociation").events(receipt.logs):
                if event.name == "Proposed":
                    self._terms[int(event.args["proposal"])] = tuple(event.args.values())
            return

    def _proposal(self, draw: random.Random) -> tuple[object, ...]:
        # Mostly the newest: the others are closed soon.
        newest = sorted(self._terms)[-4:]
        return self._terms[draw.choice(newest)]

    def _dataset(self, draw: random.Random) -> int:
        return draw.choice(range(1, int(self._at("Charter").call("num_datasets")) + 1))

    def _do_transfer(self, draw: random.Random, signer: Signer) -> Receipt:
        receiver = draw.choice(PEOPLE).address
        token = self._at("MarketToken")
        return token.transact(signer, "transfer", receiver, draw.randint(0, 10**6))

    def _do_register_node(self, draw: random.Random, signer: Signer) -> Receipt:
        pins = draw.randbytes(32), draw.randbytes(32)
        return self._at("WorkerRegistry").transact(signer, "register_node", *pins, "host:1")

    def _do_set_endpoint(self, draw: random.Random, signer: Signer) -> Receipt:
        workers = self._at("WorkerRegistry")
        return workers.transact(signer, "set_endpoint", f"host:{draw.randint(1, 99)}")

    def _do_register_worker(self, draw: random.Random, signer: Signer) -> Receipt:
        pins = draw.randbytes(32), draw.randbytes(32)
        args = draw.randint(0, 9), *pins, draw.randint(5, 50)
        return self._at("WorkerRegistry").transact(signer, "register", *args)

    def _do_change_worker(self, draw: random.Random, signer: Signer) -> Receipt:
        fn, args = draw.choice(
            [
                ("set_min_fee", (draw.randint(0, 9),)),
                ("add_stake", (draw.randint(1, 9),)),
                ("set_pin", (draw.randbytes(32),)),
                ("serve", ([draw.choice(PEOPLE).address],)),
                ("leave", ()),
            ]
        )
        return self._at("WorkerRegistry").transact(signer, fn, *args)

    def _do_create_dataset(self, draw: random.Random, signer: Signer) -> Receipt:
        if int(self._at("Charter").call("num_datasets")) >= 4:
            raise IndexError
        return self._at("Charter").transact(signer, "create_dataset", rules(draw))

    def _do_deposit(self, draw: random.Random, signer: Signer) -> Receipt:
        association = self._at("DataAssociation")
        return association.transact(signer, "deposit", draw.randint(100, 10_000))

    def _do_request(self, draw: random.Random, signer: Signer) -> Receipt:
        head = self._chain.head().timestamp
        curve = [(100, draw.randint(50, 90)), (200, draw.randint(1, 50))]
        digests = [draw.randbytes(32) for _ in range(4)]
        args = self._dataset(draw), draw.randint(1, 999), curve, head + MONTH, *digests
        return self._at("DataRequests").transact(signer, "open_request", *args)

    def _do_top_up(self, draw: random.Random, signer: Signer) -> Receipt:
        requests = self._at("DataRequests")
        number = draw.choice(range(1, int(requests.call("num_requests")) + 1))
        return requests.transact(signer, "top_up", number, draw.randint(1, 99))

    def _do_propose(self, draw: random.Random, signer: Signer) -> Receipt:
        count = int(self._at("DataRequests").call("num_requests"))
        request = draw.choice((0, draw.randint(0, count)))
        digests = [draw.randbytes(32) for _ in range(3)]
        payee = draw.choice(PEOPLE).address
        args = self._dataset(draw), request, payee, *digests, draw.randint(1, 500)
        return self._at("DataAssociation").transact(signer, "propose", *args)

    def _do_revise(self, draw: random.Random, signer: Signer) -> Receipt:
        digests = [draw.randbytes(32) for _ in range(3)]
        args = self._proposal(draw), *digests, draw.randint(1, 500)
        return self._at("DataAssociation").transact(signer, "revise", *args)

    def _do_publish_evidence(self, draw: random.Random, signer: Signer) -> Receipt:
        proposal = self._proposal(draw)[0]
        return self._at("Verdicts").transact(
            signer, "publish_evidence", proposal, 0, draw.randbytes(32)
        )

    def _do_vote(self, draw: random.Random, signer: Signer) -> Receipt:
        proposal = self._proposal(draw)[0]
        return self._at("CuratorToken").transact(signer, "vote", proposal, draw.random() < 0.9)

    _do_vote_again = _do_vote

    def _do_execute(self, draw: random.Random, signer: Signer) -> Receipt:
        terms = self._proposal(draw)
        verdicts = self._at("Verdicts")
        database = self._database(int(str(terms[0])) // 1_000_000)
        base = int(database.call("num_snapshots"))
        outcome = draw.choice((0, 0, 0, 2))
        amount = draw.randint(0, 5_000) if outcome == 0 else 0
        verdict = (base, 1, outcome, 0, amount, draw.randbytes(32))
        digest = bytes(verdicts.call("verdict_digest", terms[0], verdict))
        signed = draw.choice(PEOPLE[1:]).unsafe_sign_hash(Hash32(digest))
        return verdicts.transact(signer, "execute", terms, verdict, [bytes(signed.signature)], 0)

    _do_execute_again = _do_execute

    def _do_lend(self, draw: random.Random, signer: Signer) -> Receipt:
        oracle = draw.choice(PEOPLE).address
        expiry = self._chain.head().timestamp + MONTH
        args = self._dataset(draw), oracle, draw.randint(1, 200), expiry, draw.randint(0, 100)
        return self._at("CuratorToken").transact(signer, "lend", *args)

    def _do_take_back(self, draw: random.Random, signer: Signer) -> Receipt:
        return self._at("CuratorToken").transact(signer, "take_back", self._dataset(draw))

    def _do_vote_lent(self, draw: random.Random, signer: Signer) -> Receipt:
        lenders = [person.address for person in PEOPLE]
        args = self._proposal(draw), draw.random() < 0.5, 5_000, lenders
        return self._at("CuratorToken").transact(signer, "vote_lent", *args)

    def _do_move(self, draw: random.Random, signer: Signer) -> Receipt:
        args = self._dataset(draw), draw.randint(1, 2), draw.randbytes(32), draw.randbytes(32)
        return self._at("Motions").transact(signer, "move", *args)

    def _do_vote_on_motion(self, draw: random.Random, signer: Signer) -> Receipt:
        dataset = self._dataset(draw)
        number = draw.choice(range(1, int(self._at("Motions").call("num_motions", dataset)) + 1))
        motion = dataset * 1_000_000 + 500_000 + number
        return self._at("CuratorToken").transact(signer, "vote", motion, draw.random() < 0.5)

    def _do_stake(self, draw: random.Random, signer: Signer) -> Receipt:
        args = self._dataset(draw), draw.randint(1, 99)
        return self._at("Challenges").transact(signer, "stake", *args)

    def _do_share(self, draw: random.Random, signer: Signer) -> Receipt:
        terms = self._proposal(draw)
        database = self._database(int(str(terms[0])) // 1_000_000)
        receiver = draw.choice(PEOPLE).address
        return database.transact(signer, "transfer", receiver, terms[0], draw.randint(1, 500))

    def _do_fund(self, draw: random.Random, signer: Signer) -> Receipt:
        database = self._database(self._dataset(draw))
        newest = int(database.call("num_snapshots"))
        snapshot = draw.choice(range(1, newest + 1))
        self._at("MarketToken").transact(signer, "approve", database.address, PLENTY)
        return database.transact(signer, "fund", snapshot, draw.randint(1, 9_999))

    def _do_claim(self, draw: random.Random, signer: Signer) -> Receipt:
        terms = self._proposal(draw)
        database = self._database(int(str(terms[0])) // 1_000_000)
        return database.transact(signer, draw.choice(("claim", "remove")), terms[0])


def rules(draw: random.Random) -> tuple[Any, ...]:
    """A dataset's first rules, by the names of the contract's own struct."""
    first, *others = (person.address for person in PEOPLE)
    values: dict[str, Any] = {
        "voting_period": MONTH,
        "change_delay": MONTH,
        "bond": draw.randint(0, 20),
        "evaluation_fee": draw.randint(0, 20),
        "mint_cap": 10**9,
        "epoch_length": MONTH,
        "price_per_use": draw.randint(0, 99),
        "max_exposure_bps": draw.randint(1, 10_000),
        "a_bps": 10_000,
        "threshold": 1,
        "evaluators": others,
        "nodes": [first],
        "curators": others,
        "weights": [100, 100],
    }
    entry = Artifact.load("Charter").entry("function", "create_dataset", 1)
    empty = {"bytes32": bytes(32), "uint256": 0}
    return tuple(
        values.get(part["name"], [] if part["type"].endswith("]") else empty.get(part["type"], 0))
        for part in entry["inputs"][0]["components"]
    )
