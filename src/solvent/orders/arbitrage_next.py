"""What to do next with a pair: one pure function of its record, of what both venues show, and of the time.

It never asks how the pair came to be where it is: after a crash the same look gives the same step. So there is no
recovery beside the way that is always taken.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from itertools import takewhile
from typing import Final

from solvent.core.facts import OrderSide
from solvent.core.numbers import text
from solvent.orders.arbitrage import (
    LEGS,
    LegName,
    LegOrder,
    PairOrder,
    Role,
    Status,
    Subscription,
    other,
)
from solvent.orders.arbitrage_alarm import not_ours, wrong_side
from solvent.orders.arbitrage_step import (
    AGREE_MS,
    TRIES,
    CancelWorking,
    Enter,
    LegSeen,
    Look,
    Move,
    PairSeen,
    Send,
    Settle,
    Step,
    Wait,
    Wanted,
)
from solvent.orders.arbitrage_stops import stops_to_send, unguarded

BLIND_MS: Final = 30_000
"""How long a venue may be silent before somebody is told."""
PRICED_MS: Final = 5_000
"""How old the prices may be from which an opening order's limit is made."""
NEARER: Final = (Decimal(1), Decimal("0.25"), Decimal(0))
"""Parts of a close's slippage, tried in turn where the gate finds that the account cannot bear so bad a price."""
PAUSE_MS: Final = 250
AGAIN_MS: Final = 1_000
"""Where orders go out, a look older than that is made anew."""
LONGEST_PAUSE_MS: Final = 30_000
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)


def next_step(sub: Subscription, seen: PairSeen | None, now_ms: int, watch_ms: int) -> Step:
    """The next step of a subscription that has not ended. `seen` None: nothing was looked at yet."""
    match sub.status:
        case Status.PENDING:
            return _given_up(sub) or Enter("plan")
        case Status.COUNTDOWN | Status.SYNCING:
            return _given_up(sub) or _before(sub, now_ms)
        case Status.OPENING:
            return _opening(sub, seen, now_ms)
        case Status.HOLDING:
            return _holding(sub, seen, now_ms, watch_ms)
    return _closing(sub, seen, now_ms)


def _given_up(sub: Subscription) -> Step | None:
    return Move(Status.DONE, f"closed before it was opened: {sub.close_asked}") if sub.close_asked else None


def _before(sub: Subscription, now_ms: int) -> Step:
    entry = sub.entry
    if entry is None:
        return Enter("plan")
    if sub.status is Status.COUNTDOWN:
        return Wait(entry.sync_ms - now_ms) if now_ms < entry.sync_ms else Enter("sync")
    if sub.synced_ms is None or sub.synced_ms < sub.since_ms:
        return Enter("sync")
    return Wait(entry.check_ms - now_ms) if now_ms < entry.check_ms else Enter("check")


# --- opening


def _opening(sub: Subscription, seen: PairSeen | None, now_ms: int) -> Step:
    assert sub.entry is not None
    if sub.unsettled:
        return Settle(sub.unsettled)
    if not sub.orders:
        return _first(sub, seen, now_ms)
    followed = _followed(sub, seen, now_ms)
    if followed is not None:
        return followed
    if seen is None or seen.at_ms < sub.settled_ms or now_ms - seen.fresh_ms >= AGAIN_MS:
        return Look()
    if not seen.known:
        return Wait(AGAIN_MS, _blind(sub, seen, now_ms))
    working = tuple(leg for leg in LEGS if seen.leg(leg).working)
    if working:
        return CancelWorking(working)
    if not _agrees(sub, seen) and now_ms - sub.settled_ms < AGREE_MS:
        return Wait(PAUSE_MS)
    return _matched(sub, seen, now_ms)


def _first(sub: Subscription, seen: PairSeen | None, now_ms: int) -> Step:
    """The first leg, or both; too late to be opened after a restart, nothing is."""
    entry, rules = sub.entry, sub.rules
    assert entry is not None
    if sub.close_asked:
        return Move(Status.DONE, f"closed before it was opened: {sub.close_asked}")
    if not _may_open(sub, now_ms) or now_ms >= entry.fund_ms:  # After the settlement it would only cost.
        return Move(Status.ERROR, "nothing was opened: the time for it is over")
    if seen is None or now_ms - seen.at_ms > PRICED_MS:
        return Look()
    if not seen.known:
        return Look(AGAIN_MS)
    if seen.long.size or seen.short.size or seen.long.working or seen.short.working:
        return Move(Status.ERROR, "nothing was opened: an instrument of the pair is in use by something else")
    legs = LEGS if rules.order is LegOrder.TOGETHER else (entry.first,)
    return Send(tuple(_open(sub, leg, Role.OPEN, entry.leg(leg).quantity) for leg in legs))


