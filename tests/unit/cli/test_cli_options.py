from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databright.cli._options import amount, period, plain, tokens
from databright.errors import BadInputError


@given(st.integers(0, 10**24))
def test_amounts_survive_their_text(value: int) -> None:
    assert amount(tokens(value)) == value


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("1", 10**6), ("12.5", 12_500_000), ("0.000001", 1)]
)
def test_amounts_are_tokens(text: str, value: int) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["", "-1", "1.", ".5", "1e3", "1.0000001", "01", "1 000"])
def test_other_texts_are_no_amounts(text: str) -> None:
    with pytest.raises(BadInputError, match=r"12\.5"):
        amount(text)


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("15m", 900), ("2w", 1_209_600)])
def test_periods_carry_a_unit(text: str, value: int) -> None:
    assert period(text) == value


@pytest.mark.parametrize("text", ["", "90", "0s", "1y", "-1d", "1.5h"])
def test_other_texts_are_no_periods(text: str) -> None:
    with pytest.raises(BadInputError, match="36h"):
        period(text)


def test_large_numbers_are_strings_in_json() -> None:
    assert plain({"a": 2**53 - 1, "b": 2**53, "c": b"\x01", "d": (True, None)}) == {
        "a": 2**53 - 1,
        "b": str(2**53),
        "c": "01",
        "d": [True, None],
    }
