from __future__ import annotations

import pytest

from databright.discussion.notices import MAX_MENTIONS, mentioned
from databright.errors import BadInputError
from tests.discussing import KEYS, address

NAMES = {name: address(name) for name in KEYS}
HOLDER = address("holder")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("@holder", ["holder"]),
        ("thanks, @holder.", ["holder"]),
        ("(@holder,@node)", ["holder", "node"]),
        ("**@holder**", ["holder"]),
        ("@holder @holder", ["holder"]),
        (f"@{HOLDER}", ["holder"]),
        (f"@{HOLDER.lower()}!", ["holder"]),
        ("> @holder said", ["holder"]),
        ("@nobody-known", []),
        ("@Holder", []),
        ("@holders", []),
        ("me@holder", []),
        ("a.b@holder.example", []),
        ("https://social.example/@holder", []),
        (f"@{HOLDER}ab", []),
        ("`@holder`", []),
        ("```\n@holder\n```", []),
        ("```py\n@holder\n", []),
        ("~~~\n@holder\n~~~\n@node", ["node"]),
        ("@", []),
        ("@@holder", []),
    ],
)
def test_mentions_are_found_in_prose_alone(body: str, names: list[str]) -> None:
    assert mentioned(body, NAMES) == [address(name) for name in names]


def test_nobody_calls_everybody() -> None:
    many = " ".join(f"@0x{number:040x}" for number in range(1, MAX_MENTIONS + 2))
    with pytest.raises(BadInputError, match="mention at most 20"):
        mentioned(many, NAMES)
    assert len(mentioned(many.rsplit(" ", 1)[0], NAMES)) == MAX_MENTIONS
