"""The floor: what any workflow costs on this machine that starts, takes one signal and ends."""

from temporalio import workflow


@workflow.defn(name="Floor")
class Floor:
    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._told)

    @workflow.signal
    def tell(self) -> None:
        self._told = True
