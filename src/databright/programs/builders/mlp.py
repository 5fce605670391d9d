"""A perceptron with one hidden layer: linear, ReLU, linear."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from databright.programs.initial import uniform_weights, zero_weights
from databright.programs.oplist import Graph, GraphInput, Node, Program, Ref, Sgd
from databright.programs.validate import check_graph


def build(
    input_shape: tuple[int, ...],
    num_classes: int,
    seed: int,
    *,
    hidden: int = 128,
    lr: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.005,
    batch_size: int = 64,
) -> tuple[Program, dict[str, NDArray[Any]]]:
    """Make the program and its first weights.

    Args:
        input_shape: shape of one sample; it is flattened.
        num_classes: K.
        seed: of the first weights, 0 to 2**256 - 1.
        hidden: hidden units.
        lr: learning rate.
        momentum: in [0, 1).
        weight_decay: >= 0.
        batch_size: rows per step.

    Returns:
        Program and float32 weights by name.
    """
    num_features = math.prod(input_shape)
    shapes = {
        "hidden.bias": (hidden,),
        "hidden.weight": (hidden, num_features),
        "out.bias": (num_classes,),
        "out.weight": (num_classes, hidden),
    }
    inputs = [GraphInput("x", "x", "")]
    inputs += [GraphInput(name.replace(".", "_"), "w", name) for name in shapes]
    nodes = (
        Node("flat", "aten.flatten.using_ints", (Ref("x"), 1)),
        _linear("hidden", "flat"),
        Node("active", "aten.relu.default", (Ref("hidden"),)),
        _linear("out", "active"),
    )
    program = Program(
        graph=Graph(tuple(inputs), nodes, "out"),
        input_shape=tuple(input_shape),
        num_classes=num_classes,
        params=tuple(shapes.items()),
        optimizer=Sgd(lr, momentum, weight_decay),
        batch_size=batch_size,
    )
    check_graph(program)
    weights = {
        name: zero_weights(shape)
        if len(shape) == 1
        else uniform_weights(name, shape, shape[1], seed)
        for name, shape in shapes.items()
    }
    return program, weights


def _linear(name: str, value: str) -> Node:
    args = (Ref(value), Ref(f"{name}_weight"), Ref(f"{name}_bias"))
    return Node(name, "aten.linear.default", args)
