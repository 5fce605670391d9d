"""Runs a program: local training steps and predictions.

Gradients come from torch's autograd through the allow-listed calls. Weights depend only on the
program, the starting weights, the rows and the batches; nothing is drawn here.

Shapes: N rows, F features, K classes, H steps, B rows per batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from databright.errors import MalformedDataError, ProgramRejectedError
from databright.programs.interpreter import interpret
from databright.programs.oplist import Program
from databright.programs.validate import PREDICT_ROWS, validate_program
from databright.records.losses import log_losses

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[Any]]

MAX_LOGITS = 2**26
"""Most logits of one answer: 256 MiB."""

__all__ = ["check_weights", "log_losses", "predict_logits", "train_steps"]


def train_steps(
    program: Program,
    weights: Weights,
    x_NF: NDArray[np.float32],
    y_N: NDArray[np.int64],
    batch_indices_HB: NDArray[np.int32],
) -> dict[str, NDArray[Any]]:
    """Take H steps of gradient descent from the given weights; momentum starts at zero.

    Each step: g = gradient of the batch's mean cross-entropy (+ weight_decay * w);
    v = momentum * v + g (v = g in the first step); w = w - lr * v.

    Args:
        program: the program; validated here.
        weights: float32 arrays of exactly the program's parameters; not changed.
        x_NF: rows of the shard, float32 [N, F].
        y_N: labels, int64 [N], 0 to K - 1.
        batch_indices_HB: row numbers of each step's batch, int32 [H, B], 0 to N - 1.

    Returns:
        New float32 weights by name.

    Raises:
        ProgramRejectedError: the program is refused.
        MalformedDataError: weights, rows or batches do not fit the program, or training
            diverged to weights that are not finite.
    """
    import torch

    validate_program(program)
    check_weights(program, weights)
    x = torch.from_numpy(_samples(program, x_NF))
    y = torch.from_numpy(_labels(program, x_NF, y_N))
    batches = torch.from_numpy(_batches(program, len(x_NF), batch_indices_HB))
    params = {
        name: torch.from_numpy(np.array(weights[name], order="C")).requires_grad_()
        for name, _ in program.params
    }
    velocity: dict[str, torch.Tensor] = {}
    for batch in batches:
        _step(program, params, x[batch], y[batch], velocity)
    trained = {name: value.detach().numpy() for name, value in params.items()}
    for name, value in trained.items():
        if not np.isfinite(value).all():
            raise MalformedDataError(
                f"training diverged: weight {name!r} is not finite after {len(batches)} steps; use "
                f"a learning rate below {program.optimizer.lr}"
            )
    return trained


def predict_logits(
    program: Program, weights: Weights, x_NF: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Logits of rows, computed 256 rows at a time in order.

    Args:
        program: the program; validated here.
        weights: float32 arrays of exactly the program's parameters.
        x_NF: float32 [N, F].

    Returns:
        float32 [N, K].

    Raises:
        ProgramRejectedError: the program is refused.
        MalformedDataError: weights or rows do not fit the program, or too many logits.
    """
    import torch

    validate_program(program)
    check_weights(program, weights)
    x = torch.from_numpy(_samples(program, x_NF))
    params = {
        name: torch.from_numpy(np.array(weights[name], order="C")) for name, _ in program.params
    }
    if len(x_NF) * program.num_classes > MAX_LOGITS:
        raise MalformedDataError(
            f"{len(x_NF)} rows of {program.num_classes} classes are more than {MAX_LOGITS} logits: "
            "send fewer rows at once"
        )
    logits_NK = np.empty((len(x_NF), program.num_classes), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(x_NF), PREDICT_ROWS):
            chunk = x[start : start + PREDICT_ROWS]
            logits_NK[start : start + PREDICT_ROWS] = _forward(program, params, chunk).numpy()
    return logits_NK


