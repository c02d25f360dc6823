"""Which transfer brings both legs of a hedged pair to the same distance from liquidation. Advice only.

The distance of a leg never shrinks when money comes in, so the transfer at which both are equal is found by
halving, on whole cents, with the margin engine evaluating each account after each candidate.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

from solvent.core.account import Account, Mode, Side
from solvent.core.errors import BadInput, Refused
from solvent.core.numbers import decimal_of, text
from solvent.margin.change import apply
from solvent.margin.changes import MoveMargin, Transfer
from solvent.margin.evaluate import Evaluation, evaluate
from solvent.margin.figures import Status
from solvent.margin.venues import rules_for
from solvent.treasury.balances import PAR, money_of
from solvent.treasury.pairs import Distance, Leg, distance

CENT: Final = Fraction(1, 100)
TRIGGER: Final = Fraction(1, 5)
"""A rebalance is due where the nearer leg is within this fraction of its liquidation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCost:
    """What leaving a venue costs: `flat` and a `rate` of the amount, both taken off what arrives.

    Less than `least` may not leave. In the money of the accounts.
    """

    flat: Fraction = Fraction(0)
    rate: Fraction = Fraction(0)
    least: Fraction = CENT

    def __post_init__(self) -> None:
        if self.flat < 0 or not 0 <= self.rate < 1 or self.least < 0:
            raise BadInput("fee", "a flat sum and a rate from 0 to below 1", f"<{self.flat}, {self.rate}>")

    def arrives(self, amount: Fraction) -> Fraction:
        return amount - self.flat - self.rate * amount


FREE: Final = TransferCost()


@dataclass(frozen=True, slots=True, kw_only=True)
class LegState:
    """A leg as it stands: distance as a fraction of the price, and the price at which it dies."""

    venue: str
    instrument: str
    side: str
    mark: Decimal
    distance: Decimal | None
    liquidation_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`amount` leaves `source` and `arrives` at `target` (both 0 where nothing helps).

    `code`: "balanced", "transfer" (both distances equal, to the cent, or the target is out of danger), "capped"
    (the best that may leave), or "none" (no transfer helps). `needed`: the nearer leg is within the trigger now.
    `room_down`, `room_up`: how far the market may still move, as fractions, before it is; None: it never is.
    """

    code: str
    reason: str
    source: str | None
    target: str | None
    amount: Decimal
    arrives: Decimal
    before: tuple[LegState, LegState]
    after: tuple[LegState, LegState]
    trigger: Decimal
    needed: bool
    room_down: Decimal | None
    room_up: Decimal | None
    warnings: tuple[str, ...]
    """Other positions of the source that the transfer brings within the trigger."""


def moved(leg: Leg, amount: Fraction) -> Leg:
    """The leg with money brought in (or, negative, taken out), into its own pool. Raises Refused."""
    if amount == 0:
        return leg
    if leg.position.pool.mode is Mode.CROSS:
        return replace(leg, made=_after(leg.made, Transfer(amount)))
    if amount > 0:
        into = MoveMargin(leg.instrument, amount, leg.side)
        return replace(leg, made=_after(_after(leg.made, Transfer(amount)), into))
    taken = -amount + leg.made.rules.isolated_transfer_fee
    _removable(leg, taken)
    out = MoveMargin(leg.instrument, -taken, leg.side)
    return replace(leg, made=_after(_after(leg.made, out), Transfer(amount)))


def _after(made: Evaluation, change: Transfer | MoveMargin) -> Evaluation:
    account: Account = apply(made, change)
    return evaluate(rules_for(account))


def _removable(leg: Leg, amount: Fraction) -> None:
    free = leg.pool.figures["removable"]
    if free.value is None or amount > free.amount:
        raise Refused("above-removable", f"{leg.name}: {free.reason or f'only {free.shown} can be removed'}")


@dataclass(frozen=True, slots=True)
class _Way:
    """One direction: cents leave `source` for `target`. The money of both is at par."""

    source: Leg
    target: Leg
    cost: TransferCost

    def legs(self, cents: int) -> tuple[Leg, Leg]:
        amount = cents * CENT
        return moved(self.source, -amount), moved(self.target, self.cost.arrives(amount))

    def distances(self, cents: int) -> tuple[Distance, Distance]:
        source, target = self.legs(cents)
        return distance(source), distance(target)

    def helps(self, cents: int) -> bool:
        """Whether the source is still at least as far from its end as the target from its."""
        source, target = self.distances(cents)
        return source.at_least(target)

    def possible(self, cents: int) -> bool:
        try:
            self.legs(cents)
        except Refused:
            return False
        return True


def _last(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The largest number in [low, high] for which a rule holds: for `low` it does, and once failed it stays so."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def advise(
    long: Leg, short: Leg, *, costs: dict[str, TransferCost] | None = None, trigger: Fraction = TRIGGER
) -> Advice:
    """The transfer between two legs on two accounts. `costs`: by the venue that the money leaves.

    Raises Refused where a distance cannot be known, or the two accounts' money is not at par.
    """
    if not 0 < trigger < 1:
        raise BadInput("trigger", "a fraction above 0 and below 1", trigger)
    if long.made is short.made:
        raise Refused("one-account", "both legs are on one account: they share its money already")
    for leg in (long, short):
        if money_of(leg.made) not in PAR:
            raise Refused("not-at-par", f"{leg.name}: its money is {money_of(leg.made)}")
    now = distance(long), distance(short)
    if now[0] == now[1] or now[0].fraction == now[1].fraction:
        return _advice(long, short, trigger, "balanced", "both legs are equally far from liquidation")
    source, target = (short, long) if now[1].at_least(now[0]) else (long, short)
    cost = (costs or {}).get(str(source.made.account.venue), FREE)
    return _sent(_Way(source, target, cost), long, short, trigger)


def _sent(way: _Way, long: Leg, short: Leg, trigger: Fraction) -> Advice:
    name = str(way.source.made.account.venue)
    least = _least(way)
    if not way.possible(least):
        return _advice(long, short, trigger, "none", f"{name} lets too little go: {_why(way, least)}")
    if not way.helps(least):
        return _advice(
            long, short, trigger, "none", "the least transfer would leave the other leg nearer than before"
        )
    most = _most(way, least)
    cents = _last(least, most, way.helps)
    code, reason = "transfer", "both legs end equally far from liquidation, to the cent"
    if cents < most:
        cents = max((cents, cents + 1), key=lambda c: _nearer(way, c))
        if way.distances(cents)[1].fraction is None:
            reason = f"{way.target.name} cannot be liquidated any more: more would only expose the other leg"
    else:
        code, reason = "capped", f"no more may leave {name}: {_why(way, most + 1)}"
    doubt = way.source.made.figures["withdrawable"]
    if doubt.status is not Status.OK:
        reason += f"; what may leave is an estimate: {doubt.reason}"
    return _advice(long, short, trigger, code, reason, way, cents)


def _least(way: _Way) -> int:
    """The fewest cents that may leave and of which something reaches the other leg's own pool."""
    isolated = way.target.position.pool.mode is Mode.ISOLATED
    pocket = way.target.made.rules.isolated_transfer_fee if isolated else Fraction(0)
    spent = (way.cost.flat + pocket) / (1 - way.cost.rate)
    return max(ceil(way.cost.least / CENT), floor(spent / CENT) + 1)


