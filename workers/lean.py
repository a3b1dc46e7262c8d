"""What the SDK would keep in memory of every open order, and nobody needs: the whole message that started it."""

from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowInterceptorClassInput,
)


class LeanRunner(UnsandboxedWorkflowRunner):
    """Without the sandbox: lint bans what it would catch, and it doubles an order's memory."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        # A part of a message keeps all of it; a copy of the part does not.
        result = Payloads(payloads=list(det.last_completion_result.payloads))
        return super().create_instance(replace(det, last_completion_result=result))


class LeanOrders(Interceptor):
    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002  the SDK's signature
    ) -> type[WorkflowInboundInterceptor]:
        return _WithoutItsStart


class _WithoutItsStart(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002  the SDK's signature
        input.headers = dict(input.headers)
        return await super().execute_workflow(input)
