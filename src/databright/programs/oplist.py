"""What a program is: a list of named operations as strict JSON, plus how it is trained.

A program holds no code. Its graph is a list of nodes, each naming one ATen operation of an
allow-list; a worker that reads it can run nothing else. Numbers with a fraction are written as
decimal strings (`repr` of the double), so that no JSON reader rounds them and the canonical
bytes, hence the digest, are the same everywhere.

Reading checks the form only; `validate.validate_program` checks what the graph does.
Source: docs/design/programs.md, "The format".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

from databright.errors import BadInputError, ProgramRejectedError
from databright.programs.fields import (
    as_list,
    as_name,
    as_number,
    as_object,
    as_op,
    as_shape,
    as_text,
    as_whole,
    number_text,
)
from databright.records.strict_json import dumps_canonical, loads_strict
from databright.units import Digest

SCHEMA_VERSION = 1
MAX_PROGRAM_BYTES = 1_000_000
MAX_NODES = 2_000
MAX_INPUTS = 1_000
MAX_LIST = 64
MAX_BATCH = 4_096
MAX_CLASSES = 65_536


@dataclass(frozen=True)
class Ref:
    """A use of an earlier value, by name."""

    name: str


Argument: TypeAlias = "bool | int | float | str | Ref | tuple[Argument, ...] | None"
"""What a node's argument may be; nothing else can be written down."""


