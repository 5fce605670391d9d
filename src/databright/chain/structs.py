"""Reading the values that contracts return, however a binding hands them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from databright.errors import MalformedDataError
from databright.units import Digest


def values_of(struct: object, names: Sequence[str]) -> list[object]:
    """A struct's values in the order of its fields.

    Args:
        struct: mapping by name or sequence by position.
        names: the fields in order.

    Returns:
        One value for each name.

    Raises:
        MalformedDataError: another form: the contract is not of this version.
    """
    if isinstance(struct, Mapping) and all(name in struct for name in names):
        return [struct[name] for name in names]
    if isinstance(struct, Sequence) and len(struct) >= len(names):
        return list(struct[: len(names)])
    raise MalformedDataError(
        f"a contract returned {str(struct)[:80]!r} where {', '.join(names)} were expected: this "
        "market was deployed by another version"
    )


def fields_of(struct: object, names: Sequence[str]) -> dict[str, object]:
    """A struct's values by the names of its fields.

    Args:
        struct: mapping by name or sequence by position.
        names: the fields in order.

    Returns:
        name -> value.

    Raises:
        MalformedDataError: another form: the contract is not of this version.
    """
    return dict(zip(names, values_of(struct, names), strict=True))


def int_of(value: object) -> int:
    """A returned number.

    Args:
        value: what a contract returned.

    Returns:
        The number.

    Raises:
        MalformedDataError: it is none.
    """
    if not isinstance(value, int):
        raise MalformedDataError(f"a contract returned {str(value)[:80]!r}, not a number")
    return int(value)


def digest_of(value: object) -> Digest:
    """A returned digest.

    Args:
        value: what a contract returned.

    Returns:
        32 bytes.

    Raises:
        MalformedDataError: it is none.
    """
    if not isinstance(value, bytes) or len(value) != 32:
        raise MalformedDataError(f"a contract returned {str(value)[:80]!r}, not a digest")
    return Digest(bytes(value))
