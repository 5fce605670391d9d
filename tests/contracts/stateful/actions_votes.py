"""Actions: ballots of all kinds, lending."""

from __future__ import annotations

from tests.contracts.stateful import data_model_votes as votes
from tests.contracts.stateful.actions import a_dataset, a_proposal, action
from tests.contracts.stateful.data_model import OPEN, UNIT, Box, Terms
from tests.contracts.stateful.data_model_votes import Signed
from tests.contracts.stateful.player import Pick, Player

NO_TERMS = Terms(0, 0, "0x" + "00" * 20, "0x" + "00" * 20, *(bytes(32),) * 3, 0, 0, 0, 0, 0)


def a_box(player: Player, pick: Pick) -> Box | None:
    """A ballot box, mostly of a proposal and mostly one where votes count now."""
    every = [
        box
        for dataset in player.model.datasets
        for box in (
            *(found.box for found in dataset.proposals[-12:]),
            *(motion.box for motion in dataset.motions[-4:]),
        )
    ]
    votable = [box for box in every if votes.is_votable(player.model, box)]
    if votable and not pick.chance(10):
        return pick.one(votable)
    return pick.one(every) if every else None


def _able(player: Player, box: Box | None) -> list[str]:
    """Who may cast a ballot now."""
    if box is None or not votes.is_votable(player.model, box):
        return []
    return [
        one
        for one in player.people
        if votes.state_of(player.model, box, one) != votes.OWN
        and votes.weight_on(player.model, box, one)
    ]


@action(weight=14)
def vote(player: Player, pick: Pick) -> None:
    box, sender = a_box(player, pick), pick.one(player.people)
    able = _able(player, box)
    if not able and pick(5):
        return
    sender = pick.one(able) if able and pick(6) else sender
    number = box.id if box and not pick.chance(40) else UNIT + 77
    support = bool(pick(3))
    player.do(
        "CuratorToken",
        "vote",
        (number, support),
        sender,
        lambda _: votes.vote(player.model, sender, number, support),
    )


