"""Between a connection and the world: where faults of transport strike. Sockets and memory share it."""

from dataclasses import dataclass

from solvent.paper.faults import Fault
from solvent.paper.wire import Request, Response
from solvent.paper.world import World


@dataclass(frozen=True, slots=True)
class Passed:
    """What comes back after `delay_ms`; None is a broken connection."""

    response: Response | None
    delay_ms: int = 0


def pass_through(world: World, venue: str, request: Request) -> Passed:
    """One request, with whatever fault strikes it."""
    faults, path = world.faults, request.path
    late = faults.strikes(Fault.LATENCY, venue, path)
    delay = late.ms if late else 0
    if faults.holds(Fault.DOWN, venue) or faults.strikes(Fault.LOST_REQUEST, venue, path):
        return Passed(None, delay)
    for kind in (Fault.RATE_LIMITED, Fault.SERVER_ERROR):
        if faults.strikes(kind, venue, path):
            return Passed(world.venues[venue].broken(kind), delay)
    response = world.handle(venue, request)
    if faults.strikes(Fault.LOST_ANSWER, venue, path):
        return Passed(None, delay)
    return Passed(response, delay)
