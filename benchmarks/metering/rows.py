"""What each of our rows does, told on the page."""

from __future__ import annotations

from collections.abc import Mapping

MEANING: Mapping[str, str] = {
    "propose": "`DataAssociation.propose` by somebody without votes, who has a deposit; no request",
    "propose_holder": "the same by a holder of earned votes, whose own weight is taken out",
    "propose_holder_again": "the same holder at once again, at twice the bond",
    "propose_request": "`propose` that answers a request with an escrow and a curve",
    "vote": "`CuratorToken.vote` by a holder of earned votes, among the first three quarters of the"
    " period; the proposal lies in the same 32 as the voter's ballot before",
    "vote_first": "the first ballot of a proposal, as the peer counts it",
    "vote_genesis": "`vote` by a genesis curator, whose weight fades and is worked out",
    "vote_late": "`vote` in the last quarter that moves the deadline",
    "vote_new_window": "`vote` on the first of the next 32 proposals: the states of those before"
    " move to a word that holds four times 32",
    "vote_new_window_first": "the same where that word is a fresh one, once in 128 proposals",
    "vote_batch64": "`vote_many` of one voter on 64 proposals in a row, each; every voter does it"
    " twice, so that all 128 proposals of a word are in the mean",
    "vote_relayed": "`vote_signed`, each of 64: 61 holders of earned votes and three genesis"
    " curators on one proposal, the relayer's repayment included",
    "vote_lent": "`vote_lent`, each of 32 lenders of one oracle",
    "override": "`vote` by a lender after her oracle's ballot, to the other side",
    "delegate": "`CuratorToken.lend` to an oracle who was lent votes before, by somebody without a"
    " loan",
    "delegate_first": "the same to a new oracle, who gets a number; the first is the market's own",
    "delegate_again": "`lend` in the place of an earlier loan, which stays readable",
    "execute_holder": "`Verdicts.execute` with two signatures: shares and votes for a payee who has"
    " votes, a snapshot, both evaluators paid, who were paid before; 64 ballots were relayed",
    "execute_new": "the same for a payee without votes; no ballot was relayed",
    "execute_again_in_one_period": "the same for a payee whose votes changed within a ballot's"
    " life, so that the earlier ones are kept too",
    "execute_request": "the same for an answer to a request: an award and the fee are paid, by both"
    " once for the first time",
    "execute_first": "the first execution of a dataset",
    "revise": "`DataAssociation.revise` of an open proposal: one closed, one opened",
    "post_verdict": "`Verdicts.post_verdict` with two signatures",
    "challenge": "`Challenges.challenge` with two signatures; the bond is pulled",
    "answer": "`Challenges.answer` by two others who measured the same; they are paid the bond",
    "create_dataset": "`Charter.create_dataset` with three curators, four evaluators, two nodes and"
    " two programs: its Database included",
    "deposit": "`DataAssociation.deposit` within an endless allowance",
    "deposit_first": "the first deposit of its owner",
    "open_request": "`DataRequests.open_request` with a curve of two steps; the escrow is pulled",
    "fund_newest": "`Database.fund` of the newest snapshot within an endless allowance",
    "fund_first": "the first income of a Database",
    "fund_newest_3009": "`fund_with_authorization` of the newest snapshot: an EIP-3009 signature"
    " and its nonce, no allowance",
    "fund_older_s256": "`fund` of snapshot 255 of 256, all of whose nodes of the tree hold income",
    "fund_older_s256_first": "the same where none of them does",
    "fund_value_pool": "`fund` where 30 % go on to the snapshot's value pool",
    "fund_value_pool_first": "the same for the first time",
    "claim_s1": "`Database.claim` of the tranche that was born first of 1 snapshot, by its payee,"
    " who holds money",
    "claim_s16": "the same of 16 snapshots",
    "claim_s256": "the same of 256 snapshots",
    "claim_many64": "`claim_many`, each of 64 tranches of a dataset of 256 snapshots; four"
    " contributors took turns and each claims hers, from those born in 1, 5, 9 … (the worst: each"
    " walk has three nodes of its own) to those born in 4, 8, 12 …",
    "transfer": "`Database.transfer` of a part of the tranche that was born first of 16 snapshots,"
    " with unclaimed income, to a holder of it; the sender's credit is a fresh slot",
    "transfer_new_holder": "the same to somebody who holds none of it",
    "transfer_credited": "the same to a holder, by a sender who has a credit already",
    "transfer_settled": "the same to a holder without unclaimed income",
    "transfer_s256": "as `transfer`, of 256 snapshots",
    "withdraw_credit": "`Database.withdraw` of what a transfer has credited",
    "post_values": "`ValuePools.post_values` with two signatures",
    "claim_value": "`ValuePools.claim_value` with a path of six siblings, for owners without money;"
    " the first of a pool also opens its sum",
    "claim_value_again": "the same owner's part of what has come in since",
    "runtime_bytes_largest": "the largest code of the data market's contracts",
}
"""Row -> what it does."""

UNMET = """
`propose`, `propose_holder`, `execute_holder` and `execute_new` miss their goals, which are below or
about what the protocol charges for call data, slots, events and signatures before any computation.
A proposal writes two fresh words, its tally and its commitment, and changes two, in two contracts,
with an event of 13 words. An execution changes eight words in three contracts, writes a fresh one
(of a newcomer two), and leaves six events, since two evaluators are paid. Less of it would take
other events or fewer payments.
""".strip()
"""Why rows miss their goals, for the page."""


def meaning_of(row: str) -> str:
    """What a row does.

    Args:
        row: its name.

    Returns:
        Half a sentence. Errors: KeyError where nobody wrote one.
    """
    name = row.removeprefix("runtime_bytes_")
    if name != row and row not in MEANING:
        return f"code of {name} on the chain, immutables included"
    return MEANING[row]


def listed(rows: Mapping[str, object]) -> str:
    """The list of the page.

    Args:
        rows: those that were measured, in order.

    Returns:
        A line of Markdown for each.
    """
    return "\n".join(f"- `{row}`: {meaning_of(row)}" for row in rows)
