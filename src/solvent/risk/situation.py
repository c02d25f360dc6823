"""Everything that one decision rests on, as values. Nothing here is looked up: time is a fact like the rest."""

from collections.abc import Container
from decimal import Context, Decimal, Inexact
from enum import Enum
from typing import Any, Final, NamedTuple

from solvent.core.errors import BadInput
from solvent.core.numbers import MAX_DIGITS, parse_decimal
from solvent.risk.breaker import CLOSED, Breaker
from solvent.risk.contracts import LINEAR, Contract
from solvent.risk.leverage_facts import LeverageFact
from solvent.risk.limits import Limits
from solvent.risk.lines import ZERO, LineKey, Others, Resting, worst_value
from solvent.risk.valuation import STALE, UNKNOWN, Rates

EXACT: Final = Context(prec=8 * MAX_DIGITS)
"""Wide enough that no product (quantity, price, multiplier, rate) or sum of numbers from outside is rounded."""
_NARROW: Final = Context(prec=MAX_DIGITS, traps=[Inexact])
MAX_TEXT: Final = 128
NOTHING_ELSE: Final = Others(ZERO, 0, ())
NO_RATES: Final = Rates()


class Asked(NamedTuple):
    """An order, read and found well formed. `sign` is +1 for a buy; `price` None where none was given."""

    symbol: str
    venue: str
    side: str
    sign: int
    market: bool
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    client_id: str
    trigger: Decimal | None = None
    """From which price on it works; None: at once."""

    @property
    def key(self) -> LineKey:
        return (self.venue, self.symbol, self.side)


class Mark(NamedTuple):
    price: Decimal
    at_ms: int
    bid: Decimal | None = None
    ask: Decimal | None = None


class Money(NamedTuple):
    balance: Decimal
    equity: Decimal
    at_ms: int


class Day(NamedTuple):
    """The UTC day: equity at its start, and realised + unrealised P&L since, transfers taken out."""

    start_equity: Decimal
    pnl: Decimal


class InstrumentFacts(NamedTuple):
    """What an order of an instrument must keep to. None: the venue did not say, so nothing is checked."""

    size_step: Decimal | None = None
    price_tick: Decimal | None = None
    min_size: Decimal | None = None
    min_notional: Decimal | None = None
    max_size: Decimal | None = None
    contract: Contract = LINEAR


class Attached(Enum):
    """Two ways of having no facts of an instrument: nobody attached any, or this one is not among them."""

    NONE = "none"
    ABSENT = "absent"


class Ratio(NamedTuple):
    """num / den, den above 0, undivided: comparing it rounds nothing."""

    num: Decimal
    den: Decimal


class MarginAfter(NamedTuple):
    """The order's pool once it and all that works are filled at their worst; amounts are times `scale`.

    `unknown` is a code where it cannot be known: the amounts are then None. The last three speak of an order
    against the position: maintenance excess before it, after it alone, and the position that this one hedges.
    """

    unknown: str = ""
    note: str = ""
    equity: Decimal | None = None
    initial: Decimal | None = None
    scale: Decimal = Decimal(1)
    distance: Ratio | None = None
    """Of the nearest liquidation price from its mark, as a fraction of it; None: no price liquidates."""
    maintenance_before: Decimal | None = None
    reducing_to: Decimal | None = None
    pair: str = ""


class Situation(NamedTuple):
    """The facts, and the few sums that several checks share (`notional` and what follows)."""

    order: Asked
    limits: Limits
    now_ms: int
    used: Container[str] = ()
    mark: Mark | None = None
    quotes_attached: bool = False
    money: Money | None = None
    day: Day | None = None
    position: Decimal = ZERO
    working: tuple[Resting, ...] = ()
    others: Others = NOTHING_ELSE
    open_orders: int = 0
    recent_orders: int = 0
    losses: int = 0
    errors: int = 0
    breaker: Breaker = CLOSED
    instrument: InstrumentFacts | Attached = Attached.NONE
    inconsistent: str = ""
    margin: MarginAfter | None = None
    journal_failure: str = ""
    notional: Decimal | None = None
    """Of the order: a buy at its price, a sell at the higher of price and mark, a market order at the mark. This
    and the two that follow are in the valuation asset.
    """
    worst: Decimal | None = None
    """Of the order's line, with the order in it."""
    exposure: Decimal | None = None
    """Of all lines, with the order in it; None where a held symbol has no mark, or its asset no rate."""
    quoted: Decimal | None = None
    """The order's notional in the asset that the instrument is quoted in, as the venue counts it."""
    rates: Rates = NO_RATES
    assets: tuple[str, ...] = ()
    """Other than the account's own money: what is unvalued, and what the order and all lines are quoted and
    settle in.
    """
    unvalued: tuple[str, ...] = ()
    """Assets of amounts that no rate has valued since the last account update: the day's P&L lacks them."""
    unrated: str = ""
    """What the order's instrument is quoted in, where no rate of it was ever told: its amounts are not known."""
    leverage: LeverageFact | None = None
    """The leverage that was asked for its instrument, and whether it was read back."""


