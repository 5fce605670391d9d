"""What tests of contributions share: proposing, being accepted, verbs with --json."""

from __future__ import annotations

import json
from typing import Any

import pytest

from databright.cli.main import main
from databright.client import Client
from databright.data_market.entities import ACCEPTED
from databright.data_market.proposals import ProposalDraft
from tests.end_to_end.governance_world import (
    NODES,
    World,
    make_rows,
)


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    capsys.readouterr()
    assert main([*(str(word) for word in words), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.err if code == 2 else captured.out)


def accept(world: World, proposal: int, amount: int = 1_000) -> None:
    """Let evaluators say that it gains, curators carry it and a keeper execute it."""
    world.publish(proposal, NODES[:2], amount=amount)
    world.advance_to(world.registry.proposal(proposal).votes_from)
    votes = world.market.contracts.curator_token
    # Who has brought data votes too: genesis weight fades as earned weight grows.
    for name in ("curator-1", "curator-2", "alice"):
        who = world.address(name)
        is_proposer = who == world.registry.proposal(proposal).proposer
        if not is_proposer and votes.call("weight_on", proposal, who):
            Client(world.home, name).curator.vote(proposal, support=True)
    world.advance_to(world.registry.proposal(proposal).deadline)
    keeper = world.keeper()
    while keeper.step():
        pass
    assert world.registry.proposal(proposal).status == ACCEPTED


def propose(world: World, name: str, dataset: int, seed: int, **said: Any) -> int:
    draft = ProposalDraft(f"rows {seed}", **said)
    written = Client(world.home, name).contributor.propose(dataset, make_rows(40, seed), draft)
    assert written.id is not None
    return written.id
