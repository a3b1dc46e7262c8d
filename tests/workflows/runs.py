"""The runs of one order: with a long history it goes on as new."""

from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowHistory


async def histories(client: Client, handle: WorkflowHandle[Any, Any]) -> list[WorkflowHistory]:
    """Of every run up to this one, the first one first."""
    found = [await handle.fetch_history()]
    while former := found[0].events[0].workflow_execution_started_event_attributes.continued_execution_run_id:
        found.insert(0, await client.get_workflow_handle(handle.id, run_id=former).fetch_history())
    return found
