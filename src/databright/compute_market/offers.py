"""What workers ask, and what a job would cost with them: the plan that a buyer sees first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from databright.chain.market_contracts import MarketContracts
from databright.chain.snapshots import check_snapshot
from databright.compute_market.jobs import NUMERIC_CLASS
from databright.compute_market.projections import WorkerEntry, replay_workers
from databright.errors import BadInputError, PlanRefusedError
from databright.units import BPS, Address, Amount, BasisPoints, in_tokens


@dataclass(frozen=True)
class Offer:
    """What one owner asks.

    Attributes:
        owner: its address.
        min_fee: least pay for one replica of one segment.
        stake: what it would lose for a wrong result.
        serves: nodes that it works for.
    """

    owner: Address
    min_fee: Amount
    stake: Amount
    serves: frozenset[Address]


@dataclass(frozen=True)
class JobPlan:
    """What a job would cost and who would see what.

    Attributes:
        dataset: dataset id.
        snapshot: version trained on.
        num_shards: pieces of the rows.
        num_rounds: rounds.
        replicas: owners of each segment.
        cap_bps: exposure cap.
        segment_price: pay for one replica of one segment.
        data_fee: to the snapshot's shareholders.
        compute: to workers.
        reserve: for redone work that no slash pays; what is left returns.
        node_fee: to the node's operator.
        chain_fee: repays transactions; what is left returns.
        owners_needed: ceil(replicas / cap).
        owners_available: owners that take this work now.
        spares: available beyond needed.
        exposure_bps: the most that one owner would see.
        full_copy_identities: owner identities that would hold the whole set together.
        full_copy_cost: stake that these identities would have to lock, in base units.
        whole_model_owners: owners that will hold the whole model.
    """

    dataset: int
    snapshot: int
    num_shards: int
    num_rounds: int
    replicas: int
    cap_bps: BasisPoints
    segment_price: Amount
    data_fee: Amount
    compute: Amount
    reserve: Amount
    node_fee: Amount
    chain_fee: Amount
    owners_needed: int
    owners_available: int
    spares: int
    exposure_bps: BasisPoints
    full_copy_identities: int
    full_copy_cost: Amount
    whole_model_owners: int

    @property
    def total(self) -> Amount:
        """What opening the job would pull."""
        lines = self.data_fee + self.compute + self.reserve + self.node_fee + self.chain_fee
        return Amount(lines)


def read_offers(contracts: MarketContracts) -> list[Offer]:
    """Offers of all owners that take work.

    Args:
        contracts: the market.

    Returns:
        Offers in order of registration.
    """
    logs = contracts.chain.logs(
        contracts.deployment.block, contracts.chain.head().number, [contracts.workers.address]
    )
    workers = replay_workers(contracts.workers.events(logs))
    return [_offer(entry) for entry in workers.values() if _is_open(entry)]


def _is_open(entry: WorkerEntry) -> bool:
    return not entry.barred and not entry.leaving and entry.numeric_class == NUMERIC_CLASS


def _offer(entry: WorkerEntry) -> Offer:
    return Offer(entry.owner, entry.min_fee, entry.stake, frozenset(entry.serves))


def plan_job(
    contracts: MarketContracts,
    *,
    dataset: int,
    snapshot: int | None = None,
    num_shards: int,
    num_rounds: int,
    replicas: int = 3,
    cap_bps: int | None = None,
    segment_price: Amount | None = None,
    node_fee: Amount = Amount(0),
    chain_fee: Amount = Amount(0),
    node: Address | None = None,
) -> JobPlan:
    """Work out what a job would take, before any money moves.

    Args:
        contracts: the market.
        dataset: dataset id.
        snapshot: version; the newest when None.
        num_shards: pieces of the rows, 1 to 64.
        num_rounds: rounds.
        replicas: owners of each segment.
        cap_bps: exposure cap; the dataset's when None.
        segment_price: pay for one replica of one segment; the highest fee among the owners that
            are needed, cheapest first, when None.
        node_fee: for the node.
        chain_fee: for transactions.
        node: only owners that serve this node count; any when None.

    Returns:
        The plan.

    Raises:
        PlanRefusedError: the cap cannot be kept with the owners there are; it says how many
            are needed.
        BadInputError: the segment price is below the fees of owners that are needed.
        UnknownEntityError: there is no such dataset.
    """
    database = contracts.database(dataset)
    highest = int(contracts.charter.call("max_exposure_bps", dataset))
    cap = highest if cap_bps is None else cap_bps
    version = int(database.call("num_snapshots")) if snapshot is None else snapshot
    offers = [o for o in read_offers(contracts) if node is None or node in o.serves]
    data_fee = _data_fee(contracts, dataset, version)
    return plan_from_offers(
        offers,
        dataset=dataset,
        snapshot=version,
        shape=(num_shards, num_rounds, replicas),
        cap_bps=cap,
        dataset_cap_bps=highest,
        segment_price=segment_price,
        lines=(data_fee, node_fee, chain_fee),
    )


def _data_fee(contracts: MarketContracts, dataset: int, snapshot: int) -> Amount:
    database = contracts.database(dataset)
    if snapshot < 1:
        raise PlanRefusedError(
            f"dataset {dataset} has no accepted data yet: a job needs a snapshot",
            owners_needed=0,
            owners_available=0,
        )
    check_snapshot(database, dataset, snapshot)
    total_shares = int(database.call("total_shares", snapshot))
    return Amount(int(database.call("price_per_use")) if total_shares else 0)


def plan_from_offers(
    offers: Sequence[Offer],
    *,
    dataset: int,
    snapshot: int,
    shape: tuple[int, int, int],
    cap_bps: int,
    dataset_cap_bps: int,
    segment_price: Amount | None,
    lines: tuple[Amount, Amount, Amount],
) -> JobPlan:
    """The pure part of `plan_job`.

    Args:
        offers: of owners that take work.
        dataset: dataset id.
        snapshot: version.
        shape: (num_shards, num_rounds, replicas).
        cap_bps: exposure cap of the job.
        dataset_cap_bps: the dataset's own.
        segment_price: pay for one replica; derived from the offers when None.
        lines: (data fee, node fee, chain fee).

    Returns:
        The plan.

    Raises:
        PlanRefusedError: the cap cannot be kept.
        BadInputError: the segment price is below the fees of owners that are needed.
    """
    num_shards, num_rounds, replicas = shape
    if not 0 < cap_bps <= dataset_cap_bps:
        raise PlanRefusedError(
            f"a cap of {cap_bps} bps is not within the dataset's cap of {dataset_cap_bps} bps: a "
            "job may lower it, never raise it",
            owners_needed=_needed(replicas, num_shards, max(1, dataset_cap_bps))[0],
            owners_available=len(offers),
        )
    ideal, needed = _needed(replicas, num_shards, cap_bps)
    asked = sorted(offers, key=lambda o: o.min_fee)
    willing = [o for o in asked if segment_price is None or o.min_fee <= segment_price]
    if segment_price is not None and len(willing) < needed <= len(asked):
        raise BadInputError(_too_cheap(segment_price, asked, needed))
    if len(willing) < ideal or cap_bps * num_shards < BPS or len(willing) < needed:
        raise PlanRefusedError(
            _refusal(replicas, num_shards, cap_bps, (ideal, needed), len(willing)),
            owners_needed=ideal,
            owners_available=len(willing),
        )
    # One spare's fee is covered where there is one, so that a replacement can be paid too.
    price = segment_price if segment_price is not None else willing[-1].min_fee
    per_owner = -(-num_shards * replicas // len(willing))
    copies = -(-BPS // cap_bps)
    return JobPlan(
        dataset=dataset,
        snapshot=snapshot,
        num_shards=num_shards,
        num_rounds=num_rounds,
        replicas=replicas,
        cap_bps=BasisPoints(cap_bps),
        segment_price=price,
        data_fee=lines[0],
        compute=Amount(num_shards * num_rounds * replicas * price),
        reserve=Amount(num_shards * price),
        node_fee=lines[1],
        chain_fee=lines[2],
        owners_needed=ideal,
        owners_available=len(willing),
        spares=len(willing) - ideal,
        exposure_bps=BasisPoints(-(-per_owner * BPS // num_shards)),
        full_copy_identities=copies,
        full_copy_cost=Amount(copies * min(offer.stake for offer in willing)),
        whole_model_owners=len(willing),
    )


def _needed(replicas: int, num_shards: int, cap_bps: int) -> tuple[int, int]:
    """Owners by the rule ceil(replicas / cap), and with these shards, which cannot be cut."""
    ideal = max(replicas, -(-replicas * BPS // cap_bps))
    whole = cap_bps * num_shards // BPS
    return ideal, max(ideal, -(-replicas * num_shards // whole)) if whole else ideal


def _too_cheap(price: Amount, asked: Sequence[Offer], needed: int) -> str:
    below = [offer for offer in asked if offer.min_fee > price]
    named = ", ".join(f"{offer.owner} asks {in_tokens(offer.min_fee)}" for offer in below[:4])
    return (
        f"a segment price of {in_tokens(price)} tokens pays {len(below)} of {len(asked)} workers "
        f"below their fee ({named}{', …' if len(below) > 4 else ''}), and {needed} owners are "
        f"needed: offer at least {in_tokens(asked[needed - 1].min_fee)}, or leave the price out "
        "to pay what the owners ask"
    )


def _refusal(
    replicas: int, num_shards: int, cap_bps: int, needed: tuple[int, int], available: int
) -> str:
    if cap_bps * num_shards < BPS:
        return (
            f"one of {num_shards} shards is more than the cap of {cap_bps} bps: use at least "
            f"{-(-BPS // cap_bps)} shards and {needed[0]} owners (there are {available})"
        )
    return (
        f"{replicas} replicas under a cap of {cap_bps} bps need {max(needed)} independent worker "
        f"owners with {num_shards} shards, {available} take this work now: wait for more, use "
        "fewer replicas or ask the dataset for a higher cap"
    )
