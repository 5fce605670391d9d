# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title DataRequests: who asks for data, what is paid for it, and what it is measured on
@notice A request names the hidden test rows (a commitment) and the program that measures, and may hold an
    escrow. The escrow repays the fees of accepted proposals and pays an award on a falling price curve:
    data that comes early earns more. What is left goes back to the initiator.
"""
from ..modules import credits

initializes: credits
exports: (credits.token, credits.credit_of, credits.total_credit, credits.withdraw, credits.withdraw_for)

interface Charter:
    def creator_of(dataset: uint256) -> address: view
    def closes_at(dataset: uint256) -> uint256: view
    def is_evaluator(dataset: uint256, account: address) -> bool: view

struct Step:
    # Shares minted under the request, up to which this rate holds; the last step has no end.
    until: uint256
    # Base units per 1,000 shares.
    rate: uint256

struct Request:
    dataset: uint256
    initiator: address
    escrow: uint256
    curve: DynArray[Step, 4]
    awarded_shares: uint256
    deadline: uint256
    holdout: bytes32
    holdout_ref: bytes32
    program: bytes32
    card: bytes32
    open_proposals: uint256
    status: uint256
    reveal: bytes32

event RequestOpened:
    request: indexed(uint256)
    dataset: indexed(uint256)
    initiator: indexed(address)
    escrow: uint256
    curve: DynArray[Step, 4]
    deadline: uint256
    holdout: bytes32
    holdout_ref: bytes32
    program: bytes32
    card: bytes32

event RequestToppedUp:
    request: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event RequestClosed:
    request: indexed(uint256)
    refund: uint256

event AwardPaid:
    request: indexed(uint256)
    to: indexed(address)
    proposer: indexed(address)
    award: uint256
    fee_back: uint256

event HoldoutRetired:
    request: indexed(uint256)
    evaluator: indexed(address)
    reveal: bytes32

OPEN: constant(uint256) = 1
CLOSED: constant(uint256) = 2
# A rate is per this many shares.
AWARD_UNIT: constant(uint256) = 1_000
MAX_MONEY: constant(uint256) = 2**96 - 1
MAX_SHARES: constant(uint256) = 2**52 - 1

ASSOCIATION: immutable(address)
CHARTER: immutable(Charter)

num_requests: public(uint256)
requests: HashMap[uint256, Request]


@deploy
def __init__(token: address, association: address, charter: address):
    """
    @param token Money of the market.
    @param association Who tells of proposals.
    @param charter Who knows the datasets.
    """
    credits.__init__(token)
    ASSOCIATION = association
    CHARTER = Charter(charter)


@external
@view
def association() -> address:
    """
    @return Who tells of proposals.
    """
    return ASSOCIATION


@external
@view
def charter() -> address:
    """
    @return Who knows the datasets.
    """
    return CHARTER.address


@external
@nonreentrant
def open_request(
    dataset: uint256,
    escrow: uint256,
    curve: DynArray[Step, 4],
    deadline: uint256,
    holdout: bytes32,
    holdout_ref: bytes32,
    program: bytes32,
    card: bytes32,
) -> uint256:
    """
    @notice Ask for data. The dataset's creator may ask without an escrow, all others pay one.
    @param dataset Id of the dataset.
    @param escrow Base units for awards and for the fees of accepted proposals.
    @param curve Falling price of shares by how many the request has brought; may be empty.
    @param deadline Chain time; no proposal at or after it.
    @param holdout Commitment to the hidden test rows.
    @param holdout_ref Digest of their sealed reference.
    @param program Digest of the program that measures.
    @param card Digest of what is asked for: text, schema, licence, metric.
    @return Id of the request, from 1.
    """
    # Reverts for an unknown dataset, whose request could never be closed.
    creator: address = staticcall CHARTER.creator_of(dataset)
    assert escrow != 0 or msg.sender == creator, "requests: without escrow"
    assert deadline > block.timestamp, "requests: deadline is past"
    assert escrow <= MAX_MONEY, "requests: amount out of range"
    last: Step = Step(until=0, rate=MAX_MONEY)
    for step: Step in curve:
        assert last.until < step.until and step.until <= MAX_SHARES, "requests: curve out of order"
        # Early data earns more, never less.
        assert step.rate <= last.rate, "requests: curve rises"
        last = step
    request: uint256 = self.num_requests + 1
    self.num_requests = request
    self.requests[request] = Request(
        dataset=dataset,
        initiator=msg.sender,
        escrow=escrow,
        curve=curve,
        awarded_shares=0,
        deadline=deadline,
        holdout=holdout,
        holdout_ref=holdout_ref,
        program=program,
        card=card,
        open_proposals=0,
        status=OPEN,
        reveal=empty(bytes32),
    )
    log RequestOpened(
        request=request,
        dataset=dataset,
        initiator=msg.sender,
        escrow=escrow,
        curve=curve,
        deadline=deadline,
        holdout=holdout,
        holdout_ref=holdout_ref,
        program=program,
        card=card,
    )
    credits._pull(msg.sender, escrow)
    return request


@external
@view
def request(id: uint256) -> Request:
    """
    @param id Id of the request.
    @return The request; status 1 open, 2 closed.
    """
    assert id != 0 and id <= self.num_requests, "requests: unknown request"
    return self.requests[id]


@external
@nonreentrant
def top_up(request: uint256, amount: uint256):
    """
    @notice Add to a request's escrow. Anyone may.
    @param request Id of the request.
    @param amount Base units, pulled from the caller.
    """
    assert self.requests[request].status == OPEN, "requests: is closed"
    escrow: uint256 = self.requests[request].escrow + amount
    assert escrow <= MAX_MONEY, "requests: amount out of range"
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
    assert self.requests[request].status == OPEN, "requests: is closed"
    initiator: address = self.requests[request].initiator
    assert msg.sender == initiator, "requests: not the initiator"
    closes_at: uint256 = staticcall CHARTER.closes_at(self.requests[request].dataset)
    assert (
        block.timestamp >= self.requests[request].deadline
        or (closes_at != 0 and block.timestamp >= closes_at)
        or self.requests[request].reveal != empty(bytes32)
    ), "requests: is open"
    assert self.requests[request].open_proposals == 0, "requests: proposals are open"
    refund: uint256 = self.requests[request].escrow
    self.requests[request].status = CLOSED
    self.requests[request].escrow = 0
    credits._credit(initiator, refund)
    log RequestClosed(request=request, refund=refund)


@external
def retire_holdout(request: uint256, reveal: bytes32):
    """
    @notice Publish, once, what a request's hidden rows were; later proposals are refused. Only an
        evaluator of the dataset, and only while no proposal is being measured on them.
    @param request Id of the request.
    @param reveal Digest of the reveal.
    """
    assert self.requests[request].status != 0, "requests: unknown request"
    assert staticcall CHARTER.is_evaluator(
        self.requests[request].dataset, msg.sender
    ), "requests: not an evaluator"
    assert self.requests[request].reveal == empty(bytes32), "requests: holdout is retired"
    assert self.requests[request].open_proposals == 0, "requests: proposals are open"
    assert reveal != empty(bytes32), "requests: empty reveal"
    self.requests[request].reveal = reveal
    log HoldoutRetired(request=request, evaluator=msg.sender, reveal=reveal)


@external
def on_propose(request: uint256, dataset: uint256):
    """
    @notice A proposal to the request is committed. Only the association.
    @param request Id of the request.
    @param dataset Id of the proposal's dataset.
    """
    assert msg.sender == ASSOCIATION, "requests: not the association"
    assert self.requests[request].dataset == dataset, "requests: of another dataset"
    assert (
        self.requests[request].status == OPEN
        and block.timestamp < self.requests[request].deadline
        and self.requests[request].reveal == empty(bytes32)
    ), "requests: is closed"
    self.requests[request].open_proposals += 1


@external
def on_close(request: uint256, proposer: address, payee: address, amount: uint256, fee: uint256):
    """
    @notice A proposal to the request is closed. Only the association. An accepted one is paid its award and
        then its fee, while the escrow lasts.
    @param request Id of the request.
    @param proposer Whose fee is repaid.
    @param payee Whose award it is.
    @param amount Shares that were minted.
    @param fee Base units that it cost; 0 where it was not accepted.
    """
    assert msg.sender == ASSOCIATION, "requests: not the association"
    self.requests[request].open_proposals -= 1
    if amount == 0 and fee == 0:
        return
    escrow: uint256 = self.requests[request].escrow
    award: uint256 = min(escrow, self._award(request, amount))
    fee_back: uint256 = min(escrow - award, fee)
    self.requests[request].escrow = escrow - award - fee_back
    self.requests[request].awarded_shares += amount
    credits._credit(payee, award)
    credits._credit(proposer, fee_back)
    log AwardPaid(request=request, to=payee, proposer=proposer, award=award, fee_back=fee_back)


@internal
@view
def _award(request: uint256, amount: uint256) -> uint256:
    """
    @dev The area under the curve between the shares brought before and after, rounded down once.
    """
    curve: DynArray[Step, 4] = self.requests[request].curve
    place: uint256 = self.requests[request].awarded_shares
    end: uint256 = place + amount
    area: uint256 = 0
    left: uint256 = len(curve)
    for step: Step in curve:
        left -= 1
        upper: uint256 = end if left == 0 else min(end, step.until)
        if upper > place:
            area += (upper - place) * step.rate
            place = upper
    return area // AWARD_UNIT
