"""Faults in the CuratorToken's batches of ballots."""

from __future__ import annotations

from tests.contracts.mutants.base import Mutant, faults

BATCHES: list[Mutant] = faults(
    "data_market/CuratorToken.vy",
    (
        "a batch casts what is cast already",
        "        if (states >> place) & 3 == 0 and unsafe_sub",
        "        if unsafe_sub",
        "one voter decides by repeating herself",
        "a_batch_counts_as_its_ballots_one_by_one",
    ),
    (
        "a batch leaves no states",
        "            states = states | (OWN << place)\n",
        "",
        "what was cast in a batch is cast again",
        "a_batch_counts_as_its_ballots_one_by_one",
    ),
    (
        "a batch turns its ballots",
        "unsafe_add(t, weight << unsafe_mul(T_NO, against & 1))",
        "unsafe_add(t, weight << unsafe_mul(T_NO, 1 - (against & 1)))",
        "a batch of ballots counts for the other side",
        "a_batch_counts_as_its_ballots_one_by_one",
    ),
    (
        "a batch that forgets what its proposals have in common",
        "        if t >> T_PERIOD != common:\n",
        "        if width == 0:\n",
        "ballots count on what is closed, or under other rules",
        "a_batch_knows_votes_of_later_and_what_is_closed",
    ),
    (
        "a batch with votes of later",
        "    since: uint256 = min((word >> AT_SINCE) & M32, latest)\n",
        "    since: uint256 = 0\n",
        "votes count on what was proposed before they were earned",
        "a_batch_spans_a_mint",
    ),
    (
        "a batch without genesis weight",
        "        # A genesis curator's weight is another on each proposal.\n        return 0\n",
        "        pass\n",
        "a genesis curator's weight does not count in a batch, or a ballot on what is closed does",
        "a_batch_counts_as_its_ballots_one_by_one",
    ),
    (
        "a late ballot taken for an early one in a batch",
        "        unsafe_mul(3, (t >> T_PERIOD) & M24) // LATE, unsafe_sub(latest, since)\n",
        "        unsafe_mul(4, (t >> T_PERIOD) & M24) // LATE, unsafe_sub(latest, since)\n",
        "a batch that turns the majority late moves no deadline",
        "a_batch_before_the_vote_begins_and_late",
    ),
    (
        "a batch that begins the next window in the old one",
        "            begin = self._window_begin(dataset, word)\n            states = word >> AT_STATES\n",
        "            begin = self._window_begin(dataset, word)\n",
        "who voted on one proposal cannot vote 32 proposals later",
        "a_batch_counts_as_its_ballots_one_by_one",
    ),
)
