"""Ready-made programs, one file each, found by their file's name.

A builder is a module of this folder with a function
`build(input_shape, num_classes, seed, **settings) -> (Program, weights)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from databright.errors import UnknownEntityError
from databright.programs.oplist import Program


class Build(Protocol):
    """A builder's function; settings left out take the builder's own values."""

    def __call__(
        self, input_shape: tuple[int, ...], num_classes: int, seed: int, **settings: float
    ) -> tuple[Program, dict[str, NDArray[Any]]]:
        """Make a program and its first weights."""
        ...


def builder_names() -> list[str]:
    """Names of all builders, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def builder(name: str) -> Build:
    """The builder of that name.

    Args:
        name: one of `builder_names()`.

    Returns:
        Its function.

    Raises:
        UnknownEntityError: there is no such builder.
    """
    if name not in builder_names():
        raise UnknownEntityError(f"no builder {name[:80]!r}: choose one of {builder_names()}")
    return cast(Build, importlib.import_module(f"{__name__}.{name}").build)
