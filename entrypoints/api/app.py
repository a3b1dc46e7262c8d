"""The API: for shops on no platform of their own, for customer service, for operators, and for machines."""

from collections.abc import Collection
from importlib import metadata
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from adapters.connector.documents import OrderDocument
from adapters.database.engine import Clock
from adapters.database.tokens import Tokens
from adapters.database.trail import Deed, Trail
from domain.ids import ChannelId
from entrypoints.api import asking, attention, orders
from entrypoints.api.access import Api
from entrypoints.api.administration import audit, health, tokens
from entrypoints.api.authentication import Authentication
from entrypoints.api.commands import FrontDesk
from entrypoints.api.desk import Desk
from entrypoints.api.gate import PUBLIC, Gate
from entrypoints.api.problems import Problem, add_handlers
from workers.settings import ApiSettings

_DESCRIPTION = """Orders, from paid to settled: placed, read, held, cancelled, sent back, and decided where one needs a
person. docs/api.md teaches it."""
_REFERENCE = "#/components/schemas/{model}"


def create_app(
    *,
    desk: Desk,
    tokens_known: Tokens,
    trail: Trail,
    clock: Clock,
    settings: ApiSettings,
    channels: Collection[ChannelId],
) -> FastAPI:
    """`channels`: those that take orders from here."""
    app = FastAPI(
        title="OrderSaga",
        version=metadata.version("ordersaga"),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation,
        separate_input_output_schemas=False,
    )
    app.state.api = Api(
        desk=desk,
        trail=trail,
        tokens=tokens_known,
        commands=FrontDesk(desk, trail, settings.money_limits),
        clock=clock,
        channels=frozenset(channels),
    )
    for routes in (orders.routes, asking.routes, attention.routes, audit, tokens, health):
        app.include_router(routes)
    add_handlers(app)

    async def denied(code: str) -> None:
        await trail.deny(Deed(actor="", role="", action="authenticate"), code)

    app.add_middleware(
        Gate,
        authentication=Authentication(tokens_known, settings),
        rate_limit=settings.rate_limit,
        clock=clock,
        denied=denied,
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _operation(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        placed = OrderDocument.model_json_schema(ref_template=_REFERENCE)
        schemas = document["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template=_REFERENCE)
        schemas |= placed.pop("$defs") | problem.pop("$defs")
        schemas |= {"PlacedDocument": placed, "Problem": problem}
        document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["security"] = [] if path in PUBLIC else [{"bearer": []}]
        app.openapi_schema = document
    return app.openapi_schema
