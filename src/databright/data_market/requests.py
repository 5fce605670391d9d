"""Opening datasets and requests: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.custody.blobs import sha256
from databright.custody.references import LABEL_HOLDOUT, reference_to_json, seal_context
from databright.custody.sealing import SealedRef, seal_to_nodes
from databright.data_market.entities import Step
from databright.data_market.registry import DataRegistry, Dataset, Request
from databright.errors import BadInputError
from databright.programs.oplist import program_from_json
from databright.programs.validate import validate_program
from databright.records.datasets import DatasetCard, RequestCard
from databright.records.rows import Rows, Schema, rows_to_blob
from databright.records.rules import Rules
from databright.records.tensors import load_tensors
from databright.storage.base import open_store
from databright.units import Address, Amount, Seconds, in_tokens

MIN_HOLDOUT_ROWS: Final = 30
"""Fewest hidden rows that a paired interval can be computed from."""
MAX_PROGRAM_BYTES: Final = 1 << 20
MAX_WEIGHTS_BYTES: Final = 512 << 20
MAX_LICENCE_BYTES: Final = 1 << 20
MAX_ESCROW: Final = 2**96 - 1
MAX_STEPS_OF_CURVE: Final = 4
_MAX_TENSORS: Final = 1000


@dataclass(frozen=True)
class DatasetDraft:
    """A dataset that its initiator wants to open.

    Attributes:
        title: one line.
        description: free text.
        licence: short name of the licence.
        licence_text: its full text.
        schema: what each row looks like.
        program: op-list JSON that evaluations train.
        weights: tensor blob of the program's initial weights.
        steps: optimizer steps of one evaluation training.
        rules: its first rules; their digests (metadata, schema, licence) are filled in here.
        restrict_programs: whether jobs may train this program alone.
    """

    title: str
    description: str
    licence: str
    licence_text: str
    schema: Schema
    program: bytes
    weights: bytes
    steps: int
    rules: Rules
    restrict_programs: bool = False


def plan_dataset(registry: DataRegistry, draft: DatasetDraft) -> WritePlan:
    """Plan the opening of a dataset.

    Args:
        registry: the data market.
        draft: what to open.

    Returns:
        Blobs (card, schema, licence, program, weights) and one transaction.

    Raises:
        BadInputError: rules out of range, or a text that is missing or too long.
        ProgramRejectedError: the program is not one that workers would run.
        MalformedDataError: the weights are no tensor blob.
    """
    program = program_from_json(draft.program)
    validate_program(program)
    load_tensors(draft.weights, max_bytes=MAX_WEIGHTS_BYTES, max_tensors=_MAX_TENSORS)
    licence = draft.licence_text.encode()
    if not licence.strip() or len(licence) > MAX_LICENCE_BYTES:
        raise BadInputError(
            f"the licence's text has {len(licence)} bytes: give the whole text, at most 1 MiB"
        )
    if program.num_classes != draft.schema.num_classes:
        raise BadInputError(
            f"the program predicts {program.num_classes} classes, the schema has "
            f"{draft.schema.num_classes}: use a program made for this schema"
        )
    program_digest = sha256(draft.program)
    card = DatasetCard(
        title=draft.title,
        description=draft.description,
        licence=draft.licence,
        program=program_digest,
        weights=sha256(draft.weights),
        steps=draft.steps,
    ).to_json()
    schema = draft.schema.to_json()
    programs = draft.rules.programs
    if draft.restrict_programs and program_digest not in programs:
        programs = (*programs, program_digest)
    rules = replace(
        draft.rules,
        metadata=sha256(card),
        schema=sha256(schema),
        licence=sha256(licence),
        programs=programs,
    ).check()
    if rules.programs and program_digest not in rules.programs:
        raise BadInputError(
            "the dataset's own program is not among the allowed programs: add its digest "
            f"{program_digest.hex()}"
        )
    call = Call(
        registry.contracts.charter,
        "create_dataset",
        (rules.to_struct(),),
        f"open the dataset {draft.title!r}",
    )
    return WritePlan((call,), (card, schema, licence, draft.program, draft.weights))


@dataclass(frozen=True)
class RequestDraft:
    """What an initiator asks for.

    Attributes:
        deadline: chain time until which proposals are taken.
        escrow: money for awards and fees; 0 = shares alone.
        curve: what shares earn, by how many the request has brought: falling steps; none = no
            award.
        title: one line; the dataset's when empty.
        description: free text.
    """

    deadline: Seconds
    escrow: Amount = Amount(0)
    curve: tuple[Step, ...] = ()
    title: str = ""
    description: str = ""


def plan_request(
    registry: DataRegistry, initiator: Address, dataset: int, holdout: Rows, draft: RequestDraft
) -> WritePlan:
    """Plan a request for data with a sealed holdout.

    Args:
        registry: the data market.
        initiator: who pays.
        dataset: id of the dataset to grow.
        holdout: hidden rows that measure proposals, at least 30.
        draft: what is asked for and paid.

    Returns:
        Blobs (ciphertext, envelopes, reference, card), the approval where money is needed, and
        the transaction that opens the request.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: a closed dataset, a past deadline, too little money, too few rows, a curve
            that rises, or no escrow from somebody else than the dataset's creator.
        MalformedDataError: rows that do not follow the schema.
    """
    found = registry.dataset(dataset)
    rules = found.rules
    card = registry.card(rules)
    if len(holdout) < MIN_HOLDOUT_ROWS:
        raise BadInputError(
            f"the holdout has {len(holdout)} rows: at least {MIN_HOLDOUT_ROWS} are needed to "
            "measure a gain"
        )
    holdout.check(registry.schema(rules))
    check_open(registry, found)
    _check_request(registry, initiator, found, draft)
    asked = RequestCard(
        title=draft.title or card.title,
        description=draft.description,
        licence=card.licence,
        licence_text=rules.licence,
        schema=rules.schema,
    ).to_json()
    sealed, blobs = seal_rows(registry, found, holdout, LABEL_HOLDOUT)
    reference = reference_to_json(sealed)
    call = Call(
        registry.contracts.requests,
        "open_request",
        (
            dataset,
            draft.escrow,
            [(step.until, step.rate) for step in draft.curve],
            draft.deadline,
            bytes(sealed.plain_commitment),
            sha256(reference),
            card.program,
            sha256(asked),
        ),
        f"open a request for data in dataset {dataset} with an escrow of {in_tokens(draft.escrow)}",
    )
    allow = _approval(registry, initiator, draft.escrow)
    return WritePlan((*allow, call), (*blobs, reference, asked))


def _check_request(
    registry: DataRegistry, initiator: Address, dataset: Dataset, draft: RequestDraft
) -> None:
    now = registry.contracts.chain.head().timestamp
    if draft.deadline <= now:
        raise BadInputError(
            f"the deadline {draft.deadline} is not after the chain's time {now}: choose a later one"
        )
    if not 0 <= draft.escrow <= MAX_ESCROW:
        raise BadInputError(f"escrow {draft.escrow}: use 0 to {MAX_ESCROW} base units")
    if draft.escrow == 0 and initiator != dataset.creator:
        raise BadInputError(
            f"only {dataset.creator}, who created dataset {dataset.id}, may ask without an escrow: "
            "give one with --escrow"
        )
    check_curve(draft.curve)
    check_money(registry.contracts.token, initiator, draft.escrow, "the escrow")


def check_curve(curve: Sequence[Step]) -> None:
    """Refuse an award curve that the contract does not take.

    Args:
        curve: its steps.

    Raises:
        BadInputError: too many steps, not ascending, or a rate that rises.
    """
    if len(curve) > MAX_STEPS_OF_CURVE:
        raise BadInputError(f"an award curve of {len(curve)} steps: use up to {MAX_STEPS_OF_CURVE}")
    until, rate = 0, int(MAX_ESCROW)
    for step in curve:
        if not until < step.until < 2**52:
            raise BadInputError(
                f"the award curve's step until {step.until} shares does not come after {until}"
            )
        if not 0 <= step.rate <= rate:
            raise BadInputError(
                f"the award curve goes from {rate} to {step.rate}: early data earns more, never "
                "less, so its rates fall"
            )
        until, rate = step.until, step.rate


def plan_top_up(registry: DataRegistry, payer: Address, request: int, amount: Amount) -> WritePlan:
    """Plan more money for a request.

    Args:
        registry: the data market.
        payer: who pays.
        request: id of the request.
        amount: base units, > 0.

    Returns:
        The approval and the payment.

    Raises:
        UnknownEntityError: no such request.
        BadInputError: nothing to pay, too little money, or the request is closed.
    """
    found = registry.request(request)
    if amount <= 0:
        raise BadInputError(f"the amount is {amount}: pay at least 1 base unit")
    if found.closed:
        raise BadInputError(f"request {request} is closed: open a new one")
    check_money(registry.contracts.token, payer, amount, "the payment")
    call = Call(
        registry.contracts.requests, "top_up", (request, amount), f"top up request {request}"
    )
    return WritePlan((*_approval(registry, payer, amount), call))


def plan_close(registry: DataRegistry, initiator: Address, request: int) -> WritePlan:
    """Plan the end of a request: its rest becomes the initiator's credit.

    Args:
        registry: the data market.
        initiator: who opened it.
        request: id of the request.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such request.
        BadInputError: another initiator, closed already, or proposals may come still.
    """
    found = registry.request(request)
    if found.initiator != initiator:
        raise BadInputError(
            f"request {request} belongs to {found.initiator}: only its initiator can close it"
        )
    if found.closed:
        raise BadInputError(f"request {request} is closed already")
    now = registry.contracts.chain.head().timestamp
    closes_at = registry.dataset(found.dataset).rules.closes_at
    is_over = now >= found.deadline or found.retired is not None
    if not is_over and not 0 < closes_at <= now:
        raise BadInputError(
            f"request {request} runs until {found.deadline}, the chain's time is {now}: close it "
            "after its deadline"
        )
    if found.open_proposals:
        raise BadInputError(
            f"request {request} has {found.open_proposals} undecided proposals: close it when they "
            "are decided"
        )
    call = Call(
        registry.contracts.requests, "close_request", (request,), f"close request {request}"
    )
    return WritePlan((call,))


def seal_rows(
    registry: DataRegistry, dataset: Dataset, rows: Rows, label: str
) -> tuple[SealedRef, tuple[bytes, ...]]:
    """Seal rows to a dataset's registered trusted nodes, in memory.

    Args:
        registry: the data market.
        dataset: whose nodes may open it.
        rows: the plaintext.
        label: what the seal is for.

    Returns:
        The reference and the two blobs that it names, not stored yet.

    Raises:
        BadInputError: no admitted node is registered.
    """
    keys: Mapping[Address, bytes] = registry.node_keys(dataset.rules.nodes)
    context = seal_context(registry.contracts.deployment, dataset.id, label)
    # Sealed into memory first: nothing reaches the store before every check has passed.
    scratch = open_store("memory")
    sealed = seal_to_nodes(rows_to_blob(rows), keys, context, scratch)
    return sealed, (scratch.get(sealed.ciphertext), scratch.get(sealed.envelopes))


def check_open(registry: DataRegistry, dataset: Dataset) -> None:
    """Refuse a dataset that takes no proposals any more.

    Args:
        registry: the data market.
        dataset: the dataset.

    Raises:
        BadInputError: it is closed.
    """
    closes_at = dataset.rules.closes_at
    now = registry.contracts.chain.head().timestamp
    if closes_at and now >= closes_at:
        raise BadInputError(
            f"dataset {dataset.id} closed at chain time {closes_at} (now {now}): it takes no more "
            "proposals; choose an open one with 'databright dataset list'"
        )


def check_request(registry: DataRegistry, request: int, dataset: int) -> Request:
    """The request that a proposal answers, if it still takes proposals.

    Args:
        registry: the data market.
        request: id of the request.
        dataset: id of the dataset proposed to.

    Returns:
        The request.

    Raises:
        UnknownEntityError: no such request.
        BadInputError: of another dataset, past its deadline, closed, or its holdout is retired.
    """
    found = registry.request(request)
    if found.dataset != dataset:
        raise BadInputError(
            f"request {request} is for dataset {found.dataset}, not {dataset}: name a request of "
            "this dataset, or none"
        )
    now = registry.contracts.chain.head().timestamp
    if found.closed or found.retired is not None or now >= found.deadline:
        raise BadInputError(
            f"request {request} takes no more proposals (deadline {found.deadline}, now {now}): "
            "name an open one ('databright request list')"
        )
    return found


def _approval(registry: DataRegistry, payer: Address, amount: int) -> tuple[Call, ...]:
    contracts = registry.contracts
    return approval(contracts.token, payer, contracts.requests, amount)