def _open(sub: Subscription, leg: LegName, role: Role, quantity: Decimal) -> Wanted:
    return Wanted(leg, role, sub.side_of(leg, opens=True), quantity, sub.rules.slippage)


def _followed(sub: Subscription, seen: PairSeen | None, now_ms: int) -> Step | None:
    """The second leg at once, for what the first was really filled: its answer is enough."""
    entry = sub.entry
    assert entry is not None
    second = other(entry.first)
    if sub.sent(second, Role.OPEN) or sub.close_asked or not _may_open(sub, now_ms):
        return None
    filled = sub.filled(entry.first)
    if not filled:
        return None
    quantity = _following(sub, entry.first, abs(filled))
    if not _tradable(sub, second, quantity, sub.orders[-1].average_price):
        return None
    if seen is None or now_ms - seen.at_ms > PRICED_MS:
        return Look()
    return Send((_open(sub, second, Role.OPEN, quantity),))


def _matched(sub: Subscription, seen: PairSeen, now_ms: int) -> Step:
    """All is settled and both venues were read after it: hold it, complete it once, trim it, or unwind it."""
    long, short = _amounts(sub, seen)
    if long < 0 or short < 0:
        return Move(Status.UNWINDING, "a leg is held on the wrong side")
    gap = long - short
    if abs(gap) < _bound(sub):
        if long == 0 or short == 0:
            return _nothing(sub, long + short)
        return Move(Status.HOLDING, "both legs are open")
    lacking: LegName = "short" if gap > 0 else "long"
    missing = min(_cut(sub, lacking, abs(gap) / _multiplier(sub, lacking)), sub.unopened(lacking))
    role = Role.TOP_UP if sub.sent(lacking, Role.OPEN) else Role.OPEN
    may = not sub.close_asked and _may_open(sub, now_ms) and not sub.sent(lacking, Role.TOP_UP)
    refused = any(o.outcome == "refused" for o in sub.sent(lacking, Role.OPEN))
    if may and not refused and _tradable(sub, lacking, missing, seen.leg(lacking).mark):
        return Send((_open(sub, lacking, role, missing),))
    larger = other(lacking)
    trims = sub.sent(larger, Role.TRIM)
    if min(long, short) > 0 and len(trims) < TRIES:
        excess = _cut(sub, larger, abs(gap) / _multiplier(sub, larger))
        if excess > 0:
            side = sub.side_of(larger, opens=False)
            return Send((Wanted(larger, Role.TRIM, side, excess, _wider(sub, len(trims))),))
    why = next((o.message for o in reversed(sub.orders) if o.leg == lacking and o.message), "it was not filled")
    return Move(Status.UNWINDING, f"the {lacking} leg could not be opened: {why}")


def _nothing(sub: Subscription, held: Decimal) -> Step:
    if held:
        return Move(Status.UNWINDING, "less was filled than a leg can hold alone")
    told = next((o.message for o in reversed(sub.orders) if o.message), "nothing was filled within the cap")
    return Move(Status.ERROR, f"nothing was opened: {told}")


def _may_open(sub: Subscription, now_ms: int) -> bool:
    return sub.opened_ms is not None and now_ms < sub.opened_ms + sub.rules.open_s * 1000


def _agrees(sub: Subscription, seen: PairSeen) -> bool:
    """Whether the venues hold what our fills make; where a fill is not known, the venue alone can tell."""
    return all((filled := sub.filled(leg)) is None or filled == seen.leg(leg).size for leg in LEGS)


# --- holding


