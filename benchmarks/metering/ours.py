"""Our side of the comparison: everything that is measured of our contracts."""

from __future__ import annotations

from pathlib import Path

import databright.contracts
from benchmarks.metering.dataset import Dataset
from benchmarks.metering.figures import Plan, Producer, Samples
from benchmarks.metering.market import Market, standing_rules
from benchmarks.metering.ours_income import Income
from benchmarks.metering.ours_votes import Governance
from benchmarks.metering.session import account, open_session
from databright.units import Address

_SOURCES = Path(databright.contracts.__file__).parent / "data_market"
DATA_MARKET = frozenset({"DatabaseBlueprint", *(path.stem for path in _SOURCES.glob("*.vy"))})
"""Contracts of the data market; the blueprint holds the Database's creation code."""


def own_producers() -> list[Producer]:
    """Those that measure our contracts, each with rows of its own.

    Returns:
        One for governance, one for income, one for sizes.
    """
    return [Governance(), Income(), Sizes()]


class Sizes:
    """Measures the code of every contract as it lies on the chain, immutables included."""

    @property
    def name(self) -> str:
        """Which part of our contracts it is."""
        return "sizes"

    def measure(self, plan: Plan) -> Samples:
        """Deploy everything and look.

        Args:
            plan: not counted here: code has one size.

        Returns:
            Its samples. Errors: MissingToolError where this machine has no anvil.
        """
        samples = Samples()
        with open_session(Market.staff()) as session:
            market = Market(session)
            curators = {Address(account("genesis").address): 1}
            number, _ = market.create(standing_rules(curators))
            contracts = {**market.contracts, "Database": Dataset(market, number).database}
            sizes = {name: contract.runtime_bytes() for name, contract in contracts.items()}
        samples.add("runtime_bytes_largest", max(sizes[name] for name in DATA_MARKET))
        for name, size in sizes.items():
            samples.add(f"runtime_bytes_{name}", size)
        return samples
