"""Fills as columns folded into positions: an int64 kernel where no sum can overflow, else the exact fold.

Quantities, prices and fees are whole numbers of 10^-places. Quantities, fees and the P&L of every closed
life are exact. The cost of what is open is a whole number and a fraction of one unit in float64: each
partial close may move it by 2^-52 of a unit of 10^-(quantity_places + price_places) (POS-BULK).

Needs the `research` extra.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvent.core.errors import BadInput
from solvent.core.facts import Fill
from solvent.positions.grains import GRAIN, quotient, scaled
from solvent.positions.line import Line, empty
from solvent.positions.position import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LIMIT: Final = 1 << 60
"""No single value and no sum may pass it, so that three of them still fit 63 bits."""
MAX_HELD: Final = 1 << 30
"""A held quantity below it cannot overflow when it is multiplied with another."""


@dataclass(frozen=True, slots=True)
class Folded:
    """One instrument after all its fills. Money in the settlement asset, gross of fees."""

    quantity: Decimal
    cost: Fraction
    """Signed, of what is held."""
    realized: Fraction
    """Of all lives."""
    fees: Decimal
    fills: int
    closed: int
    """How many lives ended: closes and flips."""

    @property
    def entry_price(self) -> Decimal | None:
        if not self.quantity:
            return None
        entry = self.cost / Fraction(self.quantity)
        return quotient(entry.numerator, entry.denominator)

    @property
    def realized_pnl(self) -> Decimal:
        return quotient(self.realized.numerator, self.realized.denominator)


@dataclass(frozen=True, slots=True)
class Columns:
    """By instrument code. `exact` is True where the kernel could have overflowed and the exact fold ran."""

    instruments: tuple[Folded, ...]
    exact: bool
    realized: Floats | None
    """Per fill, where it was asked for: float64, for research."""


def whole(values: ArrayLike, places: int, field: str = "values") -> Ints:
    """Numbers as whole counts of 10^-places. Raises BadInput where one is finer than that, or too large."""
    given = np.asarray(values)
    if given.dtype.kind in "iu":
        given = given.astype(object)
    scale = 10**places
    if given.dtype.kind == "f":
        near = given * float(scale)
        counts = np.rint(near)
        if not np.isfinite(near).all() or (np.abs(counts) >= 2.0**53).any() or (counts / scale != given).any():
            raise BadInput(field, f"numbers of at most {places} decimals below 2^53 units", "<others>")
        return counts.astype(np.int64)
    rows = [Fraction(value) * scale for value in given.tolist()]
    if any(row.denominator != 1 or abs(row) >= LIMIT for row in rows):
        raise BadInput(field, f"numbers of at most {places} decimals below 2^60 units", "<others>")
    return np.array([int(row) for row in rows], dtype=np.int64)


def fold_columns(
    instrument: ArrayLike,
    quantity: ArrayLike,
    price: ArrayLike,
    fee: ArrayLike | None = None,
    *,
    quantity_places: int,
    price_places: int,
    fee_places: int = 8,
    per_fill: bool = False,
) -> Columns:
    """Fold fills that stand oldest first. Linear contracts, one-way mode.

    `instrument`: codes from 0 on. `quantity`: signed, not 0, in 10^-quantity_places; `price`: above 0, in
    10^-price_places; `fee`: in 10^-fee_places (`whole` makes such columns). Raises BadInput.
    """
    codes, sizes, prices = (
        _ints(c, n) for c, n in ((instrument, "instrument"), (quantity, "quantity"), (price, "price"))
    )
    fees = np.zeros(len(codes), np.int64) if fee is None else _ints(fee, "fee")
    if not len(codes) == len(sizes) == len(prices) == len(fees):
        raise BadInput("columns", "the same length", f"<{len(codes)}, {len(sizes)}, {len(prices)}, {len(fees)}>")
    count = _check(codes, sizes, prices)
    places = (quantity_places, price_places, fee_places)
    if fits(sizes, prices, fees):
        made = _by_kernel(codes, sizes, prices, fees, count, places, per_fill=per_fill)
        if made is not None:
            return made
    return _exactly(codes, sizes, prices, fees, count, places, per_fill=per_fill)


def fits(quantity: Ints, price: Ints, fee: Ints) -> bool:
    """Whether no product of a row and no sum of fees can pass the limit; the rest is watched on the way."""
    if not len(quantity):
        return True
    widest = max(abs(int(quantity.min())), abs(int(quantity.max())))
    dearest = max(abs(int(fee.min())), abs(int(fee.max())))
    return widest < MAX_HELD and widest * int(price.max()) < LIMIT and dearest * len(fee) < LIMIT


def _ints(values: ArrayLike, field: str) -> Ints:
    given = np.asarray(values)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (given.dtype.kind == "u" and given.dtype.itemsize == 8):
        raise BadInput(field, "a column of integers", f"<{given.dtype}, {given.ndim} dimensions>")
    return np.ascontiguousarray(given, dtype=np.int64)


def _check(codes: Ints, sizes: Ints, prices: Ints) -> int:
    if not len(codes):
        return 0
    if int(codes.min()) < 0 or int(codes.max()) >= 1 << 24:
        raise BadInput("instrument", "codes from 0 to 2^24", f"<{codes.min()} to {codes.max()}>")
    if not sizes.all():
        raise BadInput("quantity", "no zero", "<0>")
    if int(prices.min()) <= 0:
        raise BadInput("price", "numbers above 0", f"<{prices.min()}>")
    return int(codes.max()) + 1


def _by_kernel(
    codes: Ints, sizes: Ints, prices: Ints, fees: Ints, count: int, places: tuple[int, int, int], *, per_fill: bool
) -> Columns | None:
    state = np.zeros((count, _FIELDS), np.int64)
    parts = np.zeros(count, np.float64)
    each = np.zeros(len(codes) if per_fill else 0, np.float64)
    if fold_kernel(codes, sizes, prices, fees, state, parts, each) < len(codes):
        return None
    unit = Fraction(1, 10 ** (places[0] + places[1]))
    rows = []
    for (held, cost, realized, paid, fills, closed), part in zip(state.tolist(), parts.tolist(), strict=True):
        size, side = Fraction(cost) + Fraction(part), 1 if held > 0 else -1
        rows.append(
            Folded(
                quantity=scaled(held, places[0]),
                cost=size * side * unit,
                realized=(realized + side * Fraction(part)) * unit,
                fees=scaled(paid, places[2]),
                fills=fills,
                closed=closed,
            )
        )
    return Columns(tuple(rows), exact=False, realized=each * float(unit) if per_fill else None)


_FIELDS: Final = 6
_HELD, _COST, _REALIZED, _FEES, _FILLS, _CLOSED = range(_FIELDS)


@numba.njit(cache=False, error_model="numpy", nogil=True)
def fold_kernel(
    codes: Ints, sizes: Ints, prices: Ints, fees: Ints, state: Ints, parts: Floats, each: Floats
) -> int:  # pragma: no cover  (compiled)
    """Fold in place; how many rows were folded. Fewer than all: the next one might overflow.

    The cost is kept unsigned: whole units in `state`, the fraction of one in `parts`. What the partial
    closes of a life released in fractions is the fraction that is there now, so no sum of them is kept.
    """
    for row in range(codes.shape[0]):
        at = state[codes[row]]
        part = parts[codes[row]]
        size, price = sizes[row], prices[row]
        held = at[_HELD]
        at[_FEES] += fees[row]
        at[_FILLS] += 1
        amount = abs(size)
        if held == 0 or (held > 0) == (size > 0):
            at[_HELD] = held + size
            at[_COST] += amount * price
            if at[_COST] >= LIMIT or abs(at[_HELD]) >= MAX_HELD:
                return row
            continue
        have, cost = abs(held), at[_COST]
        if float(have) * float(price) >= LIMIT:
            return row
        left = have - amount
        if left > 0:
            average = cost // have
            product = (cost - average * have) * left
            extra = product // have
            kept = average * left + extra
            fraction = ((product - extra * have) + part * left) / have
            if fraction >= 1.0:
                fraction -= 1.0
                kept += 1
            gain, gain_part = amount * price - (cost - kept), fraction - part
            at[_HELD], at[_COST], parts[codes[row]] = held + size, kept, fraction
        else:
            gain, gain_part = have * price - cost, -part
            at[_HELD], at[_COST], parts[codes[row]] = held + size, -left * price, 0.0
            at[_CLOSED] += 1
        if held < 0:
            gain = -gain
            gain_part = -gain_part
        at[_REALIZED] += gain
        if each.shape[0]:
            each[row] = gain + gain_part
        if abs(at[_REALIZED]) >= LIMIT:
            return row
    return int(codes.shape[0])


def _exactly(
    codes: Ints, sizes: Ints, prices: Ints, fees: Ints, count: int, places: tuple[int, int, int], *, per_fill: bool
) -> Columns:
    """The same by the exact fold, one fill at a time."""
    lines = [Line(empty(Key("", "", str(code)))) for code in range(count)]
    rows: list[list[Any]] = [[Fraction(0), Decimal(0), 0, 0] for _ in range(count)]
    each = np.zeros(len(codes), np.float64) if per_fill else None
    columns: Sequence[Any] = (codes.tolist(), sizes.tolist(), prices.tolist(), fees.tolist())
    for number, (code, size, price, paid) in enumerate(zip(*columns, strict=True)):
        booking = lines[code].fill(
            Fill(
                id=str(number),
                symbol=str(code),
                side="buy" if size > 0 else "sell",
                quantity=scaled(abs(size), places[0]),
                price=scaled(price, places[1]),
            )
        )
        row, gained = rows[code], Fraction(booking.realized or 0, GRAIN)
        row[0] += gained
        row[1] += paid
        row[2] += 1
        row[3] += len(booking.closed)
        if each is not None:
            each[number] = float(gained)
    made = []
    for line, (realized, paid, fills, closed) in zip(lines, rows, strict=True):
        position = line.position()
        made.append(
            Folded(
                position.quantity,
                Fraction(position.cost, GRAIN),
                realized,
                scaled(int(paid), places[2]),
                fills,
                closed,
            )
        )
    return Columns(tuple(made), exact=True, realized=each)


__all__ = ["Columns", "Folded", "fits", "fold_columns", "fold_kernel", "whole"]
