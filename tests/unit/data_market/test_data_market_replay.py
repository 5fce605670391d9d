"""A sealed reference is public: what becomes of whoever proposes another's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from databright.custody.blobs import sha256
from databright.custody.envelopes import generate_hpke
from databright.custody.references import reference_to_json, rows_label, seal_context
from databright.custody.sealing import seal_to_nodes
from databright.data_market.measuring import Measurer
from databright.data_market.registry import DataRegistry, Reader
from databright.errors import SealBrokenError
from databright.records.evidence import Manifest
from databright.records.rows import Rows, Schema, rows_to_blob
from databright.storage.base import open_store
from databright.units import Address, Digest

NODE = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
ALICE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
EVE = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
SCHEMA = Schema(num_features=2, num_classes=2, low=0.0, high=1.0)
ROWS = Rows(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))


class OneDataset(DataRegistry):
    """A registry that knows its dataset without a chain."""

    def dataset(self, dataset: int) -> Any:
        return SimpleNamespace(id=dataset, rules=None)

    def schema(self, rules: object) -> Schema:
        return SCHEMA


def _market() -> tuple[Measurer, Any]:
    """A measurer, and a proposal of Alice's rows."""
    store = open_store("memory")
    deployment: Any = SimpleNamespace(chain_id=1, addresses={"DataAssociation": NODE})
    contracts: Any = SimpleNamespace(deployment=deployment)
    private, public = generate_hpke()
    context = seal_context(deployment, 1, rows_label(ALICE))
    sealed = seal_to_nodes(rows_to_blob(ROWS), {NODE: public}, context, store)
    reference = reference_to_json(sealed)
    commitment = Digest(bytes(sealed.plain_commitment))
    manifest = Manifest("t", "", "", "CC0", len(ROWS), Digest(bytes(32)), commitment).to_json()
    store.put(reference)
    store.put(manifest)
    docket: Any = SimpleNamespace(registry=OneDataset(contracts, store))
    compute: Any = None
    proposal = SimpleNamespace(
        dataset=1, proposer=ALICE, ref=sha256(reference), manifest=sha256(manifest), num_rows=3
    )
    return Measurer(docket, Reader(NODE, private), compute), proposal


@pytest.mark.parametrize("opened_before", [False, True])
def test_anothers_sealed_rows_do_not_open_for_who_proposes_them(opened_before: bool) -> None:
    """Else the first to send a reference seen in flight would own the rows, unread."""
    measurer, proposal = _market()
    if opened_before:
        assert len(measurer._proposed(proposal)) == len(ROWS)
    replayed: Any = SimpleNamespace(**{**vars(proposal), "proposer": EVE})
    with pytest.raises(SealBrokenError):  # outcome fraud: the replay costs its bond
        measurer._proposed(replayed)
    assert len(measurer._proposed(proposal)) == len(ROWS)