@action(weight=3)
def vote_many(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    boxes = [found.box for found in dataset.proposals] + [one.box for one in dataset.motions]
    able = [box for box in boxes if sender in _able(player, box)]
    if not able and pick(5):
        return
    chosen = able[:4] if not pick.chance(6) else boxes[-2:]
    if chosen and pick.chance(12):
        chosen = [*chosen, chosen[0]]
    ballots = [(box.id, bool(pick(2))) for box in chosen]
    if ballots and len(player.model.datasets) > 1 and pick.chance(10):
        ballots.append(((3 - dataset.id) * UNIT + 1, True))
    bits = sum(1 << place for place, (_, support) in enumerate(ballots) if support)
    player.do(
        "CuratorToken",
        "vote_many",
        ([number for number, _ in ballots], bits),
        sender,
        lambda _: votes.vote_many(player.model, sender, ballots),
    )


def _a_signed(player: Player, pick: Pick, box: Box) -> tuple[Signed, tuple[int, bytes, bytes]]:
    able = _able(player, box)
    voter = pick.one(able) if able and pick(4) else pick.one(player.people)
    dataset = player.model.dataset(box.id // UNIT)
    nonce = dataset.cancelled[voter] + (pick.one((1, -1)) if pick.chance(10) else 0)
    late = pick.chance(10)
    deadline = max(0, player.model.now - 1) if late else player.model.now + pick.one((0, 9))
    ballot = Signed(voter, box.id, bool(pick(2)), max(nonce, 0), deadline)
    raw = player.world.ballot(*ballot)
    if pick.chance(12):
        # Signed for the other side: nobody's signature.
        flipped = raw[0] ^ (1 << 200)
        return ballot._replace(nonce=-1, support=not ballot.support), (flipped, raw[1], raw[2])
    return ballot, raw


@action(weight=6)
def vote_signed(player: Player, pick: Pick) -> None:
    boxes = [box for box in (a_box(player, pick), a_box(player, pick)) if box]
    if not boxes or (pick(5) and not any(_able(player, box) for box in boxes)):
        return
    made = [_a_signed(player, pick, pick.one(boxes)) for _ in range(1 + pick(4))]
    if pick.chance(4):
        made.append(made[0])
    relayer = pick.one(player.everybody)
    player.do(
        "CuratorToken",
        "vote_signed",
        ([raw for _, raw in made],),
        relayer,
        lambda _: votes.vote_signed(player.model, relayer, [ballot for ballot, _ in made]),
    )


def _lent_boxes(player: Player) -> list[tuple[Box, str]]:
    """(box, oracle) wherever somebody's weight is lent and not cast yet."""
    return [
        (box, loan.oracle)
        for dataset in player.model.datasets
        for box in (
            *(found.box for found in dataset.proposals[-12:]),
            *(motion.box for motion in dataset.motions[-4:]),
        )
        for lender, loan in dataset.loans.items()
        if loan.since < box.opened
        and loan.expiry > player.model.now
        and loan.oracle != box.opener
        and lender in _able(player, box)
    ]


@action(weight=6)
def vote_lent(player: Player, pick: Pick) -> None:
    lent = _lent_boxes(player)
    box = pick.one(lent)[0] if lent else a_box(player, pick)
    if box is None or (not lent and pick(8)):
        return
    oracles = [oracle for one, oracle in lent if one is box] or player.people
    sender = pick.one(oracles) if pick(8) else pick.one(player.people)
    terms = NO_TERMS._replace(proposal=box.id)
    proposal = player.model.proposal(box.id)
    if proposal is not None:
        terms = proposal.terms
        if pick.chance(24):
            # Who it was is a matter of the terms, so they must be the right ones.
            terms = terms._replace(proposer=player.judges[0])
    support, confidence = bool(pick(3)), pick.one((10_000, 5_000, 6_000, 10_001))
    lenders = [*player.people, player.people[pick(5)]]
    player.do(
        "CuratorToken",
        "vote_lent",
        (terms, support, confidence, lenders),
        sender,
        lambda _: votes.vote_lent(player.model, sender, terms, support, confidence, lenders),
    )


@action(weight=7)
def lend(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    if pick(3):
        sender = pick.one(player.people[:3])
    oracle = pick.one(player.people[2:])
    cap = pick.one((2, 5, 2**60, 1)) if not pick.chance(24) else 0
    expiry = player.model.now + (
        pick.one((2**40, 90, 25, 2**40)) if not pick.chance(12) else pick(2)
    )
    least = pick.one((0, 0, 5_000, 9_000)) if not pick.chance(30) else 10_001
    player.do(
        "CuratorToken",
        "lend",
        (dataset.id, oracle, cap, expiry, least),
        sender,
        lambda _: votes.lend(player.model, sender, dataset, oracle, cap, expiry, least),
    )


@action(weight=2)
def take_back(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    player.do(
        "CuratorToken",
        "take_back",
        (dataset.id,),
        sender,
        lambda _: votes.take_back(dataset, sender),
    )


@action()
def cancel_ballots(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    player.do(
        "CuratorToken",
        "cancel_ballots",
        (dataset.id,),
        sender,
        lambda _: votes.cancel_ballots(dataset, sender),
    )


@action(weight=6)
def acclaim(player: Player, pick: Pick) -> None:
    """All who may vote for one proposal, so that there is something to share."""
    found = a_proposal(player, pick)
    if found is None or found.box.status != OPEN:
        return
    if player.model.now < found.box.begin:
        player.go_to(found.box.begin)
    everybody_for(player, found.box)


def everybody_for(player: Player, box: Box) -> None:
    """All who may vote are for it."""
    for voter in _able(player, box):
        _cast(player, voter, box.id)


def _cast(player: Player, voter: str, number: int) -> None:
    player.do(
        "CuratorToken",
        "vote",
        (number, True),
        voter,
        lambda _: votes.vote(player.model, voter, number, True),
    )
