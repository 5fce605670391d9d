"""Attacks on payments: calls from within, bad tokens, payees that refuse, calls sent first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    BIG,
    BOND,
    FEE,
    HERE,
    NAIVE,
    RELAY,
    WEALTH,
    World,
    build_world,
    digest,
    key,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

HOOKS = HERE / "doubles" / "HookToken.vy"
MOLE = who("accomplice")
LOCKED = FEE + 64 * RELAY


def hooked(**rules: Any) -> tuple[World, Bound]:
    """A market whose money calls back, and an account that uses it."""
    world = build_world(token=HOOKS, weights=[6_000, 3_000, 2_000], **rules)
    thief = deploy_own(world.chain, HERE / "doubles" / "Thief.vy", world.attacker)
    world.token.mint(thief.address, WEALTH)
    for contract in (
        world.association, world.challenges, world.motions, world.requests, world.database,
    ):  # fmt: skip
        acting(thief, world.token, "approve", contract.address, BIG)
    return world, thief


def acting(thief: Bound, target: Bound, name: str, *args: Any) -> None:
    thief.act(target.address, target.encoded(name, *args))


def vault(world: World) -> Bound:
    made = deploy_own(world.chain, NAIVE / "NaiveVault.vy", world.deployer, world.token.address)
    for one in (world.honest, world.attacker, world.buyer):
        world.token.approve(made.address, BIG, sender=one)
    return made


# Calls from within a payment


def within_naive() -> dict[str, int]:
    world, thief = hooked()
    naive = vault(world)
    naive.deposit(1_000, sender=world.honest)
    acting(thief, world.token, "approve", naive.address, BIG)
    before = world.balance(thief)
    acting(thief, naive, "deposit", 100)
    world.token.set_hook(thief.address, thief.address)
    thief.prepare(naive.address, naive.encoded("withdraw"), 10)
    acting(thief, naive, "withdraw")
    return {"gain": world.balance(thief) - before, "deposit": 100}


def within_ours() -> dict[str, int]:
    world, thief = hooked()
    tranche = world.accepted(world.honest, 16)
    world.database.transfer(thief.address, tranche, 8, sender=world.honest)
    world.database.fund(1, 16, sender=world.buyer)
    acting(thief, world.association, "deposit", 100)
    before = world.worth(thief.address) + int(world.database.claimable(tranche, thief.address))
    world.token.set_hook(thief.address, thief.address)
    held = {one.address: world.balance(one) for one in (world.association, world.database)}
    tried = succeeded = 0
    association, database = world.association, world.database
    again: list[tuple[Bound, str, tuple[Any, ...]]] = [
        (association, "withdraw", ()),
        (association, "withdraw_for", (thief.address,)),
        (association, "deposit", (1,)),
        (database, "claim", (tranche,)),
        (database, "claim_many", ([tranche, tranche],)),
        (database, "claim_for", (tranche, thief.address)),
        (database, "withdraw", ()),
        (database, "transfer", (MOLE, tranche, 8)),
        (database, "fund", (1, 16)),
        (database, "remove", (tranche,)),
    ]
    outer: list[tuple[Bound, str, tuple[Any, ...]]] = [
        (association, "withdraw", ()),
        (association, "deposit", (50,)),
        (database, "claim", (tranche,)),
        (database, "fund", (1, 32)),
    ]
    for target, name, args in outer:
        for inner, call, values in again:
            if inner.address != target.address:
                continue
            with world.chain.undone():
                thief.prepare(inner.address, inner.encoded(call, *values), 5)
                acting(thief, target, name, *args)
                tried += int(thief.tried())
                succeeded += int(thief.succeeded())
    assert tried >= 4 * 3
    thief.prepare(association.address, association.encoded("withdraw"), 9)
    acting(thief, association, "withdraw")
    thief.prepare(database.address, database.encoded("claim", tranche), 9)
    acting(thief, database, "claim", tranche)
    gain = world.worth(thief.address) - before
    assert held[association.address] - world.balance(association) == 100
    assert held[database.address] - world.balance(database) == 8
    return {"gain": gain + succeeded, "calls from within": tried, "that went through": succeeded}


@both(within_naive, within_ours)
def test_calls_from_within_a_payment(attack: Attack) -> None:
    attack.judge()


def test_calls_into_another_contract_from_within_conserve_money() -> None:
    """The lock is each contract's own: across contracts nothing is left half done."""
    world, thief = hooked()
    tranche = world.accepted(world.honest, 16)
    world.database.transfer(thief.address, tranche, 8, sender=world.honest)
    world.database.fund(1, 16, sender=world.buyer)
    acting(thief, world.association, "deposit", 100)
    world.token.set_hook(thief.address, thief.address)
    before = world.worth(thief.address) + 8
    thief.prepare(world.database.address, world.database.encoded("claim", tranche), 3)
    acting(thief, world.association, "withdraw")
    # The claim pays, and its own payment calls back once more: that one finds the lock.
    assert (thief.succeeded(), thief.tried()) == (1, 2)
    assert world.worth(thief.address) == before
    assert world.balance(world.database) == 8
    # A proposal settled while income is being paid in: the income is the older snapshot's.
    waiting = world.propose(who("worker"))
    world.vote_all(waiting)
    world.to_end(waiting)
    verdict = world.verdict(16)
    execute = world.verdicts.encoded(
        "execute", world.terms[waiting], verdict, world.sign(waiting, verdict), 0
    )
    thief.prepare(world.verdicts.address, execute, 1)
    acting(thief, world.database, "fund", 1, 32)
    assert thief.succeeded() == 1
    assert world.database.num_snapshots() == 2
    assert world.database.claimable(waiting, who("worker")) == 0
    assert world.database.claimable(tranche, world.honest) == 8 + 16


