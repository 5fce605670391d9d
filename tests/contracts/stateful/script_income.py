"""Short words for scenarios, about money: income, pools, motions, requests."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.stateful import data_model_changes as changes
from tests.contracts.stateful import data_model_income as income
from tests.contracts.stateful import data_model_requests as requests
from tests.contracts.stateful.actions_changes import POST, VETO, leaf, node, rules_digest
from tests.contracts.stateful.actions_income import claimed
from tests.contracts.stateful.data_model import Box, Dataset, Motion, Rules, require
from tests.contracts.stateful.data_model_verdicts import Signatures, is_evaluator
from tests.contracts.stateful.plain_rules import plain_rules
from tests.contracts.stateful.player import Seen
from tests.contracts.stateful.script import Script

WORTH = {0: 3, 1: 1}
"""Values that scenarios post: person -> value."""


class Story(Script):
    """All words."""

    def refuse(self, **changed: object) -> bool:
        """Ask for a dataset under rules that do not fit together."""
        rules = plain_rules(self.player, **changed)
        return self.player.found(self.who(0), rules) is None

    def fund(self, dataset: Dataset, snapshot: int, amount: int, person: int = 4) -> bool:
        sender = self.who(person)
        return self.player.do(
            dataset.wallet,
            "fund",
            (snapshot, amount),
            sender,
            lambda _: income.fund(self.player.model, sender, dataset, snapshot, amount),
        )

    def fund_signed(self, dataset: Dataset, snapshot: int, amount: int, meant: int) -> bool:
        payer, model = self.who(3), self.player.model
        nonce = self.player.word()[:28] + meant.to_bytes(4)
        to = self.player.world.at[dataset.wallet]
        signed = self.player.world.authorization(payer, to, amount, 2**40, nonce)

        def rule(_: Seen) -> None:
            require(meant == snapshot, "database: other snapshot")
            income.fund(model, payer, dataset, snapshot, amount)

        return self.player.do(
            dataset.wallet,
            "fund_with_authorization",
            (snapshot, (payer, *signed)),
            self.who(4),
            rule,
        )

    def fund_tranche(self, dataset: Dataset, tranche: int, born: int, amount: int) -> bool:
        sender = self.who(4)
        return self.player.do(
            dataset.wallet,
            "fund_tranche",
            (tranche, born, amount),
            sender,
            lambda _: income.fund_tranche(
                self.player.model, sender, dataset, tranche, born, amount
            ),
        )

    def claim(self, dataset: Dataset, person: int, *wanted: int) -> bool:
        holder = self.who(person)
        return self.player.do(
            dataset.wallet,
            "claim_many",
            (list(wanted),),
            holder,
            lambda seen: claimed(self.player, dataset, holder, wanted, seen),
        )

    def send(self, dataset: Dataset, person: int, receiver: int, tranche: int, amount: int) -> bool:
        sender, to = self.who(person), self.who(receiver)

        def rule(seen: Seen) -> None:
            income.check_transfer(dataset, sender, tranche, amount)
            income.transfer(dataset, sender, to, tranche, amount, seen.paid("Credited"))

        return self.player.do(dataset.wallet, "transfer", (to, tranche, amount), sender, rule)

    def send_for(
        self, dataset: Dataset, caller: int, people: tuple[int, int], tranche: int, amount: int
    ) -> bool:
        by, sender, to = self.who(caller), self.who(people[0]), self.who(people[1])

        def rule(seen: Seen) -> None:
            income.check_spend(dataset, by, sender, tranche, amount)
            income.transfer(dataset, sender, to, tranche, amount, seen.paid("Credited"))

        return self.player.do(
            dataset.wallet, "transferFrom", (sender, to, tranche, amount), by, rule
        )

    def approve(
        self, dataset: Dataset, person: int, spender: int, tranche: int, amount: int
    ) -> bool:
        owner, to = self.who(person), self.who(spender)

        def rule(_: Seen) -> bool:
            dataset.allowances[owner, to, tranche] = amount
            return True

        return self.player.do(dataset.wallet, "approve", (to, tranche, amount), owner, rule)

    def remove(self, dataset: Dataset, person: int, tranche: int) -> bool:
        sender = self.who(person)
        return self.player.do(
            dataset.wallet,
            "remove",
            (tranche,),
            sender,
            lambda _: income.remove(dataset, sender, tranche),
        )

    def collect(self, dataset: Dataset, account: str) -> bool:
        return self.player.do(
            dataset.wallet,
            "withdraw_for",
            (account,),
            self.who(4),
            lambda _: income.withdraw(self.player.model, dataset, account),
        )

    # Value pools

    def post_values(
        self, dataset: Dataset, snapshot: int, total: int = 4, by: Sequence[int] = (0,)
    ) -> bool:
        """Post values 3 and 1 of the first two people."""
        values = {self.who(one): worth for one, worth in WORTH.items()}
        root = node(*(leaf(owner, worth) for owner, worth in values.items()))
        digest = self.player.world.values_digest(dataset.id, snapshot, root, total, POST)
        signatures = Signatures(tuple(self.judge(one) for one in by))
        return self.player.do(
            "ValuePools",
            "post_values",
            (dataset.id, snapshot, root, total, self.player.signed(digest, signatures)),
            self.who(4),
            lambda _: changes.post_values(
                self.player.model, dataset, snapshot, root, values, total, signatures
            ),
        )

    def veto(self, dataset: Dataset, snapshot: int, by: Sequence[int] = (1,)) -> bool:
        pool = dataset.pools[snapshot]
        digest = self.player.world.values_digest(dataset.id, snapshot, pool.root, pool.total, VETO)
        signatures = Signatures(tuple(self.judge(one) for one in by))
        return self.player.do(
            "ValuePools",
            "veto_values",
            (dataset.id, snapshot, self.player.signed(digest, signatures)),
            self.who(4),
            lambda _: changes.veto_values(self.player.model, dataset, snapshot, signatures),
        )

    def release(self, dataset: Dataset, snapshot: int) -> bool:
        return self.player.do(
            "ValuePools",
            "release",
            (dataset.id, snapshot),
            self.who(4),
            lambda _: changes.release(self.player.model, dataset, snapshot),
        )

    def claim_value(
        self, dataset: Dataset, snapshot: int, person: int, worth: int | None = None
    ) -> bool:
        owner, other = self.who(person), 1 - person
        claimed_worth = WORTH[person] if worth is None else worth
        path = [leaf(self.who(other), WORTH[other])]
        is_right = claimed_worth == WORTH[person]
        return self.player.do(
            "ValuePools",
            "claim_value",
            (dataset.id, snapshot, owner, claimed_worth, path),
            self.who(4),
            lambda _: changes.claim_value(
                self.player.model, dataset, snapshot, owner, claimed_worth, is_right
            ),
        )

    # Motions

    def move_rules(self, dataset: Dataset, person: int, **changed: object) -> Motion:
        rules = dataset.rules._replace(curators=(), weights=())
        new = rules._replace(**changed)  # type: ignore[arg-type]
        return self._move(dataset, person, changes.NEW_RULES, new, rules_digest(new))

    def move_takedown(
        self, dataset: Dataset, person: int, tranche: int, born: int, to: int
    ) -> Motion:
        payload = (tranche, born, self.who(to))
        digest = keccak(encode(("uint256", "uint256", "address"), payload))
        return self._move(dataset, person, changes.TAKEDOWN, payload, digest)

    def _move(
        self, dataset: Dataset, person: int, kind: int, payload: object, digest: bytes
    ) -> Motion:
        sender = self.who(person)
        self.player.do(
            "Motions",
            "move",
            (dataset.id, kind, digest, bytes(32)),
            sender,
            lambda _: changes.move(self.player.model, sender, dataset, kind, payload).box.id,
        )
        return dataset.motions[-1]

    def settle(self, motion: Motion) -> bool:
        return self.player.do(
            "Motions",
            "settle_motion",
            (motion.box.id,),
            self.who(4),
            lambda _: changes.settle_motion(self.player.model, motion),
        )

    def enact(self, motion: Motion, **changed: object) -> bool:
        if isinstance(motion.payload, Rules):
            rules = motion.payload._replace(**changed)  # type: ignore[arg-type]
            return self.player.do(
                "Motions",
                "enact_rules",
                (motion.box.id, rules),
                self.who(4),
                lambda _: changes.enact_rules(self.player.model, motion, rules),
            )
        if not isinstance(motion.payload, tuple):
            raise AssertionError("motions are of two kinds")
        tranche, born, to = motion.payload
        return self.player.do(
            "Motions",
            "enact_takedown",
            (motion.box.id, tranche, born, to),
            self.who(4),
            lambda _: changes.enact_takedown(self.player.model, motion, tranche, born, to),
        )

    def carry(self, motion: Motion) -> None:
        """Everybody of genesis for it, settled at its deadline, enacted after its delay."""
        self.all_for(motion.box)
        self.until(motion.box.deadline)
        self.settle(motion)
        self.until(motion.ready_at)
        self.enact(motion)

    def all_for(self, box: Box) -> None:
        """Genesis curators other than its opener are for it."""
        self.until(box.begin)
        for voter in (0, 1, 2):
            if self.who(voter) != box.opener:
                self.vote(voter, box)

    # Requests

    def ask(
        self, dataset: int, escrow: int, curve: Sequence[tuple[int, int]] = (), person: int = 3
    ) -> bool:
        sender, deadline = self.who(person), self.player.model.now + 100
        return self.player.do(
            "DataRequests",
            "open_request",
            (dataset, escrow, list(curve), deadline, *(bytes(32),) * 4),
            sender,
            lambda _: requests.open_request(
                self.player.model, sender, dataset, escrow, curve, deadline
            ),
        )

    def close_request(self, number: int, person: int = 3) -> bool:
        sender = self.who(person)
        return self.player.do(
            "DataRequests",
            "close_request",
            (number,),
            sender,
            lambda _: requests.close_request(self.player.model, sender, number),
        )

    def top_up(self, number: int, amount: int) -> bool:
        sender = self.who(4)
        return self.player.do(
            "DataRequests",
            "top_up",
            (number, amount),
            sender,
            lambda _: requests.top_up(self.player.model, sender, number, amount),
        )

    def retire(self, number: int, judge: int) -> bool:
        sender, model = self.judge(judge), self.player.model
        dataset = model.dataset(model.requests[number - 1].dataset)
        return self.player.do(
            "DataRequests",
            "retire_holdout",
            (number, b"r" * 32),
            sender,
            lambda _: requests.retire_holdout(
                model, sender, number, is_evaluator(dataset, len(dataset.versions), sender)
            ),
        )