@dataclass(frozen=True)
class GraphInput:
    """A value that the graph starts from.

    Attributes:
        name: how nodes refer to it.
        kind: "x" for the batch of samples, "w" for a weight.
        param: the weight's name in the weights file; empty for "x".
    """

    name: str
    kind: str
    param: str


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        name: how later nodes refer to its value.
        op: a name of the allow-list, e.g. "aten.linear.default".
        args: positional arguments.
        kwargs: keyword arguments, sorted by keyword.
    """

    name: str
    op: str
    args: tuple[Argument, ...]
    kwargs: tuple[tuple[str, Argument], ...] = ()


@dataclass(frozen=True)
class Graph:
    """Inputs, nodes in the order of execution, and the name of the logits."""

    inputs: tuple[GraphInput, ...]
    nodes: tuple[Node, ...]
    out: str


@dataclass(frozen=True)
class Sgd:
    """Stochastic gradient descent with momentum; its state starts fresh in every segment.

    Attributes:
        lr: learning rate, > 0.
        momentum: in [0, 1).
        weight_decay: >= 0.
    """

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Program:
    """A model and how it is trained; immutable and hashable.

    Attributes:
        graph: from a batch of samples and the weights to logits [B, K].
        input_shape: shape of one sample; its product is the rows' number of features.
        num_classes: K.
        params: (name, shape) of every float32 weight, sorted by name.
        optimizer: how weights follow gradients.
        batch_size: B, rows per step.
        loss: "cross_entropy", the mean over the batch.
        input_dtype: "float32".
        schema_version: version of this format.
    """

    graph: Graph
    input_shape: tuple[int, ...]
    num_classes: int
    params: tuple[tuple[str, tuple[int, ...]], ...]
    optimizer: Sgd
    batch_size: int
    loss: str = "cross_entropy"
    input_dtype: str = "float32"
    schema_version: int = SCHEMA_VERSION


def program_to_json(program: Program) -> bytes:
    """Write a program canonically: the same program gives the same bytes.

    Args:
        program: any program.

    Returns:
        Canonical JSON, UTF-8.
    """
    graph = program.graph
    return dumps_canonical(
        {
            "schema_version": program.schema_version,
            "graph": {
                "inputs": [[item.name, item.kind, item.param] for item in graph.inputs],
                "nodes": [
                    [
                        node.name,
                        node.op,
                        [_write(value) for value in node.args],
                        {key: _write(value) for key, value in node.kwargs},
                    ]
                    for node in graph.nodes
                ],
                "out": graph.out,
            },
            "input": {"shape": list(program.input_shape), "dtype": program.input_dtype},
            "num_classes": program.num_classes,
            "params": {name: list(shape) for name, shape in program.params},
            "loss": program.loss,
            "optimizer": {
                "name": "sgd",
                "lr": number_text(program.optimizer.lr),
                "momentum": number_text(program.optimizer.momentum),
                "weight_decay": number_text(program.optimizer.weight_decay),
            },
            "batch_size": program.batch_size,
        }
    )


def program_digest(program: Program) -> Digest:
    """SHA-256 of the program's canonical JSON.

    Args:
        program: any program.

    Returns:
        32 bytes.
    """
    return Digest(hashlib.sha256(program_to_json(program)).digest())


def program_from_json(data: bytes) -> Program:
    """Read a program strictly: unknown or missing fields, floats and long lists are refused.

    Args:
        data: JSON of at most 1,000,000 bytes.

    Returns:
        The program; its graph is not validated yet.

    Raises:
        ProgramRejectedError: the form is wrong; the message names the field.
    """
    try:
        document = loads_strict(data, max_bytes=MAX_PROGRAM_BYTES, max_depth=12)
    except ProgramRejectedError:
        raise
    except BadInputError as error:
        raise ProgramRejectedError(f"the program is not strict JSON: {error}") from error
    fields = as_object(
        document,
        "program",
        "schema_version graph input num_classes params loss optimizer batch_size",
    )
    version = as_whole(fields["schema_version"], "schema_version", 0, 10_000)
    if version != SCHEMA_VERSION:
        raise ProgramRejectedError(
            f"program schema_version {version} is not {SCHEMA_VERSION}: export it again with this "
            "version of databright"
        )
    sample = as_object(fields["input"], "input", "shape dtype")
    return Program(
        graph=_read_graph(fields["graph"]),
        input_shape=as_shape(sample["shape"], "input.shape"),
        input_dtype=as_text(sample["dtype"], "input.dtype", ("float32",)),
        num_classes=as_whole(fields["num_classes"], "num_classes", 2, MAX_CLASSES),
        params=_read_params(fields["params"]),
        loss=as_text(fields["loss"], "loss", ("cross_entropy",)),
        optimizer=_read_optimizer(fields["optimizer"]),
        batch_size=as_whole(fields["batch_size"], "batch_size", 1, MAX_BATCH),
    )


def _read_graph(value: object) -> Graph:
    fields = as_object(value, "graph", "inputs nodes out")
    inputs = []
    for index, item in enumerate(as_list(fields["inputs"], "graph.inputs", MAX_INPUTS)):
        where = f"graph.inputs[{index}]"
        name, kind, param = as_list(item, where, 3, exactly=True)
        kind_text = as_text(kind, f"{where} kind", ("x", "w"))
        if kind_text == "x":
            as_text(param, f"{where} parameter of x", ("",))
        inputs.append(
            GraphInput(
                as_name(name, where),
                kind_text,
                "" if kind_text == "x" else as_name(param, f"{where} parameter"),
            )
        )
    nodes = []
    for index, item in enumerate(as_list(fields["nodes"], "graph.nodes", MAX_NODES)):
        where = f"graph.nodes[{index}]"
        name, op, args, kwargs = as_list(item, where, 4, exactly=True)
        where = f"node {as_name(name, where)!r}"
        keywords = as_object(kwargs, f"{where} keywords")
        nodes.append(
            Node(
                as_name(name, where),
                as_op(op, where),
                tuple(_read(arg, where) for arg in as_list(args, where, MAX_LIST)),
                tuple(
                    (as_name(key, where), _read(keywords[key], where)) for key in sorted(keywords)
                ),
            )
        )
    return Graph(tuple(inputs), tuple(nodes), as_name(fields["out"], "graph.out"))


def _read_params(value: object) -> tuple[tuple[str, tuple[int, ...]], ...]:
    shapes = as_object(value, "params")
    if len(shapes) > MAX_INPUTS:
        raise ProgramRejectedError(f"{len(shapes)} params: at most {MAX_INPUTS} are allowed")
    return tuple(
        (as_name(name, "params"), as_shape(shapes[name], f"params.{name[:80]}"))
        for name in sorted(shapes)
    )


def _read_optimizer(value: object) -> Sgd:
    fields = as_object(value, "optimizer", "name lr momentum weight_decay")
    as_text(fields["name"], "optimizer.name", ("sgd",))
    optimizer = Sgd(
        lr=as_number(fields["lr"], "optimizer.lr", 0.0, 1e4),
        momentum=as_number(fields["momentum"], "optimizer.momentum", 0.0, 1.0),
        weight_decay=as_number(fields["weight_decay"], "optimizer.weight_decay", 0.0, 1e4),
    )
    if optimizer.lr == 0.0 or optimizer.momentum == 1.0:
        raise ProgramRejectedError(
            f"optimizer lr {optimizer.lr} must be above 0 and momentum {optimizer.momentum} below 1"
        )
    return optimizer


def _read(value: object, where: str, depth: int = 0) -> Argument:
    """One argument of a node; floats come as {"float": text}, uses as {"ref": name}.

    Raises:
        ProgramRejectedError: it is anything else.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return as_text(value, where, ("constant", "none", "tanh"))
    if isinstance(value, list) and depth < 2:
        items = as_list(value, where, MAX_LIST)
        return tuple(_read(item, where, depth + 1) for item in items)
    if isinstance(value, dict) and len(value) == 1:
        if "ref" in value:
            return Ref(as_name(value["ref"], where))
        if "float" in value:
            return as_number(value["float"], where, -1e30, 1e30)
    raise ProgramRejectedError(
        f"{where}: an argument must be null, true, false, a whole number, a list, "
        '{"ref": name} or {"float": "decimal"}, got ' + repr(value)[:80]
    )


def _write(value: Argument) -> object:
    if isinstance(value, Ref):
        return {"ref": value.name}
    if isinstance(value, float):
        return {"float": number_text(value)}
    if isinstance(value, tuple):
        return [_write(item) for item in value]
    return value
