# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title DataAssociation: creates datasets and manages proposals to them
@notice A proposal brings a bond and an evaluation fee. Curators vote until its deadline, with the weight
    that they had before it opened; k of n evaluators sign what they measured. After the deadline
    anyone executes it with that verdict: accepted data enters the dataset's Database and its
    payee becomes a shareholder of the measured amount; a copy or harmful data costs the bond.
    Rules of a dataset never change. Nobody has any power but by the role that a dataset names.
@dev Money here is bonds and fees of open proposals, escrows of open requests, and credits.
"""
from ..modules import credits

initializes: credits
exports: (credits.token, credits.credit_of, credits.total_credit, credits.withdraw, credits.withdraw_for)

interface Token:
    def approve(spender: address, amount: uint256) -> bool: nonpayable
    def burn(amount: uint256): nonpayable

interface CuratorToken:
    def open_dataset(
        dataset: uint256,
        database: address,
        curators: DynArray[address, 16],
        weights: DynArray[uint256, 16],
    ): nonpayable
    def mint(dataset: uint256, tranche: uint256, to: address, amount: uint256): nonpayable
    def weight_at(dataset: uint256, account: address, time: uint256) -> uint256: view
    def supply_at(dataset: uint256, time: uint256) -> uint256: view
    def lent(dataset: uint256, lender: address) -> Loan: view
    def totalSupply(tranche: uint256) -> uint256: view

interface Database:
    def num_snapshots() -> uint256: view
    def fund_tranche(tranche: uint256, amount: uint256): nonpayable
    def register(
        proposal: uint256,
        contributor: address,
        ref: bytes32,
        manifest: bytes32,
        num_rows: uint256,
        shares: uint256,
    ) -> uint256: nonpayable

struct Loan:
    oracle: address
    cap: uint256
    since: uint256
    expiry: uint256

struct Rules:
    metadata: bytes32
    schema: bytes32
    licence: bytes32
    closes_at: uint256
    quorum_bps: uint256
    voting_period: uint256
    bond: uint256
    evaluation_fee: uint256
    mint_cap: uint256
    epoch_length: uint256
    price_per_use: uint256
    prediction_bps: uint256
    max_exposure_bps: uint256
    a_bps: uint256
    threshold: uint256
    evaluators: DynArray[address, 16]
    nodes: DynArray[address, 16]
    curators: DynArray[address, 16]
    weights: DynArray[uint256, 16]
    programs: DynArray[bytes32, 8]

struct Request:
    dataset: uint256
    initiator: address
    escrow: uint256
    award_rate: uint256
    deadline: uint256
    holdout: bytes32
    holdout_ref: bytes32
    program: bytes32
    open_proposals: uint256
    status: uint256
    reveal: bytes32

struct Proposal:
    dataset: uint256
    request: uint256
    proposer: address
    payee: address
    ref: bytes32
    manifest: bytes32
    num_rows: uint256
    opened_at: uint256
    deadline: uint256
    yes: uint256
    no: uint256
    status: uint256
    bond: uint256
    fee: uint256

struct Ballot:
    cast: uint256
    weight: uint256
    by: address

struct Verdict:
    base: uint256
    holdout_epoch: uint256
    outcome: uint256
    copy_of: uint256
    amount: uint256
    evidence: bytes32

event DatasetCreated:
    dataset: indexed(uint256)
    creator: indexed(address)
    database: address
    metadata: bytes32
    schema: bytes32
    max_exposure_bps: uint256
    price_per_use: uint256

event RequestOpened:
    request: indexed(uint256)
    dataset: indexed(uint256)
    initiator: indexed(address)
    escrow: uint256
    award_rate: uint256
    deadline: uint256
    holdout: bytes32
    holdout_ref: bytes32
    program: bytes32

event RequestToppedUp:
    request: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event RequestClosed:
    request: indexed(uint256)
    refund: uint256

event Proposed:
    proposal: indexed(uint256)
    dataset: indexed(uint256)
    request: indexed(uint256)
    proposer: address
    payee: address
    ref: bytes32
    manifest: bytes32
    num_rows: uint256
    deadline: uint256

event EvidencePublished:
    proposal: indexed(uint256)
    evaluator: indexed(address)
    base: uint256
    evidence: bytes32

event Voted:
    proposal: indexed(uint256)
    voter: indexed(address)
    by: indexed(address)
    support: bool
    weight: uint256

event Executed:
    proposal: indexed(uint256)
    dataset: indexed(uint256)
    status: uint256
    outcome: uint256
    copy_of: uint256
    shares: uint256
    snapshot: uint256
    evidence: bytes32

event BondReturned:
    proposal: indexed(uint256)
    to: indexed(address)
    amount: uint256

event BondSlashed:
    proposal: indexed(uint256)
    to_tranche: uint256
    tranche: uint256
    burnt: uint256

event FeePaid:
    proposal: indexed(uint256)
    to: indexed(address)
    amount: uint256

event AwardPaid:
    proposal: indexed(uint256)
    to: indexed(address)
    award: uint256
    fee_back: uint256

event Expired:
    proposal: indexed(uint256)

event HoldoutRetired:
    request: indexed(uint256)
    evaluator: indexed(address)
    reveal: bytes32

OPEN: constant(uint256) = 1
ACCEPTED: constant(uint256) = 2
REJECTED: constant(uint256) = 3
EXPIRED: constant(uint256) = 4
CLOSED: constant(uint256) = 2  # of a request

OK: constant(uint256) = 0
COPY: constant(uint256) = 1
FRAUD: constant(uint256) = 3

YES: constant(uint256) = 1
NO: constant(uint256) = 2

BPS: constant(uint256) = 10_000
# The award rate is per this many shares.
AWARD_UNIT: constant(uint256) = 1_000
MAX_MEMBERS: constant(uint256) = 16
MAX_LENDERS: constant(uint256) = 32
MAX_PERIOD: constant(uint256) = 366 * 86_400
# Amounts of money and shares stay below these, so that no product of two of them overflows.
MAX_MONEY: constant(uint256) = 2**96 - 1
MAX_SHARES: constant(uint256) = 2**96 - 1

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
VERDICT_TYPEHASH: constant(bytes32) = keccak256(
    "Verdict(uint256 proposal,uint256 base,uint256 holdout_epoch,uint256 outcome,uint256 copy_of,uint256 amount,bytes32 evidence)"
)
NAME_HASH: constant(bytes32) = keccak256("DataBright")
VERSION_HASH: constant(bytes32) = keccak256("1")
# Half the order of secp256k1: of the two equivalent signatures only the lower one counts.
MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

CURATOR_TOKEN: immutable(CuratorToken)
BLUEPRINT: immutable(address)

num_datasets: public(uint256)
num_requests: public(uint256)
num_proposals: public(uint256)

is_node: public(HashMap[uint256, HashMap[address, bool]])
is_evaluator: public(HashMap[uint256, HashMap[address, bool]])
ballot: public(HashMap[uint256, HashMap[address, Ballot]])
# Dataset -> epoch (counted from the dataset's creation) -> shares minted.
minted_in_epoch: public(HashMap[uint256, HashMap[uint256, uint256]])
# Weight that may vote on a proposal: the supply before it opened, less its proposer's weight.
electorate_of: public(HashMap[uint256, uint256])

rules: HashMap[uint256, Rules]
database: HashMap[uint256, address]
creator: HashMap[uint256, address]
created_at: HashMap[uint256, uint256]
requests: HashMap[uint256, Request]
proposals: HashMap[uint256, Proposal]
# Open proposals of a dataset in order of commitment, linked both ways; 0 ends the list.
last_open: HashMap[uint256, uint256]
earlier_open: HashMap[uint256, uint256]
later_open: HashMap[uint256, uint256]


@deploy
def __init__(token: address, curator_token: address, database_blueprint: address):
    """
    @param token Money of the market.
    @param curator_token Who may vote and who owns shares; it names this contract.
    @param database_blueprint ERC-5202 blueprint of the Database.
    """
    credits.__init__(token)
    assert curator_token != empty(address), "association: zero address"
    assert database_blueprint != empty(address), "association: zero address"
    CURATOR_TOKEN = CuratorToken(curator_token)
    BLUEPRINT = database_blueprint


# Datasets


@external
@nonreentrant
def create_dataset(rules: Rules) -> uint256:
    """
    @notice Create a dataset under rules that never change.
    @param rules Its rules.
    @return Id of the dataset, from 1.
    """
    self._check_rules(rules)
    dataset: uint256 = self.num_datasets + 1
    self.num_datasets = dataset
    self.rules[dataset] = rules
    self.creator[dataset] = msg.sender
    self.created_at[dataset] = block.timestamp
    for evaluator: address in rules.evaluators:
        assert evaluator != empty(address), "association: zero address"
        assert not self.is_evaluator[dataset][evaluator], "association: evaluator named twice"
        self.is_evaluator[dataset][evaluator] = True
    for node: address in rules.nodes:
        assert node != empty(address), "association: zero address"
        assert not self.is_node[dataset][node], "association: node named twice"
        self.is_node[dataset][node] = True
    database: address = create_from_blueprint(
        BLUEPRINT,
        dataset,
        self,
        CURATOR_TOKEN.address,
        credits.TOKEN.address,
        rules.price_per_use,
    )
    self.database[dataset] = database
    extcall CURATOR_TOKEN.open_dataset(dataset, database, rules.curators, rules.weights)
    log DatasetCreated(
        dataset=dataset,
        creator=msg.sender,
        database=database,
        metadata=rules.metadata,
        schema=rules.schema,
        max_exposure_bps=rules.max_exposure_bps,
        price_per_use=rules.price_per_use,
    )
    return dataset


@external
@view
def curator_token() -> address:
    """
    @return Who may vote and who owns shares.
    """
    return CURATOR_TOKEN.address


@external
@view
def database_of(dataset: uint256) -> address:
    """
    @param dataset Id of the dataset.
    @return Its Database.
    """
    self._check_dataset(dataset)
    return self.database[dataset]


@external
@view
def creator_of(dataset: uint256) -> address:
    """
    @param dataset Id of the dataset.
    @return Who created it.
    """
    self._check_dataset(dataset)
    return self.creator[dataset]


@external
@view
def rules_of(dataset: uint256) -> Rules:
    """
    @param dataset Id of the dataset.
    @return Its rules.
    """
    self._check_dataset(dataset)
    return self.rules[dataset]


@external
@view
def price_per_use(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Data fee of a job, base units.
    """
    self._check_dataset(dataset)
    return self.rules[dataset].price_per_use


