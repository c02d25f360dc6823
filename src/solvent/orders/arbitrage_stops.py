"""Stops that wait at the venues while a pair is held, so that neither end of the price leaves one leg alone."""

from decimal import Decimal
from typing import Final

from solvent.core.account import Mode
from solvent.orders.arbitrage import LEGS, LegName, PairOrder, Role, Subscription
from solvent.orders.arbitrage_plan import NotEntered
from solvent.orders.arbitrage_step import AGREE_MS, TRIES, LegSeen, PairSeen, Wanted
from solvent.venues.stated import Capabilities

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)


def stops_to_send(sub: Subscription, seen: PairSeen) -> tuple[Wanted, ...]:
    """Stops that are not at the venues yet."""
    lacking = _lacking(sub, seen)
    return tuple(one for one in lacking if len(_placed(sub, one.leg, gains=one.takes_profit)) < TRIES)


def stops_refused(sub: Subscription, leg: LegName, mode: Mode, can: Capabilities) -> NotEntered | None:
    """Why a leg that is to be guarded cannot be, in this margin mode at that venue; known before it is opened."""
    if sub.rules.protect is None or (can.triggers and (can.isolated_triggers or mode is not Mode.ISOLATED)):
        return None
    where = f"the {leg} leg ({sub.request.leg(leg).name})"
    told = (
        f"{where}: no stop can wait at {can.venue} for {mode} margin: use protect 0 (--protect 0), or another mode"
    )
    return NotEntered("no-stops", told)


def unguarded(sub: Subscription, seen: PairSeen) -> tuple[str, str] | None:
    """What to tell where the venues would not keep the stops."""
    legs = sorted({one.leg for one in _lacking(sub, seen)})
    return ("unguarded", f"a stop of the {' and '.join(legs)} leg is not at the venue") if legs else None


def _lacking(sub: Subscription, seen: PairSeen) -> list[Wanted]:
    """At either end both legs go, so that no end leaves one alone."""
    if sub.rules.protect is None:
        return []
    ends: dict[bool, Decimal] = {}
    for leg in LEGS:
        far = seen.leg(leg).distance
        if far is not None and far.is_finite() and 0 < far * sub.rules.protect < 1:
            ends[leg == "short"] = far * sub.rules.protect
    wanted = []
    for leg in LEGS:
        size, mark = seen.leg(leg).size, seen.leg(leg).mark
        for above, way in ends.items():
            gains = above is (leg == "long")
            waits = any(_waits(o, seen.leg(leg)) for o in _placed(sub, leg, gains=gains))
            if size and mark is not None and not waits:
                # So far from its own mark: one unit of it may be a thousand of the other's.
                price = mark * (ONE + way if above else ONE - way)
                side = sub.side_of(leg, opens=False)
                wanted.append(Wanted(leg, Role.STOP, side, abs(size), ZERO, price, gains))
    return wanted


def _placed(sub: Subscription, leg: LegName, *, gains: bool) -> list[PairOrder]:
    return [o for o in sub.sent(leg, Role.STOP) if o.takes_profit is gains]


def _waits(stop: PairOrder, seen: LegSeen) -> bool:
    """In the venue's list, which may be slow to have it."""
    fresh = stop.outcome == "resting" and seen.at_ms < (stop.settled_ms or 0) + AGREE_MS
    return fresh or bool({stop.client_id, stop.venue_id}.intersection(seen.stops))


__all__ = ["stops_refused", "stops_to_send", "unguarded"]
