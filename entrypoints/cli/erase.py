"""`ordersaga erase`: what a customer asks to be forgotten. What it leaves, and why, is in docs/security.md."""

from typing import Annotated

import typer
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from adapters.database.engine import migrate, open_database
from adapters.database.erasing import Erased, Erasing
from entrypoints.cli.output import AsJson, console, load_settings, run, say_json
from workers.clock import now
from workers.connection import connect
from workers.settings import Settings


def erase(
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="An e-mail address, or the ERP's or CRM's reference.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Take a customer's personal data out of closed orders and of what came in, and delete their histories in Temporal.

    Amounts, articles, ids and countries stay. Orders that still run are named: say it again when they are closed.
    """
    erased = run(_erased(load_settings(), customer))
    console.print(
        f"[green]✓[/] {len(erased.orders)} orders hold nothing personal any more; {erased.inbox_items} of the inbox emptied"
    )
    for order in erased.open:
        console.print(
            f"{order} still runs, or was closed within the hour: it keeps what it needs", markup=False
        )
    if as_json:
        say_json(erased.model_dump(mode="json"))


async def _erased(settings: Settings, customer: str) -> Erased:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    by_mail = "@" in customer
    try:
        erasing = Erasing(engine, now)
        erased = await erasing.erase(email=customer if by_mail else "", customer="" if by_mail else customer)
    finally:
        await engine.dispose()
    await _delete_histories(settings, erased)
    return erased


async def _delete_histories(settings: Settings, erased: Erased) -> None:
    """Every run of a closed order; Temporal would keep it, encrypted, until its retention ends."""
    client = await connect(settings)
    for order in erased.orders:
        async for run_of_it in client.list_workflows(
            f'WorkflowId = "{order}" AND ExecutionStatus != "Running"'
        ):
            gone = WorkflowExecution(workflow_id=order, run_id=run_of_it.run_id)
            request = DeleteWorkflowExecutionRequest(namespace=settings.namespace, workflow_execution=gone)
            try:
                await client.workflow_service.delete_workflow_execution(request)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
