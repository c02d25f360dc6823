"""One position while it is being folded: the same fields as `Position`, in whole numbers, changed in place.

The pure fold makes a line of a position, changes it and freezes it again; a long replay keeps its lines.
There is one arithmetic, here, so that both give the same to the last grain.
"""

from decimal import Decimal
from typing import Final

from solvent.core.account import Side
from solvent.core.facts import Adopted, Contract, Fill, FundingPayment, Mark, OrderSide
from solvent.positions import grains
from solvent.positions.booking import ZERO, Booking, Effect, size
from solvent.positions.grains import divided, ten_to
from solvent.positions.position import Key, Position, places_of, unit_grains

FEE_PLACES: Final = 18
"""Decimals to which a fee is shared out between the two sides of a flip; the shares add up exactly."""


class Line:
    """A position under way. Quantities are whole numbers of 10^-places, money is in grains."""

    __slots__ = (
        "_price",
        "_unit",
        "closed_at",
        "closed_value",
        "contract",
        "cost",
        "direction",
        "fees",
        "fills",
        "funding",
        "gap",
        "inconsistent",
        "key",
        "known",
        "last_price",
        "last_sequence",
        "last_time",
        "mae",
        "mark",
        "mfe",
        "opened",
        "opened_at",
        "opened_value",
        "places",
        "quantity",
        "settle",
    )

    def __init__(self, position: Position) -> None:
        held, opened, gap = position.quantity, position.opened_quantity, position.gap
        self.places = max(places_of(held), places_of(opened), places_of(gap))
        self.key = position.key
        self.contract = position.contract
        self.quantity = self._count(held)
        self.opened = self._count(opened)
        self.gap = self._count(gap)
        self.direction = position.direction
        self.known = position.known
        self.cost = position.cost
        self.opened_value = position.opened_value
        self.closed_value = position.closed_value
        self.fees = dict(position.fees)
        self.funding = position.funding
        self.mae = position.mae
        self.mfe = position.mfe
        self.opened_at = position.opened_at
        self.closed_at = position.closed_at
        self.fills = position.fills
        self.settle = position.settle or position.contract.settle
        self.mark = position.mark
        self.last_price = position.last_price
        self.last_time = position.last_time
        self.last_sequence = position.last_sequence
        self.inconsistent = position.inconsistent
        self._price: Decimal | None = None
        self._unit = 0

    def position(self) -> Position:
        """Frozen, as it is now."""
        return Position(
            key=self.key,
            contract=self.contract,
            quantity=self._size(self.quantity),
            direction=self.direction,
            known=self.known,
            cost=self.cost,
            opened_quantity=self._size(self.opened),
            opened_value=self.opened_value,
            closed_value=self.closed_value,
            fees=dict(self.fees),
            funding=self.funding,
            mae=self.mae,
            mfe=self.mfe,
            opened_at=self.opened_at,
            closed_at=self.closed_at,
            fills=self.fills,
            settle=self.settle,
            mark=self.mark,
            last_price=self.last_price,
            last_time=self.last_time,
            last_sequence=self.last_sequence,
            gap=self._size(self.gap),
            inconsistent=self.inconsistent,
        )

    # --- units

    def _count(self, value: Decimal) -> int:
        """The value in this line's own units, which grow finer where it needs it."""
        numerator, denominator = value.as_integer_ratio()
        count, rest = divmod(ten_to(self.places), denominator)
        if rest:
            self._refine(places_of(value))
            count = ten_to(self.places) // denominator
        return numerator * count

    def _refine(self, places: int) -> None:
        more = ten_to(places - self.places)
        self.places = places
        for name in ("quantity", "opened", "gap"):
            setattr(self, name, getattr(self, name, 0) * more)

    def _size(self, count: int) -> Decimal:
        return size(count, self.places)

    def _unit_at(self, price: Decimal) -> int:
        if price is not self._price:
            self._price, self._unit = price, unit_grains(self.contract, price)
        return self._unit

    def _worth(self, count: int, price: Decimal) -> int:
        return divided(count * self._unit_at(price), ten_to(self.places))

    # --- events

    def fill(self, fill: Fill) -> Booking:
        """Book a fill (POS-FOLD)."""
        gap, late, ended = self._continue(fill)
        signed = self._count(fill.quantity)
        if fill.side is OrderSide.SELL:
            signed = -signed
        booking = self._absorb(fill, signed) if late and self.gap else self._trade(fill, signed)
        if gap:
            booking.gap = gap
        if ended is not None:
            booking.closed = (ended, *booking.closed)
        self.last_price = fill.price
        if fill.time is not None and (self.last_time is None or fill.time > self.last_time):
            self.last_time = fill.time
        if fill.sequence is not None and (self.last_sequence is None or fill.sequence > self.last_sequence):
            self.last_sequence = fill.sequence
        return booking

    def _trade(self, fill: Fill, signed: int) -> Booking:
        held = self.quantity
        if not held:
            if not self._may_turn(signed, fill):
                return self._refuse(fill)
            self._open(fill, signed, fill.fee)
            return Booking(Effect.OPEN, 0, signed, self.places, 0)
        if self.known:
            self._excursion(self._worth(held, fill.price) - self.cost)
        if (held > 0) == (signed > 0):
            self._add(signed, fill)
            return Booking(Effect.INCREASE, held, self.quantity, self.places, 0)
        beyond = abs(signed) - abs(held)
        if beyond < 0:
            realized = self._take(signed, fill)
            self._charge(fill, fill.fee)
            return Booking(Effect.DECREASE, held, self.quantity, self.places, realized)
        if beyond == 0 or not self._may_turn(signed, fill):
            realized = self._take(-held, fill)
            self._charge(fill, fill.fee)
            booking = Booking(Effect.CLOSE, held, 0, self.places, realized, (self._end(fill.time),))
            if beyond:
                booking.gap = self.flag(f"fill {fill.id} takes off {self._size(beyond)} more than was held")
            return booking
        return self._flip(fill, signed)

    def _flip(self, fill: Fill, signed: int) -> Booking:
        """Close, then open the other way; the fee goes with the quantities (POS-FLIP)."""
        held = self.quantity
        top, bottom = fill.fee.as_integer_ratio()
        share = divided(top * ten_to(FEE_PLACES) * abs(held), bottom * abs(signed))
        closing = grains.plain(grains.scaled(share, FEE_PLACES).normalize(grains.EXACT))
        realized = self._take(-held, fill)
        self._charge(fill, closing)
        ended = self._end(fill.time)
        self._open(fill, signed + held, grains.subtract(fill.fee, closing))
        return Booking(Effect.FLIP, held, self.quantity, self.places, realized, (ended,))

    def _open(self, fill: Fill, signed: int, fee: Decimal) -> None:
        self._begin(signed, fill.time)
        self._add(signed, fill, fee)

    def _begin(self, signed: int, time: int | None) -> None:
        """A new life: what the last one left is over, what the venue and the marks said stays."""
        self.direction = Side.LONG if signed > 0 else Side.SHORT
        self.known = True
        self.quantity = self.opened = 0
        self.cost = self.opened_value = self.closed_value = self.mae = self.mfe = self.fills = 0
        self.fees, self.funding = {}, ZERO
        self.opened_at, self.closed_at = time, None

    def _add(self, signed: int, fill: Fill, fee: Decimal | None = None) -> None:
        paid = self._worth(signed, fill.price)
        self.quantity += signed
        self.opened += abs(signed)
        self.cost += paid
        self.opened_value += paid
        self._charge(fill, fill.fee if fee is None else fee)

    def _take(self, signed: int, fill: Fill) -> int | None:
        """Take off part or all; what was realised, in grains."""
        held, cost = self.quantity, self.cost
        paid = self._worth(signed, fill.price)
        self.quantity = held + signed
        self.closed_value += paid
        if not self.known:
            return None
        self.cost = divided(cost * abs(self.quantity), abs(held)) if self.quantity else 0
        return self.cost - cost - paid

    def _charge(self, fill: Fill, fee: Decimal) -> None:
        self.fills += 1
        asset = fill.fee_asset
        if asset and not self.settle:
            self.settle = asset
        if fee:
            paid = self.fees.get(asset)
            self.fees[asset] = fee if paid is None else grains.add(paid, fee)

    def _end(self, time: int | None) -> Position:
        self.closed_at = time
        return self.position()

    def _may_turn(self, signed: int, fill: Fill) -> bool:
        side = self.key.side
        if side is not None:
            return (side is Side.LONG) == (signed > 0)
        return signed > 0 or not fill.spot

    def _refuse(self, fill: Fill) -> Booking:
        reason = self.flag(f"fill {fill.id} takes off {fill.quantity} where nothing was held")
        self._charge(fill, fill.fee)
        return Booking(Effect.REFUSED, 0, 0, self.places, None, gap=reason)

    def _excursion(self, unrealized: int) -> None:
        if unrealized < self.mae:
            self.mae = unrealized
        elif unrealized > self.mfe:
            self.mfe = unrealized

    # --- what the venue says beside the fills

    def _continue(self, fill: Fill) -> tuple[str, bool, Position | None]:
        """Whether the fill continues what we hold: (gap found, fill is late, life that ended by the gap)."""
        start, number = fill.start_position, fill.sequence
        if start is None and number is None and fill.time is None:
            return "", False, None
        late = self._is_late(fill)
        reason, ended = "", None
        if number is not None and self.last_sequence is not None and number > self.last_sequence + 1:
            reason = f"fill {fill.id} is number {number}, the last one was {self.last_sequence}"
        if start is not None:
            stated = self._count(start)
            if stated != self.quantity:
                ours = self._size(self.quantity)
                reason = f"fill {fill.id} starts from {start}, the fills so far make {ours}"
                if not late:
                    ended = self._restate(stated, fill)
        if reason and not fill.spot:
            self.flag(reason)
        return ("" if fill.spot else reason), late, ended

    def _is_late(self, fill: Fill) -> bool:
        if fill.sequence is not None and self.last_sequence is not None:
            return fill.sequence < self.last_sequence
        if fill.time is None or self.last_time is None or fill.time > self.last_time:
            return False
        if fill.time < self.last_time:
            return True
        # Fills of one order share their millisecond. While some are missing, one that starts from where we have
        # been already is one of those; one that starts further on shows that more is missing.
        start = fill.start_position
        return start is not None and (self.quantity - self._count(start)) * self.gap > 0

    def _restate(self, stated: int, fill: Fill) -> Position | None:
        """Take the venue's word for what is held; through what, and so at which entry, is not known."""
        held, ended = self.quantity, None
        if held and (stated == 0 or (stated > 0) != (held > 0)):
            self.known = False
            self.quantity = self.cost = 0
            ended = self._end(None)
        missed = self.gap + stated - held
        if fill.spot and self.known and 0 < stated < self.quantity:
            self._leave_at_cost(stated)
        elif stated:
            if not self.quantity:
                self._begin(stated, None)
            self.known = False
            self.cost = self.mae = self.mfe = 0
            self.quantity = stated
        self.gap = missed
        return ended

    def _leave_at_cost(self, stated: int) -> None:
        """Spot that left by a fee in kind or a transfer: no profit, no loss, the same average entry."""
        kept = divided(self.cost * stated, self.quantity)
        self.closed_value -= self.cost - kept
        self.quantity, self.cost = stated, kept

    def _absorb(self, fill: Fill, signed: int) -> Booking:
        self.gap -= signed
        self._charge(fill, fill.fee)
        reason = self.flag(f"fill {fill.id} came late: the venue had already counted it")
        return Booking(Effect.ABSORBED, self.quantity, self.quantity, self.places, None, gap=reason)

    def flag(self, reason: str) -> str:
        """Inconsistent until it is reconciled; the first reason is kept. Gives back `reason`."""
        self.inconsistent = self.inconsistent or reason
        return reason

    def fund(self, payment: FundingPayment) -> None:
        """Funding of what is held now."""
        self.funding = grains.add(self.funding, payment.amount)

    def see(self, mark: Mark) -> None:
        """A mark: unrealised P&L at its lowest and highest price counts for the excursions."""
        self.mark = self.last_price = mark.price
        if self.quantity and self.known:
            self._excursion(self._worth(self.quantity, mark.price) - self.cost)
            if mark.low is not mark.high:
                self._excursion(self._worth(self.quantity, mark.low) - self.cost)
                self._excursion(self._worth(self.quantity, mark.high) - self.cost)

    def adopt(self, theirs: Adopted | None, time: int | None) -> Position | None:
        """Take the venue's size and entry; where both are ours already, only the doubt goes.

        Gives the life that ended, where the venue holds nothing or the other side.
        """
        stated = 0 if theirs is None else self._count(theirs.quantity)
        entry = None if theirs is None else theirs.entry_price
        held, ended = self.quantity, None
        same = stated == held and (entry is None or entry == self.position().entry_price)
        if not same:
            if held and (stated == 0 or (stated > 0) != (held > 0)):
                self.known = False
                self.quantity = self.cost = 0
                ended = self._end(time)
            if stated:
                self._take_over(stated, entry, time)
        self.gap, self.inconsistent = 0, ""
        return ended

    def _take_over(self, stated: int, entry: Decimal | None, time: int | None) -> None:
        began = self.opened_at if self.quantity else time
        if not self.quantity:
            self._begin(stated, began)
        self.quantity, self.opened, self.closed_value = stated, abs(stated), 0
        self.mae = self.mfe = 0
        self.known = entry is not None
        self.cost = self.opened_value = 0 if entry is None else self._worth(stated, entry)


def folded(position: Position, fill: Fill) -> tuple[Position, Booking]:
    """The position after a fill, and what the fill did. Pure: `position` stays as it was (POS-FOLD)."""
    line = Line(position)
    booking = line.fill(fill)
    return line.position(), booking


def empty(key: Key, contract: Contract | None = None) -> Position:
    """Nothing held yet."""
    return Position(key=key, contract=contract or Contract(symbol=key.symbol, venue=key.venue))


__all__ = ["Line", "empty", "folded"]
