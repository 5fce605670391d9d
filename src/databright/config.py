"""Settings as one typed tree, and the home folder that holds all state.

The tree is read from `settings.toml` in the home folder, strictly: an unknown name, a wrong type
or a value out of range is refused with the line to change. Environment variables choose only the
home folder; nothing is read at import.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from databright.errors import ConfigError

HOME_SCHEMA = 1
"""Version of the home folder's layout; a change of layout raises it."""
HOME_VARIABLE = "DATABRIGHT_HOME"
"""Environment variable that names the home folder."""
DEMO_FOLDER = "demo"
"""Homes of demo runs lie in this folder of the default home, each a home of its own."""
HOME_FILE = "home.json"
_SETTINGS_FILE = "settings.toml"
_FILE_CAP = 65_536


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must lie between {low} and {high}")


@dataclass(frozen=True)
class ChainSettings:
    """Which chain is used and how patiently.

    Attributes:
        backend: `auto` (anvil, else eth-tester), `anvil`, `eth-tester`, or `ethereum` (rpc_url).
        rpc_url: JSON-RPC address of an existing chain; empty for the development chain.
        finality_depth: blocks after which a block is taken as final, 1..1024; 0 for the chain's own
            `safe` and `finalized` tags.
        read_timeout_s: how long reads are tried again when the chain does not answer, 1..3600.
        dump_every: transactions between two state dumps of the development chain, 1..1000000.
    """

    backend: str = "auto"
    rpc_url: str = ""
    finality_depth: int = 1
    read_timeout_s: int = 30
    dump_every: int = 2_000

    def __post_init__(self) -> None:
        known = ("auto", "anvil", "eth-tester", "ethereum")
        if self.backend not in known:
            raise ConfigError(
                f"chain.backend is {self.backend!r}; choose one of {', '.join(known)}"
            )
        if (self.backend == "ethereum") != bool(self.rpc_url):
            raise ConfigError(
                f"chain.backend {self.backend!r} with chain.rpc_url {self.rpc_url!r}: "
                "an address is needed for 'ethereum', and for no other backend"
            )
        _within("chain.finality_depth", self.finality_depth, 0, 1024)
        _within("chain.read_timeout_s", self.read_timeout_s, 1, 3600)
        _within("chain.dump_every", self.dump_every, 1, 1_000_000)


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the index and the node's tables are kept.

    Attributes:
        url: SQLAlchemy address of a PostgreSQL database; empty for SQLite files in the home.
    """

    url: str = ""


@dataclass(frozen=True)
class NodeSettings:
    """The trusted node.

    Attributes:
        port: TCP port of the hub on loopback, 0 for a free one.
    """

    port: int = 0

    def __post_init__(self) -> None:
        _within("node.port", self.port, 0, 65_535)


@dataclass(frozen=True)
class WebSettings:
    """The page.

    Attributes:
        port: TCP port on loopback, 0 for a free one.
    """

    port: int = 0

    def __post_init__(self) -> None:
        _within("web.port", self.port, 0, 65_535)


@dataclass(frozen=True)
class DiscussionSettings:
    """Signed threads.

    Attributes:
        max_per_hour: actions that one author may log in an hour, 1..100000.
        max_strangers_per_hour: actions of all authors together who have no part in what they write
            about, in an hour, 1..1000000; new addresses cost nothing.
        anchor_every_s: longest time that a logged action waits to be anchored on chain, 1..86400.
    """

    max_per_hour: int = 60
    max_strangers_per_hour: int = 600
    anchor_every_s: int = 60

    def __post_init__(self) -> None:
        _within("discussion.max_per_hour", self.max_per_hour, 1, 100_000)
        _within("discussion.max_strangers_per_hour", self.max_strangers_per_hour, 1, 1_000_000)
        _within("discussion.anchor_every_s", self.anchor_every_s, 1, 86_400)


@dataclass(frozen=True)
class Settings:
    """The whole tree, one group for each room.

    Attributes:
        chain: see ChainSettings.
        database: see DatabaseSettings.
        node: see NodeSettings.
        web: see WebSettings.
        discussion: see DiscussionSettings.
    """

    chain: ChainSettings = field(default_factory=ChainSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    node: NodeSettings = field(default_factory=NodeSettings)
    web: WebSettings = field(default_factory=WebSettings)
    discussion: DiscussionSettings = field(default_factory=DiscussionSettings)


_GROUPS = frozenset(
    (ChainSettings, DatabaseSettings, NodeSettings, WebSettings, DiscussionSettings)
)


@dataclass(frozen=True)
class Home:
    """An opened home folder.

    Attributes:
        path: its absolute path; only its owner may read it.
        schema: version of its layout, always HOME_SCHEMA once opened.
        versions: name -> version of what wrote the state in it (package, artifacts, anvil).
    """

    path: Path
    schema: int
    versions: Mapping[str, str]


def home_path(flag: Path | None, environ: Mapping[str, str]) -> Path:
    """Find the home folder's place without touching it.

    Args:
        flag: what `--home` said, or None.
        environ: the process's environment variables.

    Returns:
        The flag, else DATABRIGHT_HOME, else the user's data folder; absolute.
    """
    import platformdirs  # only who asks for the default place needs it

    chosen = flag or environ.get(HOME_VARIABLE) or platformdirs.user_data_path("databright")
    return Path(chosen).expanduser().absolute()


def open_home(path: Path, *, versions: Mapping[str, str] | None = None) -> Home:
    """Open a home folder, made on first use.

    Args:
        path: absolute path.
        versions: recorded when the folder is new; see record_versions for later changes.

    Returns:
        The opened folder.

    Raises:
        ConfigError: it is no folder, cannot be written, may be read by others, belongs to
            somebody else, holds other things, or was written by another schema.
    """
    try:
        for folder in (*reversed(path.parents), path):
            # Not mkdir(parents=True), which would leave the folders between open to others.
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise ConfigError(
            f"the home folder {path} cannot be made ({error.strerror}); "
            f"choose another with --home or {HOME_VARIABLE}"
        ) from error
    _check_permissions(path, found)
    if not (path / HOME_FILE).exists():
        if any(held.name != DEMO_FOLDER for held in path.iterdir()):
            raise ConfigError(
                f"{path} holds other files and no {HOME_FILE}, so it is not a DataBright home; "
                "choose an empty or new folder"
            )
        _write_home(path, dict(versions or {}))
    return _read_home(path)


def _check_permissions(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.getuid():
        raise ConfigError(
            f"{path} belongs to user id {found.st_uid}, not to yours ({os.getuid()}); "
            "choose a folder of your own"
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path} may be read or written by others (mode {mode:04o}) and will hold keys; "
            f"run: chmod 700 {path}"
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"{path} cannot be written (mode {mode:04o}); run: chmod 700 {path}")


def _read_small(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_CAP + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(text) > _FILE_CAP:
        raise ConfigError(f"{path} is larger than {_FILE_CAP} bytes; it is not ours")
    return text


def _read_home(path: Path) -> Home:
    file = path / HOME_FILE
    try:
        record = json.loads(_read_small(file))
        schema, versions = record["schema"], record["versions"]
        readable = type(schema) is int and all(
            type(part) is str for pair in versions.items() for part in pair
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{file} is damaged ({error}); restore it, or use a new home") from error
    if not readable:
        raise ConfigError(f"{file} has values of the wrong type; restore it, or use a new home")
    if schema < HOME_SCHEMA:
        raise ConfigError(
            f"{path} was written with schema {schema} and this release reads {HOME_SCHEMA}. "
            f"Keep a copy with `databright home export FILE.tar --home {path}`, then start with "
            "a new home, or go on with the release that wrote it "
            f"(databright {versions.get('databright', 'unknown')})"
        )
    if schema > HOME_SCHEMA:
        raise ConfigError(
            f"{path} was written with schema {schema}, newer than this release's {HOME_SCHEMA}; "
            f"install databright {versions.get('databright', '(newer)')} or use another home"
        )
    return Home(path, schema, versions)


def _write_home(path: Path, versions: Mapping[str, str]) -> None:
    record = json.dumps({"schema": HOME_SCHEMA, "versions": dict(versions)}, indent=2)
    try:
        handle, temporary = tempfile.mkstemp(dir=path, prefix=".home-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(record + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path / HOME_FILE)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def record_versions(home: Home, versions: Mapping[str, str]) -> Home:
    """Record which versions wrote the state, beside those recorded before.

    Args:
        home: an opened home.
        versions: name -> version; replaces those of the same name.

    Returns:
        The home with what is recorded now.

    Raises:
        ConfigError: the record cannot be read or written.
    """
    _write_home(home.path, {**_read_home(home.path).versions, **versions})
    return _read_home(home.path)


def load_settings(home: Path) -> Settings:
    """Read `settings.toml` of a home folder.

    Args:
        home: the home folder; without that file all settings keep their defaults.

    Returns:
        The settings.

    Raises:
        ConfigError: the file is not TOML, or holds an unknown name, a wrong type or a value out
            of range.
    """
    file = home / _SETTINGS_FILE
    if not file.exists():
        return Settings()
    try:
        tree = tomllib.loads(_read_small(file).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
    try:
        return Settings(**_arguments(Settings, tree, ""))
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def _arguments(kind: type[Any], tree: Mapping[str, object], prefix: str) -> dict[str, Any]:
    hints: dict[str, type[Any]] = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    arguments: dict[str, Any] = {}
    for name, value in tree.items():
        if name not in known:
            raise ConfigError(
                f"there is no setting {prefix}{name}; known here: {', '.join(sorted(known))}"
            )
        expected = hints[name]
        if expected in _GROUPS:
            if not isinstance(value, dict):
                raise ConfigError(f"{prefix}{name} is a group; write it as [{prefix}{name}]")
            arguments[name] = expected(**_arguments(expected, value, f"{prefix}{name}."))
        elif type(value) is not expected:
            raise ConfigError(
                f"{prefix}{name} is {value!r}; it must be of type {expected.__name__}"
            )
        else:
            arguments[name] = value
    return arguments