def _holding(sub: Subscription, seen: PairSeen | None, now_ms: int, watch_ms: int) -> Step:
    if sub.awaited:
        return Settle(sub.awaited)
    if sub.close_asked:
        return Move(Status.CLOSING, f"asked: {sub.close_asked}")
    if seen is None or seen.at_ms < max(sub.settled_ms, sub.since_ms) or now_ms - seen.fresh_ms >= watch_ms:
        return Look()
    if not seen.known:
        gone = next((leg for leg in LEGS if seen.leg(leg).size is None and _surely_flat(sub, leg)), None)
        if gone is not None and seen.leg(other(gone)).size:
            return Move(Status.CLOSING, f"the {gone} leg was seen flat, and its venue is silent since")
        return Wait(min(watch_ms, 2_000), _blind(sub, seen, now_ms))
    if not seen.confirmed:
        return Look(PAUSE_MS)
    if seen.long.working or seen.short.working:
        return CancelWorking(tuple(leg for leg in LEGS if seen.leg(leg).working))
    leave = _leaving(sub, seen, now_ms)
    if leave is not None:
        return Move(Status.CLOSING, leave)
    if sub.unsettled:
        return Settle(sub.unsettled)
    stops = stops_to_send(sub, seen)
    if stops:
        return Send(stops)
    assert sub.entry is not None
    told = _unsure(seen) or unguarded(sub, seen)
    return Wait(max(min(watch_ms - (now_ms - seen.fresh_ms), sub.entry.exit_ms - now_ms), PAUSE_MS), told)


def _leaving(sub: Subscription, seen: PairSeen, now_ms: int) -> str | None:
    """Why the pair is left now."""
    long, short = _amounts(sub, seen)
    if long == 0 and short == 0:
        return "both legs are flat already"
    if long < 0 or short < 0:
        return f"the {'long' if long < 0 else 'short'} leg is held on the wrong side"
    if abs(long - short) >= _bound(sub):
        lost: LegName = "long" if long < short else "short"
        how = seen.leg(lost).lost or "it was closed elsewhere, or a stop fired"
        return f"the {lost} leg is not what it was ({how}): a net delta of {text(long - short)} is left"
    for leg in LEGS:
        distance = seen.leg(leg).distance
        if distance is not None and distance < sub.rules.min_distance:
            return f"the {leg} leg is {distance * 100:.2f} % from liquidation"
    if seen.tripped and sub.rules.close_when_tripped:
        return f"the breaker tripped: {seen.tripped}"
    least, ahead = sub.rules.exit_edge, seen.outlook
    if least is not None and ahead is not None and ahead < least:
        return f"funding ahead is {ahead * 100:.4f} % a settlement, less than {least * 100:.4f} %"
    assert sub.entry is not None
    if now_ms >= sub.entry.exit_ms:
        return "held through its settlements"
    return None


def _unsure(seen: PairSeen) -> tuple[str, str] | None:
    unknown = [leg for leg in LEGS if seen.leg(leg).distance is None]
    if not unknown:
        return None
    return "distance-unknown", f"how far the {' and '.join(unknown)} leg is from liquidation is not known"


# --- closing


def _closing(sub: Subscription, seen: PairSeen | None, now_ms: int) -> Step:
    if sub.awaited:
        return Settle(sub.awaited)
    if seen is None or seen.at_ms < max(sub.settled_ms, sub.since_ms) or now_ms - seen.fresh_ms >= AGAIN_MS:
        return Look()
    if seen.known and seen.long.size == 0 and seen.short.size == 0:
        left = tuple(leg for leg in LEGS if seen.leg(leg).working or seen.leg(leg).stops)
        if left:
            return CancelWorking(left, stops=True)
        if sub.unsettled:
            return Settle(sub.unsettled)
        if not seen.confirmed:
            return Look(PAUSE_MS)
        return Move(Status.DONE if sub.status is Status.CLOSING else Status.ERROR, sub.reason)
    working = tuple(leg for leg in LEGS if seen.leg(leg).working)
    if working:
        return CancelWorking(working)
    wanted = tuple(w for leg in LEGS if (w := _close(sub, seen, leg, now_ms)) is not None)
    tries = max(len(sub.sent(leg, Role.CLOSE)) for leg in LEGS)
    late = None if tries < TRIES else ("residual", "a leg could not be closed yet")
    alarm = wrong_side(sub, seen) or late
    if wanted:
        return Send(wanted, alarm)
    if not seen.known:
        return Wait(AGAIN_MS, _blind(sub, seen, now_ms) or alarm)
    return Wait(PAUSE_MS, alarm)


