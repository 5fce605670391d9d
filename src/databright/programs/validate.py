"""Refuses a program before anything of it runs.

First the form of the graph (names, order, operations, whole-number arguments), then the size of
every value, found by walking the graph with shapes alone (torch's meta device: no memory is
taken and nothing is computed).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from databright.errors import ProgramRejectedError
from databright.programs.interpreter import Value, interpret, node_references
from databright.programs.operations import ALLOWED_OPS, REFUSED_WITH_ADVICE
from databright.programs.oplist import (
    MAX_BATCH,
    MAX_INPUTS,
    MAX_NODES,
    SCHEMA_VERSION,
    Argument,
    Node,
    Program,
)

if TYPE_CHECKING:
    import torch

MAX_INT = 65_536
INT64_MAX = 2**63 - 1
MAX_TENSOR_BYTES = 256 * 2**20
MAX_TOTAL_BYTES = 2**30
_ATTENTION = "aten.scaled_dot_product_attention.default"
PREDICT_ROWS = 256
"""Rows of one forward pass of a prediction; sizes are validated for it, too."""

_META_ERRORS = (
    RuntimeError,
    TypeError,
    ValueError,
    IndexError,
    OverflowError,
    ZeroDivisionError,
    AttributeError,
)


@lru_cache(maxsize=64)
def validate_program(program: Program) -> None:
    """Check everything that can be checked without running the program.

    Args:
        program: as read by `program_from_json` or built by hand.

    Raises:
        ProgramRejectedError: an operation outside the list, an undefined or doubled name, a
            whole number out of bounds, a tensor over the cap, or logits of a wrong shape. The
            message names the node and its operation.
    """
    check_graph(program)
    for num_rows in sorted({1, 3, program.batch_size, PREDICT_ROWS}):
        _check_sizes(program, num_rows)


def check_graph(program: Program) -> None:
    """Check names, order, operations and whole-number arguments; does not import torch.

    Args:
        program: any program.

    Raises:
        ProgramRejectedError: see `validate_program`.
    """
    graph = program.graph
    if program.schema_version != SCHEMA_VERSION or program.loss != "cross_entropy":
        raise ProgramRejectedError(
            f"schema_version {program.schema_version} with loss {program.loss!r} is not supported: "
            f"use version {SCHEMA_VERSION} and 'cross_entropy'"
        )
    if not 1 <= program.batch_size <= MAX_BATCH or program.num_classes < 2:
        raise ProgramRejectedError(
            f"batch_size {program.batch_size} must be 1 to {MAX_BATCH} and num_classes "
            f"{program.num_classes} at least 2"
        )
    if len(graph.nodes) > MAX_NODES or len(graph.inputs) > MAX_INPUTS:
        raise ProgramRejectedError(
            f"the graph has {len(graph.nodes)} nodes and {len(graph.inputs)} inputs: at most "
            f"{MAX_NODES} and {MAX_INPUTS} are allowed, use a smaller model"
        )
    known = _check_inputs(program)
    _check_params(program)
    for node in graph.nodes:
        _check_node(node, known)
        known.add(node.name)
    if graph.out not in {node.name for node in graph.nodes}:
        raise ProgramRejectedError(f"the graph's out {graph.out!r} is not the name of a node")


def _check_inputs(program: Program) -> set[str]:
    names = [item.name for item in program.graph.inputs]
    if len(set(names)) != len(names):
        raise ProgramRejectedError(f"two graph inputs share a name: {sorted(names)[:10]}")
    kinds = [item.kind for item in program.graph.inputs]
    if kinds.count("x") != 1 or set(kinds) - {"x", "w"}:
        raise ProgramRejectedError(
            f"the graph must have exactly one input of kind 'x', has {kinds.count('x')}"
        )
    used = sorted(item.param for item in program.graph.inputs if item.kind == "w")
    declared = [name for name, _ in program.params]
    if used != declared:
        raise ProgramRejectedError(
            "each declared parameter must be exactly one graph input, sorted by name: inputs have "
            f"{used[:10]}, params has {declared[:10]}"
        )
    return set(names)


def _check_params(program: Program) -> None:
    """Refuse weights over the cap before anybody makes them; they are float32.

    Raises:
        ProgramRejectedError: a tensor is over the cap.
    """
    for name, shape in program.params:
        if 4 * math.prod(shape) > MAX_TENSOR_BYTES:
            raise ProgramRejectedError(
                f"the weights {name!r} of shape {list(shape)} take {4 * math.prod(shape)} bytes: "
                f"at most {MAX_TENSOR_BYTES} a tensor are allowed, use a smaller model"
            )


def _check_node(node: Node, known: set[str]) -> None:
    where = f"node {node.name!r} ({node.op})"
    if node.op not in ALLOWED_OPS:
        advice = REFUSED_WITH_ADVICE.get(
            node.op, f"rewrite the model with one of the {len(ALLOWED_OPS)} allowed operations"
        )
        raise ProgramRejectedError(f"{where}: the operation is not allowed: {advice}")
    if node.name in known:
        raise ProgramRejectedError(f"{where}: an earlier value has this name, choose another")
    for name in node_references(node):
        if name not in known:
            raise ProgramRejectedError(
                f"{where} uses {name!r}, which is no input and no earlier node; nodes must be "
                "in the order of execution and without cycles"
            )
    if len({key for key, _ in node.kwargs}) != len(node.kwargs):
        raise ProgramRejectedError(f"{where} has a keyword twice")
    if node.op == _ATTENTION and _attention_dropout(node) != 0.0:
        raise ProgramRejectedError(
            f"{where} has a dropout probability: its masks cannot be replayed, set it to 0"
        )
    for number in _whole_numbers((*node.args, *(value for _, value in node.kwargs))):
        is_open_end = number == INT64_MAX and node.op == "aten.slice.Tensor"
        if abs(number) > MAX_INT and not is_open_end:
            raise ProgramRejectedError(
                f"{where} has the whole number {number}: at most {MAX_INT} is allowed"
            )


def _attention_dropout(node: Node) -> Argument:
    """The probability, the fifth argument of attention."""
    positional = node.args[4] if len(node.args) > 4 else 0.0
    return dict(node.kwargs).get("dropout_p", positional)


def _whole_numbers(value: Argument) -> Iterator[int]:
    if isinstance(value, tuple):
        for item in value:
            yield from _whole_numbers(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


class _SizeLimit:
    """Adds up what a training step keeps in memory and refuses what is too much."""

    def __init__(self, num_rows: int) -> None:
        self.num_rows = num_rows
        self.total_bytes = 0

    def __call__(self, node: Node, args: tuple[object, ...], result: Value) -> None:
        where = f"node {node.name!r} ({node.op})"
        if isinstance(result, int):
            if not 0 <= result <= MAX_TENSOR_BYTES:
                raise ProgramRejectedError(f"{where} gives the size {result}: too large")
            return
        num_bytes = result.numel() * result.element_size() + _workspace_bytes(node, args, result)
        self.total_bytes += num_bytes
        if num_bytes > MAX_TENSOR_BYTES or self.total_bytes > MAX_TOTAL_BYTES:
            raise ProgramRejectedError(
                f"{where} would hold {num_bytes} bytes of shape {list(result.shape)} at "
                f"{self.num_rows} rows, {self.total_bytes} in all nodes so far: at most "
                f"{MAX_TENSOR_BYTES} a node and {MAX_TOTAL_BYTES} in all are allowed, use a "
                "smaller model or batch"
            )


def _workspace_bytes(node: Node, args: tuple[object, ...], result: torch.Tensor) -> int:
    """Scratch memory that a kernel may take beside its result."""
    if node.op.startswith("aten.conv"):
        # An unfolding kernel copies one window of the input for every output position.
        window = math.prod(cast("torch.Tensor", args[1]).shape[1:])
        return int(result.shape[0] * math.prod(result.shape[2:]) * window * 4)
    if node.op == _ATTENTION:
        query, key = cast("torch.Tensor", args[0]), cast("torch.Tensor", args[1])
        return int(math.prod(query.shape[:-1]) * key.shape[-2] * 4)
    return 0


def _check_sizes(program: Program, num_rows: int) -> None:
    import torch

    shapes = dict(program.params)
    values = {
        item.name: torch.empty(
            (num_rows, *program.input_shape) if item.kind == "x" else shapes[item.param],
            device="meta",
        )
        for item in program.graph.inputs
    }
    last: list[str] = ["the graph's inputs"]
    limit = _SizeLimit(num_rows)

    def observe(node: Node, args: tuple[object, ...], result: Value) -> None:
        last[0] = f"node {node.name!r} ({node.op})"
        limit(node, args, result)

    try:
        with torch.no_grad():
            logits = interpret(program.graph, values, observe)
    except _META_ERRORS as error:
        first_line = str(error).split("\n", 1)[0][:200]
        raise ProgramRejectedError(
            f"the node after {last[0]} does not fit its arguments at {num_rows} rows: {first_line}"
        ) from error
    expected = (num_rows, program.num_classes)
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != expected:
        shape = list(logits.shape) if isinstance(logits, torch.Tensor) else logits
        raise ProgramRejectedError(
            f"the graph's out {program.graph.out!r} gives {shape} at {num_rows} rows, must give "
            f"logits {list(expected)}"
        )
    if logits.dtype != torch.float32:
        raise ProgramRejectedError(f"the graph's out has dtype {logits.dtype}, must be float32")
