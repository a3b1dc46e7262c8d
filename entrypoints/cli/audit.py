import typer

from entrypoints.audit.report import AuditReport, render
from entrypoints.audit.run import audit as audit_books
from entrypoints.books import books_of
from entrypoints.cli.output import AsJson, console, load_settings, run, say_json
from workers.connection import connect
from workers.settings import Settings


def audit(*, as_json: AsJson = False) -> None:
    """Check each promise, per order, on the books of all systems. Exit code 1 on a violation."""
    report = run(_audit(load_settings()))
    console.print(render(report))
    if as_json:
        say_json(report.as_json())
    if report.violations:
        raise typer.Exit(1)


async def _audit(settings: Settings) -> AuditReport:
    await connect(settings)  # or it says in words that Temporal does not answer
    return await audit_books(books_of(settings))
