"""Invariants of votes, shares and income."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from tests.contracts.stateful.data_model import OPEN, Dataset
from tests.contracts.stateful.data_model_income import payable
from tests.contracts.stateful.data_model_votes import state_of, weight_on
from tests.contracts.stateful.invariants import View, holds, same, verify

M52 = 2**52
NOBODY = "0x" + "00" * 20


@holds("a tally is the sum of its ballots")
def tallies(view: View) -> None:
    for box in view.boxes():
        word = view.number("CuratorToken", "tallies", box.id)
        same((word % M52, (word >> 52) % M52), (box.side(True), box.side(False)), f"{box.id}")


@holds("the lent tally is the sum of the lent ballots that stand")
def lent_tallies(view: View) -> None:
    for box in view.boxes():
        word = view.number("CuratorToken", "lent_tallies", box.id)
        expected = (box.side(True, lent=True), box.side(False, lent=True))
        same((word % M52, word >> 52), expected, f"{box.id}")


@holds("no weight counts twice: ballots never exceed the electorate")
def within_electorate(view: View) -> None:
    for dataset in view.datasets:
        known = [(found.box, found.terms.electorate) for found in dataset.proposals]
        known += [(motion.box, motion.electorate) for motion in dataset.motions]
        for box, electorate in known:
            word = view.number("CuratorToken", "tallies", box.id)
            cast = word % M52 + (word >> 52) % M52
            verify(cast <= electorate, f"{cast} votes of {electorate} on {box.id}")


@holds("a voter's state is the ballot that stands")
def states(view: View) -> None:
    for box in view.boxes():
        for one in view.player.people:
            found = view.number("CuratorToken", "ballot_of", box.id, one)
            same(found, state_of(view.player.model, box, one), f"ballot of {one} on {box.id}:")


@holds("weight is what one had before the proposal")
def weights(view: View) -> None:
    for box in view.boxes():
        if box.status == OPEN and view.player.model.now < box.begin + 2 * box.rules.voting_period:
            for one in view.player.people:
                found = view.number("CuratorToken", "weight_on", box.id, one)
                expected = weight_on(view.player.model, box, one)
                same(found, expected, f"weight of {one} on {box.id}:")


@holds("a deadline moves late, for a reason, and by one period at most")
def deadlines(view: View) -> None:
    for box in view.boxes():
        word = view.number("CuratorToken", "tallies", box.id)
        extension = (word >> 216) % 2**8
        verify(extension <= 64, f"extended by {extension}/64 of a period")
        same(extension, box.extension, f"{box.id} extended, in 1/64 of the period:")


@holds("a box opens under the rules and the supply of its time")
def opened(view: View) -> None:
    for box in view.boxes():
        word = view.number("CuratorToken", "tallies", box.id)
        found = ((word >> 156) % 2**32, (word >> 188) % 2**24, (word >> 224) % 2**12)
        same(found, (box.opened, box.rules.voting_period, box.version), "opened, period, version")
        same((word >> 236) % 2**16, box.rules.review_minutes, "review")


@holds("a status is given once")
def statuses(view: View) -> None:
    for box in view.boxes():
        word = view.number("CuratorToken", "tallies", box.id)
        # Carried motions are enacted by the Motions; their box stays carried.
        expected = 2 if box.is_motion and box.status == 4 else box.status
        same((word >> 212) % 16, expected, f"status of {box.id}:")


@holds("a closed box never changes")
def closed(view: View) -> None:
    for box in view.boxes():
        if box.status != OPEN:
            word = view.number("CuratorToken", "tallies", box.id)
            verify(view.memory.stays(("tally", box.id), word), f"{box.id} has changed")


@holds("votes are earned by accepted data and never move")
def earned_votes(view: View) -> None:
    for dataset in view.datasets:
        for one in view.player.people:
            found = view.number("CuratorToken", "earned_votes", dataset.id, one)
            expected = sum(mint.amount for mint in dataset.mints if mint.to == one)
            same(found, expected, f"votes of {one}:")
            same(found, view.memory.minted[dataset.id, one], f"votes of {one}, by the events:")


@holds("the supply is the sum of what was earned")
def supply(view: View) -> None:
    for dataset in view.datasets:
        word = view.number("DataAssociation", "datasets", dataset.id)
        earned = sum(
            view.number("CuratorToken", "earned_votes", dataset.id, one)
            for one in view.player.people
        )
        same(word % M52, earned, "supply")


@holds("genesis weight is set once")
def genesis(view: View) -> None:
    for dataset in view.datasets:
        total = view.number("CuratorToken", "genesis_total", dataset.id)
        same(total, sum(dataset.genesis.values()), "genesis weight in all")
        for one in view.player.people:
            found = view.number("CuratorToken", "genesis_weight", dataset.id, one)
            same(found, dataset.genesis.get(one, 0), f"genesis weight of {one}:")


@holds("a loan is the last one made")
def loans(view: View) -> None:
    for dataset in view.datasets:
        for one in view.player.people:
            words = view.words("CuratorToken", "lent", dataset.id, one)
            oracle, cap, since, expiry, least = words
            loan = dataset.loans.get(one)
            if loan is None:
                same((oracle, cap, expiry, least), (0, 0, 0, 0), f"loan of {one}:")
            else:
                expected = (int(loan.oracle, 16), loan.cap, loan.since, loan.expiry, loan.least)
                same((oracle, cap, since, expiry, least), expected, f"loan of {one}:")


@holds("a nonce rises where ballots are cancelled, and there alone")
def nonces(view: View) -> None:
    for dataset in view.datasets:
        for one in view.player.people:
            found = view.number("CuratorToken", "ballot_nonce", dataset.id, one)
            same(found, dataset.cancelled[one], f"nonce of {one}:")


# Shares and income


@holds("a snapshot never changes")
def snapshots_stay(view: View) -> None:
    for dataset in view.datasets:
        count = view.number(dataset.wallet, "num_snapshots")
        same(count, dataset.newest, "snapshots:")
        for number in range(1, count + 1):
            word = view.words(dataset.wallet, "snapshot", number)
            verify(view.memory.stays((dataset.id, number), word), f"{number} has changed: {word}")


@holds("a snapshot's shares are the sum of its members'")
def snapshots(view: View) -> None:
    for dataset in view.datasets:
        for known in dataset.snapshots:
            found = view.words(dataset.wallet, "snapshot", known.number)
            expected = (known.shares, known.tranche, known.kind, known.pool_percent)
            same(found, expected, f"snapshot {known.number}:")


@holds("entries say what belongs to which snapshot")
def entries(view: View) -> None:
    for dataset in view.datasets:
        found = view.read(dataset.wallet, "entries", 0, 50)
        expected = [
            (known.tranche, known.members[known.tranche], known.number)
            for known in dataset.snapshots[:50]
            if known.kind == 0
        ]
        same([(one[0], one[2], one[3]) for one in found], expected)
        for one in found:
            same(one[4], dataset.ended.get(one[0], 0), f"{one[0]} ended in")


@holds("shares of a tranche are neither made nor lost")
def tranches(view: View) -> None:
    for dataset in view.datasets:
        for known in dataset.snapshots:
            if known.kind == 0:
                held = sum(
                    view.number(dataset.wallet, "balanceOf", one, known.tranche)
                    for one in view.player.people
                )
                same(held, known.members[known.tranche], f"shares of {known.tranche}:")


@holds("a balance is what was minted, sent and received")
def balances(view: View) -> None:
    for dataset in view.datasets:
        for (one, tranche), holding in dataset.holdings.items():
            found = view.number(dataset.wallet, "balanceOf", one, tranche)
            same(found, holding.shares, f"{one} holds of {tranche}")


@holds("what is claimable is what is owed, to the base unit")
def claimables(view: View) -> None:
    for dataset in view.datasets:
        for (one, tranche), holding in dataset.holdings.items():
            found = view.number(dataset.wallet, "claimable", tranche, one)
            least, most = payable(holding)
            verify(
                least <= found <= most,
                f"{one} may claim {found} of {tranche}, owed are {least} to {most}",
            )


def income_of(dataset: Dataset, tranche: int) -> Fraction:
    """A tranche's income: of the snapshots that had it, and its own."""
    total = Fraction(0)
    for use in dataset.uses:
        if use.tranche == tranche:
            total += use.amount
        elif use.snapshot:
            snapshot = dataset.snapshots[use.snapshot - 1]
            if snapshot.shares:
                share = snapshot.members.get(tranche, 0)
                total += Fraction(use.amount * share, snapshot.shares)
    return total


