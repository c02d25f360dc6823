"""Tiny constructors for the tests of positions, and the oracle: the fold written down in fractions."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from solvent.core.facts import Fill, Mark
from solvent.positions import Key, Position, empty, folded


def fill(name, side, quantity, price, **more):
    return Fill(id=str(name), symbol=more.pop("symbol", "BTC"), side=side, quantity=quantity, price=price, **more)


def mark(price, **more):
    return Mark(symbol=more.pop("symbol", "BTC"), price=price, **more)


def flat(symbol="BTC", contract=None) -> Position:
    return empty(Key("", "", symbol), contract)


def fold_all(fills, position=None):
    """(position, bookings)"""
    position, bookings = position or flat(), []
    for one in fills:
        position, booking = folded(position, one)
        bookings.append(booking)
    return position, bookings


@dataclass
class Oracle:
    """Average cost in fractions: slow, short, and never rounded."""

    inverse: bool = False
    multiplier: Fraction = Fraction(1)
    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    life: Fraction = Fraction(0)
    mae: Fraction = Fraction(0)
    mfe: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    gross: Fraction = Fraction(0)
    closed: list = field(default_factory=list)

    def value(self, price) -> Fraction:
        return -self.multiplier / Fraction(price) if self.inverse else self.multiplier * Fraction(price)

    def see(self, price):
        unrealized = self.quantity * self.value(price) - self.cost
        self.mae, self.mfe = min(self.mae, unrealized), max(self.mfe, unrealized)

    def fill(self, one: Fill):
        signed, value = one.side.sign * Fraction(one.quantity), self.value(one.price)
        self.gross += abs(signed * value)
        self.fees += Fraction(one.fee)
        gained = Fraction(0)
        if self.quantity:
            self.see(one.price)
        if self.quantity and (self.quantity > 0) != (signed > 0):
            off = min(abs(signed), abs(self.quantity)) * (1 if self.quantity > 0 else -1)
            average = self.cost / self.quantity
            gained = off * (value - average)
            self.cost -= off * average
            self.quantity -= off
            signed += off
            self.realized += gained
            self.life += gained
            if not self.quantity:
                self.closed.append((self.life, self.mae, self.mfe))
                self.life = self.mae = self.mfe = Fraction(0)
        self.quantity += signed
        self.cost += signed * value
        return gained


def amounts(top=10_000, places=3):
    return st.integers(1, top).map(lambda count: Decimal(count).scaleb(-places))


@st.composite
def fill_lists(draw, most=40, symbols=("BTC",)):
    """Fills of plausible sizes; half of the closing ones close all, so that lives end."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("buy", "sell")),
                amounts(),
                amounts(10_000_000, 2),
                st.integers(-100, 1000).map(lambda n: Decimal(n).scaleb(-4)),
                st.sampled_from(symbols),
                st.booleans(),
            ),
            max_size=most,
        )
    )
    held, made = {}, []
    for number, (side, quantity, price, fee, symbol, close) in enumerate(rows):
        now = held.get(symbol, Decimal(0))
        if close and now:
            side, quantity = ("sell" if now > 0 else "buy"), abs(now)
        held[symbol] = now + (quantity if side == "buy" else -quantity)
        made.append(fill(number, side, quantity, price, fee=fee, symbol=symbol, time=number))
    return made
