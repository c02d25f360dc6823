"""One line of a pool, in decimals that never round: what it asks, where it liquidates, what moves cost.

Amounts are times `scale`, the least common multiple of the rates' denominators (see `margin_view`).
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from solvent.margin.schedule import Schedule
from solvent.risk.lines import ZERO, Resting
from solvent.risk.situation import EXACT, Asked, Ratio

ONE: Final = Decimal(1)
Pieces = tuple[tuple[Decimal, Decimal, Decimal], ...]
"""(lower notional, rate * scale, deduction * scale)"""


class NotExact(ArithmeticError):
    """A number of the report does not end as a decimal: the quick way is not open."""


class Terms(NamedTuple):
    """What a position of one instrument asks. `price`, `size` and `value` (size * price) are the report's.

    A price that does not end is held to 18 decimals; what is summed of it is the value, which is exact.
    """

    price: Decimal
    value: Decimal
    size: Decimal
    fee: Decimal
    initial: Pieces
    maintenance: Pieces
    asked_initial: Decimal
    asked_maintenance: Decimal


class LineAfter(NamedTuple):
    """A line once the orders of one side are filled: its size, what the fills cost, and what it then asks."""

    size: Decimal
    cost: Decimal
    initial: Decimal
    maintenance: Decimal


def side_filled(
    terms: Terms,
    position: Decimal,
    price: Decimal,
    sign: int,
    fills: Iterable[tuple[Decimal, Decimal | None]],
    scale: Decimal,
) -> LineAfter:
    """The line with these fills, each at the worse of its price and the mark, taker fees paid."""
    quantity = cost = ZERO
    for filled, at in fills:
        quantity += filled
        worse = price if at is None or (at - price) * sign < 0 else at
        cost += filled * (abs(worse - price) + worse * terms.fee)
    size = position + quantity * sign
    notional = abs(size) * price
    return LineAfter(size, cost * scale, asked(terms.initial, notional), asked(terms.maintenance, notional))


def clipped(
    order: Asked, price: Decimal | None, own: tuple[Resting, ...], most: Decimal
) -> list[tuple[Decimal, Decimal | None]]:
    """The order, then what works on its side, up to the position: what reduce-only makes of them."""
    fills = []
    for quantity, at in [(order.quantity, price)] + [(r.remaining, r.price) for r in own if r.sign == order.sign]:
        taken = min(quantity, most)
        most -= taken
        if taken > 0:
            fills.append((taken, at))
    return fills


def asked(pieces: Pieces, notional: Decimal) -> Decimal:
    """rate * notional - deduction of the piece in force, times scale."""
    found = pieces[0]
    for piece in pieces[1:]:
        if notional < piece[0]:
            break
        found = piece
    return found[1] * notional - found[2]


def root(
    terms: Terms, size: Decimal, price: Decimal, equity: Decimal, excess: Decimal, scale: Decimal
) -> Ratio | None:
    """Distance of the liquidation price from the mark, as a fraction of the mark; None where there is none.

    In each piece: equity + size * (x - price) * scale = rate * |size| * x - deduction, and x lies in it.
    """
    if size == 0:
        return None
    if excess < 0:
        return Ratio(ZERO, ONE)
    amount, pieces = abs(size), terms.maintenance
    fixed = equity - size * price * scale
    number = max((i for i, p in enumerate(pieces) if p[0] <= amount * price), default=0)
    step = -1 if size > 0 else 1
    while 0 <= number < len(pieces):
        lower, rate, deduction = pieces[number]
        slope = size * scale - rate * amount
        if slope * step < 0:  # x = -(fixed + deduction) / slope, compared without dividing
            top = -(fixed + deduction) if slope > 0 else fixed + deduction
            steep = abs(slope)
            above = top * amount >= lower * steep
            ends = pieces[number + 1][0] if number + 1 < len(pieces) else None
            below = ends is None or top * amount <= ends * steep
            if (above or step > 0) and (below or step < 0):
                if top <= 0:
                    return None
                return Ratio(abs(price * steep - top), price * steep)
        number += step
    return None


def drop_of(value: Decimal, pieces: Pieces, distance: Decimal, scale: int) -> Decimal:
    """What excess loses when the price moves by `distance` against a position of this (signed) value."""
    notional = abs(value)
    moved = notional * (ONE - distance if value > 0 else ONE + distance)
    return notional * distance * scale + asked(pieces, moved) - asked(pieces, notional)


def convex(schedule: Schedule) -> bool:
    """Rates rise, from 0 on, without a jump."""
    pieces = schedule.pieces
    if pieces[0].lower > 0:
        return False
    return all(a.rate <= b.rate and a.at(b.lower) == b.at(b.lower) for a, b in pairwise(pieces))


def numbers_of(schedule: Schedule) -> list[Fraction]:
    return [x for p in schedule.pieces for x in (p.rate, p.deduction, p.lower)]


def pieces_of(schedule: Schedule, scale: int) -> Pieces:
    return tuple((scaled(p.lower, 1), scaled(p.rate, scale), scaled(p.deduction, scale)) for p in schedule.pieces)


def odd_part(value: Fraction) -> int:
    """The part of the denominator that keeps it from ending as a decimal."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest


def scaled(value: Fraction, scale: int) -> Decimal:
    """value * scale, exactly. Raises NotExact where it does not end within the exact context."""
    product = value * scale
    quotient = EXACT.divide(Decimal(product.numerator), Decimal(product.denominator))
    if Fraction(quotient) != product:
        raise NotExact
    return quotient
