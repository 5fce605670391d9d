"""Proposing data: checked, sealed to the dataset's trusted nodes, then committed on chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field

from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.custody.blobs import sha256
from databright.custody.references import rows_label, seal_context
from databright.custody.sealed_rows import (
    MAX_PARTS,
    OpenedPart,
    point_tree,
    seal_part,
    sealed_parts,
)
from databright.data_market.archive import concatenate
from databright.data_market.entities import OPEN, Dataset, Proposal
from databright.data_market.registry import DataRegistry
from databright.data_market.requests import check_open, check_request
from databright.errors import BadInputError
from databright.records.manifest import MAX_SAMPLE_BYTES, Manifest, choose_samples
from databright.records.point_book import book_of
from databright.records.rows import Rows
from databright.records.rules import Rules
from databright.records.words import address_bytes
from databright.units import Address, Amount, Digest, in_tokens

MAX_RELAYED = 64
"""Relayed ballots that a proposal's fee pays for at most."""


@dataclass(frozen=True)
class OwnedRows:
    """Rows of one owner.

    Attributes:
        owner: who contributes them.
        rows: the rows.
    """

    owner: Address
    rows: Rows


@dataclass(frozen=True)
class ProposalDraft:
    """What a contributor says about the rows.

    Attributes:
        title: one line.
        description: free text.
        provenance: where the rows come from.
        payee: who receives shares and award; the proposer when None.
        request: the request that it answers; 0 = none.
        samples: places of rows that everybody may see, 0-based over all parts.
    """

    title: str
    description: str = ""
    provenance: str = ""
    payee: Address | None = None
    request: int = 0
    samples: tuple[int, ...] = ()


@dataclass(frozen=True)
class ProposalPlan:
    """A proposal that is ready to be sent.

    Attributes:
        plan: blobs and transactions.
        root: root of the tree of its points.
        book: what its contributor must keep to prove points (`records.point_book`); private.
    """

    plan: WritePlan
    root: bytes
    book: bytes = field(repr=False)


@dataclass(frozen=True)
class _Content:
    """Everything that a proposal commits to, and the blobs behind it."""

    root: bytes
    ref: Digest
    manifest: Digest
    num_rows: int
    blobs: tuple[bytes, ...]
    book: bytes


def plan_proposal(
    registry: DataRegistry,
    proposer: Address,
    dataset: int,
    parts: Sequence[OwnedRows],
    draft: ProposalDraft,
) -> ProposalPlan:
    """Plan a data proposal.

    Args:
        registry: the data market.
        proposer: who signs and pays bond and fee.
        dataset: id of the dataset.
        parts: the data by owner, at least one; checked against the dataset's schema before
            anything else happens to it.
        draft: what is said about it.

    Returns:
        Blobs (ciphertexts, envelopes, reference, manifest, samples), the deposit where it is
        short, and the proposal.

    Raises:
        UnknownEntityError: no such dataset or request.
        MalformedDataError: rows that do not follow the schema.
        BadInputError: a closed dataset or request, too little money for bond and fee, or no
            trusted node that could open the data.
    """
    found = registry.dataset(dataset)
    rules = found.rules
    _check_rows(registry, rules, parts)
    check_open(registry, found)
    if draft.request:
        check_request(registry, draft.request, dataset)
    payee = draft.payee or proposer
    address_bytes("the payee", payee)
    num_open = int(registry.contracts.association.call("open_of", proposer))
    bond, fee = rules.bond * (1 + num_open), fee_of(rules)
    what = f"bond {in_tokens(bond)} + evaluation fee {in_tokens(fee)}"
    paying = deposit_calls(registry, proposer, Amount(bond + fee), what)
    content = _seal(registry, found, proposer, parts, draft)
    call = Call(
        registry.contracts.association,
        "propose",
        (
            dataset,
            draft.request,
            payee,
            content.root,
            content.ref,
            content.manifest,
            content.num_rows,
        ),
        f"propose {content.num_rows} rows to dataset {dataset}",
    )
    return ProposalPlan(WritePlan((*paying, call), content.blobs), content.root, content.book)


def plan_revision(
    registry: DataRegistry,
    proposer: Address,
    proposal: int,
    parts: Sequence[OwnedRows],
    draft: ProposalDraft,
) -> ProposalPlan:
    """Plan the replacement of an open proposal: a new id in the same thread, votes begun anew.

    Args:
        registry: the data market.
        proposer: who made it.
        proposal: id of the open proposal.
        parts: the new data.
        draft: what is said about it; request and payee stay those of the first.

    Returns:
        Blobs, the deposit where another fee is missing, and the revision.

    Raises:
        UnknownEntityError: no such proposal.
        MalformedDataError: rows that do not follow the schema.
        BadInputError: not the proposer's, not open any more, or too little money.
    """
    old = _own(registry, proposer, proposal)
    now = registry.contracts.chain.head().timestamp
    if now >= old.votes_from + old.period:
        raise BadInputError(
            f"the vote on proposal {proposal} ended at {old.votes_from + old.period} (now {now}): "
            "make a new proposal"
        )
    found = registry.dataset(old.dataset)
    _check_rows(registry, found.rules, parts)
    check_open(registry, found)
    if old.request:
        check_request(registry, old.request, old.dataset)
    back = _fee_back(registry, old)
    fee = fee_of(found.rules)
    paying = deposit_calls(
        registry, proposer, Amount(max(0, fee - back)), f"another evaluation fee {in_tokens(fee)}"
    )
    content = _seal(registry, found, proposer, parts, draft)
    call = Call(
        registry.contracts.association,
        "revise",
        (astuple(old.terms), content.root, content.ref, content.manifest, content.num_rows),
        f"replace proposal {proposal} by {content.num_rows} rows",
    )
    return ProposalPlan(WritePlan((*paying, call), content.blobs), content.root, content.book)


