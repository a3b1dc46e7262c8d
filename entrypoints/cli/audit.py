import typer

from domain.errors import OrderError
from entrypoints.audit.report import render
from entrypoints.audit.run import audit as audit_books
from entrypoints.books import books_of
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json


def audit(*, as_json: AsJson = False) -> None:
    """Check each promise, per order, on the books of all systems. Exit code 1 on a violation."""
    try:
        report = run(audit_books(books_of(load_settings())))
    except OrderError as error:
        fail(str(error))
    console.print(render(report))
    if as_json:
        say_json(report.as_json())
    if report.violations:
        raise typer.Exit(1)
