from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from databright.chain.bindings import Event
from databright.custody.blobs import sha256
from databright.data_market.docket import Docket
from databright.data_market.entities import (
    ACCEPTED,
    EXPIRED,
    REJECTED,
    REVISED,
    WITHDRAWN,
)
from databright.data_market.verdicts import VerdictDomain
from databright.records.evidence import Verdict
from databright.storage.memory import MemoryStore
from databright.units import Address, Digest, Seconds

HERE = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
CREATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
STRANGER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
UNIT = 1_000_000
SPEAKERS = ("association", "charter", "requests", "verdicts", "challenges")
EVALUATORS = tuple(Address(f"0x{number:040x}") for number in range(1, 5))


class Story:
    """A docket over events that a test tells one by one; numbers are those of dataset 1."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self.store = MemoryStore()
        self.commitment = bytes(32)
        self._answers: dict[int, int] = {}
        self.endings: dict[int, int] = {}
        self.versions: dict[int, int] = {}
        speaker = SimpleNamespace(address=HERE, events=lambda _logs: self._events)
        silent = SimpleNamespace(address=HERE, events=lambda _logs: [])
        chain = SimpleNamespace(
            head=lambda: SimpleNamespace(number=len(self._events), hash=str(len(self._events))),
            logs=lambda *_args: [],
        )
        database = SimpleNamespace(call=lambda _fn, tranche: self.endings.get(tranche, 0) << 160)
        contracts = SimpleNamespace(
            deployment=SimpleNamespace(chain_id=1, block=0),
            chain=chain,
            database=lambda _dataset: database,
            **{name: speaker if name == SPEAKERS[0] else silent for name in SPEAKERS},
        )
        registry: Any = SimpleNamespace(
            contracts=contracts, store=self.store, proposal=self._proposal, rules_at=self._rules
        )
        self._registry = registry

    def _proposal(self, proposal: int) -> Any:
        return SimpleNamespace(
            terms=SimpleNamespace(commitment=lambda: self.commitment),
            request=self._answers[proposal],
            opened_at=Seconds(proposal),
            votes_from=Seconds(proposal),
            version=self.versions.get(proposal, 1),
        )

    def _rules(self, dataset: int, version: int) -> Any:
        del dataset, version
        return SimpleNamespace(evaluators=EVALUATORS, threshold=2)

    def tell(self, name: str, **args: Any) -> None:
        number = len(self._events) + 1
        self._events.append(Event(name, args, HERE, number, str(number), str(number), 0))

    def ask(self, request: int, initiator: str = CREATOR, dataset: int = 1) -> None:
        self.tell("RequestOpened", request=request, dataset=dataset, initiator=initiator)

    def propose(
        self, number: int, request: int = 0, dataset: int = 1, revises: int = 0, version: int = 1
    ) -> int:
        proposal = dataset * UNIT + number
        self._answers[proposal] = request
        self.versions[proposal] = version
        self.tell("Proposed", proposal=proposal, revises=revises and dataset * UNIT + revises)
        return proposal

    def settle(self, number: int, status: int, snapshot: int = 0) -> None:
        self.tell("Settled", proposal=UNIT + number, status=status, snapshot=snapshot)

    def docket(self) -> Docket:
        docket = Docket(self._registry)
        docket.refresh()
        return docket

    def measuring(self, number: int) -> int:
        return self.docket().measuring_request(UNIT + number)

    def earlier(self, number: int, base: int = 0) -> list[int]:
        return [other - UNIT for other in self.docket().earlier(UNIT + number, base)]


def _story() -> Story:
    story = Story()
    story.tell("DatasetCreated", dataset=1, creator=CREATOR)
    return story


def test_a_proposal_is_measured_on_the_creators_request_that_it_names() -> None:
    story = _story()
    story.ask(1)
    story.ask(2)
    story.propose(1, request=1)
    story.propose(2)
    story.ask(3)
    assert (story.measuring(1), story.measuring(2)) == (1, 2)


def test_a_strangers_holdout_measures_nothing() -> None:
    """Whoever chose the hidden rows could mint shares with them, or burn others' bonds."""
    story = _story()
    story.ask(1)
    story.ask(2, STRANGER)
    story.propose(1, request=2)
    story.propose(2)
    assert (story.measuring(1), story.measuring(2)) == (1, 1)


def test_without_a_holdout_of_the_creator_nothing_is_measured() -> None:
    story = _story()
    story.tell("DatasetCreated", dataset=2, creator=STRANGER)
    story.ask(1, STRANGER)
    story.ask(2, STRANGER, dataset=2)
    story.propose(1, request=1)
    assert story.measuring(1) == 0


