"""The money view: what counts as in, out and inside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from databright.units import Address, Amount
from databright.views.money import ZERO_ADDRESS, Transfer, conservation, payments_out

ESCROW = Address("0x00000000000000000000000000000000000000E1")
DATABASE = Address("0x00000000000000000000000000000000000000D1")
WORKER = Address("0x00000000000000000000000000000000000000A1")
BUYER = Address("0x00000000000000000000000000000000000000b1")
CONTRACTS = {ESCROW: "JobEscrow", DATABASE: "Database"}


def moved(sender: Address, receiver: Address, amount: int) -> Transfer:
    return Transfer(sender, receiver, Amount(amount), "0x", 1)


def test_payments_name_role_and_reason_and_leave_out_what_stays_inside() -> None:
    transfers = [
        moved(ZERO_ADDRESS, BUYER, 100),
        moved(BUYER, ESCROW, 50),
        moved(ESCROW, DATABASE, 10),
        moved(ESCROW, WORKER, 7),
        moved(ESCROW, ZERO_ADDRESS, 3),
    ]
    found = payments_out(transfers, CONTRACTS, {WORKER: ("contributor", "worker")})
    assert [(p.to, p.role, p.amount) for p in found] == [
        (WORKER, "worker", 7),
        (ZERO_ADDRESS, "burn", 3),
    ]
    assert found[0].why == "wages"


def test_a_missing_unit_shows_as_a_difference() -> None:
    transfers = [moved(BUYER, ESCROW, 50), moved(ESCROW, WORKER, 7)]
    assert conservation(transfers, CONTRACTS, Amount(43)).difference == 0
    assert conservation(transfers, CONTRACTS, Amount(42)).difference == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ESCROW, DATABASE, WORKER, BUYER]),
            st.sampled_from([ESCROW, DATABASE, WORKER, BUYER, ZERO_ADDRESS]),
            st.integers(0, 9),
        )
    )
)
def test_in_minus_out_is_what_the_contracts_gained(
    moves: list[tuple[Address, Address, int]],
) -> None:
    held = dict.fromkeys(CONTRACTS, 0)
    for sender, receiver, amount in moves:
        if sender in held:
            held[sender] -= amount
        if receiver in held:
            held[receiver] += amount
    sums = conservation([moved(*m) for m in moves], CONTRACTS, Amount(sum(held.values())))
    assert sums.difference == 0
