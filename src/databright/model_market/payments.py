"""Paying for predictions: the request on chain, and its refund."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import digest_of, fields_of, int_of
from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.custody.blobs import sha256
from databright.errors import BadInputError, UnknownEntityError
from databright.model_market.registry import model
from databright.units import Address, Amount, Digest, Seconds, in_tokens

STATUSES: Final = ("none", "open", "fulfilled", "refunded")
OPEN: Final = 1
FULFILLED: Final = 2
_PREDICTION = (
    "model", "payer", "input", "price", "owner", "dataset", "snapshot", "weights",
    "requested_at", "status", "output",
)  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """One paid prediction.

    Attributes:
        id: from 1.
        model: the model.
        payer: who pays.
        input: digest of the samples' blob.
        price: paid, base units.
        requested_at: chain time.
        status: 1 open, 2 fulfilled, 3 refunded.
        output: digest of the logits' blob; zeros while open.
    """

    id: int
    model: int
    payer: Address
    input: Digest
    price: Amount
    requested_at: Seconds
    status: int
    output: Digest


def prediction(contracts: MarketContracts, number: int) -> Prediction:
    """One prediction.

    Args:
        contracts: the market's contracts.
        number: its id, from 1.

    Returns:
        Its state.

    Raises:
        UnknownEntityError: there is none of that id.
    """
    count = int(contracts.predictions.call("num_predictions"))
    if not 1 <= number <= count:
        raise UnknownEntityError(f"there is no prediction {number}: this market has {count}")
    values = fields_of(contracts.predictions.call("prediction", number), _PREDICTION)
    return Prediction(
        id=number,
        model=int_of(values["model"]),
        payer=Address(str(values["payer"])),
        input=digest_of(values["input"]),
        price=Amount(int_of(values["price"])),
        requested_at=Seconds(int_of(values["requested_at"])),
        status=int_of(values["status"]),
        output=digest_of(values["output"]),
    )


def plan_prediction(
    contracts: MarketContracts, payer: Address, number: int, samples: bytes, max_price: Amount
) -> WritePlan:
    """Plan the payment of one prediction. The samples themselves go to the node, not on chain.

    Args:
        contracts: the market's contracts.
        payer: who pays.
        number: id of the model.
        samples: tensor blob with `x` float32 [N, F].
        max_price: the most to pay, base units.

    Returns:
        The approval where needed, and the request.

    Raises:
        UnknownEntityError: no such model.
        BadInputError: it costs more than max_price, or the payer has too little.
    """
    found = model(contracts, number)
    if found.price > max_price:
        raise BadInputError(
            f"a prediction of model {number} costs {in_tokens(found.price)}, more than the "
            f"{in_tokens(max_price)} allowed: raise --max-price or choose another model"
        )
    check_money(contracts.token, payer, found.price, "the prediction")
    call = Call(
        contracts.predictions,
        "request_prediction",
        (number, sha256(samples), max_price),
        f"pay {in_tokens(found.price)} for a prediction of model {number}",
    )
    allow = approval(contracts.token, payer, contracts.predictions, found.price)
    return WritePlan((*allow, call))


def plan_prediction_refund(contracts: MarketContracts, payer: Address, number: int) -> WritePlan:
    """Plan the refund of a prediction that nobody delivered within an hour.

    Args:
        contracts: the market's contracts.
        payer: who paid.
        number: id of the prediction.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such prediction.
        BadInputError: another payer, or it is not open.
    """
    found = prediction(contracts, number)
    if found.payer != payer or found.status != OPEN:
        raise BadInputError(
            f"prediction {number} is {STATUSES[found.status]} and was paid by {found.payer}: only "
            "its payer gets an open one back"
        )
    call = Call(contracts.predictions, "refund", (number,), f"refund prediction {number}")
    return WritePlan((call,))
