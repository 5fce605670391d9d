"""What may happen in a data market: a list of named actions, and what they choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.contracts.stateful.data_model import (
    COPY,
    OK,
    OPEN,
    Dataset,
    Market,
    Proposal,
    Rules,
    Terms,
    Verdict,
)
from tests.contracts.stateful.data_model_changes import LEAVING, MOTION_PATIENCE, POOL_PATIENCE
from tests.contracts.stateful.data_model_verdicts import (
    BOND_PATIENCE,
    Signatures,
    expiry_of,
    signers_for,
)
from tests.contracts.stateful.player import Pick, Player

Act = Callable[[Player, Pick], None]
END: Final = 2**32 - 2**24


@dataclass(frozen=True)
class Action:
    """Something that may happen.

    Attributes:
        name: its name.
        act: does it by both sides.
        weight: how often it is drawn beside others.
    """

    name: str
    act: Act
    weight: int


ACTIONS: dict[str, Action] = {}


def action(weight: int = 1) -> Callable[[Act], Act]:
    """Add an action to the list."""

    def add(act: Act) -> Act:
        name = str(getattr(act, "__name__", ""))
        ACTIONS[name] = Action(name, act, weight)
        return act

    return add


def play(player: Player, name: str, pick: Pick) -> None:
    """Let an action happen."""
    player.action = name
    ACTIONS[name].act(player, pick)


def draw_rules(player: Player, pick: Pick, *, change: Rules | None = None) -> Rules:
    """Small rules; new ones for a dataset keep its epochs and name no curators."""
    threshold = pick.one((1, 2, 1))
    doubt = pick.one((0, 3, 2))
    period = pick.one((8, 16, 12, 24, 5))
    first = pick(3)
    # Of four, at least twice the threshold.
    named = player.judges if threshold == 2 or first == 2 else player.judges[first : first + 3]
    weights = tuple(1 + pick(9) for _ in range(3))
    return Rules(
        metadata=bytes(32),
        schema=bytes(32),
        licence=bytes(32),
        closes_at=0,
        quorum_bps=pick.one((2_500, 0, 5_000, 10_000)),
        review_minutes=pick.one((0, 1)),
        voting_period=period,
        bond=pick.one((3, 0, 4, 5)),
        evaluation_fee=pick.one((5, 3, 0)),
        relay_price=pick.one((0, 1, 2)),
        mint_cap=pick.one((25, 9, 60)),
        epoch_length=change.epoch_length if change else pick.one((100, 37)),
        price_per_use=5,
        prediction_bps=5_000,
        max_exposure_bps=500,
        a_bps=pick.one((10_000, 6_700, 0)),
        threshold=threshold,
        optimistic_window=pick.one((0, 6)) if doubt else 0,
        challenge_bond=doubt,
        evaluator_stake=-(-2 * doubt // threshold),
        tolerance_bps=pick.one((0, 2_000)),
        change_delay=period + pick(3),
        evaluators=tuple(named),
        nodes=(player.people[0],),
        curators=() if change else tuple(player.people[:3]),
        weights=() if change else weights,
        programs=(),
    )


def a_dataset(player: Player, pick: Pick) -> Dataset:
    """One of the datasets."""
    return pick.one(player.model.datasets)


def a_proposal(player: Player, pick: Pick) -> Proposal | None:
    """A proposal, mostly one that is open."""
    every = [found for dataset in player.model.datasets for found in dataset.proposals]
    still = [found for found in every if found.box.status == OPEN]
    if still and not pick.chance(8):
        return pick.one(still[-6:])
    return pick.one(every[-12:]) if every else None


def its_dataset(player: Player, proposal: Proposal) -> Dataset:
    """The dataset of a proposal."""
    return player.model.dataset(proposal.terms.proposal // 1_000_000)


def its_terms(proposal: Proposal, pick: Pick) -> Terms:
    """A proposal's terms, seldom wrong ones."""
    if not pick.chance(24):
        return proposal.terms
    terms = proposal.terms
    return pick.one(
        (
            terms._replace(num_rows=terms.num_rows + 1),
            terms._replace(bond=terms.bond + 1),
            terms._replace(payee=terms.proposer[:-1] + "e"),
        )
    )


