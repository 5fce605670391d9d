# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title JobEscrow: pays for a training job
@notice A job's money is here before its work begins, in lines: data fee, compute, reserve, node fee,
        chain fee. Each line leaves once, by the rules below; what is left is the buyer's.
        A segment is H local steps on one shard; `replicas` owners compute it and all of them are paid
        when it is accepted. Segments of a shard are accepted in order of rounds. Redone work (a
        replacement's first segment) is paid from slashed stake (the pot), else from the reserve, and
        that price is set aside when the replacement is reserved, so that an honest worker is never
        left unpaid. When the job ends the pot pays the owners whose segment was wronged, then the
        buyer up to what it paid for those segments; the rest is burnt.
@dev No owner. The hub is a trusted node that the dataset admits; only owners that serve that node
     can be reserved or slashed by it.
"""

from modules import credits

initializes: credits
exports: (credits.credit_of, credits.withdraw, credits.withdraw_for, credits.token)


interface Token:
    def approve(spender: address, amount: uint256) -> bool: nonpayable
    def burn(amount: uint256): nonpayable


interface Charter:
    def database_of(dataset: uint256) -> address: view
    def is_node(dataset: uint256, account: address) -> bool: view
    def is_program(dataset: uint256, digest: bytes32) -> bool: view
    def max_exposure_bps(dataset: uint256) -> uint256: view


interface Database:
    def num_snapshots() -> uint256: view
    def total_shares(number: uint256) -> uint256: view
    def price_per_use() -> uint256: view
    def fund(number: uint256, amount: uint256): nonpayable


interface Registry:
    def worker(owner: address) -> Worker: view
    def is_available(owner: address) -> bool: view
    def is_barred(owner: address) -> bool: view
    def serves(owner: address, operator: address) -> bool: view
    def answers_to(owner: address, operator: address) -> bool: view
    def slash(owner: address, job: uint256) -> uint256: nonpayable


struct Worker:
    min_fee: uint256
    stake: uint256
    tls_pin: bytes32
    numeric_class: bytes32
    barred: bool
    leaving_at: uint256
    registered_at: uint256


struct JobSpec:
    dataset: uint256
    snapshot: uint256
    program: bytes32
    spec: bytes32
    num_shards: uint256
    num_rounds: uint256
    replicas: uint256
    cap_bps: uint256
    segment_price: uint256
    reserve: uint256
    node_fee: uint256
    chain_fee: uint256
    chain_price: uint256
    silence: uint256


struct Job:
    buyer: address
    spec: JobSpec
    data_fee: uint256        # still here; 0 once it has gone to the Database
    compute_left: uint256
    reserve_left: uint256
    chain_left: uint256
    pot: uint256             # slashed stake that is not set aside
    pot_held: uint256        # set aside from the pot for replacements under way
    reserve_held: uint256    # set aside from the reserve for replacements under way
    buyer_due: uint256       # what the buyer paid for wronged segments: the most the pot gives it
    hub: address
    epoch: uint256
    claimed_at: uint256      # when the present hub first claimed
    last_active: uint256     # last funding, reservation, acceptance or void
    accepted: uint256
    status: uint256
    weights: bytes32
    metric_bps: uint256
    funded_at: uint256


struct Outcome:
    buyer: address
    dataset: uint256
    snapshot: uint256
    program: bytes32
    weights: bytes32
    metric_bps: uint256
    status: uint256


struct Accepted:
    segment: uint256
    result: bytes32
    owners: DynArray[address, 5]


struct Redo:
    pot: uint256
    reserve: uint256


struct Wronged:
    segment: uint256
    owner: address
    price: uint256


event JobOpened:
    job: indexed(uint256)
    buyer: indexed(address)
    dataset: indexed(uint256)
    snapshot: uint256
    program: bytes32
    spec: bytes32
    data_fee: uint256
    compute: uint256
    reserve: uint256
    node_fee: uint256
    chain_fee: uint256
    cap_bps: uint256
    num_shards: uint256
    num_rounds: uint256
    replicas: uint256


event HubClaimed:
    job: indexed(uint256)
    node: indexed(address)
    epoch: uint256


event Reserved:
    job: indexed(uint256)
    owner: indexed(address)
    shards: uint256
    price: uint256


event DataFeePaid:
    job: indexed(uint256)
    snapshot: uint256
    amount: uint256


event SegmentAccepted:
    job: indexed(uint256)
    segment: indexed(uint256)
    result: bytes32
    receipt: bytes32


event SegmentPaid:
    job: indexed(uint256)
    segment: indexed(uint256)
    owner: indexed(address)
    amount: uint256
    source: uint256


event Compensated:
    job: indexed(uint256)
    segment: indexed(uint256)
    owner: indexed(address)
    amount: uint256


event Voided:
    job: indexed(uint256)
    segment: indexed(uint256)
    owner: indexed(address)
    kind: uint256
    slashed: uint256
    evidence: bytes32


event ChainRepaid:
    job: indexed(uint256)
    node: indexed(address)
    amount: uint256


event JobFinished:
    job: indexed(uint256)
    weights: bytes32
    metric_bps: uint256
    receipt: bytes32


event NodePaid:
    job: indexed(uint256)
    node: indexed(address)
    amount: uint256


event BuyerRefunded:
    job: indexed(uint256)
    buyer: indexed(address)
    amount: uint256


event PotBurnt:
    job: indexed(uint256)
    amount: uint256


event JobRefunded:
    job: indexed(uint256)
    amount: uint256


FUNDED: constant(uint256) = 1
RUNNING: constant(uint256) = 2
FINISHED: constant(uint256) = 3
REFUNDED: constant(uint256) = 4

WRONG: constant(uint256) = 1
LOST: constant(uint256) = 2

FROM_COMPUTE: constant(uint256) = 1
FROM_POT: constant(uint256) = 2
FROM_RESERVE: constant(uint256) = 3

BPS: constant(uint256) = 10_000
MAX_SHARDS: constant(uint256) = 64
MAX_ROUNDS: constant(uint256) = 1024
MAX_REPLICAS: constant(uint256) = 5
MAX_WRONGED: constant(uint256) = 64
MIN_SILENCE: constant(uint256) = 60
MAX_SILENCE: constant(uint256) = 30 * 86400

charter: public(immutable(address))
registry: public(immutable(address))

num_jobs: public(uint256)
jobs: HashMap[uint256, Job]

# by (job, owner)
offer: public(HashMap[uint256, HashMap[address, uint256]])
reserved_shards: public(HashMap[uint256, HashMap[address, uint256]])
active_shards: public(HashMap[uint256, HashMap[address, uint256]])
# by (job, shard)
owners_of: HashMap[uint256, HashMap[uint256, DynArray[address, 5]]]
next_round: public(HashMap[uint256, HashMap[uint256, uint256]])
vacancies: public(HashMap[uint256, HashMap[uint256, uint256]])
# by (job, segment)
segment_result: public(HashMap[uint256, HashMap[uint256, bytes32]])
is_wronged: public(HashMap[uint256, HashMap[uint256, bool]])
# by (job, segment, owner)
redo: public(HashMap[uint256, HashMap[uint256, HashMap[address, Redo]]])
recorded: HashMap[uint256, HashMap[uint256, HashMap[address, bool]]]
wronged: HashMap[uint256, DynArray[Wronged, 64]]


@deploy
def __init__(token: address, charter_: address, registry_: address):
    """
    @param token The market's money; has `burn`.
    @param charter_ Who knows the datasets.
    @param registry_ WorkerRegistry.
    """
    credits.__init__(token)
    assert charter_ != empty(address), "escrow: no charter"
    assert registry_ != empty(address), "escrow: no registry"
    charter = charter_
    registry = registry_


# The buyer


@external
@nonreentrant
def open_job(spec: JobSpec) -> uint256:
    """
    @notice Opens a job and pulls all its money from the caller.
    @param spec What is trained, by how many, for how much; frozen.
    @return The job's id, from 1.
    """
    data_fee: uint256 = self._check_spec(spec)
    compute: uint256 = spec.num_shards * spec.num_rounds * spec.replicas * spec.segment_price
    self.num_jobs += 1
    job: uint256 = self.num_jobs
    opened: Job = empty(Job)
    opened.buyer = msg.sender
    opened.spec = spec
    opened.data_fee = data_fee
    opened.compute_left = compute
    opened.reserve_left = spec.reserve
    opened.chain_left = spec.chain_fee
    opened.last_active = block.timestamp
    opened.funded_at = block.timestamp
    opened.status = FUNDED
    self.jobs[job] = opened
    credits._pull(msg.sender, data_fee + compute + spec.reserve + spec.node_fee + spec.chain_fee)
    log JobOpened(
        job=job,
        buyer=msg.sender,
        dataset=spec.dataset,
        snapshot=spec.snapshot,
        program=spec.program,
        spec=spec.spec,
        data_fee=data_fee,
        compute=compute,
        reserve=spec.reserve,
        node_fee=spec.node_fee,
        chain_fee=spec.chain_fee,
        cap_bps=spec.cap_bps,
        num_shards=spec.num_shards,
        num_rounds=spec.num_rounds,
        replicas=spec.replicas,
    )
    return job


@external
@nonreentrant
def cancel(job: uint256):
    """
    @notice The buyer takes everything back before the first reservation.
    """
    assert msg.sender == self.jobs[job].buyer, "escrow: not the buyer"
    assert self.jobs[job].status == FUNDED, "escrow: job has started"
    self._close(job, REFUNDED)


@external
@nonreentrant
def refund(job: uint256):
    """
    @notice Ends a job whose hub has been silent for two silences: everything not paid goes back to
            the buyer. After four silences anyone may, so that a pot never waits for the buyer.
    """
    status: uint256 = self.jobs[job].status
    assert status == FUNDED or status == RUNNING, "escrow: job is not running"
    idle: uint256 = block.timestamp - self.jobs[job].last_active
    silence: uint256 = self.jobs[job].spec.silence
    assert msg.sender == self.jobs[job].buyer or idle > 4 * silence, "escrow: not the buyer"
    assert idle > 2 * silence, "escrow: hub is not silent long enough"
    self._close(job, REFUNDED)


# The hub


@external
def claim_hub(job: uint256) -> uint256:
    """
    @notice An admitted node takes the job: the first; the same again (after a restart); another one
            when the hub has been silent. Every claim makes calls under the epoch before it invalid.
    @dev A claim is not activity of the job: nodes that only claim cannot keep the buyer from its
         refund. A node that takes over has one silence before the next may.
    @return The new epoch.
    """
    status: uint256 = self.jobs[job].status
    assert status == FUNDED or status == RUNNING, "escrow: job is not running"
    assert staticcall Charter(charter).is_node(
        self.jobs[job].spec.dataset, msg.sender
    ), "escrow: not an admitted node"
    if msg.sender != self.jobs[job].hub:
        if self.jobs[job].hub != empty(address):
            since: uint256 = max(self.jobs[job].last_active, self.jobs[job].claimed_at)
            assert (
                block.timestamp > since + self.jobs[job].spec.silence
            ), "escrow: hub is not silent long enough"
        self.jobs[job].hub = msg.sender
        self.jobs[job].claimed_at = block.timestamp
    self.jobs[job].epoch += 1
    log HubClaimed(job=job, node=msg.sender, epoch=self.jobs[job].epoch)
    return self.jobs[job].epoch


@external
@nonreentrant
def reserve(
    job: uint256,
    epoch: uint256,
    owners: DynArray[address, 64],
    shards: DynArray[uint256, 64],
):
    """
    @notice Names who may compute which shards, before a byte is shipped. The first reservation pays
            the data fee: exposure is what was sold.
    @param owners Worker owners that are available, serve the caller and ask no more than
           `segment_price`. The minimum fee of an owner's first reservation is its offer for the job.
    @param shards For each owner a bitmap of shards (bit 0 = shard 0) that it never had before.
    """
    self._check_hub(job, epoch)
    assert len(owners) == len(shards), "escrow: lists differ in length"
    assert len(owners) != 0, "escrow: nothing to reserve"
    for i: uint256 in range(len(owners), bound=64):
        self._reserve_owner(job, owners[i], shards[i])
    if self.jobs[job].status == FUNDED:
        self.jobs[job].status = RUNNING
        self._pay_data_fee(job)
    self._mark_active(job)


@external
@nonreentrant
def accept(job: uint256, epoch: uint256, receipt: bytes32, segments: DynArray[Accepted, 64]):
    """
    @notice Accepts segments on which all `replicas` owners agree, and credits each owner its offer.
    @param receipt Digest of the round's receipt.
    @param segments Each with its result's digest and its owners: all that are active on the shard.
    """
    self._check_hub(job, epoch)
    assert self.jobs[job].status == RUNNING, "escrow: job is not running"
    assert len(segments) != 0, "escrow: nothing to accept"
    for accepted: Accepted in segments:
        self._accept_segment(job, receipt, accepted)
    self.jobs[job].accepted += len(segments)
    self._mark_active(job)


@external
@nonreentrant
def void(
    job: uint256,
    epoch: uint256,
    segment: uint256,
    owner: address,
    kind: uint256,
    evidence: bytes32,
):
    """
    @notice Takes an owner off a shard. It keeps what it was credited; its place is vacant.
    @param segment The shard's segment under way (no result accepted yet).
    @param kind 1 wrong: its stake goes to the job's pot and it is barred for good; the owner must
           answer to the caller. 2 lost: nothing is slashed.
    @param evidence Digest of the verdict; needed for kind 1.
    """
    self._check_hub(job, epoch)
    assert kind == WRONG or kind == LOST, "escrow: unknown kind"
    shard: uint256 = self._check_next(job, segment)
    assert self._is_active(job, shard, owner), "escrow: owner is not active"
    self._remove_owner(job, shard, owner)
    self._release_redo(job, segment, owner)
    self.vacancies[job][shard] += 1
    slashed: uint256 = 0
    if kind == WRONG:
        assert evidence != empty(bytes32), "escrow: no evidence"
        assert staticcall Registry(registry).answers_to(
            owner, msg.sender
        ), "escrow: owner does not serve this node"
        self.is_wronged[job][segment] = True
        self._record_wronged(job, shard, segment)
        slashed = extcall Registry(registry).slash(owner, job)
        self.jobs[job].pot += slashed
    log Voided(
        job=job, segment=segment, owner=owner, kind=kind, slashed=slashed, evidence=evidence
    )
    self._mark_active(job)


@external
@nonreentrant
def finish(job: uint256, epoch: uint256, weights: bytes32, metric_bps: uint256, receipt: bytes32):
    """
    @notice Ends a job whose segments are all accepted: pays the node fee, settles the pot, refunds
            the buyer.
    @param weights Digest of the final weights.
    @param metric_bps The measured metric, 0..10,000.
    @param receipt Digest of the final receipt.
    """
    self._check_hub(job, epoch)
    assert self.jobs[job].status == RUNNING, "escrow: job is not running"
    spec: JobSpec = self.jobs[job].spec
    assert self.jobs[job].accepted == spec.num_shards * spec.num_rounds, "escrow: segments are missing"
    assert weights != empty(bytes32), "escrow: no weights"
    assert metric_bps <= BPS, "escrow: metric out of range"
    self.jobs[job].weights = weights
    self.jobs[job].metric_bps = metric_bps
    self._mark_active(job)
    log JobFinished(job=job, weights=weights, metric_bps=metric_bps, receipt=receipt)
    if spec.node_fee != 0:
        credits._credit(msg.sender, spec.node_fee)
        log NodePaid(job=job, node=msg.sender, amount=spec.node_fee)
    self._close(job, FINISHED)


# Views


@external
@view
def job(job: uint256) -> Job:
    """
    @return The job; status 0 for an unknown one.
    """
    return self.jobs[job]


@external
@view
def outcome(job: uint256) -> Outcome:
    """
    @return What a finished job made, and for whom.
    """
    found: Job = self.jobs[job]
    return Outcome(
        buyer=found.buyer,
        dataset=found.spec.dataset,
        snapshot=found.spec.snapshot,
        program=found.spec.program,
        weights=found.weights,
        metric_bps=found.metric_bps,
        status=found.status,
    )


@external
@view
def active_owners(job: uint256, shard: uint256) -> DynArray[address, 5]:
    """
    @return The owners that compute this shard now.
    """
    return self.owners_of[job][shard]


# Opening


@internal
@view
def _check_spec(spec: JobSpec) -> uint256:
    """
    @return The data fee.
    """
    assert 1 <= spec.num_shards and spec.num_shards <= MAX_SHARDS, "escrow: shards out of range"
    assert 1 <= spec.num_rounds and spec.num_rounds <= MAX_ROUNDS, "escrow: rounds out of range"
    assert 1 <= spec.replicas and spec.replicas <= MAX_REPLICAS, "escrow: replicas out of range"
    assert (
        MIN_SILENCE <= spec.silence and spec.silence <= MAX_SILENCE
    ), "escrow: silence out of range"
    assert spec.spec != empty(bytes32), "escrow: no job spec"
    assert (
        spec.chain_fee == 0 or spec.chain_price != 0
    ), "escrow: chain fee without a chain price"
    database: address = staticcall Charter(charter).database_of(spec.dataset)
    assert (
        1 <= spec.snapshot and spec.snapshot <= staticcall Database(database).num_snapshots()
    ), "escrow: unknown snapshot"
    assert staticcall Charter(charter).is_program(
        spec.dataset, spec.program
    ), "escrow: program is not allowed"
    cap_bps: uint256 = staticcall Charter(charter).max_exposure_bps(spec.dataset)
    assert spec.cap_bps <= cap_bps, "escrow: cap above the dataset's"
    assert spec.cap_bps * spec.num_shards >= BPS, "escrow: cap below one shard"
    total_shares: uint256 = staticcall Database(database).total_shares(spec.snapshot)
    if total_shares == 0:
        return 0
    return staticcall Database(database).price_per_use()


# Reserving


@internal
def _reserve_owner(job: uint256, owner: address, shards: uint256):
    spec: JobSpec = self.jobs[job].spec
    assert staticcall Registry(registry).is_available(owner), "escrow: owner is not available"
    assert staticcall Registry(registry).serves(
        owner, msg.sender
    ), "escrow: owner does not serve this node"
    before: uint256 = self.reserved_shards[job][owner]
    price: uint256 = (staticcall Registry(registry).worker(owner)).min_fee
    if before == 0:
        assert price <= spec.segment_price, "escrow: owner asks more than the segment price"
        self.offer[job][owner] = price
    else:
        assert price <= self.offer[job][owner], "escrow: owner has raised its fee"
    assert shards != 0, "escrow: no shards"
    assert shards < 1 << spec.num_shards, "escrow: unknown shard"
    assert shards & before == 0, "escrow: shard was reserved before"
    num_reserved: uint256 = 0
    for shard: uint256 in range(spec.num_shards, bound=MAX_SHARDS):
        if (before >> shard) & 1 == 1:
            num_reserved += 1
        if (shards >> shard) & 1 == 1:
            num_reserved += 1
            self._add_owner(job, shard, owner)
    assert num_reserved * BPS <= spec.cap_bps * spec.num_shards, "escrow: exposure cap"
    self.reserved_shards[job][owner] = before | shards
    self.active_shards[job][owner] |= shards
    log Reserved(job=job, owner=owner, shards=shards, price=self.offer[job][owner])


@internal
def _add_owner(job: uint256, shard: uint256, owner: address):
    spec: JobSpec = self.jobs[job].spec
    round: uint256 = self.next_round[job][shard]
    assert round < spec.num_rounds, "escrow: shard is finished"
    assert len(self.owners_of[job][shard]) < spec.replicas, "escrow: shard has all its owners"
    self.owners_of[job][shard].append(owner)
    if self.vacancies[job][shard] != 0:
        self.vacancies[job][shard] -= 1
        self._hold_redo(job, round * spec.num_shards + shard, owner)


@internal
def _hold_redo(job: uint256, segment: uint256, owner: address):
    """
    @notice Sets a replacement's price aside, so that nothing else can use it up.
    """
    price: uint256 = self.offer[job][owner]
    from_pot: uint256 = min(price, self.jobs[job].pot)
    from_reserve: uint256 = price - from_pot
    assert (
        from_reserve <= self.jobs[job].reserve_left
    ), "escrow: nothing left for redone work"
    self.jobs[job].pot -= from_pot
    self.jobs[job].pot_held += from_pot
    self.jobs[job].reserve_left -= from_reserve
    self.jobs[job].reserve_held += from_reserve
    # the sum is the price; a price of 0 sets nothing aside and costs nothing later
    self.redo[job][segment][owner] = Redo(pot=from_pot, reserve=from_reserve)


@internal
def _release_redo(job: uint256, segment: uint256, owner: address):
    """
    @notice A replacement that is voided itself gives back what was set aside for it.
    """
    held: Redo = self.redo[job][segment][owner]
    self.redo[job][segment][owner] = empty(Redo)
    self.jobs[job].pot_held -= held.pot
    self.jobs[job].pot += held.pot
    self.jobs[job].reserve_held -= held.reserve
    self.jobs[job].reserve_left += held.reserve


@internal
def _pay_data_fee(job: uint256):
    amount: uint256 = self.jobs[job].data_fee
    if amount == 0:
        return
    self.jobs[job].data_fee = 0
    spec: JobSpec = self.jobs[job].spec
    database: address = staticcall Charter(charter).database_of(spec.dataset)
    assert extcall Token(credits.TOKEN.address).approve(
        database, amount, default_return_value=True
    ), "token: approve failed"
    extcall Database(database).fund(spec.snapshot, amount)
    log DataFeePaid(job=job, snapshot=spec.snapshot, amount=amount)


# Accepting


@internal
def _accept_segment(job: uint256, receipt: bytes32, accepted: Accepted):
    segment: uint256 = accepted.segment
    shard: uint256 = self._check_next(job, segment)
    assert accepted.result != empty(bytes32), "escrow: no result"
    replicas: uint256 = self.jobs[job].spec.replicas
    assert len(accepted.owners) == replicas, "escrow: wrong number of owners"
    self.next_round[job][shard] += 1
    self.segment_result[job][segment] = accepted.result
    log SegmentAccepted(job=job, segment=segment, result=accepted.result, receipt=receipt)
    by_buyer: uint256 = 0
    for i: uint256 in range(replicas, bound=MAX_REPLICAS):
        owner: address = accepted.owners[i]
        for k: uint256 in range(i, bound=MAX_REPLICAS):
            assert accepted.owners[k] != owner, "escrow: duplicate owner"
        assert self._is_active(job, shard, owner), "escrow: owner is not active"
        assert not staticcall Registry(registry).is_barred(owner), "escrow: owner is barred"
        by_buyer += self._pay_owner(job, segment, owner)
    if self.is_wronged[job][segment]:
        self.jobs[job].buyer_due += by_buyer


@internal
def _pay_owner(job: uint256, segment: uint256, owner: address) -> uint256:
    """
    @return What came out of the buyer's money.
    """
    price: uint256 = self.offer[job][owner]
    held: Redo = self.redo[job][segment][owner]
    credits._credit(owner, price)
    if held.pot + held.reserve == 0:
        self.jobs[job].compute_left -= price
        log SegmentPaid(
            job=job, segment=segment, owner=owner, amount=price, source=FROM_COMPUTE
        )
        return price
    self.redo[job][segment][owner] = empty(Redo)
    self.jobs[job].pot_held -= held.pot
    self.jobs[job].reserve_held -= held.reserve
    if held.pot != 0:
        log SegmentPaid(
            job=job, segment=segment, owner=owner, amount=held.pot, source=FROM_POT
        )
    if held.reserve != 0:
        log SegmentPaid(
            job=job, segment=segment, owner=owner, amount=held.reserve, source=FROM_RESERVE
        )
    return held.reserve


# Voiding


@internal
def _remove_owner(job: uint256, shard: uint256, owner: address):
    kept: DynArray[address, 5] = []
    for other: address in self.owners_of[job][shard]:
        if other != owner:
            kept.append(other)
    self.owners_of[job][shard] = kept
    self.active_shards[job][owner] ^= 1 << shard


@internal
def _record_wronged(job: uint256, shard: uint256, segment: uint256):
    """
    @notice Remembers the owners who computed a segment beside a wrong one, once for each segment.
            The first 64 of a job are compensated.
    """
    for other: address in self.owners_of[job][shard]:
        price: uint256 = self.offer[job][other]
        if len(self.wronged[job]) == MAX_WRONGED:
            break
        if price == 0 or self.recorded[job][segment][other]:
            continue
        self.recorded[job][segment][other] = True
        self.wronged[job].append(Wronged(segment=segment, owner=other, price=price))


# Ending


@internal
def _close(job: uint256, status: uint256):
    """
    @notice Empties every line of the job.
    """
    self.jobs[job].status = status
    self._compensate(job, self.jobs[job].pot + self.jobs[job].pot_held)
    pot: uint256 = self.jobs[job].pot
    to_buyer: uint256 = min(pot, self.jobs[job].buyer_due)
    amount: uint256 = (
        to_buyer
        + self.jobs[job].data_fee
        + self.jobs[job].compute_left
        + self.jobs[job].reserve_left
        + self.jobs[job].reserve_held
        + self.jobs[job].chain_left
    )
    if status == REFUNDED:
        amount += self.jobs[job].spec.node_fee
    self.jobs[job].data_fee = 0
    self.jobs[job].compute_left = 0
    self.jobs[job].reserve_left = 0
    self.jobs[job].reserve_held = 0
    self.jobs[job].chain_left = 0
    self.jobs[job].buyer_due = 0
    self.jobs[job].pot = 0
    buyer: address = self.jobs[job].buyer
    credits._credit(buyer, amount)
    if status == REFUNDED:
        log JobRefunded(job=job, amount=amount)
    log BuyerRefunded(job=job, buyer=buyer, amount=amount)
    if pot > to_buyer:
        extcall Token(credits.TOKEN.address).burn(pot - to_buyer)
        log PotBurnt(job=job, amount=pot - to_buyer)


@internal
def _compensate(job: uint256, pot: uint256):
    """
    @notice Pays wronged owners their price once more, in equal parts of what is owed where the pot
            is smaller; owners that were barred since get nothing. The rest stays in the pot.
    """
    due: uint256 = 0
    entries: DynArray[Wronged, 64] = self.wronged[job]
    payable_entries: DynArray[Wronged, 64] = []
    if pot != 0:
        for entry: Wronged in entries:
            if not staticcall Registry(registry).is_barred(entry.owner):
                due += entry.price
                payable_entries.append(entry)
    left: uint256 = pot
    for entry: Wronged in payable_entries:
        amount: uint256 = entry.price
        if pot < due:
            amount = entry.price * pot // due
        if amount != 0:
            left -= amount
            credits._credit(entry.owner, amount)
            log Compensated(
                job=job, segment=entry.segment, owner=entry.owner, amount=amount
            )
    self.jobs[job].pot_held = 0
    self.jobs[job].pot = left


# Shared


@internal
@view
def _check_hub(job: uint256, epoch: uint256):
    status: uint256 = self.jobs[job].status
    assert status == FUNDED or status == RUNNING, "escrow: job is not running"
    assert epoch == self.jobs[job].epoch, "escrow: stale epoch"
    assert msg.sender == self.jobs[job].hub, "escrow: not the hub"


@internal
@view
def _check_next(job: uint256, segment: uint256) -> uint256:
    """
    @return The shard of a segment that is the next of its shard.
    """
    num_shards: uint256 = self.jobs[job].spec.num_shards
    assert segment < num_shards * self.jobs[job].spec.num_rounds, "escrow: unknown segment"
    shard: uint256 = segment % num_shards
    round: uint256 = segment // num_shards
    assert round >= self.next_round[job][shard], "escrow: segment already paid"
    assert round == self.next_round[job][shard], "escrow: round out of order"
    return shard


@internal
@view
def _is_active(job: uint256, shard: uint256, owner: address) -> bool:
    return (self.active_shards[job][owner] >> shard) & 1 == 1


@internal
def _mark_active(job: uint256):
    """
    @notice Notes the hub's activity and repays its transaction while the chain line lasts.
    """
    self.jobs[job].last_active = block.timestamp
    amount: uint256 = min(self.jobs[job].spec.chain_price, self.jobs[job].chain_left)
    if amount != 0:
        self.jobs[job].chain_left -= amount
        credits._credit(msg.sender, amount)
        log ChainRepaid(job=job, node=msg.sender, amount=amount)
