# pragma version 0.4.3
# pragma evm-version prague
# SPDX-License-Identifier: Apache-2.0
"""
@title ModelRegistry: who owns a model that a finished job made
@notice A job makes at most one version of one model. Holds no money.
@dev No owner. All figures come from the job escrow, none from the caller.
"""

interface Escrow:
    def outcome(job: uint256) -> Outcome: view


struct Outcome:
    buyer: address
    dataset: uint256
    snapshot: uint256
    program: bytes32
    weights: bytes32
    metric_bps: uint256
    status: uint256


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


event ModelRegistered:
    model: indexed(uint256)
    owner: indexed(address)
    job: indexed(uint256)
    dataset: uint256
    snapshot: uint256
    program: bytes32
    weights: bytes32
    card: bytes32
    weights_ref: bytes32
    metric_bps: uint256
    price: uint256


event ModelImproved:
    model: indexed(uint256)
    job: indexed(uint256)
    weights: bytes32
    metric_bps: uint256


event PriceSet:
    model: indexed(uint256)
    price: uint256


FINISHED: constant(uint256) = 3

escrow: public(immutable(address))
charter: public(immutable(address))

num_models: public(uint256)
models: HashMap[uint256, Model]
# the model that holds a job's weights; 0 = none
model_of_job: public(HashMap[uint256, uint256])


@deploy
def __init__(escrow_: address, charter_: address):
    """
    @param escrow_ JobEscrow.
    @param charter_ Charter, named for readers: dataset ids are its own.
    """
    assert escrow_ != empty(address), "models: no escrow"
    assert charter_ != empty(address), "models: no charter"
    escrow = escrow_
    charter = charter_


@external
def register(job: uint256, card: bytes32, weights_ref: bytes32, price: uint256) -> uint256:
    """
    @notice The buyer of a finished job registers its model, once for each job.
    @param card Digest of the model card.
    @param weights_ref Digest of the blob that says where the weights are.
    @param price Price of one prediction, in base units.
    @return The model's id, from 1.
    """
    found: Outcome = self._take_job(job, card, weights_ref)
    self.num_models += 1
    model: uint256 = self.num_models
    self.model_of_job[job] = model
    self.models[model] = Model(
        owner=msg.sender,
        job=job,
        dataset=found.dataset,
        snapshot=found.snapshot,
        program=found.program,
        weights=found.weights,
        card=card,
        weights_ref=weights_ref,
        metric_bps=found.metric_bps,
        price=price,
    )
    log ModelRegistered(
        model=model,
        owner=msg.sender,
        job=job,
        dataset=found.dataset,
        snapshot=found.snapshot,
        program=found.program,
        weights=found.weights,
        card=card,
        weights_ref=weights_ref,
        metric_bps=found.metric_bps,
        price=price,
    )
    return model


@external
def improve(model: uint256, job: uint256, card: bytes32, weights_ref: bytes32):
    """
    @notice The owner replaces the model's weights by those of another job of its own on the same
            dataset with a higher metric. Predictions asked for before keep their terms.
    """
    assert msg.sender == self.models[model].owner, "models: not the owner"
    found: Outcome = self._take_job(job, card, weights_ref)
    assert found.dataset == self.models[model].dataset, "models: another dataset"
    assert found.metric_bps > self.models[model].metric_bps, "models: metric is not higher"
    self.model_of_job[job] = model
    self.models[model].job = job
    self.models[model].snapshot = found.snapshot
    self.models[model].program = found.program
    self.models[model].weights = found.weights
    self.models[model].card = card
    self.models[model].weights_ref = weights_ref
    self.models[model].metric_bps = found.metric_bps
    log ModelImproved(
        model=model, job=job, weights=found.weights, metric_bps=found.metric_bps
    )


@external
def set_price(model: uint256, price: uint256):
    """
    @notice The owner changes the price of later predictions.
    """
    assert msg.sender == self.models[model].owner, "models: not the owner"
    self.models[model].price = price
    log PriceSet(model=model, price=price)


@external
@view
def model(model: uint256) -> Model:
    """
    @return The model; owner zero for an unknown one.
    """
    return self.models[model]


@internal
@view
def _take_job(job: uint256, card: bytes32, weights_ref: bytes32) -> Outcome:
    found: Outcome = staticcall Escrow(escrow).outcome(job)
    assert found.status == FINISHED, "models: job is not finished"
    assert msg.sender == found.buyer, "models: not the job's buyer"
    assert self.model_of_job[job] == 0, "models: job has a model"
    assert card != empty(bytes32), "models: no card"
    assert weights_ref != empty(bytes32), "models: no weights"
    return found