# A token that takes a fee


def fee_naive() -> dict[str, int]:
    world, _ = hooked()
    naive = vault(world)
    naive.deposit(1_000, sender=world.honest)
    world.token.set_fee(10)
    before = world.balance(world.attacker)
    naive.deposit(100, sender=world.attacker)
    world.token.set_fee(0)
    naive.withdraw(sender=world.attacker)
    return {"gain": world.balance(world.attacker) - before + 10, "missing for others": 10}


def fee_ours() -> dict[str, int]:
    world, _ = hooked(challenge_bond=10, evaluator_stake=10)
    world.accepted(world.honest, 16)
    request = world.requests.open_request(
        world.dataset, 50, [], world.chain.now + 10_000, digest("h"), digest("r"), digest("p"),
        digest("c"), sender=world.attacker,
    )  # fmt: skip
    proposal = world.propose(world.honest)
    verdict = world.verdict()
    world.token.set_fee(1)
    before = {name: world.balance(one) for name, one in world.contracts.items() if name != "x"}
    calls: list[Callable[[], Any]] = [
        lambda: world.association.deposit(100, sender=world.attacker),
        lambda: world.database.fund(1, 100, sender=world.attacker),
        lambda: world.database.fund_tranche(world.dataset * 10**6 + 1, 1, 9, sender=world.attacker),
        lambda: world.challenges.stake(world.dataset, 100, sender=world.attacker),
        lambda: world.challenges.challenge(
            proposal, verdict, world.sign(proposal, verdict), sender=world.attacker
        ),
        lambda: world.motions.move(
            world.dataset, 1, digest("p"), digest("t"), sender=world.attacker
        ),
        lambda: world.requests.top_up(request, 100, sender=world.attacker),
        lambda: world.requests.open_request(
            world.dataset, 50, [], world.chain.now + 10_000, digest("h"), digest("r"),
            digest("p"), digest("c"), sender=world.attacker,
        ),
    ]  # fmt: skip
    for call in calls:
        with refused("token: fee on transfer"):
            call()
    after = {name: world.balance(one) for name, one in world.contracts.items()}
    assert after == before
    return {"gain": 0, "refused": len(calls)}


@both(fee_naive, fee_ours)
def test_token_that_takes_a_fee(attack: Attack) -> None:
    attack.judge()