@holds("a tranche's income is that of the snapshots that had it: who joins late takes nothing")
def tranche_income(view: View) -> None:
    for dataset in view.datasets:
        for tranche in {tranche for _, tranche in dataset.holdings}:
            open_claims = sum(
                view.number(dataset.wallet, "claimable", tranche, one) for one in view.player.people
            )
            taken = view.memory.claimed[tranche] + open_claims
            most = floor(income_of(dataset, tranche))
            verify(taken <= most, f"{tranche} takes {taken}, its income is {most}")


@holds("a Database can pay all that it owes")
def solvent(view: View) -> None:
    for dataset in view.datasets:
        owed = _owed(view, dataset)
        verify(owed <= view.money(dataset.wallet), f"{owed} are owed")


@holds("a Database keeps no more than dust")
def dust(view: View) -> None:
    for dataset in view.datasets:
        # Less than a base unit for each holding and each transfer.
        most = len(dataset.holdings) + dataset.lost
        kept = view.money(dataset.wallet) - _owed(view, dataset)
        verify(kept <= most, f"{kept} belong to nobody, dust is at most {most}")


def _owed(view: View, dataset: Dataset) -> int:
    owed = sum(view.number(dataset.wallet, "credit_of", one) for one in view.player.people)
    for one, tranche in dataset.holdings:
        owed += view.number(dataset.wallet, "claimable", tranche, one)
    return owed


