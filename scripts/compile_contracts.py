"""Compile the contracts into the artifacts that the package ships, or check them.

The installed package carries no compiler: it reads ABI and bytecode from
src/databright/contracts/artifacts. `--check` compiles afresh and compares byte for byte.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import vyper
from vyper.cli.vyper_compile import compile_files
from vyper.compiler.settings import OptimizationLevel, Settings

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "src" / "databright" / "contracts"
ARTIFACTS = CONTRACTS / "artifacts"
EVM_VERSION = "prague"
COMPILER = "0.4.3"
RUNTIME_LIMIT = 24_576
"""EIP-170: bytes of code that a contract may have."""
BLUEPRINTS = {"Database": "DatabaseBlueprint"}
"""Contract made from an ERC-5202 blueprint -> artifact of the blueprint, which has no ABI.

The bytecode of both artifacts deploys the blueprint.
"""


def sources() -> dict[str, Path]:
    """Find the deployable contracts.

    Returns:
        Name -> source file; modules and interfaces are left out.
    """
    return {
        path.stem: path
        for path in sorted(CONTRACTS.rglob("*.vy"))
        if path.parent.name not in {"modules", "interfaces"}
    }


def compile_all() -> dict[str, str]:
    """Compile every contract.

    Returns:
        Artifact's file name -> its text.

    Raises:
        SystemExit: another compiler is installed, or a contract is too large for the chain.
    """
    if vyper.__version__.split("+")[0] != COMPILER:
        raise SystemExit(f"vyper {vyper.__version__} is installed, the artifacts need {COMPILER}")
    texts: dict[str, str] = {}
    for name, path in sources().items():
        compiled = _compile(path)
        size = len(compiled["bytecode_runtime"]) // 2 - 1
        if size > RUNTIME_LIMIT:
            raise SystemExit(f"{name} takes {size} bytes, a contract may take {RUNTIME_LIMIT}")
        code = compiled["bytecode"]
        if name in BLUEPRINTS:
            # The contract itself is only ever made from its blueprint.
            code = compiled["blueprint_bytecode"]
            blueprint = BLUEPRINTS[name]
            # Preamble and the contract's creation code: what the blueprint's address will hold.
            held = len(compiled["bytecode"]) // 2 - 1 + 3
            if held > RUNTIME_LIMIT:
                raise SystemExit(f"{blueprint} takes {held} bytes, may take {RUNTIME_LIMIT}")
            texts[f"{blueprint}.json"] = _text(blueprint, [], code, held)
        texts[f"{name}.json"] = _text(name, compiled["abi"], code, size)
    return texts


def _compile(path: Path) -> dict[str, Any]:
    settings = Settings(optimize=OptimizationLevel.GAS, evm_version=EVM_VERSION)
    formats = ("abi", "bytecode", "bytecode_runtime", "blueprint_bytecode")
    compiled = compile_files([path], formats, paths=[str(CONTRACTS)], settings=settings)
    return dict(next(value for key, value in compiled.items() if str(key) != "version"))


def _text(name: str, abi: list[Any], bytecode: str, runtime_bytes: int) -> str:
    fields = {
        "name": name,
        "abi": abi,
        "bytecode": bytecode,
        "compiler": COMPILER,
        "evm_version": EVM_VERSION,
        "runtime_bytes": runtime_bytes,
    }
    return json.dumps(fields, indent=1, sort_keys=True) + "\n"


def differences(texts: dict[str, str], folder: Path) -> list[str]:
    """Compare fresh artifacts with those of a folder.

    Args:
        texts: artifact's file name -> its text, freshly compiled.
        folder: where the committed ones lie.

    Returns:
        A line for each difference, sorted; empty when there is none.
    """
    found = [f"{path.name}: no source" for path in folder.glob("*.json") if path.name not in texts]
    for name, text in texts.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: not there")
        elif path.read_text() != text:
            found.append(f"{name}: differs from a fresh compile")
    return sorted(found)


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: command line without the program's name; sys.argv when None.

    Returns:
        Exit status: 1 when `--check` found a difference.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    texts = compile_all()
    if options.check:
        found = differences(texts, ARTIFACTS)
        for line in found:
            sys.stderr.write(line + "\n")
        if found:
            sys.stderr.write("run 'python scripts/compile_contracts.py' and commit the result\n")
        return 1 if found else 0
    ARTIFACTS.mkdir(exist_ok=True)
    for name, text in texts.items():
        (ARTIFACTS / name).write_text(text)
        sys.stdout.write(f"{name}: {json.loads(text)['runtime_bytes']} bytes of code\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
