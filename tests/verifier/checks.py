"""A list of checks: what was told, what was found, and whether they are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

_SHOWN = 160
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BadSignature,
    DecodingError,
    ValidationError,
    LookupError,
    OSError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What reading a malformed story, export or blob can raise."""


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        name: of what.
        ok: whether both are the same.
        told: by the story, or by a signed blob.
        found: by this verifier.
    """

    name: str
    ok: bool
    told: str
    found: str

    def __str__(self) -> str:
        """One line."""
        return f"{'ok  ' if self.ok else 'FAIL'} {self.name}: {self.told} | {self.found}"


def _short(value: Any) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


@dataclass
class Checks:
    """All comparisons so far."""

    lines: list[Check] = field(default_factory=list)

    def same(self, name: str, told: Any, found: Any) -> bool:
        """Compare two values of one figure."""
        ok = type(told) is type(found) and bool(told == found)
        self.lines.append(Check(name, ok, _short(told), _short(found)))
        return ok

    def holds(self, name: str, condition: bool, said: Any = "") -> bool:
        """Note whether a statement is true."""
        self.lines.append(Check(name, bool(condition), _short(said), str(bool(condition))))
        return bool(condition)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """What cannot be read at all is a failed check, and the next section goes on."""
        try:
            yield
        except UNREADABLE as error:
            said = f"{type(error).__name__}: {error}"
            self.lines.append(Check(f"{name} can be read", False, _short(said), "False"))

    @property
    def failed(self) -> list[Check]:
        """Checks that do not hold."""
        return [line for line in self.lines if not line.ok]
