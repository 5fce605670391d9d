"""The model registry as its users see it."""

from __future__ import annotations

from databright.client.writing import Desk, Made, Written
from databright.model_market.registry import (
    Model,
    ModelCard,
    model,
    model_card,
    num_models,
    plan_registration,
)
from databright.units import Amount


class ModelView:
    """Registered models.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._contracts = desk.market.contracts

    def register(
        self, job: int, *, title: str, price: Amount, description: str = "", dry_run: bool = False
    ) -> Written:
        """Register the model of a finished job.

        Args:
            job: its id; the actor bought it.
            title: one line.
            price: of one prediction, base units.
            description: free text.
            dry_run: show only.

        Returns:
            What was done, with the model's id.
        """
        plan = plan_registration(
            self._contracts,
            self._desk.actor.address,
            job,
            title=title,
            description=description,
            price=price,
        )
        made = Made(self._contracts.models, "ModelRegistered", "model")
        return self._desk.write(plan, made, dry_run=dry_run)

    def list(self) -> list[Model]:
        """All models.

        Returns:
            In order of id.
        """
        return [model(self._contracts, n) for n in range(1, num_models(self._contracts) + 1)]

    def show(self, number: int) -> Model:
        """One model.

        Args:
            number: its id.

        Returns:
            The model with its lineage.
        """
        return model(self._contracts, number)

    def card(self, number: int) -> ModelCard:
        """A model's card.

        Args:
            number: its id.

        Returns:
            The card.
        """
        return model_card(self._desk.market.store, model(self._contracts, number))
