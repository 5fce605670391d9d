"""A sealed reference is public: what becomes of whoever proposes another's."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from databright.custody.blobs import sha256
from databright.custody.envelopes import generate_hpke
from databright.custody.references import rows_label, seal_context
from databright.custody.sealed_rows import point_tree, seal_part, sealed_parts
from databright.data_market.measuring import Measurer
from databright.data_market.registry import DataRegistry, Reader
from databright.errors import SealBrokenError
from databright.records.manifest import Manifest
from databright.records.rows import Rows, Schema
from databright.records.terms import Terms
from databright.storage.base import open_store
from databright.units import Address, Amount, Digest

NODE = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
ALICE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
EVE = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
SCHEMA = Schema(num_features=2, num_classes=2, low=0.0, high=1.0)
ROWS = Rows(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
NOTHING = Digest(bytes(32))


class OneDataset(DataRegistry):
    """A registry that knows its dataset without a chain."""

    def _newest_rules(self, dataset: int) -> Any:
        return None

    def schema(self, rules: object) -> Schema:
        return SCHEMA


def _market() -> tuple[Measurer, Terms]:
    """A measurer, and the terms of a proposal of Alice's rows."""
    store = open_store("memory")
    deployment: Any = SimpleNamespace(chain_id=1, addresses={"DataAssociation": NODE})
    contracts: Any = SimpleNamespace(deployment=deployment)
    private, public = generate_hpke()
    context = seal_context(deployment, 1, rows_label(ALICE))
    part, blobs = seal_part(ALICE, ROWS, {NODE: public}, context)
    reference, root = sealed_parts([part]).to_json(), point_tree([part]).root
    manifest = Manifest("t", "", "", "CC0", NOTHING, len(ROWS), NOTHING, Digest(root)).to_json()
    for blob in (*blobs, reference, manifest):
        store.put(blob)
    docket: Any = SimpleNamespace(registry=OneDataset(contracts, store))
    compute: Any = None
    terms = Terms(
        proposal=1_000_001,
        request=0,
        proposer=ALICE,
        payee=ALICE,
        root=root,
        ref=sha256(reference),
        manifest=sha256(manifest),
        num_rows=len(ROWS),
        revises=0,
        bond=Amount(0),
        fee=Amount(0),
        electorate=0,
    )
    return Measurer(docket, Reader(NODE, private), compute), terms


@pytest.mark.parametrize("opened_before", [False, True])
def test_anothers_sealed_rows_do_not_open_for_who_proposes_them(opened_before: bool) -> None:
    """Else the first to send a reference seen in flight would own the rows, unread."""
    measurer, terms = _market()
    if opened_before:
        assert len(measurer._proposed(terms)) == len(ROWS)
    with pytest.raises(SealBrokenError):  # outcome fraud: the replay costs its bond
        measurer._proposed(replace(terms, proposer=EVE))
    assert len(measurer._proposed(terms)) == len(ROWS)
