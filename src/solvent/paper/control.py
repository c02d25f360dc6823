"""What the control endpoint takes: faults to plan and to clear, and the time to move."""

import json
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.paper.clock import SetClock
from solvent.paper.faults import Planned
from solvent.paper.wire import Request
from solvent.paper.world import World

FAULTS: Final = "/paper/faults"
TIME: Final = "/paper/time"
DAY_MS: Final = 86_400_000
"""More steps than that at once would keep every client waiting."""
CLEAR: Final = Request("DELETE", FAULTS)


def control(world: World, request: Request) -> dict[str, Any] | None:
    """What is answered; None where there is no such path. Raises BadInput naming the field."""
    if request.path == FAULTS:
        return _faults(world, request)
    if request.path == TIME:
        return _time(world, request)
    return None


def plan(world: World, request: Request) -> None:
    """POST plans one more fault, DELETE clears all. Raises BadInput naming the field."""
    if request.method == "POST":
        fault = Planned.read(_object(request.body))
        if fault.venue and fault.venue not in world.venues:
            raise BadInput("venue", " or ".join(world.venues), fault.venue)
        world.faults.plan(fault)
    elif request.method == "DELETE":
        world.faults.clear()


def _faults(world: World, request: Request) -> dict[str, Any]:
    around = world.around
    world.advance()
    if request.method in ("POST", "DELETE"):
        plan(world, request)
        if around.keep is not None:
            # Faults change what becomes of later requests: without them the state cannot be told again.
            around.keep("", request, around.clock.market_ms(), around.clock.wall_ms())
    planned = [{**vars_of(fault), "kind": str(fault.kind)} for fault in world.faults.planned]
    return {"planned": planned, "met": dict(world.faults.met)}


def _time(world: World, request: Request) -> dict[str, Any]:
    clock = world.around.clock
    if request.method == "POST":
        given = _object(request.body).get("forward_ms")
        if not isinstance(clock, SetClock):
            raise BadInput("forward_ms", "a clock that can be set", "<a running clock>")
        if type(given) is not int or not 0 <= given <= DAY_MS:
            raise BadInput("forward_ms", f"a whole number from 0 to {DAY_MS}, a day", given)
        clock.forward(given)
    world.advance()
    return {"market_ms": clock.market_ms(), "wall_ms": clock.wall_ms()}


def vars_of(fault: Planned) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in Planned.__slots__}


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise BadInput("body", "a JSON object", "<something else>")
    return given
