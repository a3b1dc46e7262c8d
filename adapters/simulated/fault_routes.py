"""PUT, GET and DELETE /faults: scripted trouble, kept in the state and so in force after a restart."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request

from adapters.simulated import faults
from adapters.simulated.faults import Fault, FaultKind, ListedFault
from adapters.simulated.world import World

router = APIRouter(prefix="/faults", tags=["faults"])


class Faulty(StrEnum):
    STOREFRONT = "storefront"
    PAYMENTS = "payments"
    ERP = "erp"
    STOCK = "stock"
    WAREHOUSE = "warehouse"
    CARRIER = "carrier"
    CRM = "crm"
    NOTIFICATIONS = "notifications"


def _world(request: Request) -> World:
    world: World = request.app.state.desk.world
    return world


@router.put("/{system}")
async def set_fault(request: Request, system: Faulty, fault: Fault) -> list[ListedFault]:
    """The same kind on the same operation is replaced; several kinds act one after the other."""
    world = _world(request)
    with world.transaction():
        faults.put(world.state, system, fault)
        return faults.listed(world.state)


@router.get("")
async def list_faults(request: Request) -> list[ListedFault]:
    return faults.listed(_world(request).state)


@router.delete("")
async def clear_faults(request: Request) -> list[ListedFault]:
    world = _world(request)
    with world.transaction():
        faults.remove(world.state)
        return faults.listed(world.state)


@router.delete("/{system}")
async def clear_system(
    request: Request,
    system: Faulty,
    operation: Annotated[str | None, Query()] = None,
    kind: FaultKind | None = None,
    key: Annotated[str | None, Query()] = None,
) -> list[ListedFault]:
    world = _world(request)
    with world.transaction():
        faults.remove(world.state, system, operation, kind, key)
        return faults.listed(world.state)
