"""Gas of our governance: proposals, ballots, lent weight, verdicts and their challenges."""

from __future__ import annotations

from eth_account.signers.local import LocalAccount

from benchmarks.metering.dataset import Dataset, words_of
from benchmarks.metering.figures import Plan, Samples
from benchmarks.metering.market import (
    COIN,
    DAY_S,
    PERIOD_S,
    REVIEW_S,
    Market,
    digest,
    standing_rules,
)
from benchmarks.metering.session import Session, account, open_session
from databright.records.terms import Terms
from databright.units import Address

BATCH = 64
"""Ballots of one transaction, at most."""
_NUM_GENESIS = 3
_NUM_RELAYED_EARNED = BATCH - _NUM_GENESIS
_GENESIS_WEIGHT = 10**6
_EARNED = 5 * 10**4
_NUM_ORACLES = 5
_NUM_LENDERS = 32
_NUM_OVERRIDES = 10
_REPEATS = 3
_FOR_LONG_S = 30 * DAY_S


class Governance:
    """Measures everything that curators, contributors and evaluators do with proposals."""

    @property
    def name(self) -> str:
        """Which part of our contracts it is."""
        return "governance"

    def measure(self, plan: Plan) -> Samples:
        """Play rounds of proposals, then batches, lent weight and challenges.

        Args:
            plan: how much.

        Returns:
            Its samples. Errors: MissingToolError where this machine has no anvil.
        """
        people = People(plan)
        with open_session(people.senders) as session:
            scene = Scene(session, people, plan)
            scene.open()
            for number in range(plan.num_rounds):
                scene.play_round(number)
            scene.vote_in_new_windows()
            scene.vote_in_batches()
            scene.vote_late()
            scene.lend()
            scene.vote_lent()
            scene.revise()
            scene.challenge()
        return scene.samples


class People:
    """Who acts.

    Args:
        plan: how much is played.

    Attributes:
        genesis: curators named by the rules.
        earned: holders of earned votes; the first of them vote, 61 sign ballots for a relayer, and
            the last ones, a holder for each round, propose.
        voters: those of the earned who vote themselves.
    """

    def __init__(self, plan: Plan) -> None:
        self.founder = account("founder")
        self.relayer = account("relayer")
        self.executor = account("executor")
        self.initiator = account("initiator")
        self.challenger = account("challenger")
        num_earned = max(_NUM_RELAYED_EARNED, plan.num_voters) + plan.num_rounds
        self.genesis = [account("genesis", i) for i in range(_NUM_GENESIS)]
        self.earned = [account("voter", i) for i in range(num_earned)]
        self.voters = self.earned[: plan.num_voters]
        self.oracles = [account("oracle", i) for i in range(_NUM_ORACLES)]
        self.newcomers = [account("newcomer", i) for i in range(2 * plan.num_rounds)]

    @property
    def senders(self) -> list[LocalAccount]:
        """Those that send transactions."""
        alone = [self.founder, self.relayer, self.executor, self.initiator, self.challenger]
        crowds = (self.genesis, self.earned, self.oracles, self.newcomers)
        return Market.staff() + alone + [one for crowd in crowds for one in crowd]


