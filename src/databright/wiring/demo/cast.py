"""Who plays in the demo, and with which rows: all drawn from one seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from databright.records.rows import Rows, Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_CONTRIBUTORS = 7
NUM_WORKERS = 6
NUM_NODES = 4
CURATORS = ("curator-1", "curator-2", "curator-3")
DUTIES = ("override", "takedown", "batch", "revision", "relay")
"""What the honest proposals show, in their order."""
PARTNER = "partner"
"""Owns a part of the batch."""
INVESTOR = "investor"
"""Buys shares of the first accepted tranche."""
LIARS = ("node-3", "node-4")
"""Evaluators who sign a false verdict on the flipped set."""
ROWS_EACH = 200
HOLDOUT_ROWS = 597
FLIPPED_SHARE = 0.6
NOISE = 0.01
SCHEMA = Schema(num_features=64, num_classes=10, low=0.0, high=1.0)


@dataclass(frozen=True)
class Part:
    """One contributor's part.

    Attributes:
        name: keystore name.
        kind: "honest", "flipped" or "copy".
        rows: what it proposes.
        copies: name of the contributor whose rows it resubmits, or None.
    """

    name: str
    kind: str
    rows: Rows
    copies: str | None = None


@dataclass(frozen=True)
class Cast:
    """Everybody, in the order in which they propose.

    Attributes:
        seed: what all of it was drawn from.
        parts: contributors in order of proposal; the first is honest.
        holdout: rows that only the request's evaluators see until it is retired.
        liar: name of the worker that returns wrong weights.
    """

    seed: int
    parts: tuple[Part, ...]
    holdout: Rows
    liar: str

    @property
    def honest(self) -> list[Part]:
        """Honest parts in order of proposal; what becomes of each is `DUTIES`."""
        return [part for part in self.parts if part.kind == "honest"]

    def duty(self, part: Part) -> str:
        """What a part has to show.

        Args:
            part: one of the parts.

        Returns:
            One of `DUTIES`, "challenge" for the flipped set, "" for the copy.
        """
        if part.kind == "honest":
            return DUTIES[self.honest.index(part)]
        return "challenge" if part.kind == "flipped" else ""

    def on_duty(self, duty: str) -> Part:
        """The honest part that shows something.

        Args:
            duty: one of `DUTIES`.

        Returns:
            The part.
        """
        return self.honest[DUTIES.index(duty)]

    @property
    def workers(self) -> list[str]:
        """Names of the worker owners."""
        return [f"worker-{i}" for i in range(1, NUM_WORKERS + 1)]

    @property
    def nodes(self) -> list[str]:
        """Names of the node operators."""
        return [f"node-{i}" for i in range(1, NUM_NODES + 1)]

    @property
    def actors(self) -> list[str]:
        """Names of everybody who has a key, the deployer first."""
        return [
            "deployer",
            "initiator",
            *CURATORS,
            "oracle",
            PARTNER,
            INVESTOR,
            *sorted(part.name for part in self.parts),
            *self.nodes,
            *self.workers,
            "developer",
            "customer",
        ]


def _generator(seed: int, label: str) -> np.random.Generator:
    digest = hashlib.sha256(f"databright/demo/v1|{seed}|{label}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def draw_cast(seed: int) -> Cast:
    """Draw everybody's part from the seed.

    Args:
        seed: any integer >= 0.

    Returns:
        The cast. The digits of scikit-learn (1,797 images of 8 x 8 grey values, scaled to
        0..1) are split into a holdout and six disjoint sets; the copier takes one of them.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    x_NF: NDArray[np.float32] = (digits.data / 16.0).astype(np.float32)
    y_N: NDArray[np.int64] = digits.target.astype(np.int64)
    order = _generator(seed, "rows").permutation(len(y_N))
    holdout = Rows(x_NF[order[:HOLDOUT_ROWS]], y_N[order[:HOLDOUT_ROWS]])
    sets = [
        Rows(x_NF[chosen], y_N[chosen])
        for chosen in (
            order[HOLDOUT_ROWS + i * ROWS_EACH : HOLDOUT_ROWS + (i + 1) * ROWS_EACH]
            for i in range(NUM_CONTRIBUTORS - 1)
        )
    ]
    roles = _generator(seed, "roles")
    names = [f"contributor-{i}" for i in roles.permutation(np.arange(1, NUM_CONTRIBUTORS + 1))]
    honest = [Part(name, "honest", rows) for name, rows in zip(names[:5], sets[:5], strict=True)]
    flipped = Part(names[5], "flipped", _flip(sets[5], _generator(seed, "flips")))
    victim = honest[int(roles.integers(5))]
    copy = Part(names[6], "copy", _disturb(victim.rows, _generator(seed, "noise")), victim.name)
    # The first proposal is honest: an empty dataset gives nothing to measure harm against. The
    # copier comes after its victim, whose rows it cannot have before.
    # The flipped set comes last: two evaluators lie about it, and count no more from then on.
    parts = [honest[0], *(honest[1 + i] for i in roles.permutation(len(honest) - 1))]
    after = next(i for i, part in enumerate(parts) if part.name == victim.name) + 1
    parts.insert(int(roles.integers(after, len(parts) + 1)), copy)
    parts.append(flipped)
    liar = f"worker-{int(roles.integers(1, NUM_WORKERS + 1))}"
    return Cast(seed, tuple(parts), holdout, liar)


def _flip(rows: Rows, generator: np.random.Generator) -> Rows:
    labels = rows.y_N.copy()
    chosen = generator.permutation(len(labels))[: round(len(labels) * FLIPPED_SHARE)]
    shift = generator.integers(1, SCHEMA.num_classes, size=len(chosen))
    labels[chosen] = (labels[chosen] + shift) % SCHEMA.num_classes
    return Rows(rows.x_NF, labels)


def _disturb(rows: Rows, generator: np.random.Generator) -> Rows:
    noise = generator.normal(0.0, NOISE, size=rows.x_NF.shape)
    return Rows(np.clip(rows.x_NF + noise, 0.0, 1.0).astype(np.float32), rows.y_N.copy())
