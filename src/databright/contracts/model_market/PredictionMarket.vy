# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title PredictionMarket: pays for one prediction
@notice The price waits here until an admitted node of the model's dataset has checked the output.
        Then the worker gets its minimum fee; of the rest the data gets its share as dividends of
        the snapshot, the model owner what remains. Terms are frozen when the prediction is asked for.
@dev No owner.
"""

from modules import credits

initializes: credits
exports: (credits.credit_of, credits.withdraw, credits.withdraw_for, credits.token)


interface Token:
    def approve(spender: address, amount: uint256) -> bool: nonpayable


interface Models:
    def model(model: uint256) -> Model: view


interface Registry:
    def worker(owner: address) -> Worker: view
    def is_available(owner: address) -> bool: view


interface Charter:
    def database_of(dataset: uint256) -> address: view
    def is_node(dataset: uint256, account: address) -> bool: view
    def prediction_bps(dataset: uint256) -> uint256: view


interface Database:
    def total_shares(number: uint256) -> uint256: view
    def fund(number: uint256, amount: uint256): nonpayable


struct Model:
    owner: address
    job: uint256
    dataset: uint256
    snapshot: uint256
    program: bytes32
    weights: bytes32
    card: bytes32
    weights_ref: bytes32
    metric_bps: uint256
    price: uint256


struct Worker:
    min_fee: uint256
    stake: uint256
    tls_pin: bytes32
    numeric_class: bytes32
    barred: bool
    leaving_at: uint256
    registered_at: uint256


struct Prediction:
    model: uint256
    payer: address
    input: bytes32
    price: uint256
    owner: address           # model owner when asked
    dataset: uint256
    snapshot: uint256        # of the model when asked
    weights: bytes32         # of the model when asked
    requested_at: uint256
    status: uint256
    output: bytes32


event PredictionRequested:
    prediction: indexed(uint256)
    model: indexed(uint256)
    payer: indexed(address)
    input: bytes32
    price: uint256


event PredictionFulfilled:
    prediction: indexed(uint256)
    worker: indexed(address)
    output: bytes32
    worker_fee: uint256
    data_amount: uint256
    owner_amount: uint256
    returned: uint256


event PredictionRefunded:
    prediction: indexed(uint256)
    amount: uint256


OPEN: constant(uint256) = 1
FULFILLED: constant(uint256) = 2
REFUNDED: constant(uint256) = 3
BPS: constant(uint256) = 10_000
PATIENCE: public(constant(uint256)) = 3600

models: public(immutable(address))
registry: public(immutable(address))
charter: public(immutable(address))

num_predictions: public(uint256)
predictions: HashMap[uint256, Prediction]


@deploy
def __init__(token: address, models_: address, registry_: address, charter_: address):
    """
    @param token The market's money.
    @param models_ ModelRegistry.
    @param registry_ WorkerRegistry.
    @param charter_ Who knows the datasets.
    """
    credits.__init__(token)
    assert models_ != empty(address), "prediction: no model registry"
    assert registry_ != empty(address), "prediction: no worker registry"
    assert charter_ != empty(address), "prediction: no charter"
    models = models_
    registry = registry_
    charter = charter_


@external
@nonreentrant
def request_prediction(model: uint256, input: bytes32, max_price: uint256) -> uint256:
    """
    @notice Asks for one prediction and pulls the model's price from the caller.
    @param input Digest of the input's blob.
    @param max_price The most the caller pays, in base units.
    @return The prediction's id, from 1.
    """
    asked: Model = staticcall Models(models).model(model)
    assert asked.owner != empty(address), "prediction: unknown model"
    assert input != empty(bytes32), "prediction: no input"
    assert asked.price <= max_price, "prediction: price above maximum"
    self.num_predictions += 1
    prediction: uint256 = self.num_predictions
    self.predictions[prediction] = Prediction(
        model=model,
        payer=msg.sender,
        input=input,
        price=asked.price,
        owner=asked.owner,
        dataset=asked.dataset,
        snapshot=asked.snapshot,
        weights=asked.weights,
        requested_at=block.timestamp,
        status=OPEN,
        output=empty(bytes32),
    )
    credits._pull(msg.sender, asked.price)
    log PredictionRequested(
        prediction=prediction, model=model, payer=msg.sender, input=input, price=asked.price
    )
    return prediction


@external
@nonreentrant
def fulfil(prediction: uint256, worker: address, output: bytes32, max_fee: uint256):
    """
    @notice An admitted node of the dataset vouches for the output; the price is split.
    @param worker Who computed it; gets its minimum fee.
    @param output Digest of the output's blob.
    @param max_fee Its minimum fee when it was chosen: raised since, it is not paid.
    """
    asked: Prediction = self.predictions[prediction]
    assert asked.status == OPEN, "prediction: not open"
    assert staticcall Charter(charter).is_node(
        asked.dataset, msg.sender
    ), "prediction: not an admitted node"
    assert staticcall Registry(registry).is_available(worker), "prediction: worker is not available"
    assert output != empty(bytes32), "prediction: no output"
    worker_fee: uint256 = (staticcall Registry(registry).worker(worker)).min_fee
    assert worker_fee <= asked.price, "prediction: worker fee above price"
    assert worker_fee <= max_fee, "prediction: worker has raised its fee"
    data_amount: uint256 = (
        (asked.price - worker_fee)
        * staticcall Charter(charter).prediction_bps(asked.dataset)
        // BPS
    )
    owner_amount: uint256 = asked.price - worker_fee - data_amount
    database: address = staticcall Charter(charter).database_of(asked.dataset)
    total_shares: uint256 = staticcall Database(database).total_shares(asked.snapshot)
    returned: uint256 = 0
    if total_shares == 0:
        returned = data_amount
        data_amount = 0
    self.predictions[prediction].status = FULFILLED
    self.predictions[prediction].output = output
    credits._credit(worker, worker_fee)
    credits._credit(asked.owner, owner_amount)
    credits._credit(asked.payer, returned)
    log PredictionFulfilled(
        prediction=prediction,
        worker=worker,
        output=output,
        worker_fee=worker_fee,
        data_amount=data_amount,
        owner_amount=owner_amount,
        returned=returned,
    )
    if data_amount != 0:
        assert extcall Token(credits.TOKEN.address).approve(
            database, data_amount, default_return_value=True
        ), "token: approve failed"
        extcall Database(database).fund(asked.snapshot, data_amount)


@external
@nonreentrant
def refund(prediction: uint256):
    """
    @notice The payer takes the price back when nobody has fulfilled for an hour.
    """
    assert msg.sender == self.predictions[prediction].payer, "prediction: not the payer"
    assert self.predictions[prediction].status == OPEN, "prediction: not open"
    assert (
        block.timestamp > self.predictions[prediction].requested_at + PATIENCE
    ), "prediction: too early"
    amount: uint256 = self.predictions[prediction].price
    self.predictions[prediction].status = REFUNDED
    credits._credit(msg.sender, amount)
    log PredictionRefunded(prediction=prediction, amount=amount)


@external
@view
def prediction(prediction: uint256) -> Prediction:
    """
    @return The prediction; status 0 for an unknown one, 1 open, 2 fulfilled, 3 refunded.
    """
    return self.predictions[prediction]
