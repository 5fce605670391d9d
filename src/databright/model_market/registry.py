"""Registering models that finished jobs made, and reading the model registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import digest_of, fields_of, int_of
from databright.chain.writes import Call, WritePlan
from databright.custody.blobs import read_blob, sha256
from databright.errors import BadInputError, UnknownEntityError
from databright.records.datasets import (
    MAX_CARD_BYTES,
    MAX_TEXT,
    check_text,
    digest_field,
    int_field,
    read_document,
    text_field,
)
from databright.records.point_proof import ModelUse
from databright.records.strict_json import dumps_canonical
from databright.storage.base import Store
from databright.units import Address, Amount, Digest, in_tokens

CARD_KIND: Final = "databright/model/v1"
FINISHED: Final = 3
MAX_PRICE: Final = 2**96 - 1
_OUTCOME = ("buyer", "dataset", "snapshot", "program", "weights", "metric_bps", "status")
_MODEL = (
    "owner", "job", "dataset", "snapshot", "program", "weights", "card", "weights_ref",
    "metric_bps", "price",
)  # fmt: skip


@dataclass(frozen=True)
class ModelCard:
    """What people need to know of a model.

    Attributes:
        title: one line.
        description: free text.
        job: id of the job that trained it.
        dataset: id of the dataset.
        snapshot: the dataset's version.
        program: digest of the program.
        weights: digest of the trained weights, which are in the store in plain.
    """

    title: str
    description: str
    job: int
    dataset: int
    snapshot: int
    program: Digest
    weights: Digest

    def __post_init__(self) -> None:
        """Refuse a card that nobody could read."""
        check_text("title", self.title, 200)
        check_text("description", self.description, MAX_TEXT, empty=True)

    def to_json(self) -> bytes:
        """Write the card.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "kind": CARD_KIND,
                "title": self.title,
                "description": self.description,
                "job": self.job,
                "dataset": self.dataset,
                "snapshot": self.snapshot,
                "program": self.program.hex(),
                "weights": self.weights.hex(),
                "public": True,
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> ModelCard:
        """Read a card that a stranger wrote.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The card.

        Raises:
            MalformedDataError: another document.
            BadInputError: a text that is too long.
        """
        names = {"title", "description", "job", "dataset", "snapshot", "program", "weights"}
        fields = read_document(blob, CARD_KIND, names | {"public"})
        return cls(
            title=text_field(fields, "title"),
            description=text_field(fields, "description"),
            job=int_field(fields, "job"),
            dataset=int_field(fields, "dataset"),
            snapshot=int_field(fields, "snapshot"),
            program=digest_field(fields, "program"),
            weights=digest_field(fields, "weights"),
        )


@dataclass(frozen=True)
class Model:
    """One registered model.

    Attributes:
        id: from 1.
        owner: who sells it.
        job: the job that trained it.
        dataset: the dataset it was trained on.
        snapshot: the dataset's version.
        program: digest of the program.
        weights: digest of the weights.
        card: digest of the card.
        metric_bps: measured accuracy.
        price: of one prediction.
    """

    id: int
    owner: Address
    job: int
    dataset: int
    snapshot: int
    program: Digest
    weights: Digest
    card: Digest
    metric_bps: int
    price: Amount


def num_models(contracts: MarketContracts) -> int:
    """Number of models; ids are 1 to this.

    Args:
        contracts: the market's contracts.

    Returns:
        The count.
    """
    return int(contracts.models.call("num_models"))


def model(contracts: MarketContracts, number: int) -> Model:
    """One model.

    Args:
        contracts: the market's contracts.
        number: its id, from 1.

    Returns:
        The model.

    Raises:
        UnknownEntityError: there is none of that id.
    """
    count = num_models(contracts)
    if not 1 <= number <= count:
        raise UnknownEntityError(
            f"there is no model {number}: this market has {count}; 'databright model list' shows "
            "them"
        )
    values = fields_of(contracts.models.call("model", number), _MODEL)
    return Model(
        id=number,
        owner=Address(str(values["owner"])),
        job=int_of(values["job"]),
        dataset=int_of(values["dataset"]),
        snapshot=int_of(values["snapshot"]),
        program=digest_of(values["program"]),
        weights=digest_of(values["weights"]),
        card=digest_of(values["card"]),
        metric_bps=int_of(values["metric_bps"]),
        price=Amount(int_of(values["price"])),
    )


