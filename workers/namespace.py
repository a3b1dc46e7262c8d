"""What orders need of a Temporal cluster: their namespace, and the search attributes that operators filter by."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Refused
from workers.settings import Settings
from workflows.visibility import REGISTERED

_KINDS = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "Bool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}


async def ensure_namespace(client: Client, settings: Settings) -> tuple[str, ...]:
    """What was missing, and is there now. The same again changes nothing; a namespace that is there keeps its retention.

    Refused: a search attribute is there with another type. RPCError: the cluster does not let us, as Temporal Cloud,
    where both are made in its own console.
    """
    made = await _registered(client, settings)
    there = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    wanted = {name: _KINDS[kind] for name, kind in REGISTERED.items()}
    for name, kind in wanted.items():
        if there.custom_attributes.get(name, kind) != kind:
            raise Refused(
                f"namespace {client.namespace}: the search attribute {name} is no {REGISTERED[name]} there"
            )
    missing = {name: kind for name, kind in wanted.items() if name not in there.custom_attributes}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    return (*made, *missing)


async def _registered(client: Client, settings: Settings) -> tuple[str, ...]:
    retention = Duration()
    retention.FromTimedelta(timedelta(days=settings.history_retention_days))
    request = RegisterNamespaceRequest(
        namespace=client.namespace, workflow_execution_retention_period=retention
    )
    try:
        await client.workflow_service.register_namespace(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
        return ()
    return (f"namespace {client.namespace}",)
