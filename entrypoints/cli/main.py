"""`ordersaga`: the command line. A command's module is imported when the command is called, for they are heavy."""

import gc
import os
import sys
from importlib import import_module, metadata
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from entrypoints.cli.commands import COMMANDS, SUMMARY


def main() -> None:
    """Run one command, and leave the interpreter by its shortest way.

    After the Temporal SDK was used its ordinary end may abort (exit code 134, temporalio/sdk-python#300), and a success
    must not look like a crash.
    """
    code = 0
    try:
        _dispatch(sys.argv[1:] or ["--help"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        code = 130
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _dispatch(arguments: list[str]) -> None:
    name, *rest = arguments
    if name in {"--help", "-h", "help"}:
        _help()
    elif name == "--version":
        Console().print(metadata.version("ordersaga"))
    elif name in COMMANDS:
        module, attribute, _ = COMMANDS[name]
        _application(_imported(module, attribute))(args=rest, prog_name=f"ordersaga {name}")
    else:
        Console(stderr=True).print(f"[red]✗[/] there is no command {name!r}; `ordersaga --help` lists them")
        raise SystemExit(2)


def _imported(module: str, attribute: str) -> Any:
    """What is imported stays to the end: nobody looks through it for what is garbage, neither now nor later."""
    gc.disable()
    command = getattr(import_module(module), attribute)
    gc.freeze()
    gc.enable()
    return command


def _application(command: Any) -> typer.Typer:
    if isinstance(command, typer.Typer):
        return command
    single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    single.command()(command)
    return single


def _help() -> None:
    table = Table(box=None, show_header=False)
    for name, (_, _, summary) in COMMANDS.items():
        table.add_row(f"[bold]{name}[/]", summary)
    console = Console(highlight=False)
    console.print("Usage: [bold]ordersaga[/] COMMAND [OPTIONS]   (each COMMAND has --help)\n")
    console.print(SUMMARY + "\n")
    console.print(table)
