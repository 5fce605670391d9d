"""Motions: how curators change a dataset's rules, or take a tranche down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from eth_utils.crypto import keccak

from databright.chain.abi import encode_arguments
from databright.chain.bindings import Contract
from databright.chain.structs import digest_of, fields_of, int_of
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.custody.blobs import read_blob, sha256
from databright.data_market.entities import Tally, read_tally
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError, StorageError, UnknownEntityError
from databright.records.datasets import MAX_CARD_BYTES
from databright.records.motions import MotionText, TakedownWish
from databright.records.rules import Rules
from databright.records.terms import PROPOSALS_PER_DATASET
from databright.units import Address, Amount, Digest, Seconds, in_tokens

RULES: Final = 1
TAKEDOWN: Final = 2
KINDS: Final = ("none", "rules", "takedown")
"""Names of the kinds of a motion."""
MOTION_STATUSES: Final = ("none", "open", "carried", "lost", "enacted")
"""Names of the status codes of a motion."""
OPEN: Final = 1
CARRIED: Final = 2
FIRST: Final = 500_000
"""Motions of a dataset are numbered from the number after this."""
PATIENCE: Final = Seconds(30 * 86_400)
"""A carried motion that nobody enacts for so long is void."""
_MOTION = ("kind", "mover", "payload", "text", "bond", "electorate", "status", "ready_at")


@dataclass(frozen=True)
class Motion:
    """One motion.

    Attributes:
        id: dataset * 1,000,000 + 500,000 + number.
        dataset: the dataset that it changes.
        kind: 1 new rules, 2 takedown.
        mover: who moved it.
        payload: keccak256 of what is to be enacted.
        text: digest of the reasons and of what is moved in words.
        bond: base units, burnt where a quorum is against it.
        electorate: weight that may vote on it.
        status: 1 open, 2 carried, 3 lost, 4 enacted.
        ready_at: chain time from which a carried one can be enacted.
        tally: its ballots and times.
    """

    id: int
    dataset: int
    kind: int
    mover: Address
    payload: Digest
    text: Digest
    bond: Amount
    electorate: int
    status: int
    ready_at: Seconds
    tally: Tally

    @property
    def status_name(self) -> str:
        """The status as a word."""
        known = self.status < len(MOTION_STATUSES)
        return MOTION_STATUSES[self.status] if known else "unknown"

    @property
    def kind_name(self) -> str:
        """The kind as a word."""
        return KINDS[self.kind] if self.kind < len(KINDS) else "unknown"


def motion_of(registry: DataRegistry, motion: int) -> Motion:
    """One motion.

    Args:
        registry: the data market.
        motion: its id.

    Returns:
        The motion.

    Raises:
        UnknownEntityError: there is none of that id.
    """
    dataset, number = divmod(motion, PROPOSALS_PER_DATASET)
    count = num_motions(registry, dataset) if dataset > 0 else 0
    if not FIRST < number <= FIRST + count:
        raise UnknownEntityError(
            f"there is no motion {motion}: dataset {dataset} has {count}; 'databright motion list' "
            "shows them"
        )
    values = fields_of(registry.contracts.motions.call("motion", motion), _MOTION)
    return Motion(
        id=motion,
        dataset=dataset,
        kind=int_of(values["kind"]),
        mover=Address(str(values["mover"])),
        payload=digest_of(values["payload"]),
        text=digest_of(values["text"]),
        bond=Amount(int_of(values["bond"])),
        electorate=int_of(values["electorate"]),
        status=int_of(values["status"]),
        ready_at=Seconds(int_of(values["ready_at"])),
        tally=read_tally(int(registry.contracts.curator_token.call("tallies", motion))),
    )


def num_motions(registry: DataRegistry, dataset: int) -> int:
    """Number of a dataset's motions.

    Args:
        registry: the data market.
        dataset: id of the dataset.

    Returns:
        The count.

    Raises:
        UnknownEntityError: no such dataset.
    """
    registry.contracts.database(dataset)
    return int(registry.contracts.motions.call("num_motions", dataset))


def motions_of(registry: DataRegistry, dataset: int) -> list[Motion]:
    """All motions of a dataset.

    Args:
        registry: the data market.
        dataset: id of the dataset.

    Returns:
        In order.

    Raises:
        UnknownEntityError: no such dataset.
    """
    first = dataset * PROPOSALS_PER_DATASET + FIRST + 1
    return [motion_of(registry, first + n) for n in range(num_motions(registry, dataset))]


def text_of(registry: DataRegistry, motion: Motion) -> MotionText | None:
    """The words of a motion, where they are what it enacts.

    Args:
        registry: the data market.
        motion: the motion.

    Returns:
        Reasons and content; None where the store does not have them, or they name another
        content than the payload that is voted on.
    """
    try:
        text = MotionText.from_json(read_blob(registry.store, motion.text, MAX_CARD_BYTES))
        contracts = registry.contracts
        encoded = _encoded(contracts.motions, text.rules or text.takedown)
    except (StorageError, BadInputError):
        return None
    return text if keccak(encoded) == motion.payload else None


def plan_rules_motion(
    registry: DataRegistry, mover: Address, dataset: int, changes: Mapping[str, Any], reason: str
) -> WritePlan:
    """Plan a motion to change a dataset's rules.

    Args:
        registry: the data market.
        mover: who moves it, and puts up the bond.
        dataset: id of the dataset.
        changes: name of a field of the rules -> its new value; the others stay.
        reason: why.

    Returns:
        The text for the store, the approval where needed, and the motion.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: nothing changes, curators are named, rules out of range, or too little
            money for the bond.
    """
    found = registry.dataset(dataset)
    fixed = sorted({"curators", "weights"} & set(changes))
    if fixed:
        raise BadInputError(f"{', '.join(fixed)}: a dataset's genesis curators stay as they are")
    changed = replace(found.rules, **changes, curators=(), weights=())
    if changed == replace(found.rules, curators=(), weights=()):
        raise BadInputError(f"dataset {dataset} has these rules already: name what should change")
    changed.check(is_first=False)
    return _plan(registry, mover, dataset, MotionText(RULES, reason, rules=changed))


def plan_takedown_motion(
    registry: DataRegistry, mover: Address, tranche: int, to: Address, reason: str
) -> WritePlan:
    """Plan a motion to take a tranche down and give its income to somebody else.

    Args:
        registry: the data market.
        mover: who moves it, and puts up the bond.
        tranche: id of the accepted proposal.
        to: who gets its unclaimed and future income.
        reason: why.

    Returns:
        The text for the store, the approval where needed, and the motion.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: it is not accepted, is taken down already, or there is too little money for
            the bond.
    """
    found = registry.proposal(tranche)
    born = born_of(registry, tranche)
    if not born:
        raise BadInputError(
            f"proposal {tranche} is {found.status_name}: only an accepted one can be taken down"
        )
    redirect = registry.contracts.database(found.dataset).call("redirect", tranche)
    if int(str(redirect), 16):
        raise BadInputError(f"tranche {tranche} is taken down already")
    if not int(to, 16):
        raise BadInputError("name somebody who gets the income: the zero address has no use for it")
    wish = TakedownWish(tranche, born, to)
    return _plan(registry, mover, found.dataset, MotionText(TAKEDOWN, reason, takedown=wish))


def _plan(registry: DataRegistry, mover: Address, dataset: int, text: MotionText) -> WritePlan:
    contracts = registry.contracts
    bond = registry.dataset(dataset).rules.bond
    check_money(contracts.token, mover, bond, "the motion's bond")
    blob = text.to_json()
    payload = keccak(_encoded(contracts.motions, text.rules or text.takedown))
    call = Call(
        contracts.motions,
        "move",
        (dataset, text.kind, payload, sha256(blob)),
        f"move {KINDS[text.kind]} in dataset {dataset} with a bond of {in_tokens(bond)}",
    )
    return WritePlan((*approval(contracts.token, mover, contracts.motions, bond), call), (blob,))


def settle_call(registry: DataRegistry, motion: Motion) -> Call:
    """Count a motion whose vote is over.

    Args:
        registry: the data market.
        motion: the motion.

    Returns:
        The transaction.
    """
    what = f"count the motion {motion.id}"
    return Call(registry.contracts.motions, "settle_motion", (motion.id,), what)


def enact_call(registry: DataRegistry, motion: Motion) -> Call | None:
    """Enact a carried motion.

    Args:
        registry: the data market.
        motion: the motion.

    Returns:
        The transaction; None where its content cannot be read.
    """
    text = text_of(registry, motion)
    if text is None:
        return None
    contract = registry.contracts.motions
    if text.rules is not None:
        arguments: tuple[object, ...] = (motion.id, text.rules.to_struct())
        return Call(contract, "enact_rules", arguments, f"enact the rules of motion {motion.id}")
    if text.takedown is None:
        return None
    wish = text.takedown
    arguments = (motion.id, wish.tranche, wish.born, wish.to)
    return Call(contract, "enact_takedown", arguments, f"take tranche {wish.tranche} down")


def plan_enactment(registry: DataRegistry, motion: int) -> WritePlan:
    """Plan to enact a carried motion.

    Args:
        registry: the data market.
        motion: its id.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: there is none of that id.
        BadInputError: it is not carried, waits still, is void, or its content is not in the store.
    """
    found = motion_of(registry, motion)
    now = registry.contracts.chain.next_timestamp()
    if found.status != CARRIED:
        raise BadInputError(
            f"motion {motion} is {found.status_name}: only a carried one is enacted"
        )
    if not found.ready_at <= now < found.ready_at + PATIENCE:
        raise BadInputError(
            f"motion {motion} can be enacted from chain time {found.ready_at} to "
            f"{found.ready_at + PATIENCE}; it is {now} now"
        )
    call = enact_call(registry, found)
    if call is None:
        raise BadInputError(
            f"the content of motion {motion} ({found.text.hex()}) is not in the store, or is not "
            "what was voted on: bring the file that was moved"
        )
    return WritePlan((call,))


def born_of(registry: DataRegistry, tranche: int) -> int:
    """The snapshot that a tranche was born in.

    Args:
        registry: the data market.
        tranche: its id.

    Returns:
        The snapshot's number; 0 where the proposal was not accepted.
    """
    contracts = registry.contracts
    association = contracts.association
    topics = [[association.topic("Settled")], [tranche.to_bytes(32, "big")]]
    logs = contracts.chain.logs(
        contracts.deployment.block, contracts.chain.head().number, [association.address], topics
    )
    return next((int(event.args["snapshot"]) for event in association.events(logs)), 0)


def _encoded(motions: Contract, what: Rules | TakedownWish | None) -> bytes:
    """What the contract hashes: the ABI encoding of the arguments after the motion's id.

    Raises:
        BadInputError: there is nothing to encode, or it does not fit.
    """
    if isinstance(what, Rules):
        inputs: Sequence[Mapping[str, Any]] = motions.artifact.entry("function", "enact_rules", 2)[
            "inputs"
        ][1:]
        return encode_arguments("rules", inputs, (what.to_struct(),))
    if what is None:
        raise BadInputError("a motion names rules or a tranche")
    inputs = motions.artifact.entry("function", "enact_takedown", 4)["inputs"][1:]
    return encode_arguments("takedown", inputs, tuple(asdict(what).values()))
