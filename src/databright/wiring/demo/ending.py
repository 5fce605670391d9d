"""The end of the story: a proof of a point, a takedown, the holdout's rows, and everybody paid."""

from __future__ import annotations

from databright.chain.bindings import Contract
from databright.data_market import dividends, motions, voting
from databright.data_market.docket import Docket
from databright.data_market.measuring import Measurer
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.proving import accepted_entry, prove
from databright.data_market.registry import Reader
from databright.data_market.retirement import plan_retirement
from databright.data_market.takedown import tombstones
from databright.model_market.registry import uses_of
from databright.programs.child import ComputeChild
from databright.records.point_book import parts_of
from databright.records.point_proof_forms import proof_to_bytes
from databright.records.points import PointTree
from databright.units import Address
from databright.wiring.demo.cast import CURATORS
from databright.wiring.demo.play import Stage
from databright.wiring.local_market import wait_until
from databright.wiring.node import state_folder

PROOF_FILE = "point-proof.bin"
PROVED_INDEX = 150
"""A point of the partner's part of the batch."""


def retire_holdout(stage: Stage) -> None:
    """The first node's operator publishes the holdout, so that everybody can redo the figures.

    Args:
        stage: the stage.
    """
    name = stage.cast.nodes[0]
    keys = stage.market.keys(name)
    docket = Docket(stage.registry)
    losses = PrivateLosses(state_folder(stage.market.home, name) / "losses")
    reader = Reader(keys.address, keys.hpke_private_key)
    with ComputeChild() as compute:
        measurer = Measurer(docket, reader, compute)
        plan = plan_retirement(docket, measurer, losses, reader, stage.request)
    stage.send(name, plan)
    stage.say("The holdout is retired: its rows and every evaluation's losses are public now.")


def prove_point(stage: Stage) -> int:
    """The batch's contributor proves one of its points, down to the model that used it.

    Args:
        stage: the stage.

    Returns:
        Size of the proof, bytes.
    """
    number = stage.proposals[stage.cast.on_duty("batch").name]
    entry = accepted_entry(stage.registry, number)
    uses = uses_of(stage.open.contracts, stage.dataset, entry.born, entry.ended)
    tree = PointTree(parts_of(stage.books[number]))
    snapshot = uses[-1].snapshot if uses else None
    proof = prove(stage.registry, tree, entry, PROVED_INDEX, snapshot=snapshot, uses=uses)
    blob = proof_to_bytes(proof)
    (stage.market.home / PROOF_FILE).write_bytes(blob)
    stage.say(
        f"A proof of {len(blob)} bytes leads from point {PROVED_INDEX} of proposal {number} to its "
        f"owner, licence, shares and {len(uses)} model."
    )
    return len(blob)


def take_down(stage: Stage) -> None:
    """Curators carry a motion against a tranche; its rows are erased, its income goes elsewhere.

    Args:
        stage: the stage.
    """
    name = stage.cast.on_duty("takedown").name
    tranche = stage.proposals[name]
    mover = "initiator"
    plan = motions.plan_takedown_motion(
        stage.registry,
        stage.addresses[mover],
        tranche,
        stage.addresses[mover],
        "the rows were taken from somebody who did not agree",
    )
    stage.send(mover, plan)
    motion = motions.motions_of(stage.registry, stage.dataset)[-1].id
    stage.takedown = motion
    stage.say(f"The initiator moves to take tranche {tranche} of {name} down: motion {motion}.")
    for curator in CURATORS[1:]:
        stage.send(
            curator, voting.plan_vote(stage.registry, stage.addresses[curator], {motion: True})
        )
    _await_takedown(stage, motion)
    database = stage.open.contracts.database(stage.dataset)
    stage.transact(mover, database, "claim_for", tranche, stage.addresses[name])
    stage.say(
        f"Tranche {tranche} is taken down: out of snapshot {int(database.call('num_snapshots'))}, "
        f"its rows erased by {len(stage.cast.nodes)} nodes, its unclaimed income the initiator's."
    )


def _await_takedown(stage: Stage, motion: int) -> None:
    """Let the vote and the delay pass; the keeper counts and enacts, the nodes erase."""
    nodes = len(stage.cast.nodes)

    def erased() -> bool:
        found = tombstones(stage.registry, stage.dataset)
        if found:
            return len({erasure.node for erasure in found[-1].erasures}) == nodes
        seen = motions.motion_of(stage.registry, motion)
        now = stage.open.contracts.chain.next_timestamp()
        due = seen.ready_at or seen.tally.deadline
        if now < due:
            stage.market.advance_clock(due - now + 1)
        return False

    wait_until(erased, f"the takedown of motion {motion} and the nodes' erasures")


def claim_everything(stage: Stage) -> None:
    """Everybody takes what it is owed.

    Args:
        stage: the stage.
    """
    for name, address in stage.addresses.items():
        if dividends.claimable(stage.registry, address):
            stage.send(name, dividends.plan_claims(stage.registry, address))
    contracts = stage.open.contracts
    payers = (
        contracts.association,
        contracts.requests,
        contracts.challenges,
        contracts.motions,
        contracts.escrow,
        contracts.predictions,
        contracts.database(stage.dataset),
    )
    for contract in payers:
        for name, address in stage.addresses.items():
            if _owed(contract, address):
                stage.transact(name, contract, "withdraw")
    stage.say("Dividends are claimed and everybody has withdrawn what it earned.")


def _owed(contract: Contract, address: Address) -> int:
    owed = int(contract.call("credit_of", address))
    if contract.artifact.name == "DataAssociation":
        owed += int(contract.call("deposit_of", address))
    return owed
