"""What a worker checks on chain before it computes: that it will be paid, and by the right hub."""

from __future__ import annotations

from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import fields_of, int_of
from databright.compute_market.jobs import JOB_FIELDS, SPEC_FIELDS
from databright.errors import ProtocolError
from databright.transport import hub_pb2
from databright.units import Address

_WORKER = (
    "min_fee",
    "stake",
    "tls_pin",
    "numeric_class",
    "barred",
    "leaving_at",
    "registered_at",
)
_PREDICTION = (
    "model",
    "payer",
    "input",
    "price",
    "owner",
    "dataset",
    "snapshot",
    "weights",
    "requested_at",
    "status",
    "output",
)
_OPEN = 1


class LeaseRefusedError(ProtocolError):
    """A lease that this worker does not take.

    Attributes:
        reason: a code of `reasons.WHY`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LeaseChecks:
    """Checks leases of one owner.

    Args:
        contracts: the market; only read.
        owner: the worker owner.
    """

    def __init__(self, contracts: MarketContracts, owner: Address) -> None:
        self._contracts = contracts
        self._owner = owner

    def min_fee(self) -> int:
        """This owner's minimum fee.

        Returns:
            Base units.

        Raises:
            LeaseRefusedError: the owner is not registered.
        """
        entry = fields_of(self._contracts.workers.call("worker", self._owner), _WORKER)
        if int_of(entry["registered_at"]) == 0:
            raise LeaseRefusedError("not-registered", f"{self._owner} is not a registered worker")
        return int_of(entry["min_fee"])

    def check(self, lease: hub_pb2.Lease, node: Address) -> None:
        """Check one lease.

        Args:
            lease: from a node.
            node: the node.

        Raises:
            LeaseRefusedError: it is not worth computing; the reason says why.
            ChainError: the chain cannot be read now.
        """
        if lease.kind == hub_pb2.LEASE_KIND_PREDICT:
            self._check_prediction(lease, node)
        else:
            self._check_segment(lease, node)

    def _check_segment(self, lease: hub_pb2.Lease, node: Address) -> None:
        escrow, job = self._contracts.escrow, lease.job
        view = fields_of(escrow.call("job", job), JOB_FIELDS)
        spec = fields_of(view["spec"], SPEC_FIELDS)
        if str(view["hub"]) != node or int_of(view["epoch"]) != lease.epoch:
            raise LeaseRefusedError(
                "stale-epoch",
                f"job {job} has hub {view['hub']} in epoch {view['epoch']}, the lease is from "
                f"{node} in epoch {lease.epoch}",
            )
        if lease.program != spec["program"]:
            raise LeaseRefusedError("bad-program", f"job {job} was not paid for this program")
        shard = lease.segment % max(1, int_of(spec["num_shards"]))
        active = escrow.call("active_owners", job, shard)
        if self._owner not in [str(address) for address in active]:
            raise LeaseRefusedError(
                "not-reserved", f"shard {shard} of job {job} is not reserved for {self._owner}"
            )
        offer, fee = int(escrow.call("offer", job, self._owner)), self.min_fee()
        if offer < fee:
            raise LeaseRefusedError(
                "price-below-fee", f"job {job} pays {offer} a segment, the minimum fee is {fee}"
            )

    def _check_prediction(self, lease: hub_pb2.Lease, node: Address) -> None:
        asked = fields_of(self._contracts.predictions.call("prediction", lease.job), _PREDICTION)
        admitted = self._contracts.charter.call("is_node", int_of(asked["dataset"]), node)
        if int_of(asked["status"]) != _OPEN or not admitted or asked["input"] != lease.rows:
            raise LeaseRefusedError("not-paid", f"prediction {lease.job} is not open at {node}")
        price, fee = int_of(asked["price"]), self.min_fee()
        if price < fee:
            raise LeaseRefusedError(
                "price-below-fee", f"prediction {lease.job} pays {price}, the minimum fee is {fee}"
            )