@holds("income that was credited waits for its owner")
def income_credits(view: View) -> None:
    for dataset in view.datasets:
        for one in view.player.people:
            found = view.number(dataset.wallet, "credit_of", one)
            same(found, dataset.credits[one], f"credit of {one}:")


@holds("a takedown redirects a tranche's income, a removal does not")
def redirects(view: View) -> None:
    for dataset in view.datasets:
        for known in dataset.snapshots:
            found = view.number(dataset.wallet, "redirect", known.tranche)
            expected = int(dataset.redirect.get(known.tranche, NOBODY), 16)
            same(found, expected, f"{known.tranche} is redirected to")


@holds("who may send another's shares is who was allowed to")
def allowances(view: View) -> None:
    for dataset in view.datasets:
        for (owner, spender, tranche), amount in dataset.allowances.items():
            same(view.number(dataset.wallet, "allowance", owner, spender, tranche), amount)


# Value pools


@holds("the pools' money is what they have not paid yet")
def pool_money(view: View) -> None:
    lines = 0
    for dataset in view.datasets:
        for number in dataset.pools:
            word = view.words("ValuePools", "pool", dataset.id, number)
            lines += word[0] - word[7]
    same(view.money("ValuePools"), lines)


@holds("a pool gathers its percent until its values are paid or it falls to the shares")
def pools(view: View) -> None:
    for dataset in view.datasets:
        for number, pool in dataset.pools.items():
            word = view.words("ValuePools", "pool", dataset.id, number)
            same((word[0], word[1], word[5] == 1), (pool.amount, pool.since, pool.is_released))
            root = int.from_bytes(pool.root)
            same((word[2], word[3], word[4]), (root, pool.total, pool.posted_at))
            same(word[6], pool.final_at, "values are final at")


@holds("an owner is paid its part of a pool once")
def values_paid(view: View) -> None:
    for dataset in view.datasets:
        for number, pool in dataset.pools.items():
            for one in view.player.people:
                found = view.number("ValuePools", "value_paid", dataset.id, number, one)
                same(found, pool.paid.get(one, 0), f"{one} was paid")
