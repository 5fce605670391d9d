"""`databright home`: what the home folder is, and a copy of it for keeping."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import typer

from databright.config import home_path, open_home
from databright.errors import BadInputError, ConfigError

app = typer.Typer(help="The folder that holds all state.", no_args_is_help=True)

_HOME = typer.Option(None, "--home", help="Home folder; default: the user's data folder.")
_JSON = typer.Option(False, "--json", help="Print one JSON object.")


@app.command("show")
def show(home: Path | None = _HOME, as_json: bool = _JSON) -> None:
    """Show place, schema and versions of the home folder; makes it if there is none."""
    opened = open_home(home_path(home, os.environ))
    if as_json:
        record = {
            "path": str(opened.path),
            "schema": opened.schema,
            "versions": dict(opened.versions),
        }
        typer.echo(json.dumps(record))
        return
    typer.echo(f"{opened.path} (schema {opened.schema})")
    for name, version in sorted(opened.versions.items()):
        typer.echo(f"  {name} {version}")


@app.command("export")
def export(
    file: Path = typer.Argument(help="The tar file to write; it must not exist."),
    home: Path | None = _HOME,
    as_json: bool = _JSON,
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be written."),
) -> None:
    """Copy a home folder of any schema into one tar file, readable by its owner only."""
    path = home_path(home, os.environ)
    files = export_home(path, file, dry_run=dry_run)
    record = {"home": str(path), "file": str(file), "files": files, "written": not dry_run}
    if as_json:
        typer.echo(json.dumps(record))
    else:
        verb = "would hold" if dry_run else "holds"
        typer.echo(f"{file} {verb} {files} files of {path}; it contains keys: keep it to yourself")


def export_home(home: Path, file: Path, *, dry_run: bool = False) -> int:
    """Copy a home folder into a tar file.

    Args:
        home: the folder; its schema does not matter.
        file: what to write; must not exist, its folder must, and not lie in the home.
        dry_run: count only.

    Returns:
        Number of files copied; sockets and links are left out.

    Raises:
        ConfigError: there is no home folder there.
        BadInputError: the file exists or cannot be written.
    """
    if not (home / "home.json").is_file():
        raise ConfigError(f"{home} is no DataBright home (no home.json); name one with --home")
    if file.absolute().is_relative_to(home):
        raise BadInputError(f"{file} lies in the home folder itself; write it somewhere else")
    if file.exists():
        raise BadInputError(f"{file} exists; choose another name")
    found = sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink())
    if dry_run:
        return len(found)
    partial = file.with_name(f".{file.name}.partial")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
            for member in found:
                archive.add(member, arcname=str(Path("home") / member.relative_to(home)))
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadInputError(f"{file} cannot be written: {error.strerror}") from error
    return len(found)
