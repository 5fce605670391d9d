"""The SDK's entry: one home, one actor, a view for each role."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from databright.client.buyer import BuyerView
from databright.client.contributor import ContributorView
from databright.client.curator import CuratorView
from databright.client.discussion import DiscussionView
from databright.client.discussion_ways import LocalWay, RemoteWay
from databright.client.evaluator import EvaluatorView
from databright.client.governance import GovernanceView
from databright.client.initiator import InitiatorView
from databright.client.models import ModelView
from databright.client.provenance import ProvenanceView
from databright.client.shareholder import ShareholderView
from databright.client.wallet import WalletView
from databright.client.worker import WorkerView
from databright.client.writing import Desk
from databright.units import Address
from databright.wiring.discussion import domain_of, open_door, open_log, publisher_of
from databright.wiring.session import Actor, OpenMarket, keystore, open_actor, open_market


class Client:
    """An actor in a market.

    Methods of the views are called like the command line's verbs. They return frozen records and
    raise only errors of `databright.errors`. Every method that writes takes `dry_run=True`.

    Args:
        home: the home folder of the market.
        actor: name of a key in its keystore.
        passphrase: of that key; taken from DATABRIGHT_PASSPHRASE when None.

    Raises:
        ConfigError: no market in the folder.
        BadInputError: no actor of that name.
        CustodyError: a wrong passphrase.
        ChainError: the chain cannot be reached, or is another one.
    """

    def __init__(self, home: str | Path, actor: str, passphrase: str | None = None) -> None:
        self._market = open_market(Path(home))
        self._desk = Desk(self._market, open_actor(Path(home), actor, passphrase))

    @property
    def market(self) -> OpenMarket:
        """The market: contracts, store and registry."""
        return self._market

    @property
    def actor(self) -> Actor:
        """The actor with its unlocked keys."""
        return self._desk.actor

    @property
    def address(self) -> Address:
        """The actor's address."""
        return self._desk.actor.address

    def keystore_names(self) -> list[str]:
        """Names of the keys in the home's keystore.

        Returns:
            Sorted names.
        """
        return keystore(self._market.home).names()

    @cached_property
    def initiator(self) -> InitiatorView:
        """Datasets and requests."""
        return InitiatorView(self._desk)

    @cached_property
    def contributor(self) -> ContributorView:
        """Proposals and what became of them."""
        return ContributorView(self._desk)

    @cached_property
    def shareholder(self) -> ShareholderView:
        """Shares and their income."""
        return ShareholderView(self._desk)

    @cached_property
    def provenance(self) -> ProvenanceView:
        """Points of accepted data and their proofs."""
        return ProvenanceView(self._desk)

    @cached_property
    def curator(self) -> CuratorView:
        """Votes and lent weight."""
        return CuratorView(self._desk)

    @cached_property
    def buyer(self) -> BuyerView:
        """Jobs and paid predictions."""
        return BuyerView(self._desk)

    @cached_property
    def models(self) -> ModelView:
        """The model registry."""
        return ModelView(self._desk)

    @cached_property
    def evaluator(self) -> EvaluatorView:
        """Stakes of evaluators, and retiring holdouts."""
        return EvaluatorView(self._desk)

    @cached_property
    def discussion(self) -> DiscussionView:
        """Threads, drafts and notices in this home's database."""
        log = open_log(self._market.home)
        way = LocalWay(log, open_door(self._market, log), publisher_of(self._market.home))
        return DiscussionView(self._desk, way)

    def discussion_at(self, url: str) -> DiscussionView:
        """The same over HTTP.

        Args:
            url: address of the page of this market, e.g. http://127.0.0.1:8000/.

        Returns:
            The view.
        """
        domain = domain_of(self._market.deployment)
        return DiscussionView(self._desk, RemoteWay(url, domain.chain_id, domain.contract))

    @cached_property
    def governance(self) -> GovernanceView:
        """Challenges, motions and takedowns."""
        return GovernanceView(self._desk)

    @cached_property
    def wallet(self) -> WalletView:
        """Balances, credits and withdrawals."""
        return WalletView(self._desk)

    @cached_property
    def worker(self) -> WorkerView:
        """A worker owner's offer."""
        return WorkerView(self._desk)
