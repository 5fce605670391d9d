"""What a worker owner does: offer a machine, with a fee, a stake and the nodes that it trusts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from databright.chain.structs import digest_of, fields_of, int_of, values_of
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.client.writing import Desk, Written
from databright.compute_market.jobs import NUMERIC_CLASS
from databright.errors import BadInputError
from databright.transport.tls import TlsIdentity
from databright.units import Address, Amount, in_tokens

MAX_SERVED: Final = 16
"""Nodes that one transaction names."""
_WORKER: Final = (
    "min_fee", "stake", "tls_pin", "numeric_class", "barred", "leaving_at", "registered_at",
)  # fmt: skip
_NODE: Final = ("tls_pin", "hpke_key", "endpoint")


@dataclass(frozen=True)
class WorkerOffer:
    """What the registry holds of an owner.

    Attributes:
        owner: its address.
        is_registered: whether it has an entry.
        min_fee: least pay for one replica of one segment.
        stake: what it would lose for a wrong result.
        barred: whether it was caught and gets no more work.
        is_leaving: whether it waits for its stake.
    """

    owner: Address
    is_registered: bool
    min_fee: Amount
    stake: Amount
    barred: bool
    is_leaving: bool


class WorkerView:
    """An owner's offer.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.contracts.workers
        self._me = desk.actor.address

    def offer(self, owner: Address | None = None) -> WorkerOffer:
        """What the registry holds of an owner.

        Args:
            owner: whose; the actor's own when None.

        Returns:
            The offer, with is_registered False where there is none.
        """
        who = owner or self._me
        values = fields_of(self._registry.call("worker", who), _WORKER)
        return WorkerOffer(
            owner=who,
            is_registered=int_of(values["registered_at"]) != 0,
            min_fee=Amount(int_of(values["min_fee"])),
            stake=Amount(int_of(values["stake"])),
            barred=bool(values["barred"]),
            is_leaving=int_of(values["leaving_at"]) != 0,
        )

    def min_stake(self) -> Amount:
        """Least stake of an owner in this market.

        Returns:
            Base units.
        """
        return Amount(int(self._registry.call("min_stake")))

    def register(
        self,
        *,
        min_fee: Amount,
        stake: Amount | None = None,
        serve: Sequence[Address],
        dry_run: bool = False,
    ) -> Written:
        """Enter the actor as a worker owner and lock its stake.

        Args:
            min_fee: least pay for one replica of one segment, base units.
            stake: base units; the market's least when None.
            serve: operators of the nodes that it works for; each can take the stake by a verdict.
            dry_run: show only.

        Returns:
            What was done.

        Raises:
            BadInputError: registered or barred already, a stake below the least or above what
                the actor has, no node, or one that is not registered.
        """
        least = self.min_stake()
        locked = least if stake is None else stake
        self._check(min_fee, locked, least, serve)
        keys = self._desk.actor.keys
        identity = TlsIdentity(keys.tls_key_pem, keys.tls_certificate_pem)
        token = self._desk.market.contracts.token
        check_money(token, self._me, locked, "the stake")
        calls = (
            *approval(token, self._me, self._registry, locked),
            Call(
                self._registry,
                "register",
                (min_fee, identity.pin, NUMERIC_CLASS, locked),
                f"offer a machine with {in_tokens(locked)} tokens at stake",
            ),
            Call(self._registry, "serve", (list(serve),), f"work for {len(serve)} nodes"),
        )
        return self._desk.write(WritePlan(calls, (identity.cert_der,)), dry_run=dry_run)

    def check_ready(self) -> WorkerOffer:
        """Make sure that the actor may get work.

        Returns:
            Its offer.

        Raises:
            BadInputError: not registered, barred, leaving, or its stake is below the least.
        """
        found, least = self.offer(), self.min_stake()
        if found.barred:
            raise BadInputError(
                f"{self._me} was caught with a wrong result and is barred for good: work with "
                "another key"
            )
        if not found.is_registered:
            raise BadInputError(
                f"{self._me} is no worker of this market: register first with "
                "'databright worker register'"
            )
        if found.is_leaving or found.stake < least:
            raise BadInputError(
                f"{self._me} gets no new work: "
                + ("it is leaving the market" if found.is_leaving else _below(found.stake, least))
            )
        return found

    def _check(
        self, min_fee: Amount, stake: Amount, least: Amount, serve: Sequence[Address]
    ) -> None:
        found = self.offer()
        if found.barred or found.is_registered:
            raise BadInputError(
                f"{self._me} is "
                + ("barred for good" if found.barred else "a worker of this market already")
                + ": register another key"
            )
        if min_fee < 0:
            raise BadInputError(f"the least fee is {min_fee}: use 0 or more")
        if stake < least:
            raise BadInputError(_below(stake, least))
        if not 1 <= len(set(serve)) <= MAX_SERVED or len(set(serve)) != len(serve):
            raise BadInputError(
                f"{len(serve)} nodes to work for: name 1 to {MAX_SERVED} different ones that you "
                "trust (--serve)"
            )
        for node in serve:
            pin = values_of(self._registry.call("node", node), _NODE)[0]
            if not any(digest_of(pin)):
                raise BadInputError(
                    f"{node} is no registered trusted node: name an operator's address, or the "
                    "name of its key in this home, e.g. node-1"
                )


def _below(stake: Amount, least: Amount) -> str:
    return (
        f"a stake of {in_tokens(stake)} tokens is below this market's least of "
        f"{in_tokens(least)}: lock at least {in_tokens(least)}"
    )
