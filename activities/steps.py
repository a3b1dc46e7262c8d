"""What every activity is: one retry-safe step at one outside system, either a read or an effect."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from temporalio import activity

from activities.failures import translated
from domain.base import Value
from domain.ids import OrderId, System
from domain.keys import Key

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

_STEP = "__ordersaga_step__"


@dataclass(frozen=True)
class Step:
    """`mutates`: it changes something outside."""

    name: str
    system: System
    mutates: bool


class Look(Value):
    """What every read is told: which adapter to ask, about which order."""

    adapter: str
    order_id: OrderId


class Effect(Look):
    """What every effect is told: `key` is the same for every attempt of the same thing."""

    key: Key


Method = Callable[Concatenate[S, P], Awaitable[R]]


def effect(system: System) -> Callable[[Method[S, P, R]], Method[S, P, R]]:
    """Define an activity that changes something at `system`; its type name is the method's name."""
    return _defined(system, mutates=True)


def reading(system: System) -> Callable[[Method[S, P, R]], Method[S, P, R]]:
    """Define an activity that only looks."""
    return _defined(system, mutates=False)


def step_of(method: Callable[..., Any]) -> Step:
    """What was declared of an activity. AttributeError for a function that is none."""
    step: Step = getattr(method, _STEP)
    return step


def steps_of(holder: object) -> list[Callable[..., Any]]:
    """The activities of an instance, for a worker to register."""
    members = (getattr(holder, name) for name in dir(holder) if not name.startswith("_"))
    return [member for member in members if hasattr(member, _STEP)]


def _defined(system: System, *, mutates: bool) -> Callable[[Method[S, P, R]], Method[S, P, R]]:
    def define(method: Method[S, P, R]) -> Method[S, P, R]:
        @wraps(method)
        async def run(holder: S, *args: P.args, **kwargs: P.kwargs) -> R:
            with translated():
                return await method(holder, *args, **kwargs)

        setattr(run, _STEP, Step(name=method.__name__, system=system, mutates=mutates))
        return cast("Method[S, P, R]", activity.defn(name=method.__name__)(run))

    return define