def _most(way: _Way, least: int) -> int:
    """The most cents that may leave: by the venue's own rule for money that leaves."""
    high = least
    while way.possible(high * 2):
        high *= 2
    return _last(high, high * 2, way.possible)


def _nearer(way: _Way, cents: int) -> Fraction:
    """The distance of the nearer leg after a transfer; infinite ones do not bind."""
    ends = [d.fraction for d in way.distances(cents) if d.fraction is not None]
    return min(ends, default=Fraction(10**9))


def _why(way: _Way, cents: int) -> str:
    try:
        way.legs(cents)
    except Refused as refusal:
        return str(refusal)
    return ""


def _advice(
    long: Leg,
    short: Leg,
    trigger: Fraction,
    code: str,
    reason: str,
    way: _Way | None = None,
    cents: int = 0,
) -> Advice:
    before = _state(long), _state(short)
    amount = cents * CENT
    after, warnings = before, tuple[str, ...]()
    if way is not None:
        source, target = way.legs(cents)
        warnings = _exposed(way.source, source, trigger)
        ends = (target, source) if way.source is short else (source, target)
        after = _state(ends[0]), _state(ends[1])
    down, up = _room(distance(long), Side.LONG, trigger), _room(distance(short), Side.SHORT, trigger)
    return Advice(
        code=code,
        reason=reason,
        source=None if way is None else str(way.source.made.account.venue),
        target=None if way is None else str(way.target.made.account.venue),
        amount=decimal_of(amount),
        arrives=decimal_of(Fraction(0) if way is None else way.cost.arrives(amount)),
        before=before,
        after=after,
        trigger=decimal_of(trigger),
        needed=Fraction(0) in (down, up),
        room_down=None if down is None else decimal_of(down),
        room_up=None if up is None else decimal_of(up),
        warnings=warnings,
    )


def _exposed(before: Leg, after: Leg, trigger: Fraction) -> tuple[str, ...]:
    """Positions of the account, other than the leg, that the transfer brings within the trigger."""
    found = []
    for p in before.made.positions:
        if p.key == before.position.key or p.position.kind != "perp":
            continue
        name = p.position.instrument
        old, new = (distance(Leg(leg.made, name, p.position.side)).fraction for leg in (before, after))
        if new is not None and new <= trigger and (old is None or old > trigger):
            shown = text(decimal_of(new * 100, 2))
            found.append(f"{before.made.account.venue} {name} would be {shown} % from liquidation")
    return tuple(found)


def _room(end: Distance, side: Side, trigger: Fraction) -> Fraction | None:
    """How far the price may move against a leg before its distance is the trigger.

    The price at which it dies stands still while its asset moves. Long: price * (1 - trigger) = end at the last.
    """
    if end.fraction is None:
        return None
    if side is Side.LONG:
        return max(Fraction(0), 1 - (1 - end.fraction) / (1 - trigger))
    return max(Fraction(0), (1 + end.fraction) / (1 + trigger) - 1)


def _state(leg: Leg) -> LegState:
    end, position = distance(leg), leg.position.position
    return LegState(
        venue=str(leg.made.account.venue),
        instrument=leg.instrument,
        side=str(position.side),
        mark=decimal_of(position.price),
        distance=None if end.fraction is None else decimal_of(end.fraction),
        liquidation_price=None if end.price is None else decimal_of(end.price),
    )


__all__ = ["CENT", "FREE", "TRIGGER", "Advice", "LegState", "TransferCost", "advise", "moved"]
