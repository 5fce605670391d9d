"""`databright key`: the keys of this home."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from databright.cli._options import (
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    home_of,
    read_passphrase,
    show,
)
from databright.config import open_home
from databright.custody.keys import Keystore, PublicActor
from databright.errors import BadInputError
from databright.wiring.session import KEYS_FOLDER, PASSPHRASE_ENV, keystore

app = typer.Typer(help="Keys of this home.", no_args_is_help=True)


def _record(actor: PublicActor) -> dict[str, object]:
    return {
        "name": actor.name,
        "address": actor.address,
        "insecure": actor.insecure,
        "hpke_public_key": actor.hpke_public_key,
    }


@app.command("create")
def create(
    name: str = typer.Argument(help="Lower-case letters, digits and dashes."),
    insecure: bool = typer.Option(
        False, "--insecure", help="No passphrase: whoever reads the folder has the key."
    ),
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Make a key with a new address; its passphrase cannot be recovered."""
    opened = open_home(home_of(home))
    store = Keystore(opened.path / KEYS_FOLDER)
    secret = read_passphrase(passphrase_file) or os.environ.get(PASSPHRASE_ENV, "")
    if not insecure and not secret:
        raise BadInputError(
            "a key needs a passphrase: give --passphrase-file FILE or set "
            f"{PASSPHRASE_ENV}; demos alone use --insecure"
        )
    if dry_run:
        if name in store.names():
            raise BadInputError(f"there is a key {name!r} already: choose another name")
        show({"name": name, "dry_run": True}, [f"would make the key {name}"], as_json=as_json)
        return
    made = store.create(name, "" if insecure else secret, insecure=insecure)
    show(_record(store.public(name)), [f"{made.name} {made.address}"], as_json=as_json)


@app.command("list")
def list_keys(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show names and addresses."""
    store = keystore(home_of(home))
    actors = [store.public(name) for name in store.names()]
    lines = [
        f"{actor.name:<20} {actor.address}{'  (no passphrase)' if actor.insecure else ''}"
        for actor in actors
    ]
    show({"keys": [_record(actor) for actor in actors]}, lines or ["no keys yet"], as_json=as_json)


@app.command("show")
def show_key(name: str, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show the public part of one key."""
    actor = keystore(home_of(home)).public(name)
    lines = [f"{actor.name} {actor.address}", f"  HPKE key {actor.hpke_public_key[:16].hex()}…"]
    show(_record(actor), lines, as_json=as_json)
