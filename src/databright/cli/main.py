"""The command line's entry: finds each role's verbs by name and prints errors as one line."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from typing import Any

import typer
from typer.exceptions import TyperException
from typer.main import get_command

import databright.cli
from databright import __version__
from databright.chain.refusals import explain
from databright.errors import (
    BadInputError,
    ConfigError,
    DatabrightError,
    MissingToolError,
    PlanRefusedError,
)

_NOT_ROLES = frozenset({"main"})


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def role_names() -> list[str]:
    """Names of the modules beside this one, each of which brings verbs.

    Returns:
        Sorted module names without the package.
    """
    found = (module.name for module in pkgutil.iter_modules(databright.cli.__path__))
    return sorted(name for name in found if name not in _NOT_ROLES and not name.startswith("_"))


def build_app() -> typer.Typer:
    """Put together the verbs of every role.

    A role is a module `cli/<role>.py` that offers `register(app)`, which adds its verbs, or a
    typer `app`, which becomes the noun `<role>` (underscores turn into hyphens).

    Returns:
        The whole command line.

    Raises:
        ConfigError: a module offers neither.
        ModuleNotFoundError: a module of our own is missing: a broken installation.
    """
    app = typer.Typer(
        name="databright",
        help="A market where data earns dividends and computation is proved.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def _top(
        version: bool = typer.Option(
            False,
            "--version",
            help="Print the version and exit.",
            is_eager=True,
            callback=_print_version,
        ),
    ) -> None:
        del version  # answered by its callback

    for name in role_names():
        try:
            module = importlib.import_module(f"databright.cli.{name}")
        except ModuleNotFoundError as error:
            _stand_in(app, name, error)
            continue
        if hasattr(module, "register"):
            module.register(app)
        elif hasattr(module, "app"):
            app.add_typer(module.app, name=name.replace("_", "-"))
        else:
            raise ConfigError(f"databright.cli.{name} offers neither register(app) nor app")
    return app


def _stand_in(app: typer.Typer, name: str, error: ModuleNotFoundError) -> None:
    """Keep the other verbs, doctor above all, where a role's packages are not installed."""
    missing = (error.name or "").split(".")[0]
    if missing == "databright":
        raise error

    @app.command(
        name.replace("_", "-"),
        help=f"Not available: the Python package {missing} is missing.",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def _refuse() -> None:
        raise MissingToolError(
            f"'databright {name}' needs the Python package {missing}, which is not installed; "
            "run `make setup`, and `databright doctor` for what else is missing"
        )


def exit_code(error: DatabrightError) -> int:
    """The exit code that an error stands for.

    Args:
        error: what stopped the command.

    Returns:
        2 where the caller gave bad input or settings, else 1.
    """
    return 2 if isinstance(error, (BadInputError, ConfigError)) else 1


def error_record(error: DatabrightError) -> dict[str, Any]:
    """An error as `--json` prints it.

    Args:
        error: what stopped the command.

    Returns:
        Its kind, message and the figures that it carries.
    """
    record: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, PlanRefusedError):
        record["owners_needed"] = error.owners_needed
        record["owners_available"] = error.owners_available
    reason = getattr(error, "reason", "")
    if reason:
        record["reason"] = reason
        told = explain(reason)
        if told is not None:
            record |= {"happened": told.happened, "why": told.why, "do": told.do}
    return {"error": record}


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; None for those of this process.

    Returns:
        The exit code: 0 done, 1 failed, 2 bad input, 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    try:
        command = get_command(build_app())
        result = command(args=words or ["--help"], prog_name="databright", standalone_mode=False)
    except DatabrightError as error:
        _print_error(error_record(error), as_json=as_json)
        return exit_code(error)
    except TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        path = getattr(getattr(error, "ctx", None), "command_path", "databright")
        record = {"error": {"kind": "UsageError", "message": f"{message} See: {path} --help"}}
        _print_error(record, as_json=as_json)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return 130
    return result if isinstance(result, int) else 0


def _print_error(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        line = json.dumps(record)
    else:
        line = "databright: " + " ".join(str(record["error"]["message"]).split())
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
