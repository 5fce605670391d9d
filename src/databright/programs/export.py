"""Turns a torch module into a program, on the machine of whoever submits it.

`torch.export` traces the submitter's own code here; what leaves the machine is the op-list and
the weights as arrays. Nobody else ever loads the module or torch's own archive of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from databright.errors import ProgramRejectedError
from databright.programs.operations import VIEW_OPS
from databright.programs.oplist import (
    Argument,
    Graph,
    GraphInput,
    Node,
    Program,
    Ref,
    Sgd,
    program_from_json,
    program_to_json,
)
from databright.programs.validate import validate_program

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_FUNCTIONAL = {
    "aten.add_.Tensor": "aten.add.Tensor",
    "aten.relu_.default": "aten.relu.default",
    "aten.mul_.Tensor": "aten.mul.Tensor",
    "aten.silu_.default": "aten.silu.default",
    "aten.leaky_relu_.default": "aten.leaky_relu.default",
    "aten.hardtanh_.default": "aten.hardtanh.default",
}
_WHOLE_NUMBER_OPS = {"add": "int.add", "floordiv": "int.floordiv", "mul": "int.mul"}


def export_program(
    module: torch.nn.Module,
    example_x: torch.Tensor,
    *,
    loss: str = "cross_entropy",
    optimizer: Sgd,
    batch_size: int,
    num_classes: int,
) -> tuple[Program, dict[str, NDArray[Any]]]:
    """Export a module with a dynamic batch size.

    Args:
        module: float32 module from [B, *sample] to logits [B, num_classes]; without buffers,
            dropout and batch normalisation.
        example_x: float32 [B, *sample], B >= 2; its values are not kept.
        loss: "cross_entropy".
        optimizer: how it is trained.
        batch_size: rows per step.
        num_classes: K.

    Returns:
        The validated program and the module's weights by name, float32.

    Raises:
        ProgramRejectedError: the module cannot be written as a program, and why.
    """
    import torch

    if example_x.shape[0] < 2 or example_x.dtype != torch.float32:
        raise ProgramRejectedError(
            f"example_x is {example_x.dtype} {list(example_x.shape)}: give float32 samples, at "
            "least 2, so that the batch size stays free"
        )
    weights = _weights(module)
    exported = torch.export.export(
        module.train(), (example_x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    )
    program = Program(
        graph=_graph(exported),
        input_shape=tuple(int(size) for size in example_x.shape[1:]),
        num_classes=num_classes,
        params=tuple((name, weights[name].shape) for name in sorted(weights)),
        optimizer=optimizer,
        batch_size=batch_size,
        loss=loss,
    )
    # Reading it back holds the submitter to the same form as everybody else.
    program = program_from_json(program_to_json(program))
    validate_program(program)
    return program, weights


def _weights(module: torch.nn.Module) -> dict[str, NDArray[Any]]:
    buffers = [name for name, _ in module.named_buffers()]
    if buffers:
        raise ProgramRejectedError(
            f"the module has buffers {buffers[:5]}: a program has only trained parameters; make "
            "them parameters, or use GroupNorm or LayerNorm instead of BatchNorm"
        )
    weights = {
        name: np.array(value.detach().cpu().numpy()) for name, value in module.named_parameters()
    }
    other = [name for name, value in weights.items() if value.dtype != np.float32]
    frozen = [name for name, value in module.named_parameters() if not value.requires_grad]
    if other or frozen:
        raise ProgramRejectedError(
            f"parameters must be float32 and trained: {other[:5]} have another type, {frozen[:5]} "
            "do not require gradients"
        )
    return weights


def _graph(exported: torch.export.ExportedProgram) -> Graph:
    signature = exported.graph_signature
    params = signature.inputs_to_parameters
    inputs, nodes, out = [], [], ""
    ops: dict[str, str] = {}
    for node in exported.graph.nodes:
        if node.op == "placeholder":
            kind = "w" if node.name in params else "x"
            if kind == "x" and node.name not in signature.user_inputs:
                raise ProgramRejectedError(
                    f"the module uses a constant tensor {node.name!r}: make it a parameter"
                )
            inputs.append(GraphInput(node.name, kind, params.get(node.name, "")))
        elif node.op == "output":
            out = _output(node)
        elif _is_idle_dropout(node):
            node.replace_all_uses_with(node.args[0])
        elif not _is_assertion(node):
            op = _op_name(node)
            ops[node.name] = op
            written = Node(
                node.name,
                _FUNCTIONAL.get(op, op),
                tuple(_argument(value, node) for value in node.args),
                tuple((key, _argument(node.kwargs[key], node)) for key in sorted(node.kwargs)),
            )
            if op in _FUNCTIONAL:
                _check_in_place(node, ops)
            nodes.append(written)
    return Graph(tuple(inputs), tuple(nodes), out)


def _output(node: torch.fx.Node) -> str:
    results: Any = node.args[0]
    if len(results) != 1:
        raise ProgramRejectedError(
            f"the module gives {len(results)} results (or changes its own state): it must give "
            "one tensor of logits and change nothing"
        )
    return str(results[0].name)


def _is_assertion(node: torch.fx.Node) -> bool:
    """Whether torch put the node there only to check its own assumptions about shapes."""
    return not node.users and "assert" in str(node.target)


def _is_idle_dropout(node: torch.fx.Node) -> bool:
    """Whether the node is a dropout that drops nothing, as dropout=0.0 leaves behind."""
    return str(node.target) == "aten.dropout.default" and bool(node.args[1] == 0.0)


def _op_name(node: torch.fx.Node) -> str:
    target: Any = node.target
    name = str(target)
    if not name.startswith("aten."):
        return _WHOLE_NUMBER_OPS.get(getattr(target, "__name__", ""), name)
    return name


def _check_in_place(node: torch.fx.Node, ops: dict[str, str]) -> None:
    """An in-place operation may become a functional one only if nobody sees the difference.

    Raises:
        ProgramRejectedError: somebody would see it.
    """
    changed: Any = node.args[0]
    if len(changed.users) != 1 or ops.get(changed.name) in VIEW_OPS or changed.name not in ops:
        raise ProgramRejectedError(
            f"node {node.name!r} ({node.target}) changes a value in place that is used elsewhere: "
            "use the operation that returns a new value"
        )


def _argument(value: object, node: torch.fx.Node) -> Argument:
    import torch

    if isinstance(value, torch.fx.Node):
        return Ref(value.name)
    if isinstance(value, list | tuple):
        return tuple(_argument(item, node) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ProgramRejectedError(
        f"node {node.name!r} ({node.target}) has an argument {value!r} of type "
        f"{type(value).__name__}, which a program cannot hold: leave it out or rewrite the model"
    )
