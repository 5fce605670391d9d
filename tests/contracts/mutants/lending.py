"""Faults in the CuratorToken's lending."""

from __future__ import annotations

from tests.contracts.mutants.base import Mutant, faults

LENDING: list[Mutant] = faults(
    "data_market/CuratorToken.vy",
    (
        "an override that forgets the lent weight",
        "    return unsafe_sub(t, taken)\n",
        "    return t\n",
        "a lender counts twice: by the oracle and by herself",
        "everybody_votes_and_a_lender_overrides",
    ),
    (
        "an override that leaves the lent tally",
        "    self.lent_tallies[proposal] = unsafe_sub(self.lent_tallies[proposal], taken)\n",
        "",
        "own weight is taken for lent weight, and nothing settles early",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "an override by the loan of today",
        "lent: uint256 = min(weight, self._cap_at(proposal // UNIT, voter, (t >> T_OPENED) & M32))",
        "lent: uint256 = min(weight, self.loans[proposal // UNIT][voter][0] & M52)",
        "a new cap makes the override take off more or less than was cast",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "an override on the other side",
        "taken: uint256 = lent if state == LENT_YES else lent << T_NO",
        "taken: uint256 = lent if state != LENT_YES else lent << T_NO",
        "the wrong side loses weight",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "a loan without a cap",
        "weight: uint256 = min(loan & M52, self._weight(dataset, lender, word, t))",
        "weight: uint256 = self._weight(dataset, lender, word, t)",
        "an oracle casts more than was lent",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "a loan after its end",
        "if (loan >> LOAN_EXPIRY) & M32 <= block.timestamp or",
        "if (loan >> LOAN_EXPIRY) & M32 < block.timestamp or",
        "an oracle casts in the second in which a loan has ended",
        "a_loan_ends",
    ),
    (
        "a loan for what is open",
        "(loan >> LOAN_SINCE) & M32 >= opened:",
        "(loan >> LOAN_SINCE) & M32 > opened:",
        "a loan of the same second counts, before others could know",
        "a_loan_ends",
    ),
    (
        "an unsure oracle",
        "(loan >> LOAN_LEAST) & M14 > confidence:",
        "(loan >> LOAN_LEAST) & M14 > BPS:",
        "weight is cast by a guess its lender excluded",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "an oracle twice",
        "        if self._state(dataset, lender, word, proposal % UNIT) != 0:\n            continue\n",
        "",
        "an oracle casts a lender's weight as often as she names her",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "anybody's loan",
        "if (loan >> LOAN_ORACLE) & M32 != own or",
        "if (loan >> LOAN_ORACLE) & M32 == 0 or own == 0 or",
        "another oracle casts the weight",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "lent weight on the other side",
        "added: uint256 = total if support else total << T_NO\n    self.lent",
        "added: uint256 = total if not support else total << T_NO\n    self.lent",
        "an oracle's ballot is turned",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "lent ballots not marked",
        "after: uint256 = unsafe_add(t, added) | T_LENT",
        "after: uint256 = unsafe_add(t, added)",
        "weight that its lender can take back settles a proposal early",
        "an_own_majority_settles_early",
    ),
    (
        "a loan that is never shelved",
        "        older += 1\n",
        "        older += 0\n",
        "an override does not find the cap that it must take back",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "a loan that stays",
        "self.loans[dataset][msg.sender][0] = (block.timestamp << LOAN_SINCE) | (older << LOAN_OLDER)",
        "self.loans[dataset][msg.sender][0] = self.loans[dataset][msg.sender][0] | (older << LOAN_OLDER)",
        "weight cannot be taken back",
        "an_own_vote_overrides_a_lent_one",
    ),
    (
        "an old loan found by one too late",
        "return self.loans[dataset][lender][low] & M52 if low != 0 else 0",
        "return self.loans[dataset][lender][low + 1] & M52 if low != 0 else 0",
        "an override takes back by another cap",
        "an_own_vote_overrides_a_lent_one",
    ),
)