def test_a_holdout_that_was_public_when_a_proposal_opened_does_not_measure_it() -> None:
    """Its rows are in the store in plain: a proposal made of them would gain the most."""
    story = _story()
    story.ask(1)
    story.propose(1)
    story.tell("HoldoutRetired", request=1)
    story.propose(2)
    story.ask(2)
    story.propose(3)
    assert (story.measuring(1), story.measuring(2), story.measuring(3)) == (1, 0, 2)


def test_a_proposal_is_compared_with_what_stood_when_it_was_committed() -> None:
    story = _story()
    for number in range(1, 6):
        story.propose(number)
    story.settle(1, ACCEPTED, 1)
    story.settle(2, REJECTED)
    story.settle(3, EXPIRED)
    story.settle(4, WITHDRAWN)
    story.propose(6)
    story.settle(5, REJECTED)
    story.propose(7, dataset=2)
    assert story.earlier(6) == [1, 5]
    assert story.earlier(5) == [1, 2, 3, 4]
    assert story.docket().earlier(2 * UNIT + 7, 0) == []


def test_a_revised_version_keeps_its_date_and_belongs_to_its_thread() -> None:
    story = _story()
    story.propose(1)
    story.propose(2)
    story.settle(1, REVISED)
    third = story.propose(3, revises=1)
    story.settle(3, REVISED)
    fourth = story.propose(4, revises=3)
    assert story.docket().thread(fourth) == [UNIT + 1, third]
    assert story.docket().thread(UNIT + 2) == []
    assert (story.earlier(2), story.earlier(4)) == ([1], [1, 2, 3])


def test_what_was_taken_down_is_compared_with_no_more_from_the_same_moment_for_all() -> None:
    story = _story()
    story.propose(1)
    story.settle(1, ACCEPTED, 1)
    story.propose(2)
    story.tell("TakenDown", dataset=1, tranche=UNIT + 1, to=STRANGER)
    story.endings[UNIT + 1] = 2
    story.propose(3)
    assert story.earlier(3, base=1) == [2]
    assert (story.earlier(2, base=1), story.earlier(2, base=2)) == ([1], [])


def test_the_signatures_of_who_is_named_and_has_a_stake_count() -> None:
    story = _story()
    for who in EVALUATORS[:3]:
        story.tell("EvaluatorSet", dataset=1, evaluator=who, first=1, last=4_095, counts=True)
    story.propose(1)
    story.propose(2, version=2)
    story.tell("EvaluatorSet", dataset=1, evaluator=EVALUATORS[0], first=1, last=1, counts=True)
    story.tell(
        "EvaluatorSet", dataset=1, evaluator=EVALUATORS[1], first=1, last=4_095, counts=False
    )
    docket = story.docket()
    assert docket.counting(UNIT + 1) == [EVALUATORS[0], EVALUATORS[2]]
    assert docket.counting(UNIT + 2) == [EVALUATORS[2]]


def test_a_challenge_waits_until_it_is_decided() -> None:
    story = _story()
    proposal = story.propose(1)
    story.tell("Challenged", proposal=proposal)
    assert story.docket().is_challenged(proposal)
    story.tell("ChallengeDecided", proposal=proposal)
    assert not story.docket().is_challenged(proposal)


def test_undecided_proposals_are_in_order_of_their_dataset() -> None:
    story = _story()
    other = story.propose(1, dataset=2)
    story.propose(1)
    story.propose(2)
    story.settle(1, ACCEPTED, 1)
    assert story.docket().undecided() == {1: [UNIT + 2], 2: [other]}
    assert (story.docket().born(UNIT + 1), story.docket().born(UNIT + 2)) == (1, 0)


def test_evidence_about_another_proposal_of_its_number_does_not_count() -> None:
    """A reorganised chain may take in again what was published about the one before."""
    story = _story()
    proposal = story.propose(1)
    key = bytes([1]) * 32
    domain = VerdictDomain(1, HERE)
    for commitment in (bytes([7]) * 32, bytes(32)):
        verdict = Verdict(proposal, Digest(commitment), 0, 1, 0, 0, 5, Digest(bytes(32)))
        evidence = domain.sign(verdict, "measured", key)
        blob = evidence.to_json()
        story.store.put(blob)
        digest, who = sha256(blob), evidence.evaluator
        story.tell("EvidencePublished", proposal=proposal, evaluator=who, base=0, evidence=digest)
    found = story.docket().published(proposal)
    assert [item.verdict.commitment for item in found] == [story.commitment]
