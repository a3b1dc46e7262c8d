"""The simulated world as one FastAPI application: eight systems of the protocol, the world's own doings, its books."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from adapters.simulated import (
    banks,
    books,
    carrier,
    clerks,
    clock_routes,
    crm,
    erp,
    fault_routes,
    merchant,
    notifications,
    pace,
    payers,
    payments,
    people,
    stock,
    storefront,
    storekeepers,
    subscriber,
    warehouse,
    webhooks,
)
from adapters.simulated.clock import Clock, now
from adapters.simulated.desk import Desk, problem
from adapters.simulated.state import State
from adapters.simulated.world import Refusal, Settings, World

SYSTEMS: dict[str, APIRouter] = {
    module.router.prefix.strip("/"): module.router
    for module in (storefront, payments, erp, stock, warehouse, carrier, crm, notifications)
}

_bearer = HTTPBearer(auto_error=False, description="The token that both sides agreed on")


async def _authorised(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    token = request.app.state.desk.world.settings.token
    if token is not None and not (given and hmac.compare_digest(given.credentials, token)):
        raise Refusal("unauthorised", "a bearer token is needed", status=401)


def protocol_app() -> FastAPI:
    """The protocol's routes alone, without state: for its OpenAPI document."""
    app = FastAPI(
        title="OrderSaga connector",
        version="1",
        summary="Implement these operations and OrderSaga drives your orders through your systems.",
        servers=[{"url": "https://systems.example"}],
    )
    for router in SYSTEMS.values():
        app.include_router(router, dependencies=[Depends(_authorised)])
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refusal, _refused)
    return app


def create_app(state_path: Path, settings: Settings | None = None, clock: Clock = now) -> FastAPI:
    """The whole world on the state of this file, which is made where there is none."""
    app = protocol_app()
    world = World(State(state_path, clock), settings or Settings())
    app.state.desk = Desk(world)
    app.state.alive = True
    app.router.lifespan_context = _life
    for module in (
        people,
        storekeepers,
        payers,
        banks,
        clerks,
        merchant,
        subscriber,
        clock_routes,
        fault_routes,
        books,
    ):
        app.include_router(module.router)

    @app.get("/livez")
    async def livez() -> Response:
        """503 when the people of the world have stopped working: a defect of the simulator."""
        return Response(
            "ok" if app.state.alive else "the world stands still", 200 if app.state.alive else 503
        )

    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    world: World = app.state.desk.world

    def stopped(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            app.state.alive = False

    tasks = [asyncio.create_task(pace.keep_moving(world)), asyncio.create_task(webhooks.keep_sending(world))]
    for task in tasks:
        task.add_done_callback(stopped)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    world.state.close()


async def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001  the handler's signature
    """What was wrong and where, without the value: it may be somebody's name."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type alone
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return problem(422, "invalid", str(first["type"]).replace("_", " "), field)


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001  the handler's signature
    assert isinstance(error, Refusal)  # noqa: S101  registered for this type alone
    return problem(error.status, error.code, error.detail, error.field)
