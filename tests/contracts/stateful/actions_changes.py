"""Actions: motions and value pools."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.stateful import data_model_changes as changes
from tests.contracts.stateful import data_model_income as income
from tests.contracts.stateful.actions import a_dataset, action, draw_rules, play, signers_of
from tests.contracts.stateful.actions_income import a_snapshot
from tests.contracts.stateful.actions_votes import everybody_for
from tests.contracts.stateful.data_model import CARRIED, OPEN, Dataset, Motion, Pool, Rules
from tests.contracts.stateful.player import Pick, Player, Seen
from tests.contracts.stateful.world import functions_of

POST, VETO = 1, 2
TOTALS = (1, 1, 1, 2)


def rules_digest(rules: Rules) -> bytes:
    """What a motion for new rules commits to."""
    (kind,) = functions_of("Charter")["create_dataset"].inputs
    return keccak(encode((kind,), (rules,)))


@action(weight=3)
def move_rules(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    if len(dataset.motions) > 6:
        return
    rules = draw_rules(player, pick, change=dataset.rules)
    odd = pick(24)
    if odd == 0:
        rules = rules._replace(epoch_length=rules.epoch_length + 1)
    elif odd == 1:
        rules = rules._replace(evaluators=rules.evaluators[:1])
    elif odd == 2:
        rules = rules._replace(challenge_bond=0, optimistic_window=6)
    _move(player, dataset, sender, changes.NEW_RULES, rules, rules_digest(rules))


@action(weight=3)
def move_takedown(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    accepted = changes.accepted_tranches(dataset)
    if not accepted or len(dataset.motions) > 6:
        return
    tranche, born = pick.one(accepted)
    born = born if not pick.chance(12) else pick(dataset.newest + 2)
    payload = (tranche, born, pick.one(player.people))
    digest = keccak(encode(("uint256", "uint256", "address"), payload))
    _move(player, dataset, sender, changes.TAKEDOWN, payload, digest)


def _move(
    player: Player, dataset: Dataset, sender: str, kind: int, payload: object, digest: bytes
) -> None:
    player.do(
        "Motions",
        "move",
        (dataset.id, kind, digest, bytes(32)),
        sender,
        lambda _: changes.move(player.model, sender, dataset, kind, payload).box.id,
    )


def a_motion(player: Player, pick: Pick, status: int) -> Motion | None:
    """A motion, mostly one of that status."""
    every = [motion for dataset in player.model.datasets for motion in dataset.motions]
    fitting = [motion for motion in every if motion.box.status == status]
    if fitting and not pick.chance(8):
        return pick.one(fitting)
    return pick.one(every) if every else None


@action(weight=4)
def settle_motion(player: Player, pick: Pick) -> None:
    motion = a_motion(player, pick, OPEN)
    if motion is None:
        return
    if pick(3) and motion.box.status == OPEN:
        player.go_to(motion.box.deadline)
    player.do(
        "Motions",
        "settle_motion",
        (motion.box.id,),
        pick.one(player.people),
        lambda _: changes.settle_motion(player.model, motion),
    )


@action(weight=6)
def enact(player: Player, pick: Pick) -> None:
    motion = a_motion(player, pick, CARRIED)
    if motion is None or (motion.box.status != CARRIED and pick(5)):
        return
    if pick(4) and motion.box.status == CARRIED:
        player.go_to(motion.ready_at)
    if isinstance(motion.payload, Rules):
        rules = motion.payload
        if pick.chance(10):
            rules = rules._replace(mint_cap=rules.mint_cap + 1)
        player.do(
            "Motions",
            "enact_rules",
            (motion.box.id, rules),
            pick.one(player.people),
            lambda _: changes.enact_rules(player.model, motion, rules),
        )
    elif isinstance(motion.payload, tuple):
        tranche, born, to = motion.payload
        if pick.chance(10):
            to = pick.one(player.judges)
        player.do(
            "Motions",
            "enact_takedown",
            (motion.box.id, tranche, born, to),
            pick.one(player.people),
            lambda _: changes.enact_takedown(player.model, motion, tranche, born, to),
        )


@action(weight=3)
def ratify(player: Player, pick: Pick) -> None:
    """Everybody for a motion, which is counted and enacted in time."""
    motion = a_motion(player, pick, OPEN)
    if motion is None or motion.box.status != OPEN:
        return
    if player.model.now < motion.box.begin:
        player.go_to(motion.box.begin)
    everybody_for(player, motion.box)
    play(player, "settle_motion", pick)
    if pick(3):
        play(player, "enact", pick)
    player.action = "ratify"


# Value pools


def leaf(owner: str, worth: int) -> bytes:
    """A leaf of a tree of values."""
    return keccak(b"\x00" + bytes.fromhex(owner[2:]) + worth.to_bytes(32))


def node(left: bytes, right: bytes) -> bytes:
    """A node of it: the two below, the lower one first."""
    return keccak(b"\x01" + min(left, right) + max(left, right))


def a_pool(player: Player, pick: Pick) -> tuple[Dataset, int]:
    """(dataset, snapshot), mostly one with a pool."""
    dataset = a_dataset(player, pick)
    filled = [number for number, pool in dataset.pools.items() if pool.amount]
    if filled and not pick.chance(8):
        return dataset, pick.one(filled)
    return dataset, max(a_snapshot(dataset, pick), 1)


@action(weight=5)
def post_values(player: Player, pick: Pick) -> None:
    dataset, number = a_pool(player, pick)
    owners = (player.people[0], player.people[1 + pick(4)])
    values = {owner: 1 + pick(4) for owner in owners}
    # Seldom a root that promises more than there is.
    total = sum(values.values()) if pick(6) else max(values.values())
    root = node(*(leaf(owner, values[owner]) for owner in owners))
    signatures = signers_of(player, dataset, len(dataset.versions), dataset.rules.threshold, pick)
    digest = player.world.values_digest(dataset.id, number, root, total, POST)
    player.do(
        "ValuePools",
        "post_values",
        (dataset.id, number, root, total, player.signed(digest, signatures)),
        pick.one(player.people),
        lambda _: changes.post_values(
            player.model, dataset, number, root, values, total, signatures
        ),
    )


@action(weight=2)
def veto_values(player: Player, pick: Pick) -> None:
    dataset, number = a_pool(player, pick)
    if number > dataset.newest or not dataset.snapshots[number - 1].shares:
        return
    pool = income.pool_of(dataset, number)
    if not pool.posted_at and pick(5):
        return
    signatures = signers_of(player, dataset, len(dataset.versions), dataset.rules.threshold, pick)
    digest = player.world.values_digest(dataset.id, number, pool.root, pool.total, VETO)
    player.do(
        "ValuePools",
        "veto_values",
        (dataset.id, number, player.signed(digest, signatures)),
        pick.one(player.people),
        lambda _: changes.veto_values(player.model, dataset, number, signatures),
    )


@action()
def release_pool(player: Player, pick: Pick) -> None:
    dataset, number = a_pool(player, pick)
    pool = income.pool_of(dataset, number)
    if pick.chance(5) and pool.amount and not pool.posted_at:
        player.go_to(pool.since + changes.POOL_PATIENCE)
    player.do(
        "ValuePools",
        "release",
        (dataset.id, number),
        pick.one(player.people),
        lambda _: changes.release(player.model, dataset, number),
    )


@action(weight=5)
def claim_value(player: Player, pick: Pick) -> None:
    dataset, number = a_pool(player, pick)
    pool: Pool = income.pool_of(dataset, number)
    if not pool.values:
        return
    if pick(4):
        player.go_to(pool.final_at)
    owners = list(pool.values)
    place = pick(len(owners))
    owner, other = owners[place], owners[1 - place]
    worth = pool.values[owner]
    path = [leaf(other, pool.values[other])]
    is_right = not pick.chance(12)
    if not is_right:
        worth += 1

    def rule(_: Seen) -> int:
        return changes.claim_value(player.model, dataset, number, owner, worth, is_right)

    player.do(
        "ValuePools",
        "claim_value",
        (dataset.id, number, owner, worth, path),
        pick.one(player.people),
        rule,
    )