@external
@view
def prediction_bps(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return Share of a prediction's income that goes to the data, 1/10,000.
    """
    self._check_dataset(dataset)
    return self.rules[dataset].prediction_bps


@external
@view
def max_exposure_bps(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return The most of a snapshot that one worker owner may ever see, 1/10,000.
    """
    self._check_dataset(dataset)
    return self.rules[dataset].max_exposure_bps


@external
@view
def is_program(dataset: uint256, digest: bytes32) -> bool:
    """
    @param dataset Id of the dataset.
    @param digest Digest of a program.
    @return Whether jobs may run it on the dataset; any, when its rules name none.
    """
    self._check_dataset(dataset)
    if len(self.rules[dataset].programs) == 0:
        return True
    return digest in self.rules[dataset].programs


@external
@view
def epoch_of(dataset: uint256) -> uint256:
    """
    @param dataset Id of the dataset.
    @return The mint epoch that it is in now, from 0.
    """
    self._check_dataset(dataset)
    return self._epoch(dataset)


# Requests


@external
@nonreentrant
def open_request(
    dataset: uint256,
    escrow: uint256,
    award_rate: uint256,
    deadline: uint256,
    holdout: bytes32,
    holdout_ref: bytes32,
    program: bytes32,
) -> uint256:
    """
    @notice Ask for data. The dataset's creator may ask without an escrow, all others pay one.
    @param dataset Id of the dataset.
    @param escrow Base units for awards and for the fees of accepted proposals.
    @param award_rate Base units per 1,000 shares minted.
    @param deadline Chain time; no proposal at or after it.
    @param holdout Commitment to the hidden test rows.
    @param holdout_ref Digest of their sealed reference.
    @param program Digest of the program that measures.
    @return Id of the request, from 1.
    """
    self._check_dataset(dataset)
    assert (
        escrow != 0 or msg.sender == self.creator[dataset]
    ), "association: request without escrow"
    assert deadline > block.timestamp, "association: deadline is past"
    assert escrow <= MAX_MONEY and award_rate <= MAX_MONEY, "association: amount out of range"
    request: uint256 = self.num_requests + 1
    self.num_requests = request
    self.requests[request] = Request(
        dataset=dataset,
        initiator=msg.sender,
        escrow=escrow,
        award_rate=award_rate,
        deadline=deadline,
        holdout=holdout,
        holdout_ref=holdout_ref,
        program=program,
        open_proposals=0,
        status=OPEN,
        reveal=empty(bytes32),
    )
    log RequestOpened(
        request=request,
        dataset=dataset,
        initiator=msg.sender,
        escrow=escrow,
        award_rate=award_rate,
        deadline=deadline,
        holdout=holdout,
        holdout_ref=holdout_ref,
        program=program,
    )
    credits._pull(msg.sender, escrow)
    return request


@external
@view
def request(id: uint256) -> Request:
    """
    @param id Id of the request.
    @return The request.
    """
    assert id != 0 and id <= self.num_requests, "association: unknown request"
    return self.requests[id]


@external
@nonreentrant
def top_up(request: uint256, amount: uint256):
    """
    @notice Add to a request's escrow. Anyone may.
    @param request Id of the request.
    @param amount Base units, pulled from the caller.
    """
    assert self.requests[request].status == OPEN, "association: request is closed"
    escrow: uint256 = self.requests[request].escrow + amount
    assert escrow <= MAX_MONEY, "association: amount out of range"
    self.requests[request].escrow = escrow
    log RequestToppedUp(request=request, payer=msg.sender, amount=amount)
    credits._pull(msg.sender, amount)


@external
@nonreentrant
def close_request(request: uint256):
    """
    @notice Close a request that takes no more proposals (its deadline or the dataset's closing time
        has passed, or its holdout is retired); what is left of the escrow becomes the initiator's
        credit. Only the initiator.
    @param request Id of the request.
    """
    r: Request = self.requests[request]
    assert r.status == OPEN, "association: request is closed"
    assert msg.sender == r.initiator, "association: not the initiator"
    closes_at: uint256 = self.rules[r.dataset].closes_at
    assert (
        block.timestamp >= r.deadline
        or (closes_at != 0 and block.timestamp >= closes_at)
        or r.reveal != empty(bytes32)
    ), "association: request is open"
    assert r.open_proposals == 0, "association: proposals are open"
    self.requests[request].status = CLOSED
    self.requests[request].escrow = 0
    credits._credit(r.initiator, r.escrow)
    log RequestClosed(request=request, refund=r.escrow)


@external
def retire_holdout(request: uint256, reveal: bytes32):
    """
    @notice Publish, once, what a request's hidden rows were; later proposals are refused. Only an
        evaluator of the dataset, and only while no proposal is being measured on them.
    @param request Id of the request.
    @param reveal Digest of the reveal.
    """
    r: Request = self.requests[request]
    assert r.status != 0, "association: unknown request"
    assert self.is_evaluator[r.dataset][msg.sender], "association: not an evaluator"
    assert r.reveal == empty(bytes32), "association: holdout is retired"
    assert r.open_proposals == 0, "association: proposals are open"
    assert reveal != empty(bytes32), "association: empty reveal"
    self.requests[request].reveal = reveal
    log HoldoutRetired(request=request, evaluator=msg.sender, reveal=reveal)


# Proposals


@external
@nonreentrant
def propose(
    dataset: uint256,
    request: uint256,
    ref: bytes32,
    manifest: bytes32,
    num_rows: uint256,
    payee: address,
) -> uint256:
    """
    @notice Propose data. Pulls the bond and the evaluation fee.
    @param dataset Id of the dataset.
    @param request Id of a request of it, or 0.
    @param ref Digest of the sealed reference.
    @param manifest Digest of the public manifest.
    @param num_rows Rows.
    @param payee Who gets shares, votes and award when it is accepted.
    @return Id of the proposal, from 1.
    """
    self._check_dataset(dataset)
    closes_at: uint256 = self.rules[dataset].closes_at
    assert closes_at == 0 or block.timestamp < closes_at, "association: dataset is closed"
    assert num_rows != 0, "association: no rows"
    assert num_rows <= MAX_SHARES, "association: amount out of range"
    assert payee != empty(address), "association: zero address"
    if request != 0:
        r: Request = self.requests[request]
        assert r.dataset == dataset, "association: request of another dataset"
        assert (
            r.status == OPEN and block.timestamp < r.deadline and r.reveal == empty(bytes32)
        ), "association: request is closed"
        self.requests[request].open_proposals = r.open_proposals + 1
    proposal: uint256 = self.num_proposals + 1
    self.num_proposals = proposal
    bond: uint256 = self.rules[dataset].bond
    fee: uint256 = self.rules[dataset].evaluation_fee
    deadline: uint256 = block.timestamp + self.rules[dataset].voting_period
    self.proposals[proposal] = Proposal(
        dataset=dataset,
        request=request,
        proposer=msg.sender,
        payee=payee,
        ref=ref,
        manifest=manifest,
        num_rows=num_rows,
        opened_at=block.timestamp,
        deadline=deadline,
        yes=0,
        no=0,
        status=OPEN,
        bond=bond,
        fee=fee,
    )
    self._link(dataset, proposal)
    # The past does not change: this is what the quorum is taken of.
    before: uint256 = block.timestamp - 1
    self.electorate_of[proposal] = staticcall CURATOR_TOKEN.supply_at(
        dataset, before
    ) - staticcall CURATOR_TOKEN.weight_at(dataset, msg.sender, before)
    log Proposed(
        proposal=proposal,
        dataset=dataset,
        request=request,
        proposer=msg.sender,
        payee=payee,
        ref=ref,
        manifest=manifest,
        num_rows=num_rows,
        deadline=deadline,
    )
    credits._pull(msg.sender, bond + fee)
    return proposal


@external
@view
def proposal(id: uint256) -> Proposal:
    """
    @param id Id of the proposal.
    @return The proposal; status 1 open, 2 accepted, 3 rejected, 4 expired.
    """
    self._check_proposal(id)
    return self.proposals[id]


@external
def publish_evidence(proposal: uint256, base: uint256, evidence: bytes32):
    """
    @notice Tell voters what an evaluator measured. Only an evaluator of the dataset.
    @param proposal Id of the proposal.
    @param base Snapshot that it was measured on; 0 = none.
    @param evidence Digest of the signed evidence.
    """
    self._check_proposal(proposal)
    dataset: uint256 = self.proposals[proposal].dataset
    assert self.is_evaluator[dataset][msg.sender], "association: not an evaluator"
    assert self.proposals[proposal].status == OPEN, "association: proposal is not open"
    log EvidencePublished(
        proposal=proposal, evaluator=msg.sender, base=base, evidence=evidence
    )


# Votes


@external
def vote(proposal: uint256, support: bool):
    """
    @notice Cast one's own weight; replaces a ballot that an oracle cast with it.
    @param proposal Id of the proposal.
    @param support True for it.
    """
    p: Proposal = self._votable(proposal)
    assert msg.sender != p.proposer, "association: own proposal"
    assert self.ballot[proposal][msg.sender].by != msg.sender, "association: already voted"
    weight: uint256 = staticcall CURATOR_TOKEN.weight_at(p.dataset, msg.sender, p.opened_at - 1)
    assert weight != 0, "association: no weight"
    self._take_ballot_back(proposal, msg.sender)
    self._cast(proposal, msg.sender, msg.sender, support, weight)


@external
def vote_lent(proposal: uint256, support: bool, lenders: DynArray[address, MAX_LENDERS]):
    """
    @notice Cast the weight that others lent to the caller before the proposal opened. Lenders who
        have voted, whose loan does not hold here, or who proposed it are passed over, so that
        none of them can stop the rest.
    @param proposal Id of the proposal.
    @param support True for it.
    @param lenders Whose weight.
    """
    p: Proposal = self._votable(proposal)
    assert msg.sender != p.proposer, "association: own proposal"
    total: uint256 = 0
    for lender: address in lenders:
        if lender == p.proposer or self.ballot[proposal][lender].cast != 0:
            continue
        loan: Loan = staticcall CURATOR_TOKEN.lent(p.dataset, lender)
        if loan.oracle != msg.sender or loan.since >= p.opened_at:
            continue
        if loan.expiry <= block.timestamp:
            continue
        held: uint256 = staticcall CURATOR_TOKEN.weight_at(p.dataset, lender, p.opened_at - 1)
        weight: uint256 = min(loan.cap, held)
        if weight == 0:
            continue
        total += weight
        self._cast(proposal, lender, msg.sender, support, weight)
    assert total != 0, "association: no weight"


# Execution


@external
@nonreentrant
def execute(proposal: uint256, verdict: Verdict, signatures: DynArray[Bytes[65], MAX_MEMBERS]):
    """
    @notice Close a proposal after its deadline by the vote and a verdict of k evaluators. Anyone may.
        In order of commitment: an earlier open proposal of the dataset goes first, until
        voting_period after its own deadline; then it holds up nobody.
    @param proposal Id of the proposal.
    @param verdict What the evaluators measured.
    @param signatures Theirs (r, s, v), in ascending order of signer.
    """
    self._check_proposal(proposal)
    p: Proposal = self.proposals[proposal]
    period: uint256 = self.rules[p.dataset].voting_period
    assert p.status == OPEN, "association: proposal is not open"
    assert block.timestamp >= p.deadline, "association: voting is not over"
    assert block.timestamp < p.deadline + 2 * period, "association: proposal has expired"
    earlier: uint256 = self.earlier_open[proposal]
    # Deadlines follow the order of commitment: the nearest earlier one speaks for all before it.
    assert (
        earlier == 0 or block.timestamp >= self.proposals[earlier].deadline + period
    ), "association: earlier proposal is open"
    self._check_verdict(proposal, verdict)
    signers: DynArray[address, MAX_MEMBERS] = self._signers(proposal, p.dataset, verdict, signatures)
    self._close(proposal, p)
    self._pay_signers(proposal, p.fee, signers)
    if verdict.outcome != OK:
        self.proposals[proposal].status = REJECTED
        self._log_executed(proposal, p.dataset, REJECTED, verdict, 0, 0)
        self._slash(proposal, p.bond, verdict)
        return
    credits._credit(p.proposer, p.bond)
    log BondReturned(proposal=proposal, to=p.proposer, amount=p.bond)
    if not self._is_carried(proposal, p):
        self.proposals[proposal].status = REJECTED
        self._log_executed(proposal, p.dataset, REJECTED, verdict, 0, 0)
        return
    self.proposals[proposal].status = ACCEPTED
    self._accept(proposal, p, verdict)


@external
@nonreentrant
def expire(proposal: uint256):
    """
    @notice Close a proposal that got no verdict within twice the voting period after its deadline; its
        bond and its fee go back. Anyone may.
    @param proposal Id of the proposal.
    """
    self._check_proposal(proposal)
    p: Proposal = self.proposals[proposal]
    assert p.status == OPEN, "association: proposal is not open"
    assert (
        block.timestamp >= p.deadline + 2 * self.rules[p.dataset].voting_period
    ), "association: too early to expire"
    self._close(proposal, p)
    self.proposals[proposal].status = EXPIRED
    credits._credit(p.proposer, p.bond + p.fee)
    log BondReturned(proposal=proposal, to=p.proposer, amount=p.bond)
    log FeePaid(proposal=proposal, to=p.proposer, amount=p.fee)
    log Expired(proposal=proposal)


@external
@view
def is_next(proposal: uint256) -> bool:
    """
    @param proposal Id of the proposal.
    @return Whether it may be executed now, given a verdict.
    """
    self._check_proposal(proposal)
    p: Proposal = self.proposals[proposal]
    period: uint256 = self.rules[p.dataset].voting_period
    earlier: uint256 = self.earlier_open[proposal]
    return (
        p.status == OPEN
        and block.timestamp >= p.deadline
        and block.timestamp < p.deadline + 2 * period
        and (earlier == 0 or block.timestamp >= self.proposals[earlier].deadline + period)
    )


@external
@view
def verdict_digest(proposal: uint256, verdict: Verdict) -> bytes32:
    """
    @param proposal Id of the proposal.
    @param verdict A verdict on it.
    @return The EIP-712 digest that evaluators sign.
    """
    return self._digest(proposal, verdict)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @return The EIP-712 domain separator on this chain.
    """
    return self._domain_separator()


@internal
@view
def _check_dataset(dataset: uint256):
    assert dataset != 0 and dataset <= self.num_datasets, "association: unknown dataset"


@internal
@view
def _check_proposal(proposal: uint256):
    assert proposal != 0 and proposal <= self.num_proposals, "association: unknown proposal"


@internal
@view
def _check_rules(rules: Rules):
    assert (
        rules.closes_at == 0 or rules.closes_at > block.timestamp
    ), "association: closing time is past"
    assert rules.quorum_bps <= BPS, "association: quorum out of range"
    assert (
        rules.voting_period != 0 and rules.voting_period <= MAX_PERIOD
    ), "association: voting period out of range"
    assert (
        rules.bond <= MAX_MONEY
        and rules.evaluation_fee <= MAX_MONEY
        and rules.price_per_use <= MAX_MONEY
    ), "association: amount out of range"
    assert rules.mint_cap <= MAX_SHARES, "association: mint cap out of range"
    assert rules.epoch_length != 0, "association: epoch length is zero"
    assert rules.prediction_bps <= BPS, "association: prediction share out of range"
    assert (
        rules.max_exposure_bps != 0 and rules.max_exposure_bps <= BPS
    ), "association: exposure out of range"
    assert rules.a_bps == BPS, "association: share stream must be 10000 bps"
    assert rules.threshold != 0, "association: threshold is zero"
    assert (
        rules.threshold <= MAX_MEMBERS and len(rules.evaluators) >= 2 * rules.threshold
    ), "association: too few evaluators"
    assert len(rules.nodes) != 0, "association: no nodes"


@internal
@view
def _epoch(dataset: uint256) -> uint256:
    return (block.timestamp - self.created_at[dataset]) // self.rules[dataset].epoch_length


@internal
def _link(dataset: uint256, proposal: uint256):
    last: uint256 = self.last_open[dataset]
    if last != 0:
        self.later_open[last] = proposal
        self.earlier_open[proposal] = last
    self.last_open[dataset] = proposal


@internal
def _close(proposal: uint256, p: Proposal):
    earlier: uint256 = self.earlier_open[proposal]
    later: uint256 = self.later_open[proposal]
    if later == 0:
        self.last_open[p.dataset] = earlier
    else:
        self.earlier_open[later] = earlier
    if earlier != 0:
        self.later_open[earlier] = later
    if p.request != 0:
        self.requests[p.request].open_proposals -= 1


@internal
@view
def _votable(proposal: uint256) -> Proposal:
    self._check_proposal(proposal)
    p: Proposal = self.proposals[proposal]
    # A proposal closes only after its deadline, so the clock alone decides.
    assert block.timestamp < p.deadline, "association: voting is over"
    return p


@internal
def _take_ballot_back(proposal: uint256, voter: address):
    old: Ballot = self.ballot[proposal][voter]
    if old.cast == YES:
        self.proposals[proposal].yes -= old.weight
    elif old.cast == NO:
        self.proposals[proposal].no -= old.weight


@internal
def _cast(proposal: uint256, voter: address, by: address, support: bool, weight: uint256):
    if support:
        self.proposals[proposal].yes += weight
        self.ballot[proposal][voter] = Ballot(cast=YES, weight=weight, by=by)
    else:
        self.proposals[proposal].no += weight
        self.ballot[proposal][voter] = Ballot(cast=NO, weight=weight, by=by)
    log Voted(proposal=proposal, voter=voter, by=by, support=support, weight=weight)


@internal
@view
def _is_carried(proposal: uint256, p: Proposal) -> bool:
    if p.yes <= p.no:
        return False
    quorum_bps: uint256 = self.rules[p.dataset].quorum_bps
    return (p.yes + p.no) * BPS >= quorum_bps * self.electorate_of[proposal]


@internal
@view
def _check_verdict(proposal: uint256, verdict: Verdict):
    assert verdict.outcome <= FRAUD, "association: unknown outcome"
    assert verdict.holdout_epoch == 1, "association: unknown holdout epoch"
    if verdict.outcome == COPY:
        # The earlier commitment wins, so only an earlier proposal can have been copied.
        assert (
            verdict.copy_of != 0 and verdict.copy_of < proposal
        ), "association: copy of no earlier proposal"
    else:
        assert verdict.copy_of == 0, "association: copy of no earlier proposal"
    assert verdict.outcome == OK or verdict.amount == 0, "association: amount without acceptance"


@internal
@view
def _signers(
    proposal: uint256,
    dataset: uint256,
    verdict: Verdict,
    signatures: DynArray[Bytes[65], MAX_MEMBERS],
) -> DynArray[address, MAX_MEMBERS]:
    assert len(signatures) >= self.rules[dataset].threshold, "association: too few signatures"
    digest: bytes32 = self._digest(proposal, verdict)
    signers: DynArray[address, MAX_MEMBERS] = []
    last: uint160 = 0
    for signature: Bytes[65] in signatures:
        assert len(signature) == 65, "association: wrong signature"
        s: uint256 = convert(extract32(signature, 32), uint256)
        assert s <= MAX_S, "association: wrong signature"
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        signer: address = ecrecover(digest, v, convert(extract32(signature, 0), uint256), s)
        assert self.is_evaluator[dataset][signer], "association: signer is no evaluator"
        assert convert(signer, uint160) > last, "association: signers not ascending"
        last = convert(signer, uint160)
        signers.append(signer)
    return signers


@internal
@view
def _digest(proposal: uint256, verdict: Verdict) -> bytes32:
    return keccak256(
        concat(
            x"1901",
            self._domain_separator(),
            keccak256(abi_encode(VERDICT_TYPEHASH, proposal, verdict)),
        )
    )


@internal
@view
def _domain_separator() -> bytes32:
    # Not cached: after a fork of the chain the old signatures hold on one side only.
    return keccak256(abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain.id, self))


@internal
def _pay_signers(proposal: uint256, fee: uint256, signers: DynArray[address, MAX_MEMBERS]):
    part: uint256 = fee // len(signers)
    amount: uint256 = fee - part * (len(signers) - 1)
    for signer: address in signers:
        credits._credit(signer, amount)
        log FeePaid(proposal=proposal, to=signer, amount=amount)
        # The first one has the remainder.
        amount = part


@internal
def _slash(proposal: uint256, bond: uint256, verdict: Verdict):
    tranche: uint256 = 0
    to_tranche: uint256 = 0
    if verdict.outcome == COPY and staticcall CURATOR_TOKEN.totalSupply(verdict.copy_of) != 0:
        tranche = verdict.copy_of
        to_tranche = bond // 2
    burnt: uint256 = bond - to_tranche
    log BondSlashed(proposal=proposal, to_tranche=to_tranche, tranche=tranche, burnt=burnt)
    if to_tranche != 0:
        database: address = self.database[self.proposals[tranche].dataset]
        assert extcall Token(credits.TOKEN.address).approve(database, to_tranche, default_return_value=True)
        extcall Database(database).fund_tranche(tranche, to_tranche)
    if burnt != 0:
        extcall Token(credits.TOKEN.address).burn(burnt)


@internal
def _accept(proposal: uint256, p: Proposal, verdict: Verdict):
    database: address = self.database[p.dataset]
    assert verdict.base == staticcall Database(database).num_snapshots(), "association: stale base"
    epoch: uint256 = self._epoch(p.dataset)
    minted: uint256 = self.minted_in_epoch[p.dataset][epoch] + verdict.amount
    assert minted <= self.rules[p.dataset].mint_cap, "association: mint cap"
    self.minted_in_epoch[p.dataset][epoch] = minted
    if p.request != 0:
        self._award(proposal, p, verdict.amount)
    snapshot: uint256 = extcall Database(database).register(
        proposal, p.payee, p.ref, p.manifest, p.num_rows, verdict.amount
    )
    extcall CURATOR_TOKEN.mint(p.dataset, proposal, p.payee, verdict.amount)
    self._log_executed(proposal, p.dataset, ACCEPTED, verdict, verdict.amount, snapshot)


@internal
def _award(proposal: uint256, p: Proposal, amount: uint256):
    escrow: uint256 = self.requests[p.request].escrow
    award: uint256 = min(escrow, amount * self.requests[p.request].award_rate // AWARD_UNIT)
    fee_back: uint256 = min(escrow - award, p.fee)
    self.requests[p.request].escrow = escrow - award - fee_back
    credits._credit(p.payee, award)
    credits._credit(p.proposer, fee_back)
    log AwardPaid(proposal=proposal, to=p.payee, award=award, fee_back=fee_back)


@internal
def _log_executed(
    proposal: uint256,
    dataset: uint256,
    status: uint256,
    verdict: Verdict,
    shares: uint256,
    snapshot: uint256,
):
    log Executed(
        proposal=proposal,
        dataset=dataset,
        status=status,
        outcome=verdict.outcome,
        copy_of=verdict.copy_of,
        shares=shares,
        snapshot=snapshot,
        evidence=verdict.evidence,
    )