# A payee that cannot be paid


def frozen_naive() -> dict[str, int]:
    world, _ = hooked()
    naive = vault(world)
    naive.deposit(100, sender=world.attacker)
    naive.deposit(1_000, sender=world.honest)
    world.token.freeze(world.attacker, True)
    with refused("frozen"):
        naive.settle()
    return {"gain": int(naive.balance_of(world.honest)), "held up": 1_000}


def frozen_ours() -> dict[str, int]:
    world, _ = hooked()
    first = world.accepted(world.attacker, 16)
    other = world.accepted(world.honest, 16)
    world.token.freeze(world.attacker, True)
    frozen_signer = world.evaluators[0].address
    world.token.freeze(frozen_signer, True)
    # A frozen payee and a frozen evaluator: it settles all the same, and everybody else is paid.
    third = world.accepted(who("worker"), 16, world.attacker)
    world.database.fund(3, 96, sender=world.buyer)
    assert world.database.claim(other, sender=world.honest) == 32
    with refused("frozen"):
        world.database.claim_for(first, world.attacker)
    world.association.withdraw(sender=world.honest)
    with refused("frozen"):
        world.association.withdraw_for(frozen_signer)
    credit = world.association.credit_of(frozen_signer)
    assert credit > 0
    world.association.withdraw_for(world.evaluators[1].address)
    waiting = sum(int(world.database.claimable(one, world.attacker)) for one in (first, third))
    assert waiting == 64 == world.balance(world.database)
    world.token.freeze(world.attacker, False)
    world.database.claim_many([first, third], sender=world.attacker)
    assert world.balance(world.database) == 0
    return {"gain": 0, "waited for its owner": waiting}


@both(frozen_naive, frozen_ours)
def test_payee_that_cannot_be_paid(attack: Attack) -> None:
    attack.judge()


# Sent first by somebody else


def authorized(
    world: World, payer: Any, receiver: Bound, amount: int, nonce: bytes, kind: str = "Receive"
) -> tuple[Any, ...]:
    """An EIP-3009 authorization: valid after, valid before, nonce, v, r, s."""
    typehash = keccak(
        text=f"{kind}WithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
        "uint256 validBefore,bytes32 nonce)"
    )
    until = world.chain.now + 10_000
    fields = ["bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32"]
    values = [typehash, payer.address, receiver.address, amount, 0, until, nonce]
    message = keccak(b"\x19\x01" + world.token.DOMAIN_SEPARATOR() + keccak(encode(fields, values)))
    found = payer.unsafe_sign_hash(message)
    return (0, until, nonce, found.v, found.r.to_bytes(32, "big"), found.s.to_bytes(32, "big"))


def sent_first_naive() -> dict[str, int]:
    world = build_world()
    naive = vault(world)
    payer = key("honest")
    parts = authorized(world, payer, naive, 1_000, digest("n"), "Transfer")
    before = world.balance(world.attacker)
    naive.pay_with(payer.address, 1_000, *parts, sender=world.attacker)
    naive.withdraw(sender=world.attacker)
    return {"gain": world.balance(world.attacker) - before}


def sent_first_ours() -> dict[str, int]:
    world = build_world()
    payer = key("honest")
    worths = {one: world.worth(one) for one in (payer.address, world.attacker)}
    deposit = world.association.deposit_of(payer.address)
    parts = authorized(world, payer, world.association, 1_000, digest("n"))
    names = (payer.address, world.association.address, 1_000)
    with refused("token: caller is not the receiver"):
        world.token.receiveWithAuthorization(*names, *parts, sender=world.attacker)
    with refused("token: wrong signature"):
        world.token.transferWithAuthorization(*names, *parts, sender=world.attacker)
    for wrong in ((world.attacker, 1_000), (payer.address, 999)):
        with refused("token: wrong signature"):
            world.association.deposit_with_authorization(*wrong, *parts, sender=world.attacker)
    world.association.deposit_with_authorization(
        payer.address, 1_000, *parts, sender=world.attacker
    )
    assert world.association.deposit_of(payer.address) == deposit + 1_000
    with refused("token: authorization is used"):
        world.association.deposit_with_authorization(payer.address, 1_000, *parts)
    assert {one: world.worth(one) for one in worths} == worths
    return {"gain": world.worth(world.attacker) - worths[world.attacker]}


