"""What is held: one position as a value, exact to the grain, with the story of its life so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from solvent.core.account import Side
from solvent.core.facts import Contract
from solvent.positions import grains
from solvent.positions.grains import GRAIN, quotient, shown, ten_to

NO_FEES: Mapping[str, Decimal] = {}


class Key(NamedTuple):
    """Which position. `side` is None in one-way mode; in hedge mode a symbol has two positions."""

    venue: str
    account: str
    symbol: str
    side: Side | None = None


def places_of(value: Decimal) -> int:
    """Decimals that the value needs; 0 where it needs none."""
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def unit_grains(contract: Contract, price: Decimal) -> int:
    """What one unit is worth at a price, in grains (POS-VALUE). An inverse contract: -multiplier / price."""
    top, bottom = contract.multiplier.as_integer_ratio()
    numerator, denominator = price.as_integer_ratio()
    if contract.inverse:
        return grains.divided(-top * denominator * GRAIN, bottom * numerator)
    return grains.divided(top * numerator * GRAIN, bottom * denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One position from its opening on; `quantity` 0 and a `closed_at` once it is closed.

    Money is in the asset that the contract settles in. `None` is "not known": a position that was opened
    before the first fill we saw, or through fills we never saw, has no entry and so no profit that we know.
    """

    key: Key
    contract: Contract
    quantity: Decimal = Decimal(0)
    """Signed: below 0 is short."""
    direction: Side | None = None
    """Of this life; it stays when the position is closed. None before the first fill."""
    known: bool = True
    """Whether the entry is known."""
    cost: int = 0
    """Grains: sum of quantity * unit value over what is held."""
    opened_quantity: Decimal = Decimal(0)
    """All that was ever added in this life, unsigned."""
    opened_value: int = 0
    """Grains, signed as the position: what was paid for all that was added."""
    closed_value: int = 0
    """Grains, signed against the position: what was paid for all that was taken off."""
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    """By asset; a rebate is negative."""
    funding: Decimal = Decimal(0)
    """What funding brought (positive) or cost in this life."""
    mae: int = 0
    mfe: int = 0
    opened_at: int | None = None
    closed_at: int | None = None
    fills: int = 0
    settle: str = ""
    mark: Decimal | None = None
    last_price: Decimal | None = None
    """Of the last fill or mark."""
    last_time: int | None = None
    last_sequence: int | None = None
    gap: Decimal = Decimal(0)
    """What the venue's own statements added to the sum of the fills."""
    inconsistent: str = ""
    """Why fills and venue do not agree; empty while they do."""

    @property
    def symbol(self) -> str:
        return self.key.symbol

    @property
    def venue(self) -> str:
        return self.key.venue

    @property
    def account(self) -> str:
        return self.key.account

    @property
    def position_side(self) -> Side | None:
        """Hedge mode only."""
        return self.key.side

    @property
    def is_open(self) -> bool:
        return bool(self.quantity)

    @property
    def consistent(self) -> bool:
        return not self.inconsistent

    @property
    def reason(self) -> str:
        return self.inconsistent

    @property
    def entry_price(self) -> Decimal | None:
        """Average by cost (POS-ENTRY): of what is held, or, once closed, of all that was opened."""
        if not self.known:
            return None
        if self.quantity:
            return self._average(self.cost, self.quantity)
        return self._average(self.opened_value, self._signed_opened())

    @property
    def exit_price(self) -> Decimal | None:
        """Average price of all that was taken off in this life; None while nothing was."""
        taken = grains.subtract(grains.subtract(self._signed_opened(), self.quantity), Decimal(0))
        return self._average(-self.closed_value, taken) if self.known else None

    def _signed_opened(self) -> Decimal:
        return self.opened_quantity.copy_negate() if self.direction is Side.SHORT else self.opened_quantity

    def _average(self, value: int, quantity: Decimal) -> Decimal | None:
        """The price at which `quantity` is worth `value` grains."""
        top, bottom = grains.multiply(quantity, self.contract.multiplier).as_integer_ratio()
        if not top or not value:
            return None
        if self.contract.inverse:
            return quotient(-top * GRAIN, bottom * value)
        return quotient(value * bottom, top * GRAIN)

    def truncated_entry(self, places: int) -> Decimal | None:
        """The entry toward zero to `places` decimals, as a venue prints it (POS-TRUNC).

        An entry within 10^-80 below a printable price is that price: only our own rounding of a quotient
        can have put it there.
        """
        if not self.known or not self.quantity or self.contract.inverse:
            return None
        top, bottom = grains.multiply(self.quantity, self.contract.multiplier).as_integer_ratio()
        numerator, denominator = self.cost * bottom * ten_to(places), top * GRAIN
        slack = abs(denominator) * ten_to(places) // ten_to(80)
        return grains.scaled((abs(numerator) + slack) // abs(denominator), places)

    @property
    def realized(self) -> int | None:
        """Grains, gross of fees (POS-REAL): what came back for what was taken off, less what it cost."""
        return self.cost - self.opened_value - self.closed_value if self.known else None

    @property
    def realized_pnl(self) -> Decimal | None:
        """Gross of fees and funding."""
        count = self.realized
        return None if count is None else shown(count)

    def unrealized_at(self, price: Decimal) -> int | None:
        """Grains (POS-UNREAL)."""
        if not self.known:
            return None
        top, bottom = self.quantity.as_integer_ratio()
        return grains.divided(top * unit_grains(self.contract, price), bottom) - self.cost

    @property
    def price(self) -> Decimal | None:
        """The mark; where none was ever given, the price of the last fill."""
        return self.last_price if self.mark is None else self.mark

    @property
    def unrealized_pnl(self) -> Decimal | None:
        """At `price`."""
        if not self.quantity:
            return Decimal(0)
        count = None if self.price is None else self.unrealized_at(self.price)
        return None if count is None else shown(count)

    @property
    def notional(self) -> Decimal | None:
        """What the position is worth at `price`, unsigned (an inverse contract: in its own coin)."""
        if not self.quantity:
            return Decimal(0)
        if self.price is None:
            return None
        top, bottom = self.quantity.as_integer_ratio()
        return shown(abs(grains.divided(top * unit_grains(self.contract, self.price), bottom)))

    @property
    def settled_fees(self) -> Decimal:
        """Fees in the settlement asset."""
        paid = self.fees.get("", Decimal(0))
        return grains.add(paid, self.fees[self.settle]) if self.settle and self.settle in self.fees else paid

    @property
    def unvalued_fees(self) -> Mapping[str, Decimal]:
        """Fees in other assets: without a rate they are in no net figure."""
        return {asset: paid for asset, paid in self.fees.items() if asset not in ("", self.settle) and paid}

    @property
    def net_pnl(self) -> Decimal | None:
        """Realised and funding, less the fees in the settlement asset (POS-NET)."""
        gross = self.realized
        if gross is None:
            return None
        return shown(gross + grains.grains(self.funding) - grains.grains(self.settled_fees))

    @property
    def max_adverse_excursion(self) -> Decimal | None:
        """The lowest unrealised P&L in this life, at most 0 (POS-EXC)."""
        return shown(self.mae) if self.known else None

    @property
    def max_favorable_excursion(self) -> Decimal | None:
        """The highest unrealised P&L in this life, at least 0."""
        return shown(self.mfe) if self.known else None

    def to_position(self) -> "Position":
        """Itself: the value that checks and reports take."""
        return self


__all__ = ["Key", "Position", "places_of", "unit_grains"]