def _close(sub: Subscription, seen: PairSeen, leg: LegName, now_ms: int) -> Wanted | None:
    """A close of what the leg holds; not while the other one cannot be seen and may be its hedge."""
    size, there = seen.leg(leg).size, seen.leg(other(leg))
    if not size or not_ours(sub, leg, size) or (there.size is None and not _surely_flat(sub, other(leg))):
        return None
    tried = sub.sent(leg, Role.CLOSE)
    vain = _trailing(tried, lambda o: not o.filled)
    if tried and now_ms - (tried[-1].settled_ms or 0) < min(PAUSE_MS * 2 ** min(vain, 10), LONGEST_PAUSE_MS):
        return None
    side = OrderSide.SELL if size > 0 else OrderSide.BUY
    refused = _trailing(tried, lambda o: o.outcome == "refused")
    slippage = _wider(sub, sum(o.outcome != "refused" for o in tried)) * NEARER[refused % len(NEARER)]
    return Wanted(leg, Role.CLOSE, side, abs(size), slippage)


def _trailing(orders: tuple[PairOrder, ...], told: Callable[[PairOrder], bool]) -> int:
    """How many of the last orders in a row are so."""
    return sum(1 for _ in takewhile(told, reversed(orders)))


def _surely_flat(sub: Subscription, leg: LegName) -> bool:
    """Whether a leg that cannot be seen holds nothing by all that is on record.

    It was never opened, or it was seen flat after all that could open it was settled.
    """
    opened = [o for o in sub.orders if o.leg == leg and o.role.opens]
    held = sub.held[LEGS.index(leg)]
    if any(o.settled_ms is None for o in opened):
        return False
    if held == 0 and sub.held_ms > max((o.settled_ms or 0 for o in opened), default=0):
        return True
    return sub.filled(leg) == 0 and held in (None, ZERO) and all(o.filled == 0 for o in opened)


def _wider(sub: Subscription, tries: int) -> Decimal:
    """Further from the middle each time: out is worth more than the price."""
    return min(sub.rules.close_slippage * (1 << min(tries, 10)), sub.rules.most_slippage)


# --- sizes


def _amounts(sub: Subscription, seen: PairSeen) -> tuple[Decimal, Decimal]:
    """What each leg holds of the underlying on its own side; below 0 on the wrong one."""
    long, short = seen.long.size or ZERO, seen.short.size or ZERO
    return long * _multiplier(sub, "long"), -short * _multiplier(sub, "short")


def _multiplier(sub: Subscription, leg: LegName) -> Decimal:
    return ONE if sub.entry is None else sub.entry.leg(leg).multiplier


def _bound(sub: Subscription) -> Decimal:
    """A net delta from here on is not borne."""
    assert sub.entry is not None
    return max(sub.entry.step, sub.rules.max_residual * sub.entry.size)


def _following(sub: Subscription, first: LegName, filled: Decimal) -> Decimal:
    """The other leg's quantity for what was filled of the first."""
    second = other(first)
    return _cut(sub, second, filled * _multiplier(sub, first) / _multiplier(sub, second))


def _cut(sub: Subscription, leg: LegName, quantity: Decimal) -> Decimal:
    assert sub.entry is not None
    step = sub.entry.leg(leg).step
    whole: Decimal = (quantity / step).to_integral_value(ROUND_DOWN) * step
    return whole


def _tradable(sub: Subscription, leg: LegName, quantity: Decimal, price: Decimal | None) -> bool:
    """Whether the venue takes an order that small."""
    assert sub.entry is not None
    terms = sub.entry.leg(leg)
    if quantity <= 0 or (terms.min_size is not None and quantity < terms.min_size):
        return False
    return terms.min_notional is None or price is None or quantity * price >= terms.min_notional


def _blind(sub: Subscription, seen: PairSeen, now_ms: int) -> tuple[str, str] | None:
    """What to tell while a venue is silent and the pair may hold something there."""
    silent: list[tuple[LegName, LegSeen]] = [(leg, seen.leg(leg)) for leg in LEGS if seen.leg(leg).size is None]
    if not silent or now_ms - max(sub.since_ms, sub.settled_ms) < BLIND_MS:
        return None
    return "blind", "; ".join(f"the {leg} leg cannot be seen: {one.problem}" for leg, one in silent)


__all__ = ["next_step"]