def its_verdict(player: Player, proposal: Proposal, pick: Pick) -> Verdict:
    """A verdict on a proposal, mostly one that counts."""
    dataset = its_dataset(player, proposal)
    if proposal.posted and pick.chance(2):
        return proposal.posted.verdict
    base = dataset.newest if not pick.chance(16) else dataset.newest + pick.one((-1, 1))
    amount = pick.one((1, 2, 3, 5, 7, 10, 0))
    verdict = Verdict(max(base, 0), 1, OK, 0, amount, player.word() if pick(2) else bytes(32))
    odd = pick(16)
    if odd < 3:
        every = [found for one in player.model.datasets for found in one.proposals]
        copied = pick.one(every).terms.proposal if every else 0
        return verdict._replace(outcome=COPY, copy_of=copied, amount=0)
    if odd == 3:
        return verdict._replace(outcome=2 + pick(3), amount=0)
    if odd == 4:
        return verdict._replace(holdout_epoch=2) if pick(2) else verdict._replace(copy_of=1)
    return verdict


def its_signatures(player: Player, proposal: Proposal, pick: Pick) -> Signatures:
    """Signers of a verdict on a proposal, mostly just enough of those who count."""
    dataset, box = its_dataset(player, proposal), proposal.box
    return signers_of(player, dataset, box.version, box.rules.threshold, pick)


def signers_of(
    player: Player, dataset: Dataset, version: int, threshold: int, pick: Pick
) -> Signatures:
    """Signers for a version of a dataset's rules, mostly just enough of those who count."""
    known = signers_for(dataset, version, player.judges)
    odd = pick(20)
    if odd == 0:
        return Signatures(known[: threshold - 1])
    if odd == 1:
        return Signatures(tuple(reversed(known)))
    if odd == 2:
        return Signatures((*known[: threshold - 1], ""))
    if odd == 3:
        return Signatures(known)
    if odd == 4:
        return Signatures(tuple(player.judges))
    if odd == 5:
        return Signatures(known[:1] * threshold)
    place = pick(max(1, len(known) - threshold + 1))
    return Signatures(known[place : place + threshold])


def instants(player: Player) -> Iterator[int]:
    """Times at which something begins or ends."""
    model = player.model
    for dataset in model.datasets:
        for proposal in dataset.proposals:
            yield from _of_proposal(model, proposal)
            if proposal.is_bond_held:
                yield proposal.accepted_at + BOND_PATIENCE
        for motion in dataset.motions:
            yield from (motion.box.begin, motion.box.deadline, motion.ready_at)
            yield motion.ready_at + MOTION_PATIENCE
        yield from (loan.expiry for loan in dataset.loans.values())
        yield from (since + LEAVING for since in dataset.leaving.values())
        for pool in dataset.pools.values():
            yield pool.final_at
            yield pool.since + POOL_PATIENCE if pool.amount and not pool.posted_at else 0
    yield from (request.deadline for request in model.requests)


def _of_proposal(model: Market, proposal: Proposal) -> Iterator[int]:
    box = proposal.box
    if box.status != OPEN:
        return
    yield from (box.begin, box.deadline, expiry_of(model, proposal))
    yield box.deadline - box.rules.voting_period // 4
    yield box.begin + 2 * box.rules.voting_period
    if proposal.posted:
        yield proposal.posted.at + box.rules.optimistic_window
    if proposal.challenge:
        yield proposal.challenge.deadline


@action(weight=6)
def wait(player: Player, pick: Pick) -> None:
    """Some seconds pass."""
    player.go_to(player.model.now + 1 + pick(4))


@action(weight=9)
def wait_until(player: Player, pick: Pick) -> None:
    """It becomes just before, at or after one of the next times at which something happens."""
    now = player.model.now
    ahead = sorted({time + off for time in instants(player) for off in (-1, 0, 1)})
    # A loan may end beyond the time that the contracts can tell.
    coming = [time for time in ahead if now < time < END]
    # Mostly near: a jump over months ends everything that is open.
    chosen = coming if pick.chance(60) else coming[:5]
    if chosen:
        player.go_to(pick.one(chosen))
