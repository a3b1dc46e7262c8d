"""A worker for each queue: together they do everything, each its own part."""

from collections.abc import Iterable
from typing import Any, cast

import pytest

from activities.steps import step_of
from domain.errors import Refused
from domain.ids import ChannelId, System
from domain.policies import OrderPolicies
from workers.queues import Activity, served
from workers.settings import ChannelSettings, Settings
from workers.wiring import Systems

FULFILMENT = {System.WAREHOUSE: "fulfilment", System.CARRIER: "fulfilment"}


class Nothing:
    """Stands for everything that activities are given and that nobody calls here."""


NOTHING: dict[str, object] = {name: Nothing() for name in ("records", "incidents", "backorders")}


def settings(*queues: dict[System, str]) -> Settings:
    channels = {
        ChannelId(f"shop-{number}"): ChannelSettings(
            platform="ordersaga", policies=OrderPolicies(adapters={}, task_queues=named)
        )
        for number, named in enumerate(queues)
    }
    return Settings(channels=channels)


def activities() -> list[Activity]:
    systems, nothing = Systems(), cast("Any", Nothing())
    steps = systems.activities(settings=Settings(), **NOTHING)  # type: ignore[arg-type]
    return [*steps, *systems.sweeps(nothing, nothing, nothing, Settings())]


def systems(steps: Iterable[Activity]) -> set[System]:
    return {step_of(step).system for step in steps}


def names(steps: Iterable[Activity]) -> set[str]:
    return {step_of(step).name for step in steps}


def test_without_queues_of_their_own_everything_is_on_the_orders_queue() -> None:
    for wanted in (settings(), settings({})):
        assert {queue: names(steps) for queue, steps in served(wanted, activities(), None).items()} == {
            "orders": names(activities())
        }


def test_a_systems_queue_has_its_activities_alone_and_the_orders_queue_has_them_no_more() -> None:
    found = served(settings({System.ERP: "erp"} | FULFILMENT), activities(), None)
    assert found.keys() == {"orders", "erp", "fulfilment"}
    assert systems(found["erp"]) == {System.ERP}
    assert systems(found["fulfilment"]) == {System.WAREHOUSE, System.CARRIER}
    assert systems(found["orders"]).isdisjoint({System.ERP, System.WAREHOUSE, System.CARRIER})
    assert set().union(*map(names, found.values())) == names(activities())


def test_where_every_system_has_its_queue_the_orders_keep_what_is_ours() -> None:
    found = served(settings({system: system.value for system in System}), activities(), None)
    assert {"close_order_record", "sweep_changes", "tell_incidents", "begin_outage"} <= names(found["orders"])
    assert systems(found["orders"]) == {System.DATABASE, System.NOTIFICATIONS}
    assert "capture" not in "".join(sorted(names(found["orders"])))


def test_a_channel_without_queues_still_finds_its_activities() -> None:
    found = served(settings({System.ERP: "erp"}, {}), activities(), None)
    assert System.ERP in systems(found["orders"]) & systems(found["erp"])


def test_a_worker_of_one_queue_serves_no_other() -> None:
    wanted = settings({System.ERP: "erp"})
    assert served(wanted, activities(), "erp").keys() == {"erp"}
    assert served(wanted, activities(), "orders").keys() == {"orders"}
    with pytest.raises(Refused, match=r"'erpp'.*erp, orders"):
        served(wanted, activities(), "erpp")
