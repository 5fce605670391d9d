"""Faults in the requests and the credits."""

from __future__ import annotations

from tests.contracts.mutants.base import Mutant, faults

REQUESTS = faults(
    "data_market/DataRequests.vy",
    (
        "an award from the curve's beginning",
        "    place: uint256 = self.requests[request].awarded_shares\n",
        "    place: uint256 = 0\n",
        "late data is paid as early data",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "an award rounded up",
        "    return area // AWARD_UNIT\n",
        "    return (area + AWARD_UNIT - 1) // AWARD_UNIT\n",
        "an escrow pays more than its curve",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "a curve that ends",
        "upper: uint256 = end if left == 0 else min(end, step.until)",
        "upper: uint256 = min(end, step.until)",
        "late data is paid nothing where the last price should go on",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "an award beyond the escrow",
        "award: uint256 = min(escrow, self._award(request, amount))",
        "award: uint256 = self._award(request, amount)",
        "a proposal to an empty escrow cannot settle",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "an escrow that is not spent",
        "    self.requests[request].escrow = escrow - award - fee_back\n",
        "    self.requests[request].escrow = escrow - award\n",
        "fees are paid from other people's money",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "shares not counted",
        "    self.requests[request].awarded_shares += amount\n",
        "",
        "the price never falls",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "a proposal that is not counted",
        "    self.requests[request].open_proposals += 1\n",
        "    self.requests[request].open_proposals += 2\n",
        "an escrow is never released",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "an escrow closed under open proposals",
        '    assert self.requests[request].open_proposals == 0, "requests: proposals are open"\n    refund',
        "    refund",
        "data is measured for an award that is gone",
        "an_escrow_waits_for_open_proposals",
    ),
    (
        "a refund of the refund",
        "    self.requests[request].escrow = 0\n",
        "",
        "an escrow is refunded and still there",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "anybody closes",
        '    assert msg.sender == initiator, "requests: not the initiator"\n',
        "",
        "a rival ends a request",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "closed before its time",
        "        block.timestamp >= self.requests[request].deadline\n        or (closes_at",
        "        block.timestamp >= 0\n        or (closes_at",
        "an initiator takes the escrow back when data is ready",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "proposals to what is closed",
        "        self.requests[request].status == OPEN\n        and block",
        "        self.requests[request].status != 0\n        and block",
        "data is proposed to an escrow that is gone",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "a request of no dataset",
        '    creator: address = staticcall CHARTER.creator_of(dataset)\n    assert escrow != 0 or msg.sender == creator, "requests: without escrow"\n',
        '    assert escrow != 0 or msg.sender == staticcall CHARTER.creator_of(dataset), "requests: without escrow"\n',
        "its escrow can never be taken back",
        "an_escrow_pays_awards_and_fees",
    ),
    (
        "a top-up that is not written",
        "    self.requests[request].escrow = escrow\n",
        "",
        "money is given to nobody",
        "an_escrow_pays_awards_and_fees",
    ),
)
CREDITS = faults(
    "modules/credits.vy",
    (
        "a total that is not kept",
        "    self.total_credit += amount\n",
        "",
        "what a contract owes is unknown",
        "a_lost_motion_costs_its_bond",
    ),
    (
        "a credit paid twice",
        "    self.credit_of[account] = 0\n    self.total_credit -= amount\n",
        "    self.total_credit -= 0\n",
        "a credit is paid out again and again",
        "an_escrow_pays_awards_and_fees",
    ),
)
MONEY: list[Mutant] = [*REQUESTS, *CREDITS]
