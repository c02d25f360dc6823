"""Between a pair and the one who carries it out: what a look showed, and the steps that may follow."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from solvent.core.facts import OrderSide
from solvent.orders.arbitrage import LegName, LegTerms, PairOrder, Role, Status

ZERO: Final = Decimal(0)
AGREE_MS: Final = 10_000
"""How long the venue's position may trail behind the fills it told us of, before it is believed against them."""
TRIES: Final = 3
"""Trims, and closes before an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSeen:
    """What one look at a leg showed. `size` None: it could not be read, and `problem` says why.

    `distance`: to liquidation, as a fraction of the mark (Infinity: no price liquidates it; None: not known).
    `working`: orders of the instrument that could open or grow a position. `stops`: orders that only reduce.
    """

    at_ms: int
    size: Decimal | None
    mark: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    distance: Decimal | None = None
    liquidation_price: Decimal | None = None
    working: int = 0
    stops: tuple[str, ...] = ()
    """Client ids and venue ids of orders that wait at the venue and only reduce."""
    lost: str = ""
    """"liquidation" or "adl" where a fill of that kind was seen."""
    problem: str = ""

    @property
    def middle(self) -> Decimal | None:
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSeen:
    """Both legs, as last looked at. `confirmed`: the look before showed the same sizes.

    `done_ms`: when the slower of both had answered. `tripped`: why the gate's breaker is tripped; "" where it is
    closed. `outlook`: what one more settlement would bring at the rates as they stand, as a fraction of one leg's
    notional; None where a rate is not known.
    """

    long: LegSeen
    short: LegSeen
    confirmed: bool = False
    done_ms: int = 0
    tripped: str = ""
    outlook: Decimal | None = None

    def leg(self, name: LegName) -> LegSeen:
        return self.long if name == "long" else self.short

    @property
    def known(self) -> bool:
        return self.long.size is not None and self.short.size is not None

    @property
    def at_ms(self) -> int:
        """The older of the two: what was done later is not in it."""
        return min(self.long.at_ms, self.short.at_ms)

    @property
    def fresh_ms(self) -> int:
        """From when on it grows old. A venue that answers slowly is not asked again for its slowness alone."""
        return max(self.at_ms, self.done_ms)


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so long. `alarm`: code and words for what a person must know meanwhile."""

    ms: int
    alarm: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What is known is older than what was done, or what one look alone showed is looked at once more."""

    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Settle:
    """Find out what became of orders whose answer is not known."""

    orders: tuple[PairOrder, ...]


@dataclass(frozen=True, slots=True)
class CancelWorking:
    """End what still works in the legs' instruments; `stops` too."""

    legs: tuple[LegName, ...]
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to send; its price limit is so far from the book's middle as `slippage` says."""

    leg: LegName
    role: Role
    side: OrderSide
    quantity: Decimal
    slippage: Decimal = ZERO
    trigger_price: Decimal | None = None
    takes_profit: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    orders: tuple[Wanted, ...]
    alarm: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Enter:
    """Make the plan, synchronise, or check: the steps before the first order, which ask the venues."""

    stage: str


Step = Wait | Look | Settle | CancelWorking | Send | Move | Enter


def limit_price(terms: LegTerms, side: OrderSide, middle: Decimal, slippage: Decimal) -> Decimal:
    """The worst price of an order, on the venue's grid, within the cap."""
    if side is OrderSide.BUY:
        return on_grid(terms, middle * (1 + slippage))
    below = middle * (1 - slippage)
    price = on_grid(terms, below)
    return price if price >= below else price + grid(terms, below)


def on_grid(terms: LegTerms, price: Decimal) -> Decimal:
    """The nearest price of the venue's grid at or below."""
    step = grid(terms, price)
    return price if step == 0 else (price / step).to_integral_value(ROUND_DOWN) * step


def grid(terms: LegTerms, price: Decimal) -> Decimal:
    """The step of prices about there; 0 where the venue has none."""
    if terms.price_tick is not None:
        return terms.price_tick
    steps = [Decimal(1).scaleb(-terms.max_decimals)] if terms.max_decimals is not None else []
    if terms.max_significant is not None:
        steps.append(min(Decimal(1).scaleb(price.adjusted() + 1 - terms.max_significant), Decimal(1)))
    return max(steps, default=ZERO)


__all__ = [
    "AGREE_MS",
    "TRIES",
    "CancelWorking",
    "Enter",
    "LegSeen",
    "Look",
    "Move",
    "PairSeen",
    "Send",
    "Settle",
    "Step",
    "Wait",
    "Wanted",
    "grid",
    "limit_price",
    "on_grid",
]
