"""One market's contracts, bound to a chain."""

from __future__ import annotations

from databright.chain.base import Chain
from databright.chain.bindings import Artifact, Contract, Event
from databright.errors import UnknownEntityError
from databright.records.deployment import Deployment
from databright.units import Address


class MarketContracts:
    """The contracts of one deployment, ready to be called.

    Attributes:
        chain: the chain that they are on.
        deployment: their addresses.
        token: MarketToken.
        curator_token: CuratorToken.
        association: DataAssociation.
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
        self.workers = self._bind("WorkerRegistry")
        self.escrow = self._bind("JobEscrow")
        self.models = self._bind("ModelRegistry")
        self.predictions = self._bind("PredictionMarket")
        self.discussion = self._bind("DiscussionAnchor")
        self._databases: dict[int, Contract] = {}

    def _bind(self, name: str) -> Contract:
        return Contract(self.chain, self.deployment.addresses[name], Artifact.load(name))

    def database(self, dataset: int) -> Contract:
        """The Database contract of a dataset.

        Args:
            dataset: id, from 1.

        Returns:
            The bound contract.

        Raises:
            UnknownEntityError: the association knows no such dataset.
        """
        known = self._databases.get(dataset)
        if known is not None:
            return known
        count = int(self.association.call("num_datasets"))
        if not 1 <= dataset <= count:
            raise UnknownEntityError(
                f"there is no dataset {dataset}: this market has {count}; "
                "'databright dataset list' shows them"
            )
        address = Address(str(self.association.call("database_of", dataset)))
        bound = Contract(self.chain, address, Artifact.load("Database"))
        self._databases[dataset] = bound
        return bound

    def all_contracts(self) -> list[Contract]:
        """Every contract of the market, the databases included, the token first.

        Returns:
            Bound contracts.
        """
        count = int(self.association.call("num_datasets"))
        return [
            self.token,
            self.curator_token,
            self.association,
            self.workers,
            self.escrow,
            self.models,
            self.predictions,
            self.discussion,
            *(self.database(dataset) for dataset in range(1, count + 1)),
        ]

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
