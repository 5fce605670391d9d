"""One market's contracts, bound to a chain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from databright.chain.base import Chain
from databright.chain.bindings import Artifact, Contract, Event
from databright.chain.proposal_terms import TermsBook
from databright.errors import UnknownEntityError
from databright.records.deployment import Deployment
from databright.units import Address


class MarketContracts:
    """The contracts of one deployment, ready to be called.

    Attributes:
        chain: the chain that they are on.
        deployment: their addresses.
        token: MarketToken.
        curator_token: CuratorToken: votes and ballots.
        association: DataAssociation: proposals, deposits, bonds and fees.
        verdicts: Verdicts: what evaluators signed, and what becomes of a proposal.
        challenges: Challenges: evaluators' stakes and challenged verdicts.
        pools: ValuePools: income that is divided by measured values.
        charter: Charter: datasets and their rules.
        motions: Motions: changes of rules and takedowns.
        requests: DataRequests: who asks for data.
        workers: WorkerRegistry.
        escrow: JobEscrow.
        models: ModelRegistry.
        predictions: PredictionMarket.
        discussion: DiscussionAnchor.
    """

    def __init__(self, chain: Chain, deployment: Deployment) -> None:
        self.chain = chain
        self.deployment = deployment
        self.token = self._bind("MarketToken")
        self.curator_token = self._bind("CuratorToken")
        self.association = self._bind("DataAssociation")
        self.verdicts = self._bind("Verdicts")
        self.challenges = self._bind("Challenges")
        self.pools = self._bind("ValuePools")
        self.charter = self._bind("Charter")
        self.motions = self._bind("Motions")
        self.requests = self._bind("DataRequests")
        self.workers = self._bind("WorkerRegistry")
        self.escrow = self._bind("JobEscrow")
        self.models = self._bind("ModelRegistry")
        self.predictions = self._bind("PredictionMarket")
        self.discussion = self._bind("DiscussionAnchor")
        self._databases: dict[int, Contract] = {}

    def _bind(self, name: str) -> Contract:
        return Contract(self.chain, self.deployment.addresses[name], Artifact.load(name))

    @cached_property
    def terms(self) -> TermsBook:
        """Terms of proposals, read once each and verified."""
        return TermsBook(self.association, self.deployment.block)

    def database(self, dataset: int) -> Contract:
        """The Database contract of a dataset.

        Args:
            dataset: id, from 1.

        Returns:
            The bound contract.

        Raises:
            UnknownEntityError: the charter knows no such dataset.
        """
        known = self._databases.get(dataset)
        if known is not None:
            return known
        count = int(self.charter.call("num_datasets"))
        if not 1 <= dataset <= count:
            raise UnknownEntityError(
                f"there is no dataset {dataset}: this market has {count}; "
                "'databright dataset list' shows them"
            )
        address = Address(str(self.charter.call("database_of", dataset)))
        bound = Contract(self.chain, address, Artifact.load("Database"))
        self._databases[dataset] = bound
        return bound

    def fixed_contracts(self) -> list[Contract]:
        """Every contract of the market but the databases, the token first.

        Returns:
            Bound contracts.
        """
        return [
            self.token,
            self.curator_token,
            self.association,
            self.verdicts,
            self.challenges,
            self.pools,
            self.charter,
            self.motions,
            self.requests,
            self.workers,
            self.escrow,
            self.models,
            self.predictions,
            self.discussion,
        ]

    def all_contracts(self) -> list[Contract]:
        """Every contract of the market, the databases included, the token first.

        Returns:
            Bound contracts.
        """
        count = int(self.charter.call("num_datasets"))
        databases = [self.database(dataset) for dataset in range(1, count + 1)]
        return [*self.fixed_contracts(), *databases]

    def told(
        self, contract: Contract, event: str, topics: Sequence[Sequence[bytes]] = ()
    ) -> list[Event]:
        """Events of one name that a contract emitted, found by their indexed parameters.

        Args:
            contract: who emitted them.
            event: the event's name.
            topics: for each indexed parameter the words that are wanted; none means any.

        Returns:
            Decoded events in chain order.
        """
        last = self.chain.head().number
        wanted = [[contract.topic(event)], *topics]
        logs = self.chain.logs(self.deployment.block, last, [contract.address], wanted)
        return contract.events(logs)

    def events(self, from_block: int | None = None, to_block: int | None = None) -> list[Event]:
        """Decoded events of all the market's contracts in chain order.

        Args:
            from_block: first block; the deployment's when None.
            to_block: last block; the head when None.

        Returns:
            Events by (block, log index).
        """
        first = self.deployment.block if from_block is None else from_block
        last = self.chain.head().number if to_block is None else to_block
        contracts = self.all_contracts()
        logs = self.chain.logs(first, last, [contract.address for contract in contracts])
        found: list[Event] = []
        for contract in contracts:
            found.extend(contract.events([log for log in logs if log.address == contract.address]))
        return sorted(found, key=lambda event: (event.block_number, event.log_index))
