"""Programs that must never run: each is refused with the node and the operation named."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from databright.errors import ProgramRejectedError
from databright.programs.builders import builder
from databright.programs.operations import ALLOWED_OPS, resolve
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
from databright.programs.run import predict_logits, train_steps
from databright.programs.validate import validate_program

X, W = Ref("x"), Ref("w")
INPUTS = (GraphInput("x", "x", ""), GraphInput("w", "w", "weight"))
LINEAR = Node("out", "aten.linear.default", (X, W))


def _program(*nodes: Node, inputs: tuple[GraphInput, ...] = INPUTS, **fields: Any) -> Program:
    base = Program(
        graph=Graph(inputs, nodes, nodes[-1].name if nodes else "out"),
        input_shape=(4,),
        num_classes=2,
        params=(("weight", (2, 4)),),
        optimizer=Sgd(0.1),
        batch_size=8,
    )
    return replace(base, **fields)


def _node(op: str, *args: Argument, name: str = "bad") -> Node:
    return Node(name, op, args)


def test_the_plain_program_is_accepted() -> None:
    validate_program(_program(LINEAR))


@pytest.mark.parametrize("name", ["mlp", "small_cnn"])
def test_builders_make_accepted_programs(name: str) -> None:
    made, _ = builder(name)((1, 8, 8), 10, 0)
    validate_program(made)


def test_the_allow_list_is_short_and_every_name_exists() -> None:
    assert len(ALLOWED_OPS) < 100
    assert all(callable(resolve(op)) for op in ALLOWED_OPS)
    assert not [op for op in ALLOWED_OPS if op.split(".")[1].endswith("_") or ".out" in op]


@pytest.mark.parametrize(
    "op",
    [
        "os.system",
        "torch.os.system",
        "torch.load",
        "builtins.eval",
        "aten.__class__.default",
        "aten.relu_.default",
        "aten.add_.Tensor",
        "aten.relu.out",
        "aten.relu",
        "aten.from_file.default",
        "aten.rand.default",
        "aten.zeros.default",
        "aten.dropout.default",
        "aten.native_dropout.default",
        "aten.batch_norm.default",
        "aten.set_.source_Storage",
        "aten.resize_.default",
        "aten.as_strided.default",
        "aten.split.Tensor",
        "prims.device_put.default",
        "inductor.foo.default",
    ],
)
def test_an_operation_outside_the_list_is_refused_and_never_looked_up(op: str) -> None:
    program = _program(_node(op, X), LINEAR)
    with pytest.raises(ProgramRejectedError, match=r"'bad'.*not allowed"):
        validate_program(program)
    with pytest.raises(ProgramRejectedError):
        validate_program(program_from_json(program_to_json(program)))
    with pytest.raises(KeyError):
        resolve(op)


def test_a_refused_operation_runs_no_process() -> None:
    marker = "print('ran')"
    code = (
        "from databright.programs.validate import check_graph\n"
        "from databright.programs.oplist import *\n"
        "from databright.errors import ProgramRejectedError\n"
        f"bad = Node('bad', 'os.system', ({marker!r},))\n"
        "graph = Graph((GraphInput('x', 'x', ''),), (bad,), 'bad')\n"
        "try:\n"
        "    check_graph(Program(graph, (4,), 2, (), Sgd(0.1), 8))\n"
        "except ProgramRejectedError:\n"
        "    print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


BOMBS = {
    "repeat": [_node("aten.repeat.default", X, (65_536, 65_536))],
    "expand": [
        _node("aten.unsqueeze.default", X, 0, name="u"),
        _node("aten.expand.default", Ref("u"), (2, 65_536, -1, 4)),
    ],
    "pad": [_node("aten.constant_pad_nd.default", X, (0, 65_536, 65_536, 0))],
    "outer product": [
        _node("aten.reshape.default", X, (-1, 1), name="a"),
        _node("aten.repeat.default", Ref("a"), (64, 1), name="b"),
        _node("aten.t.default", Ref("b"), name="c"),
        _node("aten.matmul.default", Ref("b"), Ref("c")),
    ],
    "doubling": [
        _node(
            "aten.cat.default",
            (Ref(f"d{i}" if i else "x"),) * 2,
            name=f"d{i + 1}" if i < 40 else "bad",
        )
        for i in range(41)
    ],
    "many values": [
        _node("aten.repeat.default", X, (1, 60_000), name=f"m{i}" if i < 39 else "bad")
        for i in range(40)
    ],
}


@pytest.mark.parametrize("nodes", BOMBS.values(), ids=BOMBS.keys())
def test_a_memory_bomb_is_refused_before_it_runs(nodes: list[Node]) -> None:
    program = _program(*nodes, LINEAR)
    with pytest.raises(ProgramRejectedError, match=r"node '\w+' \(aten\.\w+.*bytes"):
        validate_program(program)
    x_NF = np.zeros((2, 4), np.float32)
    weights: dict[str, NDArray[Any]] = {"weight": np.zeros((2, 4), np.float32)}
    with pytest.raises(ProgramRejectedError):
        predict_logits(program, weights, x_NF)
    with pytest.raises(ProgramRejectedError):
        train_steps(program, weights, x_NF, np.zeros(2, np.int64), np.zeros((1, 8), np.int32))


def test_a_convolution_counts_its_scratch_memory() -> None:
    """Small input, weight and output, but unfolding copies a huge window per position."""
    conv = Node("c", "aten.conv2d.default", (X, Ref("k"), None, (1, 1), (60, 60)))
    mean = Node("m", "aten.mean.dim", (Ref("c"), (2, 3)))
    inputs = (GraphInput("x", "x", ""), GraphInput("k", "w", "kernel"))
    program = _program(conv, mean, inputs=inputs)
    program = replace(program, params=(("kernel", (2, 1, 121, 121)),), input_shape=(1, 121, 121))
    with pytest.raises(ProgramRejectedError, match=r"'c' \(aten.conv2d.default\)"):
        validate_program(program)


def test_cycles_and_unknown_names_are_refused() -> None:
    with pytest.raises(ProgramRejectedError, match="without cycles"):
        validate_program(
            _program(
                _node("aten.relu.default", Ref("b"), name="a"),
                _node("aten.relu.default", Ref("a"), name="b"),
                LINEAR,
            )
        )
    with pytest.raises(ProgramRejectedError, match="uses 'out'"):
        validate_program(_program(Node("out", "aten.relu.default", (Ref("out"),))))
    with pytest.raises(ProgramRejectedError, match="not the name of a node"):
        validate_program(_program(LINEAR, graph=Graph(INPUTS, (LINEAR,), "x")))


def test_doubled_names_are_refused() -> None:
    with pytest.raises(ProgramRejectedError, match="earlier value has this name"):
        validate_program(_program(_node("aten.relu.default", X, name="out"), LINEAR))
    with pytest.raises(ProgramRejectedError, match="earlier value has this name"):
        validate_program(_program(_node("aten.relu.default", X, name="w"), LINEAR))
    with pytest.raises(ProgramRejectedError, match="share a name"):
        validate_program(_program(LINEAR, inputs=(*INPUTS, GraphInput("w", "w", "other"))))
    twice = Node("a", "aten.gelu.default", (X,), (("approximate", "none"), ("approximate", "tanh")))
    with pytest.raises(ProgramRejectedError, match="keyword twice"):
        validate_program(_program(twice, LINEAR))


def test_a_million_nodes_are_refused() -> None:
    nodes = (_node("aten.relu.default", X),) * 10**6
    with pytest.raises(ProgramRejectedError, match="1000000 nodes"):
        validate_program(_program(*nodes))


@pytest.mark.parametrize(
    "node",
    [
        _node("aten.unsqueeze.default", X, 10**9),
        _node("aten.add.Scalar", X, -(2**63)),
        _node("aten.repeat.default", X, (2**63 - 1, 1)),
        _node("aten.constant_pad_nd.default", X, (0, 2**31)),
    ],
)
def test_whole_numbers_out_of_bounds_are_refused(node: Node) -> None:
    with pytest.raises(ProgramRejectedError, match="whole number"):
        validate_program(_program(node, LINEAR))


@pytest.mark.parametrize(
    "node",
    [
        Node("bad", "aten.scaled_dot_product_attention.default", (X, X, X, None, 0.5)),
        Node("bad", "aten.scaled_dot_product_attention.default", (X, X, X), (("dropout_p", 0.5),)),
        Node("bad", "aten.scaled_dot_product_attention.default", (X, X, X, None, W)),
    ],
)
def test_attention_that_draws_masks_is_refused(node: Node) -> None:
    with pytest.raises(ProgramRejectedError, match=r"'bad'.*dropout probability"):
        validate_program(_program(node, LINEAR))


@pytest.mark.parametrize("value", [(0,) * 64, X, "none", True, 0.5])
def test_arithmetic_on_sizes_takes_nothing_else(value: Argument) -> None:
    """A list times a number would be a longer list, and soon a memory bomb."""
    with pytest.raises(ProgramRejectedError, match="whole numbers are needed"):
        validate_program(_program(_node("int.mul", value, 65_536), LINEAR))


def test_an_open_slice_is_allowed() -> None:
    node = _node("aten.slice.Tensor", X, 1, 0, 2**63 - 1)
    validate_program(_program(node, Node("out", "aten.linear.default", (Ref("bad"), W))))


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ((Node("out", "aten.linear.default", (X,)),), "does not fit"),
        ((Node("out", "aten.linear.default", (W, X)),), "does not fit|must give"),
        ((Node("out", "aten.linear.default", (X, W, "none")),), "does not fit"),
        ((Node("out", "aten.relu.default", (X,)),), "must give logits"),
        ((Node("out", "aten.reshape.default", (X, (8, 4))),), "does not fit|must give"),
        ((Node("out", "aten.sym_size.int", (X, 0)),), "must give logits"),
        (
            (
                Node("n", "aten.sym_size.int", (X, 0)),
                Node("z", "int.floordiv", (Ref("n"), 0)),
                LINEAR,
            ),
            "does not fit",
        ),
        (
            (
                Node("n", "aten.sym_size.int", (X, 0)),
                *(
                    Node(f"n{i}", "int.mul", (Ref(f"n{i - 1}" if i else "n"), 65_536))
                    for i in range(9)
                ),
                LINEAR,
            ),
            "too large",
        ),
    ],
)
def test_graphs_that_do_not_compute_logits_are_refused(nodes: tuple[Node, ...], words: str) -> None:
    with pytest.raises(ProgramRejectedError, match=words):
        validate_program(_program(*nodes))


def test_parameters_must_be_the_inputs() -> None:
    with pytest.raises(ProgramRejectedError, match="exactly one graph input"):
        validate_program(_program(LINEAR, params=()))
    with pytest.raises(ProgramRejectedError, match="exactly one graph input"):
        validate_program(_program(LINEAR, params=(("other", (2, 4)),)))
    with pytest.raises(ProgramRejectedError, match="kind 'x'"):
        validate_program(_program(LINEAR, inputs=INPUTS[1:]))
