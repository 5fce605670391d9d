"""Walks a graph: one allow-listed call per node, dead values freed as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from databright.programs.operations import resolve
from databright.programs.oplist import Argument, Graph, Node, Ref

if TYPE_CHECKING:
    import torch

Value: TypeAlias = "torch.Tensor | int"
"""What a node gives: a tensor, or a size."""
Observer: TypeAlias = "Callable[[Node, tuple[object, ...], Value], None]"
"""Is shown each node, its arguments' values and its own value."""


def references(value: Argument) -> Iterator[str]:
    """Names of the values that an argument uses.

    Args:
        value: an argument, possibly a nested list.

    Yields:
        Names in order, repeats included.
    """
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, tuple):
        for item in value:
            yield from references(item)


def node_references(node: Node) -> Iterator[str]:
    """Names of the values that a node uses.

    Args:
        node: any node.

    Yields:
        Names in order, repeats included.
    """
    yield from references(node.args)
    yield from references(tuple(value for _, value in node.kwargs))


def interpret(
    graph: Graph, values: Mapping[str, torch.Tensor], observe: Observer | None = None
) -> Value:
    """Compute the graph's output.

    Args:
        graph: a graph whose topology was validated.
        values: tensor of each graph input, by its name.
        observe: called after each node.

    Returns:
        The value named by `graph.out`.
    """
    live: dict[str, Value] = dict(values)
    for node, dead in _plan(graph):
        args = tuple(_value(argument, live) for argument in node.args)
        kwargs = {key: _value(argument, live) for key, argument in node.kwargs}
        result: Value = resolve(node.op)(*args, **kwargs)
        live[node.name] = result
        if observe is not None:
            observe(node, (*args, *kwargs.values()), result)
        # Locals would keep the last arguments alive through the next call.
        del args, kwargs, result
        for name in dead:
            del live[name]
    return live[graph.out]


@lru_cache(maxsize=64)
def _plan(graph: Graph) -> tuple[tuple[Node, tuple[str, ...]], ...]:
    """Each node with the values that nobody uses after it."""
    last: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        last[node.name] = index
        for name in node_references(node):
            last[name] = index
    last.pop(graph.out, None)
    dead: list[list[str]] = [[] for _ in graph.nodes]
    for name, index in last.items():
        dead[index].append(name)
    return tuple((node, tuple(names)) for node, names in zip(graph.nodes, dead, strict=True))


def _value(argument: Argument, live: Mapping[str, Value]) -> object:
    if isinstance(argument, Ref):
        return live[argument.name]
    if isinstance(argument, tuple):
        return [_value(item, live) for item in argument]
    return argument
