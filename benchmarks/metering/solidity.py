"""Solidity packages in a folder of their own, and their compiler in JavaScript.

Nothing of them is part of the project: they are installed when a peer is measured, without running
their install scripts, and compiled there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databright.chain.bindings import Artifact
from databright.errors import ConfigError, MissingToolError

PACKAGES: Mapping[str, str] = {"@openzeppelin/contracts": "5.7.0", "solc": "0.8.37"}
"""npm package -> version; both under the MIT licence."""
OPTIMIZER_RUNS = 200
EVM_VERSION = "prague"
"""What anvil is started with, and what our own contracts are compiled for."""
_INSTALL_S = 300.0
_COMPILE_S = 300.0


@dataclass(frozen=True)
class Toolbox:
    """A folder with the packages in it.

    Attributes:
        folder: where node_modules lies.
    """

    folder: Path

    def install(self) -> None:
        """Put the packages there, unless these versions are there already.

        Raises:
            MissingToolError: there is no npm, or it cannot get them.
        """
        if all(self._installed(name) == version for name, version in PACKAGES.items()):
            return
        npm = _program("npm")
        self.folder.mkdir(parents=True, exist_ok=True)
        # npm would otherwise install into the nearest folder above that has a package.json.
        (self.folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save"]
        done = _run([npm, "install", *quiet, *wanted], self.folder, "", _INSTALL_S)
        if done.returncode != 0:
            raise MissingToolError(
                f"npm could not install {' '.join(wanted)} into {self.folder}: "
                f"{done.stderr.strip()[-500:]}"
            )

    def _installed(self, name: str) -> str | None:
        file = self.folder / "node_modules" / name / "package.json"
        if not file.is_file():
            return None
        return str(json.loads(file.read_text(encoding="utf-8")).get("version"))

    def compile(self, sources: Path) -> dict[str, Artifact]:
        """Compile a folder of Solidity files; what is unchanged is not compiled again.

        Args:
            sources: the folder; imports that start with a package's name are looked up in it.

        Returns:
            Contract's name -> artifact, for the contracts of the folder's own files.

        Raises:
            MissingToolError: there is no Node.js.
            ConfigError: the sources do not compile.
        """
        files = {file.name: file.read_text(encoding="utf-8") for file in sources.glob("*.sol")}
        request = json.dumps(_standard_json(files), sort_keys=True)
        key = hashlib.sha256(json.dumps([dict(PACKAGES), request]).encode()).hexdigest()
        kept = self.folder / f"compiled-{key[:32]}.json"
        if not kept.exists():
            answer = self._ask_compiler(request)
            part = kept.with_suffix(".part")
            part.write_text(json.dumps(answer["contracts"]), encoding="utf-8")
            part.replace(kept)
        compiled = json.loads(kept.read_text(encoding="utf-8"))
        return {
            name: _artifact(name, found) for file in files for name, found in compiled[file].items()
        }

    def _ask_compiler(self, request: str) -> Mapping[str, Any]:
        solc = str(Path("node_modules") / "solc" / "solc.js")
        paths = ["--base-path", ".", "--include-path", "node_modules"]
        command = [_program("node"), solc, "--standard-json", *paths]
        done = _run(command, self.folder, request, _COMPILE_S)
        start = done.stdout.find("{")  # it may say something before its answer
        if done.returncode != 0 or start < 0:
            raise ConfigError(f"solc ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        answer: Mapping[str, Any] = json.loads(done.stdout[start:])
        errors = [e for e in answer.get("errors", []) if e["severity"] == "error"]
        if errors:
            told = "\n".join(str(error["formattedMessage"]) for error in errors)
            raise ConfigError(f"the peer's contracts do not compile:\n{told}")
        return answer


def _artifact(name: str, compiled: Mapping[str, Any]) -> Artifact:
    code = bytes.fromhex(compiled["evm"]["bytecode"]["object"])
    return Artifact(name, tuple(compiled["abi"]), code, PACKAGES["solc"], EVM_VERSION)


def _standard_json(files: Mapping[str, str]) -> dict[str, object]:
    return {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sorted(files.items())},
        "settings": {
            "optimizer": {"enabled": True, "runs": OPTIMIZER_RUNS},
            "evmVersion": EVM_VERSION,
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(f"{name} was not found: the peer needs Node.js 20 or newer and npm")
    return found


def _run(
    command: list[str], folder: Path, text: str, limit_s: float
) -> subprocess.CompletedProcess[str]:
    # A file takes all that is written; of a pipe, Node.js drops the end when it exits.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                input=text,
                stdout=said,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=limit_s,
            )
        except subprocess.TimeoutExpired as error:
            raise MissingToolError(
                f"{Path(command[0]).name} did not end within {limit_s:.0f} s: try again"
            ) from error
        said.seek(0)
        done.stdout = said.read()
    return done
