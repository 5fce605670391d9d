"""Proposals by the rules: bond and fee, revision, the order of settlement, minting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.contracts.stateful import data_model_income as income
from tests.contracts.stateful import data_model_requests as requests
from tests.contracts.stateful.data_model import (
    ACCEPTED,
    EXPIRED,
    FIRST_MOTION,
    MAX_WEIGHT,
    OPEN,
    RELAYED,
    REVISED,
    UNIT,
    WITHDRAWN,
    Dataset,
    Market,
    Mint,
    Proposal,
    Rules,
    Terms,
    Verdict,
    require,
)
from tests.contracts.stateful.data_model_votes import electorate_of, open_box

CREDITOR = "DataAssociation"
MAX_ROWS = 2**32 - 1
MAX_PASSED = 32


@dataclass(frozen=True)
class Content:
    """What is proposed."""

    root: bytes
    ref: bytes
    manifest: bytes
    num_rows: int


def find_own(market: Market, sender: str, terms: Terms) -> Proposal:
    require(sender == terms.proposer, "association: not the proposer")
    proposal = market.proposal(terms.proposal)
    if proposal is None:
        raise AssertionError("actions name proposals that are there")
    require(not proposal.is_pending, "association: is challenged")
    return proposal


def fee_of(rules: Rules) -> int:
    return rules.evaluation_fee + RELAYED * rules.relay_price


def deposit(market: Market, sender: str, amount: int) -> None:
    market.can_pay(sender, amount)
    market.pay(sender, CREDITOR, amount)
    market.deposits[sender] += amount


def withdraw(market: Market, sender: str) -> int:
    """Deposit and credit go to their owner."""
    amount = market.deposits.pop(sender, 0) + market.credits.pop((CREDITOR, sender), 0)
    market.pay(CREDITOR, sender, amount)
    return amount


def withdraw_for(market: Market, account: str, contract: str = CREDITOR) -> int:
    """A credit goes to its owner; a deposit stays."""
    amount = market.credits.pop((contract, account), 0)
    market.pay(contract, account, amount)
    return amount


def propose(
    market: Market, sender: str, dataset: Dataset, request: int, payee: str, content: Content
) -> Proposal:
    rules = dataset.rules
    bond = rules.bond * (1 + market.open_proposals(sender))
    _check(market, sender, dataset, request, content, bond + fee_of(rules))
    terms = Terms(
        dataset.id * UNIT + len(dataset.proposals) + 1,
        request,
        sender,
        payee,
        content.root,
        content.ref,
        content.manifest,
        content.num_rows,
        0,
        bond,
        fee_of(rules),
        0,
    )
    return _open(market, dataset, terms, bond + fee_of(rules))


def _check(
    market: Market, sender: str, dataset: Dataset, request: int, content: Content, due: int
) -> None:
    closes_at = dataset.rules.closes_at
    require(closes_at == 0 or market.now < closes_at, "association: dataset is closed")
    require(0 < content.num_rows <= MAX_ROWS, "association: number of rows")
    if len(dataset.proposals) + 1 >= FIRST_MOTION - 1:
        raise AssertionError("no run is that long")
    have = market.deposits[sender] + market.credits[CREDITOR, sender]
    require(due <= have, "association: deposit too low")
    requests.check_open(market, request, dataset)


def _open(market: Market, dataset: Dataset, terms: Terms, due: int) -> Proposal:
    from_deposit = min(due, market.deposits[terms.proposer])
    market.deposits[terms.proposer] -= from_deposit
    market.credits[CREDITOR, terms.proposer] -= due - from_deposit
    box = open_box(market, dataset, terms.proposal % UNIT, terms.proposer, is_motion=False)
    electorate = electorate_of(dataset, terms.proposer, market.now)
    proposal = Proposal(terms._replace(electorate=electorate), box)
    dataset.proposals.append(proposal)
    requests.on_propose(market, terms.request)
    return proposal


def withdraw_proposal(market: Market, sender: str, terms: Terms) -> None:
    proposal = find_own(market, sender, terms)
    require(market.now < proposal.box.begin, "association: voting has begun")
    check_terms(proposal, terms, "association: other terms")
    require(proposal.box.status == OPEN, "curator: not open")
    take_off(market, proposal, WITHDRAWN, terms.bond)


def revise(market: Market, sender: str, terms: Terms, content: Content) -> Proposal:
    old = find_own(market, sender, terms)
    dataset = market.dataset(terms.proposal // UNIT)
    # What a late flip adds to the vote is no time to revise in.
    over = old.box.begin + old.box.rules.voting_period
    require(market.now < over, "association: voting is over")
    check_terms(old, terms, "association: other terms")
    require(old.box.status == OPEN, "curator: not open")
    returned, payees = _fee_back(dataset, old)
    due = fee_of(dataset.rules)
    # A judge who is the proposer herself may pay with what she has just earned.
    earned = sum(amount for payee, amount in payees if payee == sender)
    _check(market, sender, dataset, terms.request, content, due - returned - earned)
    take_off(market, old, REVISED, 0)
    changed = terms._replace(
        proposal=dataset.id * UNIT + len(dataset.proposals) + 1,
        root=content.root,
        ref=content.ref,
        manifest=content.manifest,
        num_rows=content.num_rows,
        revises=terms.proposal,
        fee=due,
    )
    return _open(market, dataset, changed, due)


def check_terms(proposal: Proposal, terms: Terms, reason: str) -> None:
    require(proposal.terms == terms, reason)


def _fee_back(dataset: Dataset, proposal: Proposal) -> tuple[int, list[tuple[str, int]]]:
    """What of the fee goes back, and who is paid the rest, where its proposer takes it off."""
    rules = proposal.box.rules
    unspent = (RELAYED - proposal.box.relayed) * rules.relay_price
    if not proposal.is_measured:
        return rules.evaluation_fee + unspent, []
    number = proposal.terms.proposal % UNIT
    named = rules.evaluators
    turn = [named[(number + place) % len(named)] for place in range(rules.threshold)]
    return unspent, shared(rules.evaluation_fee, turn)


def shared(amount: int, payees: Sequence[str]) -> list[tuple[str, int]]:
    """Equal parts; the first has the remainder too."""
    part, rest = divmod(amount, len(payees))
    return [(payee, part + (rest if place == 0 else 0)) for place, payee in enumerate(payees)]


def take_off(market: Market, proposal: Proposal, status: int, bond_back: int) -> None:
    dataset = market.dataset(proposal.terms.proposal // UNIT)
    returned, payees = _fee_back(dataset, proposal)
    close(market, proposal, status, bond_back + returned, payees, fee_back=returned)


def close(
    market: Market,
    proposal: Proposal,
    status: int,
    to_deposit: int,
    payees: Sequence[tuple[str, int]],
    fee_back: int,
) -> None:
    """Close the box and send the money on; shares are minted by `accept` before."""
    proposal.box.status = status
    market.deposits[proposal.terms.proposer] += to_deposit
    for payee, amount in payees:
        market.credits[CREDITOR, payee] += amount
    cost = proposal.terms.fee - fee_back if status == ACCEPTED else 0
    requests.on_close(market, proposal.terms, proposal.minted, cost)


def check_order(market: Market, dataset: Dataset, number: int) -> None:
    """Earlier ones settle first, unless they are open for longer than they may hold others up."""
    if number <= dataset.passed:
        return
    require(number - dataset.passed <= MAX_PASSED + 1, "association: call pass_by")
    for earlier in dataset.proposals[dataset.passed : number - 1]:
        late = earlier.box.begin + 2 * earlier.box.rules.voting_period
        is_passed = earlier.box.status != OPEN or market.now >= late
        require(is_passed, "association: earlier is open")


def pass_by(market: Market, dataset: Dataset, number: int) -> None:
    require(number <= len(dataset.proposals), "association: unknown number")
    require(number > dataset.passed, "association: is passed")
    check_order(market, dataset, number + 1)
    dataset.passed = number


def epoch_of(dataset: Dataset, rules: Rules, time: int) -> int:
    return (time - dataset.created_at) // rules.epoch_length


def minted_in(dataset: Dataset, rules: Rules, epoch: int) -> int:
    return sum(
        mint.amount for mint in dataset.mints if epoch_of(dataset, rules, mint.time) == epoch
    )


def check_accept(market: Market, dataset: Dataset, proposal: Proposal, verdict: Verdict) -> None:
    rules = proposal.box.rules
    minted = minted_in(dataset, rules, epoch_of(dataset, rules, market.now))
    require(minted + verdict.amount <= rules.mint_cap, "association: mint cap")
    supply = sum(mint.amount for mint in dataset.mints)
    if supply + verdict.amount + sum(dataset.genesis.values()) > MAX_WEIGHT:
        raise AssertionError("no run mints that much")
    require(verdict.base == dataset.newest, "database: stale base")


def accept(market: Market, dataset: Dataset, proposal: Proposal, amount: int) -> None:
    """Votes, shares and a snapshot."""
    terms = proposal.terms
    proposal.minted = amount
    if amount:
        dataset.mints.append(Mint(market.now, terms.payee, amount, terms.proposal))
    percent = 100 - proposal.box.rules.a_bps // 100
    proposal.born = income.register(dataset, terms.proposal, terms.payee, amount, percent)


def settles_in_order(status: int) -> bool:
    return status < EXPIRED
