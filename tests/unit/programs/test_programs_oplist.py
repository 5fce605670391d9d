"""The program format: canonical bytes, strict reading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.errors import ProgramRejectedError, UnknownEntityError
from databright.programs.builders import builder, builder_names
from databright.programs.oplist import (
    Program,
    Sgd,
    program_digest,
    program_from_json,
    program_to_json,
)


@pytest.fixture(params=["mlp", "small_cnn"])
def program(request: pytest.FixtureRequest) -> Program:
    name: str = request.param
    made, _ = builder(name)((1, 4, 4), 3, 0)
    return made


def test_builders_are_found_by_name() -> None:
    assert builder_names() == ["mlp", "small_cnn"]
    with pytest.raises(UnknownEntityError, match="mlp"):
        builder("os")


def test_reading_gives_back_what_was_written(program: Program) -> None:
    blob = program_to_json(program)
    assert program_from_json(blob) == program
    assert program_to_json(program_from_json(blob)) == blob
    assert program_digest(program) == hashlib.sha256(blob).digest()


def test_digest_depends_on_every_hyper_parameter(program: Program) -> None:
    variants = [
        program,
        replace(program, optimizer=Sgd(0.11, 0.9)),
        replace(program, optimizer=Sgd(0.1, 0.91)),
        replace(program, optimizer=Sgd(0.1, 0.9, 1e-4)),
        replace(program, batch_size=31),
        replace(program, num_classes=4),
    ]
    assert len({program_digest(variant) for variant in variants}) == 6


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-12, 1e3), st.floats(0, 0.999), st.floats(0, 1))
def test_numbers_survive_exactly(lr: float, momentum: float, decay: float) -> None:
    made, _ = builder("mlp")((4,), 2, 0, lr=lr, momentum=momentum, weight_decay=decay)
    assert program_from_json(program_to_json(made)).optimizer == made.optimizer


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "unknown field": lambda d: d.update(code="import os"),
    "missing field": lambda d: d.pop("loss"),
    "version": lambda d: d.update(schema_version=2),
    "version as bool": lambda d: d.update(schema_version=True),
    "float": lambda d: d.update(batch_size=32.0),
    "batch of none": lambda d: d.update(batch_size=0),
    "batch too large": lambda d: d.update(batch_size=10**6),
    "one class": lambda d: d.update(num_classes=1),
    "loss": lambda d: d.update(loss="eval"),
    "input type": lambda d: d["input"].update(dtype="object"),
    "huge sample": lambda d: d["input"].update(shape=[2**24, 2]),
    "negative size": lambda d: d["input"].update(shape=[-1]),
    "many dimensions": lambda d: d["input"].update(shape=[1] * 9),
    "huge parameter": lambda d: d["params"].update({"hidden.bias": [2**24, 2**24]}),
    "optimizer": lambda d: d["optimizer"].update(name="adamw"),
    "lr as number": lambda d: d["optimizer"].update(lr=1),
    "lr spelled otherwise": lambda d: d["optimizer"].update(lr="0.10"),
    "lr nan": lambda d: d["optimizer"].update(lr="nan"),
    "lr infinite": lambda d: d["optimizer"].update(lr="inf"),
    "lr zero": lambda d: d["optimizer"].update(lr="0.0"),
    "lr negative": lambda d: d["optimizer"].update(lr="-0.1"),
    "momentum one": lambda d: d["optimizer"].update(momentum="1.0"),
    "graph list": lambda d: d.update(graph=[]),
    "input triple": lambda d: d["graph"]["inputs"].append(["a", "x"]),
    "input kind": lambda d: d["graph"]["inputs"].append(["a", "file", "/etc/passwd"]),
    "input named x": lambda d: d["graph"]["inputs"].append(["a", "x", "w"]),
    "node without keywords": lambda d: d["graph"]["nodes"].append(["a", "aten.relu.default", []]),
    "argument string": lambda d: d["graph"]["nodes"].append(
        ["a", "aten.relu.default", ["__import__('os')"], {}]
    ),
    "argument object": lambda d: d["graph"]["nodes"].append(
        ["a", "aten.relu.default", [{"ref": "x", "float": "0.1"}], {}]
    ),
    "argument float nan": lambda d: d["graph"]["nodes"].append(
        ["a", "aten.relu.default", [{"float": "nan"}], {}]
    ),
    "argument nesting": lambda d: d["graph"]["nodes"].append(
        ["a", "aten.relu.default", [[[[1]]]], {}]
    ),
    "long list": lambda d: d["graph"]["nodes"].append(["a", "aten.relu.default", [0] * 65, {}]),
    "node name": lambda d: d["graph"]["nodes"].append(["a b", "aten.relu.default", [], {}]),
    "out number": lambda d: d["graph"].update(out=3),
    "many nodes": lambda d: d["graph"].update(
        nodes=[["a", "aten.relu.default", [], {}] for _ in range(2001)]
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_other_form_is_refused(change: Change) -> None:
    made, _ = builder("mlp")((4,), 2, 0)
    document = json.loads(program_to_json(made))
    change(document)
    with pytest.raises(ProgramRejectedError):
        program_from_json(json.dumps(document).encode())


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"[" * 100_000,
        b" " * 1_000_001,
        b'["a","aten.relu.default",[],{}],' * 1_000_000,
    ],
    ids=["empty", "list", "open", "utf8", "twice", "nan", "deep", "long", "million nodes"],
)
def test_bytes_that_are_no_program_are_refused(blob: bytes) -> None:
    with pytest.raises(ProgramRejectedError):
        program_from_json(blob)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_gives_another_program_or_a_refusal(place: int, value: int) -> None:
    made, _ = builder("mlp")((4,), 2, 0)
    blob = bytearray(program_to_json(made))
    place %= len(blob)
    if blob[place] == value:
        return
    blob[place] = value
    try:
        changed = program_from_json(bytes(blob))
    except ProgramRejectedError:
        return
    assert changed != made
