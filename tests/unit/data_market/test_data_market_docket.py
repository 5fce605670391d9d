from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from databright.chain.bindings import Event
from databright.data_market.docket import Docket
from databright.units import Address

ASSOCIATION = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
CREATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
STRANGER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"


class Story:
    """A docket over events that a test tells one by one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._answers: dict[int, int] = {}
        association = SimpleNamespace(address=ASSOCIATION, events=lambda _logs: self._events)
        chain = SimpleNamespace(
            head=lambda: SimpleNamespace(number=len(self._events), hash=str(len(self._events))),
            logs=lambda *_args: [],
        )
        contracts = SimpleNamespace(
            deployment=SimpleNamespace(chain_id=1, block=0), association=association, chain=chain
        )
        registry: Any = SimpleNamespace(
            contracts=contracts,
            proposal=lambda proposal: SimpleNamespace(request=self._answers[proposal]),
        )
        self._registry = registry

    def tell(self, name: str, **args: Any) -> None:
        number = len(self._events) + 1
        self._events.append(Event(name, args, ASSOCIATION, number, str(number), str(number), 0))

    def ask(self, request: int, initiator: str = CREATOR, dataset: int = 1) -> None:
        self.tell("RequestOpened", request=request, dataset=dataset, initiator=initiator)

    def propose(self, proposal: int, request: int = 0, dataset: int = 1) -> None:
        self._answers[proposal] = request
        self.tell("Proposed", proposal=proposal, dataset=dataset, request=request)

    def measuring(self, proposal: int) -> int:
        docket = Docket(self._registry)
        docket.refresh()
        return docket.measuring_request(proposal)


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
