"""Short words for scenarios: each makes one call by the contracts and by the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.contracts.stateful import data_model_changes as changes
from tests.contracts.stateful import data_model_proposals as proposals
from tests.contracts.stateful import data_model_verdicts as verdicts
from tests.contracts.stateful import data_model_votes as votes
from tests.contracts.stateful.actions_votes import NO_TERMS
from tests.contracts.stateful.data_model import (
    COPY,
    OK,
    Box,
    Dataset,
    Proposal,
    Verdict,
)
from tests.contracts.stateful.data_model_proposals import Content
from tests.contracts.stateful.data_model_verdicts import Signatures
from tests.contracts.stateful.data_model_votes import Signed
from tests.contracts.stateful.plain_rules import plain_rules
from tests.contracts.stateful.player import Player, Seen


@dataclass
class Script:
    """A market that a scenario plays; people and evaluators are numbers."""

    player: Player

    def who(self, person: int) -> str:
        return self.player.people[person]

    def judge(self, number: int) -> str:
        return self.player.judges[number]

    def wait(self, seconds: int) -> None:
        self.player.go_to(self.player.model.now + seconds)

    def until(self, time: int) -> None:
        self.player.go_to(time)

    def found(self, **changed: object) -> Dataset:
        found = self.player.found(self.who(0), plain_rules(self.player, **changed))
        if found is None:
            raise AssertionError("the rules allow no dataset")
        return found

    def deposit(self, person: int, amount: int = 400) -> bool:
        sender = self.who(person)
        return self.player.do(
            "DataAssociation",
            "deposit",
            (amount,),
            sender,
            lambda _: proposals.deposit(self.player.model, sender, amount),
        )

    def _content(self, rows: int = 3) -> Content:
        return Content(self.player.word(), self.player.word(), self.player.word(), rows)

    def propose(
        self,
        dataset: Dataset,
        person: int,
        payee: int | None = None,
        request: int = 0,
        *,
        is_poor: bool = False,
        rows: int = 3,
    ) -> Proposal:
        """Propose; the deposit is made before, unless one is poor."""
        sender, to = self.who(person), self.who(person if payee is None else payee)
        model, offered = self.player.model, self._content(rows)
        if model.deposits[sender] < 200 and not is_poor:
            self.deposit(person)
        self.player.do(
            "DataAssociation",
            "propose",
            (dataset.id, request, to, offered.root, offered.ref, offered.manifest, rows),
            sender,
            lambda _: (
                proposals.propose(model, sender, dataset, request, to, offered).terms.proposal
            ),
        )
        return dataset.proposals[-1]

    def revise(self, proposal: Proposal) -> Proposal:
        offered, terms = self._content(), proposal.terms
        self.player.do(
            "DataAssociation",
            "revise",
            (terms, offered.root, offered.ref, offered.manifest, 3),
            terms.proposer,
            lambda _: (
                proposals.revise(self.player.model, terms.proposer, terms, offered).terms.proposal
            ),
        )
        return self.player.model.dataset(terms.proposal // 1_000_000).proposals[-1]

    def take_off(self, proposal: Proposal, sender: str | None = None) -> bool:
        terms, by = proposal.terms, sender or proposal.terms.proposer
        return self.player.do(
            "DataAssociation",
            "withdraw_proposal",
            (terms,),
            by,
            lambda _: proposals.withdraw_proposal(self.player.model, by, terms),
        )

    def pass_by(self, dataset: Dataset, number: int) -> bool:
        return self.player.do(
            "DataAssociation",
            "pass_by",
            (dataset.id, number),
            self.who(4),
            lambda _: proposals.pass_by(self.player.model, dataset, number),
        )

    def withdraw(self, account: str) -> bool:
        return self.player.do(
            "DataAssociation",
            "withdraw",
            (),
            account,
            lambda _: proposals.withdraw(self.player.model, account),
        )

    def push(self, contract: str, account: str) -> bool:
        return self.player.do(
            contract,
            "withdraw_for",
            (account,),
            self.who(4),
            lambda _: proposals.withdraw_for(self.player.model, account, contract),
        )

    # Ballots

    def vote(self, person: int, box: Box, support: bool = True) -> bool:
        sender = self.who(person)
        return self.player.do(
            "CuratorToken",
            "vote",
            (box.id, support),
            sender,
            lambda _: votes.vote(self.player.model, sender, box.id, support),
        )

    def vote_many(self, person: int, ballots: Sequence[tuple[Box, bool]]) -> bool:
        sender, plain = self.who(person), [(box.id, support) for box, support in ballots]
        bits = sum(1 << place for place, (_, support) in enumerate(plain) if support)
        return self.player.do(
            "CuratorToken",
            "vote_many",
            ([number for number, _ in plain], bits),
            sender,
            lambda _: votes.vote_many(self.player.model, sender, plain),
        )

    def ballot(self, person: int, box: Box, support: bool = True, **changed: int) -> Signed:
        """A ballot that somebody signs, with the nonce and a deadline of now."""
        dataset = self.player.model.dataset(box.id // 1_000_000)
        nonce = changed.get("nonce", dataset.cancelled[self.who(person)])
        deadline = changed.get("deadline", self.player.model.now)
        return Signed(self.who(person), box.id, support, nonce, deadline)

    def relay(self, *ballots: Signed, by: int | None = None) -> bool:
        raw = [self.player.world.ballot(*ballot) for ballot in ballots]
        relayer = self.judge(3) if by is None else self.who(by)
        return self.player.do(
            "CuratorToken",
            "vote_signed",
            (raw,),
            relayer,
            lambda _: votes.vote_signed(self.player.model, relayer, ballots),
        )

    def vote_lent(
        self,
        person: int,
        box: Box,
        lenders: Sequence[int],
        *,
        sure: int = 10_000,
        yes: bool = True,
        proposer: str = "",
    ) -> bool:
        """Cast lent weight; seldom with terms that name another proposer."""
        sender, named = self.who(person), [self.who(one) for one in lenders]
        found = self.player.model.proposal(box.id)
        terms = found.terms if found else NO_TERMS._replace(proposal=box.id)
        if proposer:
            terms = terms._replace(proposer=proposer)
        return self.player.do(
            "CuratorToken",
            "vote_lent",
            (terms, yes, sure, named),
            sender,
            lambda _: votes.vote_lent(self.player.model, sender, terms, yes, sure, named),
        )

    def lend(
        self,
        dataset: Dataset,
        person: int,
        oracle: int,
        cap: int = 2**60,
        *,
        least: int = 0,
        s: int = 900,
    ) -> bool:
        sender, to, expiry = self.who(person), self.who(oracle), self.player.model.now + s
        return self.player.do(
            "CuratorToken",
            "lend",
            (dataset.id, to, cap, expiry, least),
            sender,
            lambda _: votes.lend(self.player.model, sender, dataset, to, cap, expiry, least),
        )

    def take_back(self, dataset: Dataset, person: int) -> bool:
        sender = self.who(person)
        return self.player.do(
            "CuratorToken",
            "take_back",
            (dataset.id,),
            sender,
            lambda _: votes.take_back(dataset, sender),
        )

    def cancel(self, dataset: Dataset, person: int) -> bool:
        sender = self.who(person)
        return self.player.do(
            "CuratorToken",
            "cancel_ballots",
            (dataset.id,),
            sender,
            lambda _: votes.cancel_ballots(dataset, sender),
        )

    # Verdicts

    def verdict(self, proposal: Proposal, amount: int = 3, **changed: object) -> Verdict:
        dataset = self.player.model.dataset(proposal.terms.proposal // 1_000_000)
        plain = Verdict(dataset.newest, 1, OK, 0, amount, bytes(32))
        return plain._replace(**changed)  # type: ignore[arg-type]

    def copy(self, proposal: Proposal, of: Proposal) -> Verdict:
        number = of.terms.proposal
        return self.verdict(proposal, 0, outcome=COPY, copy_of=number)

    def execute(
        self,
        proposal: Proposal,
        verdict: Verdict | None = None,
        by: Sequence[int] = (0,),
        born: int = 0,
        **changed: object,
    ) -> bool:
        """Execute with a verdict, by default one of three shares."""
        terms = proposal.terms._replace(**changed)  # type: ignore[arg-type]
        what = verdict or self.verdict(proposal)
        signatures = Signatures(tuple(self.judge(one) for one in by))
        return self.player.do(
            "Verdicts",
            "execute",
            (terms, what, self.player.signed_verdict(proposal, what, signatures, terms), born),
            self.who(4),
            lambda _: verdicts.execute(self.player.model, terms, what, signatures, born),
        )

    def post(self, proposal: Proposal, verdict: Verdict, by: Sequence[int] = (0,)) -> bool:
        signatures = Signatures(tuple(self.judge(one) for one in by))
        terms = proposal.terms
        return self.player.do(
            "Verdicts",
            "post_verdict",
            (terms, verdict, self.player.signed_verdict(proposal, verdict, signatures)),
            self.who(4),
            lambda _: verdicts.post_verdict(self.player.model, terms, verdict, signatures),
        )

    def publish(self, proposal: Proposal, sender: str) -> bool:
        number = proposal.terms.proposal
        return self.player.do(
            "Verdicts",
            "publish_evidence",
            (number, 0, bytes(32)),
            sender,
            lambda _: verdicts.publish_evidence(self.player.model, sender, number),
        )

    def expire(self, proposal: Proposal) -> bool:
        terms = proposal.terms
        return self.player.do(
            "Verdicts",
            "expire",
            (terms,),
            self.who(4),
            lambda _: verdicts.expire(self.player.model, terms),
        )

    def release_bond(self, proposal: Proposal) -> bool:
        terms = proposal.terms
        return self.player.do(
            "Verdicts",
            "release_bond",
            (terms,),
            self.who(4),
            lambda _: verdicts.release_bond(self.player.model, terms),
        )

    def accept(
        self, dataset: Dataset, person: int, amount: int = 3, payee: int | None = None
    ) -> Proposal:
        """Propose, all genesis curators for it, executed at the deadline."""
        proposal = self.propose(dataset, person, payee)
        self.until(proposal.box.begin)
        for voter in (0, 1, 2):
            if voter != person:
                self.vote(voter, proposal.box)
        self.until(proposal.box.deadline)
        self.execute(
            proposal, self.verdict(proposal, amount), by=range(proposal.box.rules.threshold)
        )
        return proposal

    # Challenges

    def stake(self, dataset: Dataset, number: int, amount: int) -> bool:
        sender = self.judge(number)
        return self.player.do(
            "Challenges",
            "stake",
            (dataset.id, amount),
            sender,
            lambda _: changes.stake(self.player.model, sender, dataset, amount),
        )

    def unstake(self, dataset: Dataset, number: int) -> bool:
        sender = self.judge(number)
        return self.player.do(
            "Challenges",
            "unstake",
            (dataset.id,),
            sender,
            lambda _: changes.unstake(self.player.model, sender, dataset),
        )

    def challenge(self, proposal: Proposal, verdict: Verdict, by: Sequence[int] = (0,)) -> bool:
        return self._doubt("challenge", proposal, verdict, by)

    def answer(self, proposal: Proposal, verdict: Verdict, by: Sequence[int]) -> bool:
        return self._doubt("answer", proposal, verdict, by)

    def _doubt(self, name: str, proposal: Proposal, verdict: Verdict, by: Sequence[int]) -> bool:
        number, sender, model = proposal.terms.proposal, self.who(4), self.player.model
        signatures = Signatures(tuple(self.judge(one) for one in by))

        def rule(_: Seen) -> None:
            if name == "answer":
                changes.answer(model, number, verdict, signatures)
            else:
                changes.challenge(model, sender, number, verdict, signatures)

        signed = self.player.signed_verdict(proposal, verdict, signatures)
        return self.player.do("Challenges", name, (number, verdict, signed), sender, rule)

    def lapse(self, proposal: Proposal) -> bool:
        terms = proposal.terms
        return self.player.do(
            "Challenges",
            "lapse",
            (terms,),
            self.who(3),
            lambda _: changes.lapse(self.player.model, terms),
        )