def uses_of(contracts: MarketContracts, dataset: int, born: int, ended: int) -> list[ModelUse]:
    """Models that were trained on a tranche: by every finished job on a snapshot that had it.

    Args:
        contracts: the market's contracts.
        dataset: id of the dataset.
        born: first snapshot that has the tranche.
        ended: snapshot from which on it is out; 0 = it is in.

    Returns:
        In order of job; a job whose model is not listed has model 0.
    """
    found: list[ModelUse] = []
    for event in contracts.told(contracts.escrow, "JobFinished"):
        job = int(event.args["job"])
        use = _use(contracts, dataset, job)
        if use is not None and born <= use.snapshot and (ended == 0 or use.snapshot < ended):
            found.append(use)
    return found


def compare_use(contracts: MarketContracts, dataset: int, use: ModelUse) -> str:
    """Hold what a proof says of a model against the chain.

    Args:
        contracts: the market's contracts.
        dataset: id of the dataset.
        use: what the proof says.

    Returns:
        What is wrong; empty when the chain says the same.
    """
    count = int(contracts.escrow.call("num_jobs"))
    if not 1 <= use.job <= count:
        return f"the chain has {count} jobs"
    known = _use(contracts, dataset, use.job)
    if known is None:
        return "the chain has no finished job of that number on this dataset"
    if (known.snapshot, known.weights) != (use.snapshot, use.weights):
        return (
            f"on chain job {use.job} used snapshot {known.snapshot}, weights {known.weights.hex()}"
        )
    # A model may have been listed since.
    if use.model not in (0, known.model):
        return f"on chain job {use.job} has model {known.model}"
    return ""


def _use(contracts: MarketContracts, dataset: int, job: int) -> ModelUse | None:
    values = fields_of(contracts.escrow.call("outcome", job), _OUTCOME)
    if int_of(values["dataset"]) != dataset or int_of(values["status"]) != FINISHED:
        return None
    return ModelUse(
        model=int(contracts.models.call("model_of_job", job)),
        job=job,
        snapshot=int_of(values["snapshot"]),
        weights=digest_of(values["weights"]),
    )


def model_card(store: Store, found: Model) -> ModelCard:
    """The card of a model.

    Args:
        store: the content store.
        found: the model.

    Returns:
        Its card.

    Raises:
        StorageError: the card is not here.
        MalformedDataError: it is no card.
    """
    return ModelCard.from_json(read_blob(store, found.card, MAX_CARD_BYTES))


def plan_registration(
    contracts: MarketContracts,
    owner: Address,
    job: int,
    *,
    title: str,
    description: str,
    price: Amount,
) -> WritePlan:
    """Plan the registration of a finished job's model.

    Args:
        contracts: the market's contracts.
        owner: the job's buyer.
        job: id of the job.
        title: one line.
        description: free text.
        price: of one prediction, base units.

    Returns:
        The card's blob and one transaction.

    Raises:
        UnknownEntityError: no such job.
        BadInputError: an unfinished job, another's job, a model that is registered already, or a
            price out of range.
    """
    count = int(contracts.escrow.call("num_jobs"))
    if not 1 <= job <= count:
        raise UnknownEntityError(
            f"there is no job {job}: this market has {count}; 'databright job show' shows one"
        )
    values = fields_of(contracts.escrow.call("outcome", job), _OUTCOME)
    if values["buyer"] != owner:
        raise BadInputError(
            f"job {job} was bought by {values['buyer']}: only its buyer registers its model"
        )
    if values["status"] != FINISHED:
        raise BadInputError(f"job {job} is not finished: register its model when it is")
    known = int(contracts.models.call("model_of_job", job))
    if known:
        raise BadInputError(f"job {job} has its model already: it is model {known}")
    if not 0 <= price <= MAX_PRICE:
        raise BadInputError(f"the price {price} is out of range: use 0 to {MAX_PRICE} base units")
    weights = digest_of(values["weights"])
    card = ModelCard(
        title=title,
        description=description,
        job=job,
        dataset=int_of(values["dataset"]),
        snapshot=int_of(values["snapshot"]),
        program=digest_of(values["program"]),
        weights=weights,
    ).to_json()
    call = Call(
        contracts.models,
        "register",
        (job, sha256(card), weights, price),
        f"register the model of job {job} at {in_tokens(price)} for a prediction",
    )
    return WritePlan((call,), (card,))