def check_weights(program: Program, weights: Weights) -> None:
    """Check that arrays are the program's weights.

    Args:
        program: the program.
        weights: arrays by name.

    Raises:
        MalformedDataError: a name, shape or type differs, or a value is not finite.
    """
    shapes = dict(program.params)
    if set(weights) != set(shapes):
        raise MalformedDataError(
            f"weights must be exactly {sorted(shapes)[:10]}, got {sorted(weights)[:10]}"
        )
    for name, shape in program.params:
        value = weights[name]
        if value.shape != shape or value.dtype != np.float32:
            raise MalformedDataError(
                f"weight {name!r} is {value.dtype} {list(value.shape)}, the program needs float32 "
                f"{list(shape)}"
            )
        if not np.isfinite(value).all():
            raise MalformedDataError(f"weight {name!r} holds NaN or infinity")


def _forward(program: Program, params: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    values = {
        item.name: x if item.kind == "x" else params[item.param] for item in program.graph.inputs
    }
    return cast("torch.Tensor", interpret(program.graph, values))


def _step(
    program: Program,
    params: dict[str, torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    velocity: dict[str, torch.Tensor],
) -> None:
    import torch

    loss = torch.ops.aten.cross_entropy_loss.default(_forward(program, params, x), y)
    names = list(params)
    gradients = torch.autograd.grad(loss, [params[name] for name in names], allow_unused=True)
    optimizer = program.optimizer
    with torch.no_grad():
        for name, gradient in zip(names, gradients, strict=True):
            if gradient is None:
                raise ProgramRejectedError(
                    f"parameter {name!r} does not influence the logits: remove it"
                )
            weight = params[name]
            if optimizer.weight_decay:
                gradient = gradient.add(weight, alpha=optimizer.weight_decay)
            if optimizer.momentum:
                before = velocity.get(name)
                gradient = (
                    gradient.clone()
                    if before is None
                    else before.mul_(optimizer.momentum).add_(gradient)
                )
                velocity[name] = gradient
            weight.add_(gradient, alpha=-optimizer.lr)


def _samples(program: Program, x_NF: NDArray[np.float32]) -> NDArray[np.float32]:
    num_features = math.prod(program.input_shape)
    if x_NF.ndim != 2 or x_NF.shape[1] != num_features or x_NF.dtype != np.float32:
        raise MalformedDataError(
            f"rows are {x_NF.dtype} {list(x_NF.shape)}, the program needs float32 [N, "
            f"{num_features}]"
        )
    if not np.isfinite(x_NF).all():
        raise MalformedDataError("rows hold NaN or infinity")
    # A copy: torch must not share memory with arrays that may be read-only or another's.
    return np.array(x_NF, order="C").reshape(len(x_NF), *program.input_shape)


def _labels(
    program: Program, x_NF: NDArray[np.float32], y_N: NDArray[np.int64]
) -> NDArray[np.int64]:
    if y_N.shape != x_NF.shape[:1] or y_N.dtype != np.int64:
        raise MalformedDataError(
            f"labels are {y_N.dtype} {list(y_N.shape)}, must be int64 [{len(x_NF)}]"
        )
    if y_N.size and (y_N.min() < 0 or y_N.max() >= program.num_classes):
        raise MalformedDataError(f"labels must be 0 to {program.num_classes - 1}")
    return np.array(y_N)


def _batches(
    program: Program, num_rows: int, batch_indices_HB: NDArray[np.int32]
) -> NDArray[np.int64]:
    shape = batch_indices_HB.shape
    if len(shape) != 2 or shape[1] != program.batch_size or batch_indices_HB.dtype != np.int32:
        raise MalformedDataError(
            f"batches are {batch_indices_HB.dtype} {list(shape)}, must be int32 [H, "
            f"{program.batch_size}]"
        )
    if batch_indices_HB.size and not (
        batch_indices_HB.min() >= 0 and batch_indices_HB.max() < num_rows
    ):
        raise MalformedDataError(f"batches must name rows 0 to {num_rows - 1}")
    return batch_indices_HB.astype(np.int64)
