"""Invariants of money and of proposals."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.stateful.data_model import BURNT, OPEN, RELAYED, REVISED, UNIT
from tests.contracts.stateful.data_model_proposals import epoch_of, minted_in
from tests.contracts.stateful.data_model_verdicts import is_evaluator
from tests.contracts.stateful.invariants import View, holds, same, verify
from tests.contracts.stateful.world import NUM_EVALUATORS, NUM_PEOPLE, WEALTH

TERMS = f"(uint256,uint256,address,address,{3 * 'bytes32,'}{4 * 'uint256,'}uint256)"
CREDITORS = ("Challenges", "Motions", "DataRequests")


def credits(view: View, contract: str) -> int:
    """What a contract owes, account by account."""
    return sum(view.number(contract, "credit_of", one) for one in view.player.everybody)


@holds("the association's money equals its lines")
def association_lines(view: View) -> None:
    lines = credits(view, "DataAssociation")
    lines += sum(view.number("DataAssociation", "deposit_of", one) for one in view.player.everybody)
    for found in view.proposals():
        if found.box.status == OPEN:
            spent = view.number("DataAssociation", "repaid", found.terms.proposal)
            price = found.box.rules.relay_price
            lines += found.terms.bond + found.terms.fee - spent * price
        elif view.number("Verdicts", "held_for", found.terms.proposal):
            lines += found.terms.bond
    same(view.money("DataAssociation"), lines, "money of the association is")


@holds("a deposit is what was put in and not locked")
def deposits(view: View) -> None:
    for one in view.player.everybody:
        found = view.number("DataAssociation", "deposit_of", one)
        same(found, view.player.model.deposits[one], f"deposit of {one} is")


@holds("what is owed is what was earned")
def earned(view: View) -> None:
    for contract in ("DataAssociation", *CREDITORS):
        for one in view.player.everybody:
            found = view.number(contract, "credit_of", one)
            same(found, view.player.model.credits[contract, one], f"credit in {contract} is")


@holds("a total of credits is their sum")
def total_credit(view: View) -> None:
    for contract in CREDITORS:
        same(view.number(contract, "total_credit"), credits(view, contract), contract)


@holds("the requests' money equals escrows and credits")
def request_lines(view: View) -> None:
    count = len(view.player.model.requests)
    escrows = sum(view.read("DataRequests", "request", one + 1)[2] for one in range(count))
    same(view.money("DataRequests"), escrows + credits(view, "DataRequests"))


@holds("the challenges' money equals stakes, bonds and credits")
def challenge_lines(view: View) -> None:
    lines = credits(view, "Challenges")
    for dataset in view.datasets:
        for one in view.player.judges:
            lines += view.number("Challenges", "stake_of", dataset.id, one)
    for found in view.proposals():
        if found.challenge and found.challenge.status == 1:
            lines += view.read("Challenges", "challenge_of", found.terms.proposal)[1]
    same(view.money("Challenges"), lines)


@holds("the motions' money equals bonds and credits")
def motion_lines(view: View) -> None:
    lines = credits(view, "Motions")
    for dataset in view.datasets:
        lines += sum(motion.bond for motion in dataset.motions if motion.box.status == OPEN)
    same(view.money("Motions"), lines)


@holds("money neither appears nor vanishes")
def conserved(view: View) -> None:
    model = view.player.model
    for one in view.player.everybody:
        same(view.money(one), model.wallets[one], f"money of {one} is")
    supply = view.number("MarketToken", "totalSupply")
    everything = WEALTH * (NUM_PEOPLE + NUM_EVALUATORS)
    same(supply, everything - model.wallets[BURNT], "the money is")


@holds("verdicts keep no money")
def no_money(view: View) -> None:
    for contract in ("Verdicts", "Charter", "CuratorToken"):
        same(view.money(contract), 0, contract)


@holds("a bond goes exactly one way")
def bonds(view: View) -> None:
    for found in view.proposals():
        gone = view.memory.ways[found.terms.proposal]
        status = found.box.status
        # A revision carries the bond on; its own way is that of the revision.
        stays = status in {OPEN, REVISED} or found.is_bond_held
        same(gone, 0 if stays else found.terms.bond, f"of bond {found.terms.bond} went")


@holds("a fee is paid out whole")
def fees(view: View) -> None:
    for found in view.proposals():
        gone = view.memory.fees[found.terms.proposal]
        price = found.box.rules.relay_price
        if found.box.status == OPEN:
            same(gone, found.box.relayed * price, "of an open proposal's fee went")
        else:
            same(gone, found.terms.fee, f"of fee {found.terms.fee} went")


@holds("terms are committed to, with bond, fee and electorate")
def committed(view: View) -> None:
    for found in view.proposals():
        number = found.terms.proposal
        word = view.number("DataAssociation", "commitment", number).to_bytes(32)
        key = ("commitment", number)
        if key not in view.memory.words:
            same(word, keccak(encode((TERMS,), (found.terms,))), f"commitment of {found.terms}")
        verify(view.memory.stays(key, word), f"the commitment of {number} has changed")


@holds("open proposals are counted, for the next bond")
def open_counts(view: View) -> None:
    for one in view.player.people:
        found = view.number("DataAssociation", "open_of", one)
        same(found, view.player.model.open_proposals(one), f"open proposals of {one}:")


@holds("a relayer is repaid for 64 ballots of a proposal at most")
def relayed(view: View) -> None:
    for found in view.proposals():
        repaid = view.number("DataAssociation", "repaid", found.terms.proposal)
        verify(repaid <= RELAYED, f"{repaid} ballots are repaid")
        same(repaid, found.box.relayed, "repaid ballots:")


@holds("the mark of settled proposals is at the last one that settled")
def passed(view: View) -> None:
    for dataset in view.datasets:
        word = view.number("DataAssociation", "datasets", dataset.id)
        same((word >> 156) % 2**20, dataset.passed, "settled up to")
        same((word >> 136) % 2**20, len(dataset.proposals), "proposals:")


@holds("an epoch's mints are counted")
def minted(view: View) -> None:
    for dataset in view.datasets:
        if not dataset.mints:
            continue
        word = view.number("DataAssociation", "datasets", dataset.id)
        epoch = epoch_of(dataset, dataset.rules, dataset.mints[-1].time)
        counted, of_epoch = (word >> 176) % 2**52, (word >> 228) % 2**16
        # An acceptance without shares may have begun a later epoch.
        if of_epoch == epoch % 2**16:
            same(counted, minted_in(dataset, dataset.rules, epoch), f"minted in {epoch}:")
        else:
            same(counted, 0, f"minted in {of_epoch}:")


@holds("rules of a version never change")
def frozen(view: View) -> None:
    for dataset in view.datasets:
        count = len(dataset.versions)
        same(view.number("Charter", "version_of", dataset.id), count, "version of the rules:")
        for version in range(1, count + 1):
            for contract in ("DataAssociation", "Verdicts"):
                word = view.number(contract, "rules_word", dataset.id, version)
                stays = view.memory.stays((contract, dataset.id, version), word)
                verify(stays and word != 0, f"version {version} has changed in {contract}")


@holds("a proposal's mark says whether it is measured, challenged, posted")
def marks(view: View) -> None:
    for found in view.proposals():
        if found.box.status != OPEN:
            continue
        mark = view.number("Verdicts", "marks", found.terms.proposal)
        same(mark & 1 == 1, found.is_pending, "is challenged:")
        same(mark & 2 == 2, found.challenge is not None, "was challenged:")
        same(mark & 4 == 4, found.is_measured, "is measured:")
        same((mark >> 3) % 2**40, found.decided_at, "challenge decided at")
        same((mark >> 43) % 2**40, found.posted.at if found.posted else 0, "posted at")


@holds("an evaluator counts while named and at stake")
def counting(view: View) -> None:
    for dataset in view.datasets:
        for one in view.player.judges:
            found = view.number("Verdicts", "is_evaluator", dataset.id, one) == 1
            same(found, is_evaluator(dataset, len(dataset.versions), one), f"{one} counts:")


@holds("a bond is held for its snapshot")
def held(view: View) -> None:
    for found in view.proposals():
        for_snapshot = view.number("Verdicts", "held_for", found.terms.proposal)
        same(for_snapshot, found.born if found.is_bond_held else 0, "held for snapshot")


@holds("a challenge is what was pledged, until decided")
def challenges(view: View) -> None:
    for found in view.proposals():
        if found.challenge:
            word = view.read("Challenges", "challenge_of", found.terms.proposal)
            known = found.challenge
            same(word[0], known.challenger, "challenger")
            same((word[1], word[5], word[6]), (known.bond, known.deadline, known.status))


@holds("a stake is what was put up and not slashed")
def stakes(view: View) -> None:
    for dataset in view.datasets:
        for one in view.player.judges:
            amount = view.number("Challenges", "stake_of", dataset.id, one)
            since = view.number("Challenges", "leaving_at", dataset.id, one)
            same((amount, since), (dataset.stakes[one], dataset.leaving.get(one, 0)), one)


@holds("an escrow is spent on awards, fees and the refund alone")
def escrows(view: View) -> None:
    for place, request in enumerate(view.player.model.requests, start=1):
        word = view.read("DataRequests", "request", place)
        spent = request.awarded + request.fees + request.refunded
        same(word[2] + spent, request.received, "escrow and what was spent:")
        same(word[4], request.shares, "shares that the request brought:")


@holds("a request counts its open proposals")
def request_counts(view: View) -> None:
    for place, request in enumerate(view.player.model.requests, start=1):
        word = view.read("DataRequests", "request", place)
        num_open = sum(
            found.terms.request == place and found.box.status == OPEN for found in view.proposals()
        )
        same((word[10], word[11]), (num_open, 2 if request.is_closed else 1))


@holds("a motion is open, carried, lost or enacted by its vote")
def motions(view: View) -> None:
    for dataset in view.datasets:
        same(view.number("Motions", "num_motions", dataset.id), len(dataset.motions))
        for motion in dataset.motions:
            word = view.words("Motions", "motion", motion.box.id)
            same((word[6], word[7]), (motion.box.status, motion.ready_at), "status, ready at")
            same(word[5], motion.electorate, "electorate")
            verify(motion.box.id // UNIT == dataset.id, "of another dataset")