class Scene:
    """Our governance on one chain.

    Args:
        session: the chain.
        people: who acts.
        plan: how much is played.

    Attributes:
        samples: what was measured.
    """

    def __init__(self, session: Session, people: People, plan: Plan) -> None:
        self.samples = Samples()
        self._session = session
        self._people = people
        self._holders = people.earned[-plan.num_rounds :]
        self._market = Market(session)
        curators = {Address(one.address): _GENESIS_WEIGHT for one in people.genesis}
        number, sent = self._market.create(standing_rules(curators))
        self.samples.add("create_dataset", sent.gas)
        self._dataset = Dataset(self._market, number)
        self._request = 0

    def open(self) -> None:
        """Make everybody a holder by an accepted proposal, and give proposers their deposits."""
        people, market = self._people, self._market
        market.deposit(people.founder, 100_000 * COIN)
        for proposer in (*people.newcomers, *self._holders):
            self.samples.add("deposit_first", market.deposit(proposer).gas)
            again = market.association.send(proposer, "deposit", COIN)
            self.samples.add("deposit", again.gas)
        payees = [Address(one.address) for one in people.earned]
        done = self._dataset.accept(people.founder, payees, people.genesis, _EARNED)
        self.samples.add("execute_first", done[0][1].gas)
        self._open_request()
        self._session.advance(_FOR_LONG_S)

    def _open_request(self) -> None:
        requests = self._market.contracts["DataRequests"]
        escrow = 1_000 * COIN
        self._market.pay(self._people.initiator, 2 * escrow, requests.address)
        curve = [(10**5, 2 * COIN), (10**6, COIN)]
        texts = [digest(text) for text in ("holdout", "sealed holdout", "program 0", "card")]
        deadline = self._session.now + 10 * _FOR_LONG_S
        sent = requests.send(
            self._people.initiator,
            "open_request",
            self._dataset.number,
            escrow,
            curve,
            deadline,
            *texts,
        )
        self.samples.add("open_request", sent.gas)
        self._request = int(requests.call("num_requests"))

    def play_round(self, number: int) -> None:
        """Four proposals: of a newcomer, of a holder, of that holder once more, to a request.

        Args:
            number: the round's, from 0.
        """
        people, dataset = self._people, self._dataset
        holder, newcomer = self._holders[number], people.newcomers[2 * number]
        first = self._propose("propose", newcomer)
        second = self._propose("propose_holder", holder)
        third = self._propose("propose_holder_again", holder)
        fourth = self._propose("propose_request", people.newcomers[2 * number + 1], self._request)
        self._session.advance(REVIEW_S)
        self._vote(first)
        self._vote_relayed(second)
        for voter in people.voters + people.genesis:
            dataset.vote_many(voter, [third, fourth])
        self._session.advance(PERIOD_S)
        self._execute("execute_new", first)
        self._execute("execute_holder", second)
        self._execute("execute_again_in_one_period", third)
        self._execute("execute_request", fourth)
        # Until the next round nobody needs what holders had before.
        self._session.advance(7 * DAY_S)

    def _propose(self, row: str, proposer: LocalAccount, request: int = 0) -> Terms:
        terms, sent = self._dataset.propose(proposer, request=request)
        self.samples.add(row, sent.gas)
        return terms

    def _ballot(self, row: str, voter: LocalAccount, terms: Terms) -> None:
        sent = self._market.curators.send(voter, "vote", terms.proposal, True)
        self.samples.add(row, sent.gas)

    def _vote(self, terms: Terms) -> None:
        for place, voter in enumerate(self._people.voters):
            self._ballot("vote_first" if place == 0 else "vote", voter, terms)
        for curator in self._people.genesis:
            self._ballot("vote_genesis", curator, terms)

    def _vote_relayed(self, terms: Terms) -> None:
        voters = self._people.genesis + self._people.earned[:_NUM_RELAYED_EARNED]
        ballots = self._dataset.relayed(voters, terms)
        sent = self._market.curators.send(self._people.relayer, "vote_signed", ballots)
        self.samples.add("vote_relayed", sent.gas, shared_by=len(ballots))

    def _execute(self, row: str, terms: Terms) -> None:
        sent = self._dataset.execute(self._people.executor, terms, _EARNED)
        self.samples.add(row, sent.gas)

    def _open_proposals(self, count: int) -> list[Terms]:
        terms = [self._dataset.propose(self._people.founder)[0] for _ in range(count)]
        self._session.advance(REVIEW_S)
        return terms

    def vote_in_new_windows(self) -> None:
        """The states of 32 proposals lie in a voter's word: ballots on the first of the next 32.

        Those before move to a word for four times 32: the first time it is a fresh one.
        """
        for row in ("vote_new_window_first", "vote_new_window"):
            *_, last = self._open_proposals(self._dataset.until_next_window() + 1)
            for voter in self._people.voters:
                self._ballot(row, voter, last)

    def vote_in_batches(self) -> None:
        """Every voter casts 64 ballots at once, twice: 128 proposals are what one word keeps."""
        for _ in range(2):
            wave = self._open_proposals(BATCH)
            for voter in self._people.voters:
                sent = self._dataset.vote_many(voter, wave)
                self.samples.add("vote_batch64", sent.gas, shared_by=BATCH)

    def vote_late(self) -> None:
        """Ballots in the last quarter where the yes side leads: each moves its deadline."""
        wave = self._open_proposals(_REPEATS)
        self._dataset.vote_many(self._people.genesis[0], wave)
        self._session.advance(PERIOD_S - PERIOD_S // 8)
        for voter, terms in zip(self._people.voters, wave, strict=False):
            self._ballot("vote_late", voter, terms)

    def lend(self) -> None:
        """Every voter lends her votes to an oracle; then many of them to one."""
        people = self._people
        for place, voter in enumerate(people.voters):
            row = "delegate_first" if place < _NUM_ORACLES else "delegate"
            self._lend(row, voter, people.oracles[place % _NUM_ORACLES])
        for voter in people.voters[:_NUM_LENDERS]:
            self._lend("delegate_again", voter, people.oracles[0])

    def _lend(self, row: str, lender: LocalAccount, oracle: LocalAccount) -> None:
        expiry = self._session.now + 90 * DAY_S
        sent = self._market.curators.send(
            lender, "lend", self._dataset.number, oracle.address, _EARNED, expiry, 6_000
        )
        self.samples.add(row, sent.gas)

    def vote_lent(self) -> None:
        """An oracle casts what many lent it; some of them vote against it afterwards."""
        lenders = self._people.voters[:_NUM_LENDERS]
        for terms in self._open_proposals(_REPEATS):
            sent = self._market.curators.send(
                self._people.oracles[0],
                "vote_lent",
                words_of(terms),
                True,
                9_000,
                [one.address for one in lenders],
            )
            self.samples.add("vote_lent", sent.gas, shared_by=len(lenders))
            for lender in lenders[:_NUM_OVERRIDES]:
                overriding = self._market.curators.send(lender, "vote", terms.proposal, False)
                self.samples.add("override", overriding.gas)

    def revise(self) -> None:
        """A contributor replaces her proposal, then takes it off."""
        association = self._market.association
        for place, proposer in enumerate(self._people.newcomers[:_REPEATS]):
            terms, _ = self._dataset.propose(proposer)
            changed = [digest(f"{part} of revision {place}") for part in ("a", "b", "c")]
            sent = association.send(proposer, "revise", words_of(terms), *changed, 900)
            self.samples.add("revise", sent.gas)

    def challenge(self) -> None:
        """Somebody challenges what evaluators signed; two others measured the same."""
        challenges = self._market.contracts["Challenges"]
        challenger = self._people.challenger
        self._market.pay(challenger, 1_000 * COIN, challenges.address)
        for terms in self._open_proposals(_REPEATS):
            verdict = self._dataset.verdict(terms, _EARNED)
            signed = self._dataset.signed(terms, verdict)
            posted = self._market.verdicts.send(
                self._people.executor, "post_verdict", words_of(terms), verdict.words, signed
            )
            self.samples.add("post_verdict", posted.gas)
            doubted = challenges.send(
                challenger, "challenge", terms.proposal, verdict.words, signed
            )
            self.samples.add("challenge", doubted.gas)
            others = self._dataset.signed(terms, verdict, pair=1)
            answered = challenges.send(
                self._people.executor, "answer", terms.proposal, verdict.words, others
            )
            self.samples.add("answer", answered.gas)
