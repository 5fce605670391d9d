"""Proposing data: checked, sealed to the dataset's trusted nodes, then committed on chain."""

from __future__ import annotations

from dataclasses import dataclass

from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.custody.blobs import sha256
from databright.custody.references import reference_to_json, rows_label
from databright.data_market.registry import DataRegistry
from databright.data_market.requests import (
    check_open,
    check_request,
    seal_rows,
)
from databright.records.evidence import Manifest
from databright.records.rows import Rows
from databright.units import Address, Digest


@dataclass(frozen=True)
class ProposalDraft:
    """What a contributor says about the rows.

    Attributes:
        title: one line.
        description: free text.
        provenance: where the rows come from.
        payee: who receives shares and award; the proposer when None.
        request: the request that it answers; 0 = none.
    """

    title: str
    description: str = ""
    provenance: str = ""
    payee: Address | None = None
    request: int = 0


def plan_proposal(
    registry: DataRegistry, proposer: Address, dataset: int, rows: Rows, draft: ProposalDraft
) -> WritePlan:
    """Plan a data proposal.

    Args:
        registry: the data market.
        proposer: who signs and pays bond and fee.
        dataset: id of the dataset.
        rows: the data; checked against the dataset's schema before anything else happens to it.
        draft: what is said about it.

    Returns:
        Blobs (ciphertext, envelopes, reference, manifest), the approval where needed, and the
        proposal.

    Raises:
        UnknownEntityError: no such dataset or request.
        MalformedDataError: rows that do not follow the schema.
        BadInputError: a closed dataset or request, too little money for bond and fee, or no
            trusted node that could open the data.
    """
    found = registry.dataset(dataset)
    rules = found.rules
    rows.check(registry.schema(rules))
    check_open(registry, found)
    if draft.request:
        check_request(registry, draft.request, dataset)
    cost = rules.bond + rules.evaluation_fee
    contracts = registry.contracts
    what = f"bond {rules.bond} + evaluation fee {rules.evaluation_fee}"
    check_money(contracts.token, proposer, cost, what)
    sealed, blobs = seal_rows(registry, found, rows, rows_label(proposer))
    manifest = Manifest(
        title=draft.title,
        description=draft.description,
        provenance=draft.provenance,
        licence=registry.card(rules).licence,
        num_rows=len(rows),
        schema=rules.schema,
        commitment=Digest(bytes(sealed.plain_commitment)),
    ).to_json()
    reference = reference_to_json(sealed)
    call = Call(
        contracts.association,
        "propose",
        (
            dataset,
            draft.request,
            sha256(reference),
            sha256(manifest),
            len(rows),
            draft.payee or proposer,
        ),
        f"propose {len(rows)} rows to dataset {dataset}",
    )
    allow = approval(contracts.token, proposer, contracts.association, cost)
    return WritePlan((*allow, call), (*blobs, reference, manifest))
