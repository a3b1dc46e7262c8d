"""Which build of ours carries the orders: Temporal's worker deployment versions. The guide is docs/versioning.md."""

import asyncio
from importlib import metadata

import structlog
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from domain.base import Value
from domain.errors import Refused
from workers.settings import Settings
from workflows.visibility import CARRIERS

log = structlog.get_logger()

_ASK_AGAIN_SECONDS = 0.1


class Build(Value):
    """One build of the deployment. `orders`: the open ones whose last task it had; they move on with their next one."""

    build_id: str
    current: bool
    orders: int


def deployment_of(settings: Settings) -> WorkerDeploymentConfig:
    """What a worker says of itself. Without a named build it says the release, and takes what no build is current for.

    Orders live for weeks, so they move to a new build by themselves: AUTO_UPGRADE.
    """
    routed = settings.build_id is not None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(
            deployment_name=settings.deployment, build_id=settings.build_id or metadata.version("ordersaga")
        ),
        use_worker_versioning=routed,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE
        if routed
        else VersioningBehavior.UNSPECIFIED,
    )


async def make_current(client: Client, settings: Settings, build_id: str | None) -> None:
    """From now on this build carries all orders, new and running; None: the workers without a named build.

    Refused in Temporal's words: no worker of that build is there, or not one for each task queue.
    """
    try:
        await _set_current(client, settings, build_id)
    except RPCError as error:
        if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}:
            raise Refused(f"build {build_id} cannot become current: {error.message}") from error
        raise


async def become_current(client: Client, settings: Settings) -> None:
    """Make the build of this running worker current: as soon as Temporal has noticed it."""
    said = False
    while True:
        try:
            return await _set_current(client, settings, settings.build_id)
        except RPCError as error:
            if not said:
                log.info("waiting to become current", build=settings.build_id, temporal=error.message)
            said = True
            await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def routed_elsewhere(client: Client, settings: Settings) -> str | None:
    """Why a worker with these settings gets no orders, and what to do; None when it gets them."""
    current = await _current(client, settings)
    if current == settings.build_id:
        return None
    mine = f"`ordersaga deploy current {settings.build_id or '--unversioned'}`"
    return f"{current or 'no build'} is current; {mine} makes this one current"


async def builds(client: Client, settings: Settings) -> tuple[Build, ...]:
    """Every build that Temporal knows of, the newest first."""
    deployment = await _describe(client, settings)
    if deployment is None:
        return ()
    known = sorted(
        deployment.worker_deployment_info.version_summaries,
        key=lambda version: version.create_time.ToNanoseconds(),
        reverse=True,
    )
    current = deployment.worker_deployment_info.routing_config.current_deployment_version.build_id
    found = []
    for version in known:
        build_id = version.deployment_version.build_id
        orders = await _orders_of(client, settings, build_id)
        found.append(Build(build_id=build_id, current=build_id == current, orders=orders))
    return tuple(found)


async def _orders_of(client: Client, settings: Settings, build_id: str) -> int:
    where = f"TemporalWorkerDeploymentVersion = '{settings.deployment}:{build_id}'"
    query = f"{CARRIERS} AND ExecutionStatus = 'Running' AND {where}"
    return (await client.count_workflows(query)).count


async def _set_current(client: Client, settings: Settings, build_id: str | None) -> None:
    if build_id is None and await _current(client, settings) is None:
        return  # there may be no deployment at all
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=settings.namespace,
            deployment_name=settings.deployment,
            build_id=build_id or "",
            identity=client.identity,
            # Who goes back to workers without a build takes every queue with them.
            ignore_missing_task_queues=build_id is None,
        )
    )


async def _current(client: Client, settings: Settings) -> str | None:
    deployment = await _describe(client, settings)
    if deployment is None:
        return None
    return deployment.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def _describe(client: Client, settings: Settings) -> DescribeWorkerDeploymentResponse | None:
    request = DescribeWorkerDeploymentRequest(
        namespace=settings.namespace, deployment_name=settings.deployment
    )
    try:
        return await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status in {
            RPCStatusCode.NOT_FOUND,
            RPCStatusCode.UNIMPLEMENTED,
        }:  # nobody's yet, or an older server
            return None
        raise
