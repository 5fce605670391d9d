"""DataBright: a market where data earns dividends and computation is proved."""

from __future__ import annotations

import importlib

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the SDK's `Client` when it is asked for: importing the package opens nothing.

    Raises:
        AttributeError: another name.
    """
    if name == "Client":
        return importlib.import_module("databright.client").Client
    raise AttributeError(f"module 'databright' has no attribute {name!r}")