def sums(
    order: Asked,
    mark: Mark | None,
    position: Decimal,
    working: tuple[Resting, ...],
    others: Others,
    contract: Contract,
    rate: Decimal | None,
) -> tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]:
    """Order notional, the line's worst case and the whole exposure, by the rate of what the contract is quoted in
    (`others` have been valued before); and the notional without the rate. None is "not known".
    """
    price = None if mark is None else mark.price
    notional = quoted = _notional(order, price, contract)
    if rate is None:
        return None, None, None, quoted
    if contract.quote and quoted is not None:
        notional = quoted * rate
    if price is None:
        return notional, None, None, quoted
    worst = worst_value(position, price, (*working, resting(order)), contract)
    if contract.quote:
        worst *= rate
    return notional, worst, None if others.unknown else others.exposure + worst, quoted


def unknown(s: Situation, code: str) -> tuple[str, str]:
    """Why an amount of the order is not known: no rate of its asset, or else `code`; and a note for people."""
    return (UNKNOWN, f"no rate of {s.unrated} in {s.rates.asset}") if s.unrated else (code, "")


def resting(order: Asked) -> Resting:
    """The order as it would work."""
    price = order.trigger if order.market and order.sign > 0 else None if order.market else order.price
    return Resting(order.client_id, order.key, order.sign, order.quantity, price, order.reduce_only)


def _notional(order: Asked, mark: Decimal | None, contract: Contract) -> Decimal | None:
    at = mark if order.market else order.price
    if order.market and at is not None and order.trigger is not None:
        at = max(at, order.trigger)  # it fills where it is triggered
    if order.sign < 0 and not order.market and at is not None:
        if mark is None:
            return None
        at = max(at, mark)
    return None if at is None else contract.value(order.quantity, at)


def uncounted(s: Situation) -> tuple[str, str]:
    """Why the day's P&L is not known, where amounts are unvalued: a code, and a note that names the asset."""
    asset = s.unvalued[0]
    code = s.rates.doubt(asset, s.now_ms, s.limits.max_rate_age_seconds * 1000)
    return code or STALE, f"an amount of {asset} is not in it: no rate has valued it in {s.rates.asset}"


class Malformed(ValueError):
    """An order that cannot be read. The message names the field."""


def read_order(order: Any, client_id: str = "") -> Asked:
    """The order in `solvent.OrderRequest`, or in anything with its attributes. Raises Malformed."""
    side = str(getattr(order, "side", ""))
    if side not in ("buy", "sell"):
        raise Malformed(f"side: expected buy or sell, was {side[:20]!r}")
    kind = getattr(order, "order_type", None)
    if not isinstance(kind, str) or not kind or len(kind) > MAX_TEXT:
        raise Malformed("order_type: expected limit, market or another type of the venue")
    market = "market" in kind.lower()
    price = getattr(order, "price", None)
    if price is None and not market:
        raise Malformed("price: expected a price above 0, was None")
    reduce_only = getattr(order, "reduce_only", False)
    if not isinstance(reduce_only, bool):
        raise Malformed("reduce_only: expected true or false")
    position_side = getattr(order, "position_side", None)
    trigger = getattr(order, "trigger_price", None)
    return Asked(
        _text(order, "symbol"),
        _text(order, "venue", optional=True),
        "" if position_side is None else str(position_side),
        1 if side == "buy" else -1,
        market,
        _positive(getattr(order, "quantity", None), "quantity"),
        None if price is None else _positive(price, "price"),
        reduce_only,
        _text(order, "client_id", optional=True) or client_id,
        None if trigger is None else _positive(trigger, "trigger_price"),
    )


def _text(order: Any, field: str, optional: bool = False) -> str:
    found = getattr(order, field, None)
    if found is None and optional:
        return ""
    if not isinstance(found, str) or len(found) > MAX_TEXT or (not found and not optional):
        raise Malformed(f"{field}: expected text of 1 to {MAX_TEXT} characters")
    return str(found)


def _positive(value: Any, field: str) -> Decimal:
    try:
        number = _NARROW.plus(parse_decimal(value, field))
    except BadInput as error:
        raise Malformed(str(error)) from None
    except Inexact:
        raise Malformed(f"{field}: expected at most {MAX_DIGITS} digits") from None
    if number <= 0:
        raise Malformed(f"{field}: expected a number above 0, was {number}")
    return number
