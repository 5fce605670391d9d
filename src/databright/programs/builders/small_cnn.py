"""A small convolutional network: two 3x3 convolutions with ReLU, pooled 2x2, then linear."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.programs.initial import uniform_weights, zero_weights
from databright.programs.oplist import Graph, GraphInput, Node, Program, Ref, Sgd
from databright.programs.validate import check_graph


def build(
    input_shape: tuple[int, ...],
    num_classes: int,
    seed: int,
    *,
    channels: int = 8,
    lr: float = 0.05,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    batch_size: int = 32,
) -> tuple[Program, dict[str, NDArray[Any]]]:
    """Make the program and its first weights.

    Args:
        input_shape: (channels, height, width) of one sample, height and width >= 2.
        num_classes: K.
        seed: of the first weights, 0 to 2**256 - 1.
        channels: channels of the first convolution; the second has twice as many.
        lr: learning rate.
        momentum: in [0, 1).
        weight_decay: >= 0.
        batch_size: rows per step.

    Returns:
        Program and float32 weights by name.

    Raises:
        BadInputError: the samples are no images.
    """
    if len(input_shape) != 3 or min(input_shape[1:]) < 2:
        raise BadInputError(
            f"input_shape {input_shape} is not (channels, height, width) of at least 2x2; use the "
            "builder 'mlp' for other samples"
        )
    depth, height, width = input_shape
    flat = 2 * channels * (height // 2) * (width // 2)
    shapes: dict[str, tuple[int, ...]] = {
        "first.bias": (channels,),
        "first.weight": (channels, depth, 3, 3),
        "out.bias": (num_classes,),
        "out.weight": (num_classes, flat),
        "second.bias": (2 * channels,),
        "second.weight": (2 * channels, channels, 3, 3),
    }
    inputs = [GraphInput("x", "x", "")]
    inputs += [GraphInput(name.replace(".", "_"), "w", name) for name in shapes]
    program = Program(
        graph=Graph(tuple(inputs), _nodes(), "out"),
        input_shape=(depth, height, width),
        num_classes=num_classes,
        params=tuple(shapes.items()),
        optimizer=Sgd(lr, momentum, weight_decay),
        batch_size=batch_size,
    )
    check_graph(program)
    weights = {
        name: zero_weights(shape)
        if len(shape) == 1
        else uniform_weights(name, shape, math.prod(shape[1:]), seed)
        for name, shape in shapes.items()
    }
    return program, weights


def _nodes() -> tuple[Node, ...]:
    conv = "aten.conv2d.default"
    return (
        Node("first", conv, (Ref("x"), Ref("first_weight"), Ref("first_bias"), (1, 1), (1, 1))),
        Node("first_active", "aten.relu.default", (Ref("first"),)),
        Node(
            "second",
            conv,
            (Ref("first_active"), Ref("second_weight"), Ref("second_bias"), (1, 1), (1, 1)),
        ),
        Node("second_active", "aten.relu.default", (Ref("second"),)),
        Node("pooled", "aten.max_pool2d.default", (Ref("second_active"), (2, 2), (2, 2))),
        Node("flat", "aten.flatten.using_ints", (Ref("pooled"), 1)),
        Node("out", "aten.linear.default", (Ref("flat"), Ref("out_weight"), Ref("out_bias"))),
    )
