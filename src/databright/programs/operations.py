"""The allow-list: every operation that a program may name, and what it resolves to.

All are functional (nothing is changed in place), deterministic on a CPU under the numeric
profile, single-valued, and allocate nothing that shape inference does not see. Names outside
this table never reach torch, so no string of a stranger is ever looked up there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

_POINTWISE = (
    "abs.default add.Tensor add.Scalar clamp.default cos.default div.Tensor div.Scalar elu.default "
    "exp.default gelu.default hardtanh.default leaky_relu.default log1p.default maximum.default "
    "minimum.default mul.Tensor mul.Scalar neg.default pow.Tensor_Scalar reciprocal.default "
    "relu.default relu6.default rsqrt.default rsub.Scalar sigmoid.default silu.default sin.default "
    "softplus.default sqrt.default square.default sub.Tensor sub.Scalar tanh.default"
)
_LINEAR = (
    "bmm.default conv1d.default conv2d.default linear.default matmul.default mm.default "
    "scaled_dot_product_attention.default"
)
_NORMALISE = (
    "group_norm.default layer_norm.default log_softmax.int mean.default mean.dim softmax.int "
    "sum.dim_IntList"
)
_POOL = (
    "adaptive_avg_pool2d.default avg_pool2d.default constant_pad_nd.default max_pool2d.default "
    "pad.default"
)
_SHAPE = (
    "cat.default clone.default contiguous.default expand.default flatten.using_ints "
    "permute.default repeat.default reshape.default select.int slice.Tensor squeeze.dim "
    "stack.default sym_size.int t.default transpose.int unflatten.int unsqueeze.default "
    "view.default"
)
WHOLE_NUMBER_OPS = ("int.add", "int.floordiv", "int.mul")
"""Arithmetic on sizes, as a dynamic batch needs it."""

ALLOWED_OPS = frozenset(
    [
        f"aten.{name}"
        for group in (_POINTWISE, _LINEAR, _NORMALISE, _POOL, _SHAPE)
        for name in group.split()
    ]
    + list(WHOLE_NUMBER_OPS)
)
"""Names that a node's `op` may have."""

_VIEWS = (
    "contiguous.default expand.default flatten.using_ints permute.default reshape.default "
    "select.int slice.Tensor squeeze.dim t.default transpose.int unflatten.int unsqueeze.default "
    "view.default"
)
VIEW_OPS = frozenset(f"aten.{name}" for name in _VIEWS.split())
"""Operations whose value may share memory with their argument."""

REFUSED_WITH_ADVICE = {
    "aten.dropout.default": "its masks cannot be replayed by a replica; replace it by nn.Identity",
    "aten.batch_norm.default": "its running statistics change inside the forward pass; use "
    "GroupNorm or LayerNorm",
}
"""Operations that people meet often, with what to do instead."""


@cache
def resolve(op: str) -> Callable[..., Any]:
    """The callable of an allowed operation; imports torch.

    Args:
        op: a member of `ALLOWED_OPS`.

    Returns:
        The ATen overload, or a function on whole numbers.

    Raises:
        KeyError: the name is not in the allow-list.
    """
    if op not in ALLOWED_OPS:
        raise KeyError(op)
    if op in WHOLE_NUMBER_OPS:
        return _WHOLE_NUMBERS[op]
    import torch

    _, packet, overload = op.split(".")
    callable_op: Callable[..., Any] = getattr(getattr(torch.ops.aten, packet), overload)
    return callable_op


def _check_whole(*values: object) -> None:
    """Lists and tensors have these operators, too, but mean something else by them.

    Raises:
        TypeError: a value is not a whole number.
    """
    if any(type(value) is not int for value in values):
        raise TypeError(
            f"whole numbers are needed, got {[type(value).__name__ for value in values]}"
        )


def _add(left: int, right: int) -> int:
    _check_whole(left, right)
    return left + right


def _floordiv(left: int, right: int) -> int:
    _check_whole(left, right)
    return left // right


def _mul(left: int, right: int) -> int:
    _check_whole(left, right)
    return left * right


_WHOLE_NUMBERS: dict[str, Callable[..., Any]] = {
    "int.add": _add,
    "int.floordiv": _floordiv,
    "int.mul": _mul,
}
