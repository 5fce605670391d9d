"""What an oracle is: a policy that turns published evidence into a ballot and a reason.

A policy is one file in this folder with a function ``open_policy(settings: bytes | None) ->
Policy``, found by the file's name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from databright.errors import ConfigError
from databright.records.evidence import SignedEvidence
from databright.records.strict_json import JsonValue
from databright.units import BasisPoints, Digest

_NOT_POLICIES = frozenset({"base"})


class Decision(StrEnum):
    """How an oracle decides."""

    ACCEPT = "accept"
    REJECT = "reject"
    ABSTAIN = "abstain"


@dataclass(frozen=True)
class Opinion:
    """A decision with its ground.

    Attributes:
        decision: accept, reject or abstain.
        confidence: how sure it is of that, 1/10,000; 0 where it abstains.
        reason: a sentence with the values.
        policy: digest of the policy that decided.
    """

    decision: Decision
    confidence: BasisPoints
    reason: str
    policy: Digest


class Policy(Protocol):
    """A declared, versioned rule."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of the declared policy: the same digest decides the same."""
        ...

    def decide(
        self, agreed: Sequence[SignedEvidence], figures: Mapping[str, JsonValue] | None
    ) -> Opinion:
        """Decide on one proposal.

        Args:
            agreed: signed evidence of k evaluators that agree; empty while there are fewer.
            figures: the figures that it names, their hash already checked; None if unreadable.
        """
        ...


def policy_names() -> list[str]:
    """Names of the policies that this installation has.

    Returns:
        Module names in this folder, sorted.
    """
    folder = str(Path(__file__).parent)
    names = (module.name for module in pkgutil.iter_modules([folder]))
    return sorted(name for name in names if name not in _NOT_POLICIES)


def open_policy(name: str, settings: bytes | None = None) -> Policy:
    """Open a policy by name.

    Args:
        name: one of `policy_names()`.
        settings: its declaration as JSON; its defaults when None.

    Returns:
        The policy.

    Raises:
        ConfigError: an unknown name.
        MalformedDataError: a declaration that the policy does not read.
    """
    if name not in policy_names():
        raise ConfigError(f"no oracle policy is called {name!r}: use one of {policy_names()}")
    module = importlib.import_module(f"databright.data_market.oracles.{name}")
    policy: Policy = module.open_policy(settings)
    return policy
