"""`databright program`: programs that evaluations and jobs train."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import typer

from databright.cli._options import DRY_RUN, HOME, JSON, show
from databright.custody.blobs import sha256
from databright.errors import BadInputError
from databright.programs.builders import builder, builder_names
from databright.programs.oplist import program_to_json
from databright.programs.validate import validate_program
from databright.records.tensors import dump_tensors

app = typer.Typer(help="Programs that are trained.", no_args_is_help=True)
PROGRAM_FILE, WEIGHTS_FILE = "program.json", "weights.safetensors"
_MOST_FEATURES, _MOST_CLASSES = 1 << 20, 100_000
_SHAPE = re.compile(r"[1-9][0-9]{0,6}(?:x[1-9][0-9]{0,6}){0,3}\Z")
_SETTING = re.compile(r"([a-z_]{1,40})=([0-9]{1,9}(?:\.[0-9]{1,9})?)\Z")


@app.command("build")
def build(
    name: str = typer.Option(..., "--builder", help=f"One of {', '.join(builder_names())}."),
    out: Path = typer.Option(..., "--out", help="Folder for program.json, weights.safetensors."),
    shape: str = typer.Option(..., "--input-shape", help="Of one sample: 64, or 1x8x8."),
    classes: int = typer.Option(..., "--classes", help="How many classes it tells apart."),
    seed: int = typer.Option(0, "--seed", help="Of the first weights; 0 or more."),
    settings: list[str] = typer.Option([], "--set", help="NAME=NUMBER of the builder, again."),
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Write a program of a named builder and its first weights."""
    del home  # every verb takes it; this one keeps nothing there
    sizes = _shape(shape)
    if not 2 <= classes <= _MOST_CLASSES:
        raise BadInputError(f"{classes} classes: use 2 to {_MOST_CLASSES}")
    if not 0 <= seed < 2**63:
        raise BadInputError(f"the seed is {seed}: use a whole number from 0 to 2**63 - 1")
    make = builder(name)
    known = _known_settings(make)
    program, weights = make(sizes, classes, seed, **_settings(settings, name, known))
    validate_program(program)
    files = {PROGRAM_FILE: program_to_json(program), WEIGHTS_FILE: dump_tensors(weights)}
    _check_free(out, files)
    if not dry_run:
        _write(out, files)
    digests = {file: sha256(content) for file, content in files.items()}
    verb = "would write" if dry_run else "wrote"
    lines = [
        f"{verb} {out / file}: {len(content)} bytes, SHA-256 {digests[file].hex()}"
        for file, content in files.items()
    ]
    show({"out": str(out), "files": digests, "dry_run": dry_run}, lines, as_json=as_json)


def _shape(text: str) -> tuple[int, ...]:
    if not _SHAPE.match(text):
        raise BadInputError(
            f"{text[:60]!r} is no shape of a sample: write the number of features, e.g. 64, or "
            "channels x height x width, e.g. 1x8x8"
        )
    sizes = tuple(int(size) for size in text.split("x"))
    features = 1
    for size in sizes:
        features *= size
    if features > _MOST_FEATURES:
        raise BadInputError(f"{text} has {features} features: use at most {_MOST_FEATURES}")
    return sizes


def _known_settings(make: object) -> dict[str, object]:
    parameters = inspect.signature(make).parameters.values()  # type: ignore[arg-type]
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _settings(given: list[str], name: str, known: dict[str, object]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in given:
        match = _SETTING.match(text)
        if not match or match[1] not in known:
            raise BadInputError(
                f"{text[:60]!r} sets nothing of the builder {name}: write NAME=NUMBER with a name "
                f"of {', '.join(sorted(known))}"
            )
        # A builder's own value says whether it counts or measures.
        whole = isinstance(known[match[1]], int)
        if whole and ("." in match[2] or int(match[2]) < 1):
            raise BadInputError(f"{match[1]} is {match[2]}: use a whole number from 1")
        found[match[1]] = int(match[2]) if whole else float(match[2])
    return found


def _check_free(out: Path, files: dict[str, bytes]) -> None:
    there = [file for file in files if (out / file).exists()]
    if there:
        raise BadInputError(
            f"{out} holds {' and '.join(there)} already: name another folder with --out"
        )


def _write(out: Path, files: dict[str, bytes]) -> None:
    partial = {file: out / f".{file}.partial" for file in files}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            partial[file].write_bytes(content)
        for file, place in partial.items():
            place.replace(out / file)
    except OSError as error:
        for place in partial.values():
            place.unlink(missing_ok=True)
        raise BadInputError(f"{out} cannot be written: {error.strerror}") from error
