"""Two legs of one size: quantities that both venues take and that cancel each other exactly.

Sizes are in units of the underlying, quantities in the instrument's own units: an instrument of multiplier 1000
holds 1000 units of the underlying in each unit of quantity.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.numbers import common_step, decimal_of, floor_to_step, text
from solvent.venues.stated import InstrumentTerms

PLACES: Final = 64
"""More decimals than a product or quotient of steps has: what comes out is exact."""


class SizeReason(StrEnum):
    """Why no size fits both legs: for programs."""

    NOT_PERPETUAL = "not-perpetual"
    STEP_UNKNOWN = "step-unknown"
    MULTIPLIER_UNKNOWN = "multiplier-unknown"
    PRICE_UNKNOWN = "price-unknown"
    BELOW_STEP = "below-step"
    BELOW_MIN_SIZE = "below-min-size"
    BELOW_MIN_NOTIONAL = "below-min-notional"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSize:
    """`size` and `step` in units of the underlying; each leg's quantity is above 0 and on that leg's own step."""

    size: Decimal
    step: Decimal
    long_quantity: Decimal
    short_quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRefused:
    """`leg` is whose rule was broken; None where it is both legs' common step."""

    reason: SizeReason
    leg: Side | None
    instrument: str
    expected: str
    was: str

    @property
    def message(self) -> str:
        where = self.instrument if self.leg is None else f"{self.leg} {self.instrument}"
        return f"{where}: expected {self.expected}, was {self.was}"


def common_size(
    long: InstrumentTerms,
    short: InstrumentTerms,
    wanted: Decimal,
    *,
    long_price: Decimal | None,
    short_price: Decimal | None,
) -> PairSize | SizeRefused:
    """The largest size of at most `wanted` that is a whole number of steps on both legs.

    Prices are of one unit of the instrument's quantity, in what it settles in; they are asked for only where a
    venue states a smallest notional.
    """
    sides = ((Side.LONG, long, long_price), (Side.SHORT, short, short_price))
    for side, terms, _ in sides:
        refused = _terms_refused(side, terms)
        if refused is not None:
            return refused
    step = common_step(_step(long), _step(short))
    size = floor_to_step(Fraction(wanted), step) if wanted > 0 else Fraction(0)
    if size == 0:
        return SizeRefused(
            reason=SizeReason.BELOW_STEP,
            leg=None,
            instrument=f"{long.instrument}, {short.instrument}",
            expected=f"a size of at least the common step {text(decimal_of(step, PLACES))}",
            was=text(wanted),
        )
    for side, terms, price in sides:
        refused = _minimum_refused(side, terms, size / Fraction(terms.multiplier), price)
        if refused is not None:
            return refused
    return PairSize(
        size=decimal_of(size, PLACES),
        step=decimal_of(step, PLACES),
        long_quantity=decimal_of(size / Fraction(long.multiplier), PLACES),
        short_quantity=decimal_of(size / Fraction(short.multiplier), PLACES),
    )


def matching(filled: Decimal, first: InstrumentTerms, second: InstrumentTerms) -> Decimal:
    """The second leg's quantity that follows a fill of the first: as much of it as the second's step allows.

    Both are quantities without a sign. Rounded down, so that the second leg never holds more than the first; what
    is left over is the `residual`. Raises BadInput for a negative fill, and where a step or multiplier is no
    number above 0.
    """
    if filled < 0:
        raise BadInput("filled", "a quantity of at least 0", text(filled))
    for terms in (first, second):
        if terms.multiplier <= 0:
            raise BadInput(f"{terms.instrument}.multiplier", "a number above 0", text(terms.multiplier))
    if second.size_step <= 0:
        raise BadInput(f"{second.instrument}.size_step", "a number above 0", text(second.size_step))
    exact = Fraction(filled) * Fraction(first.multiplier) / Fraction(second.multiplier)
    return decimal_of(floor_to_step(exact, Fraction(second.size_step)), PLACES)


def residual(
    long_quantity: Decimal, short_quantity: Decimal, long: InstrumentTerms, short: InstrumentTerms
) -> Decimal:
    """What the two legs do not cancel, in units of the underlying: above 0 the pair is long.

    Both quantities without a sign.
    """
    held = Fraction(long_quantity) * Fraction(long.multiplier)
    sold = Fraction(short_quantity) * Fraction(short.multiplier)
    return decimal_of(held - sold, PLACES)


def _step(terms: InstrumentTerms) -> Fraction:
    """One step of quantity, in units of the underlying."""
    return Fraction(terms.size_step) * Fraction(terms.multiplier)


def _terms_refused(side: Side, terms: InstrumentTerms) -> SizeRefused | None:
    """Why nothing can be sized on this leg at all."""

    def refused(reason: SizeReason, expected: str, was: str) -> SizeRefused:
        return SizeRefused(reason=reason, leg=side, instrument=terms.instrument, expected=expected, was=was)

    if terms.spot:
        return refused(SizeReason.NOT_PERPETUAL, "a perpetual", "a spot asset")
    if terms.size_step <= 0:
        return refused(SizeReason.STEP_UNKNOWN, "a size step above 0", text(terms.size_step))
    if terms.multiplier <= 0:
        return refused(SizeReason.MULTIPLIER_UNKNOWN, "a multiplier above 0", text(terms.multiplier))
    return None


def _minimum_refused(
    side: Side, terms: InstrumentTerms, quantity: Fraction, price: Decimal | None
) -> SizeRefused | None:
    """Why the venue would not take so little. A minimum that it does not state is none."""

    def refused(reason: SizeReason, expected: str, was: str) -> SizeRefused:
        return SizeRefused(reason=reason, leg=side, instrument=terms.instrument, expected=expected, was=was)

    if terms.min_size is not None and quantity < Fraction(terms.min_size):
        told = f"a quantity of at least {text(terms.min_size)}"
        return refused(SizeReason.BELOW_MIN_SIZE, told, text(decimal_of(quantity, PLACES)))
    if terms.min_notional:
        if price is None or price <= 0:
            return refused(SizeReason.PRICE_UNKNOWN, "a price above 0", "none" if price is None else text(price))
        notional = quantity * Fraction(price)
        if notional < Fraction(terms.min_notional):
            told = f"a notional of at least {text(terms.min_notional)} {terms.settle}"
            return refused(SizeReason.BELOW_MIN_NOTIONAL, told, text(decimal_of(notional)))
    return None


__all__ = ["PairSize", "SizeReason", "SizeRefused", "common_size", "matching", "residual"]