def plan_withdrawal(registry: DataRegistry, proposer: Address, proposal: int) -> WritePlan:
    """Plan to take a proposal off before its vote begins; its bond goes back to the deposit.

    Args:
        registry: the data market.
        proposer: who made it.
        proposal: its id.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: not the proposer's, not open, or its vote has begun.
    """
    old = _own(registry, proposer, proposal)
    now = registry.contracts.chain.head().timestamp
    if now >= old.votes_from:
        raise BadInputError(
            f"the vote on proposal {proposal} began at {old.votes_from} (now {now}), so it cannot "
            "be withdrawn; until the vote is over it can be revised"
        )
    kept = "" if not old.is_measured else "; its fee pays for the measurement"
    call = Call(
        registry.contracts.association,
        "withdraw_proposal",
        (astuple(old.terms),),
        f"withdraw proposal {proposal}{kept}",
    )
    return WritePlan((call,))


def fee_of(rules: Rules) -> Amount:
    """What a proposal locks besides its bond.

    Args:
        rules: of the dataset.

    Returns:
        The evaluation fee and 64 relayed ballots, base units.
    """
    return Amount(rules.evaluation_fee + MAX_RELAYED * rules.relay_price)


def deposit_calls(
    registry: DataRegistry, proposer: Address, cost: Amount, what: str
) -> tuple[Call, ...]:
    """What must be paid in before the association can lock a cost.

    Args:
        registry: the data market.
        proposer: whose deposit.
        cost: base units that will be locked.
        what: what the message calls it.

    Returns:
        Approval and deposit; none where deposit and credit are enough.

    Raises:
        BadInputError: too little money.
    """
    contracts = registry.contracts
    held = int(contracts.association.call("deposit_of", proposer))
    held += int(contracts.association.call("credit_of", proposer))
    short = cost - held
    if short <= 0:
        return ()
    check_money(contracts.token, proposer, short, what)
    purpose = f"deposit {in_tokens(short)} for {what}"
    return (
        *approval(contracts.token, proposer, contracts.association, short),
        Call(contracts.association, "deposit", (short,), purpose),
    )


def _own(registry: DataRegistry, proposer: Address, proposal: int) -> Proposal:
    found = registry.proposal(proposal)
    if found.proposer != proposer:
        raise BadInputError(
            f"proposal {proposal} is of {found.proposer}: only its proposer can change it"
        )
    if found.status != OPEN:
        raise BadInputError(f"proposal {proposal} is {found.status_name}: it cannot be changed")
    if found.is_challenged:
        raise BadInputError(
            f"proposal {proposal} is held up by a challenge: wait until that is decided"
        )
    return found


def _fee_back(registry: DataRegistry, old: Proposal) -> int:
    """What comes back to the deposit of an earlier fee when a proposal is revised."""
    rules = registry.rules_at(old.dataset, old.version)
    repaid = int(registry.contracts.association.call("repaid", old.id))
    evaluation = old.fee - MAX_RELAYED * rules.relay_price
    ballots = (MAX_RELAYED - repaid) * rules.relay_price
    return ballots if old.is_measured else evaluation + ballots


def _check_rows(registry: DataRegistry, rules: Rules, parts: Sequence[OwnedRows]) -> None:
    if not 1 <= len(parts) <= MAX_PARTS:
        raise BadInputError(f"{len(parts)} parts: a proposal has 1 to {MAX_PARTS}")
    schema = registry.schema(rules)
    for part in parts:
        address_bytes("the owner of a part", part.owner)
        part.rows.check(schema)


def _seal(
    registry: DataRegistry,
    dataset: Dataset,
    proposer: Address,
    parts: Sequence[OwnedRows],
    draft: ProposalDraft,
) -> _Content:
    rules = dataset.rules
    rows = concatenate([part.rows for part in parts])
    samples = choose_samples(rows, draft.samples).to_blob() if draft.samples else None
    if samples is not None and len(samples) > MAX_SAMPLE_BYTES:
        raise BadInputError(
            f"the sample rows take {len(samples)} bytes, at most {MAX_SAMPLE_BYTES} are shown: "
            "choose fewer"
        )
    keys: Mapping[Address, bytes] = registry.node_keys(rules.nodes)
    context = seal_context(registry.contracts.deployment, dataset.id, rows_label(proposer))
    opened: list[OpenedPart] = []
    blobs: list[bytes] = []
    for part in parts:
        one, made = seal_part(part.owner, part.rows, keys, context)
        opened.append(one)
        blobs.extend(made)
    tree = point_tree(opened)
    manifest = Manifest(
        title=draft.title,
        description=draft.description,
        provenance=draft.provenance,
        licence=registry.card(rules).licence,
        licence_text=rules.licence,
        num_rows=len(rows),
        schema=rules.schema,
        root=Digest(tree.root),
        samples=None if samples is None else sha256(samples),
    ).to_json()
    reference = sealed_parts(opened).to_json()
    shown = () if samples is None else (samples,)
    return _Content(
        root=tree.root,
        ref=sha256(reference),
        manifest=sha256(manifest),
        num_rows=len(rows),
        blobs=(*blobs, reference, manifest, *shown),
        book=book_of([one.as_part() for one in opened]),
    )
