"""Faults in the ValuePools."""

from __future__ import annotations

from tests.contracts.mutants.base import Mutant, faults

POOLS: list[Mutant] = faults(
    "data_market/ValuePools.vy",
    (
        "values that exceed their sum",
        '    assert p.paid + due <= p.amount, "pools: values exceed their sum"\n',
        "",
        "one dataset's evaluators take the money of all pools",
        "a_value_pool_pays_by_proof",
    ),
    (
        "a window of today's rules",
        'assert block.timestamp < p.final_at, "pools: values are final"',
        'assert block.timestamp < p.posted_at + staticcall CHARTER.value_window(dataset), "pools: values are final"',
        "values that were paid are vetoed, and paid again from other pools",
        "values_once_final_stay_final",
    ),
    (
        "paid before they are final",
        '    assert block.timestamp >= p.final_at, "pools: values are not final"\n',
        "",
        "wrong values are paid before anybody can veto them",
        "a_value_pool_pays_by_proof",
    ),
    (
        "a value paid twice",
        "    self.value_paid[dataset][s][owner] = earned\n",
        "",
        "an owner is paid the part of others",
        "a_value_pool_pays_by_proof",
    ),
    (
        "a path that is not checked",
        'assert node == p.root and worth <= p.total, "pools: wrong path"',
        'assert worth <= p.total, "pools: wrong path"',
        "anybody has any value",
        "a_value_pool_pays_by_proof",
    ),
    (
        "values posted twice",
        'assert p.posted_at == 0 and not p.is_released, "pools: values are posted"\n    assert total',
        'assert not p.is_released, "pools: values are posted"\n    assert total',
        "values change when some are paid",
        "a_value_pool_pays_by_proof",
    ),
    (
        "released at once",
        "        p.since != 0 and block.timestamp >= p.since + PATIENCE\n",
        "        p.since != 0\n",
        "values have no time to come",
        "a_vetoed_or_forgotten_pool_falls_to_the_shares",
    ),
    (
        "a pool's beginning moved",
        "    if self.pools[dataset][s].since == 0:\n",
        "    if block.timestamp != 0:\n",
        "whoever pays a base unit keeps a pool from the shares",
        "a_vetoed_or_forgotten_pool_falls_to_the_shares",
    ),
    (
        "released and still open",
        "is_released=True,",
        "is_released=False,",
        "a pool fills again after it fell to the shares",
        "a_vetoed_or_forgotten_pool_falls_to_the_shares",
    ),
    (
        "settled while values can be vetoed",
        "    return p.posted_at != 0 and block.timestamp >= p.final_at\n",
        "    return p.posted_at != 0\n",
        "a bond goes back before its values are final",
        "a_value_pool_pays_by_proof",
    ),
    (
        "an amount that is not added",
        "    self.pools[dataset][s].amount += amount\n",
        "    self.pools[dataset][s].amount = amount\n",
        "a pool forgets what it has",
        "a_vetoed_or_forgotten_pool_falls_to_the_shares",
    ),
    (
        "what was paid not counted",
        "    self.pools[dataset][s].paid = p.paid + due\n",
        "",
        "the sum that bounds a pool never grows",
        "a_value_pool_pays_by_proof",
    ),
)