@both(sent_first_naive, sent_first_ours)
def test_deposit_with_authorization_sent_by_somebody_else(attack: Attack) -> None:
    attack.judge()


def misdirected_naive() -> dict[str, int]:
    # Whoever sends the payer's authorization says what it pays for.
    return sent_first_naive()


def misdirected_ours() -> dict[str, int]:
    world = build_world(weights=[6_000, 3_000, 2_000])
    first = world.accepted(world.honest, 16)
    own = world.accepted(world.attacker, 48)
    payer, database = key("buyer"), world.database
    nonce = digest("n")[:28] + (1).to_bytes(4, "big")
    parts = authorized(world, payer, database, 64, nonce)
    authorization = (payer.address, 64, *parts)
    # The attacker holds shares of snapshot 2 only, and would have it paid.
    with refused("database: other snapshot"):
        database.fund_with_authorization(2, authorization, sender=world.attacker)
    other = (payer.address, 64, 0, parts[1], digest("n")[:28] + (2).to_bytes(4, "big"), *parts[3:])
    with refused("token: wrong signature"):
        database.fund_with_authorization(2, other, sender=world.attacker)
    another = world.create_dataset()
    with refused("database: unknown snapshot"):
        world.database_of(another).fund_with_authorization(1, authorization)
    database.fund_with_authorization(1, authorization, sender=world.attacker)
    assert database.claimable(first, world.honest) == 64
    with refused("token: authorization is used"):
        database.fund_with_authorization(1, authorization)
    return {"gain": database.claimable(own, world.attacker), "paid": 64}


@both(misdirected_naive, misdirected_ours)
def test_fund_with_authorization_sent_by_somebody_else(attack: Attack) -> None:
    attack.judge()


# Pushing somebody's money out


def pushed_naive() -> dict[str, int]:
    world = build_world()
    naive = vault(world)
    naive.deposit(1_000, sender=world.honest)
    # The honest one's next bond was to be paid from it.
    naive.withdraw_for(world.honest, sender=world.attacker)
    return {"gain": 1_000 - naive.balance_of(world.honest)}


def pushed_ours() -> dict[str, int]:
    world = build_world(weights=[6_000, 3_000, 2_000])
    tranche = world.accepted(world.honest, 16)
    evaluator = world.evaluators[0].address
    deposits = {one: world.association.deposit_of(one) for one in (world.honest, evaluator)}
    open_before = world.association.open_of(world.honest)
    world.propose(world.honest)
    credit, hand = world.association.credit_of(evaluator), world.balance(evaluator)
    assert credit > 0
    for one in (world.honest, evaluator):
        world.association.withdraw_for(one, sender=world.attacker)
    assert world.balance(evaluator) == hand + credit
    taken = sum(before - int(world.association.deposit_of(one)) for one, before in deposits.items())
    # Only what the new proposal locks has left a deposit.
    assert taken == BOND + LOCKED
    assert world.association.open_of(world.honest) == open_before + 1
    world.database.fund(1, 32, sender=world.buyer)
    hand = world.balance(world.honest)
    assert world.database.claim_for(tranche, world.honest, sender=world.attacker) == 32
    assert world.balance(world.honest) == hand + 32
    assert world.propose(world.honest) > 0
    return {"gain": taken - BOND - LOCKED}


@both(pushed_naive, pushed_ours)
def test_pushing_money_out_leaves_deposits_where_they_are(attack: Attack) -> None:
    attack.judge()


@pytest.mark.parametrize("account", [who("nobody"), "0x" + "00" * 20])
def test_pushing_nothing_moves_nothing(account: str) -> None:
    world = build_world()
    before = world.balance(world.association)
    assert world.association.withdraw_for(account) == 0
    assert world.balance(world.association) == before
