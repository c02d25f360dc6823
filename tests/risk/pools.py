"""Literal constructors for accounts whose margin can be worked out by hand, and what the two ways say of them."""

from decimal import Decimal as D  # noqa: N817
from decimal import localcontext
from fractions import Fraction as F  # noqa: N817
from typing import NamedTuple

import solvent
from solvent.core.account import Account, Instrument, Mode, Pool, Position, Side, Venue
from solvent.core.tiers import continuous_tiers
from solvent.risk import margin_exact
from solvent.risk.lines import Resting
from solvent.risk.margin_view import MarginView
from solvent.risk.situation import EXACT, Asked

FEE = F(45, 100_000)
"""Hyperliquid's base taker fee."""
LEAST = D("0.05")


def perp(name, price, most, *, tiers=None, **more):
    """Maintenance is half of the initial margin at the highest leverage."""
    rows = [(F(0), F(1, 2 * most), F(most))] if tiers is None else []
    return Instrument(
        name=name,
        underlying=name,
        price=None if price is None else F(str(price)),
        max_leverage=F(most),
        tiers=continuous_tiers(rows) if rows else tiers,
        **more,
    )


def held(market, size, leverage):
    size = F(str(size))
    return Position(
        instrument=market.name,
        size=size,
        price=market.price,
        entry=market.price,
        leverage=None if leverage is None else F(leverage),
        max_leverage=market.max_leverage,
        side=Side.of(size),
    )


BTC, ETH = perp("BTC", 50_000, 40), perp("ETH", 3_000, 25)
HYPE, DOGE = perp("HYPE", 20, 10), perp("DOGE", "0.25", 7)


def account(cash, *positions, leverages=None, others=(BTC, ETH, HYPE, DOGE), pools=(), **more):
    """One cross pool on Hyperliquid, with no money outside it, and `pools` beside it."""
    cross = Pool(name="cross", mode=Mode.CROSS, cash=F(str(cash)), positions=positions)
    return Account(
        venue=Venue.HYPERLIQUID,
        as_of=0,
        pools=(*pools, cross),
        instruments={i.name: i for i in others},
        orders=more.pop("orders", ()),
        leverages={k: F(v) for k, v in (leverages or {}).items()},
        terms={"abstraction": "disabled"},
        **more,
    )


DESK = account(
    10_000, held(ETH, 2, 10), held(BTC, "-0.1", 5), leverages={"HYPE": 5, "DOGE": 3}
)  # equity 10,000 + 6,000 - 5,000; initial 600 + 1,000; maintenance 120 + 62.5


def asked(symbol, quantity, price=None, *, venue="", side=""):
    """A buy of a quantity above 0, a sell of one below; at the market without a price."""
    quantity = D(str(quantity))
    limit = None if price is None else D(str(price))
    return Asked(symbol, venue, side, 1 if quantity > 0 else -1, price is None, abs(quantity), limit, False, "x")


def rest(symbol, quantity, price=None, *, venue="", reduce_only=False):
    key, quantity = (venue, symbol, ""), D(str(quantity))
    limit = None if price is None else D(str(price))
    return Resting("w", key, 1 if quantity > 0 else -1, abs(quantity), limit, reduce_only)


def lines(*orders):
    """What works, by line."""
    found = {}
    for order in orders:
        found[order.key] = (*found.get(order.key, ()), order)
    return found


class After(NamedTuple):
    """A margin after the fill, in fractions."""

    unknown: str
    note: str
    equity: F | None
    initial: F | None
    distance: F | None
    before: F | None
    reducing: F | None
    pair: str


def read(found):
    """The amounts of a margin after the fill, undone of its scale."""
    scale = F(found.scale)
    amounts = (found.equity, found.initial, found.maintenance_before, found.reducing_to)
    equity, initial, before, reducing = (None if x is None else F(x) / scale for x in amounts)
    distance = None if found.distance is None else F(found.distance.num) / F(found.distance.den)
    return After(found.unknown, found.note, equity, initial, distance, before, reducing, found.pair)


def size_of(held_in, symbol):
    sizes = [p.size for pool in held_in.pools for p in pool.positions if p.instrument == symbol]
    return D(sizes[0].numerator) / D(sizes[0].denominator) if sizes else D(0)


def view_of(of, least=LEAST):
    return MarginView(solvent.evaluate(of).evaluation, 0, least)


def quick(of, order, working=None, *, mark=None, least=LEAST, view=None, position=None):
    """What the attached report says; `view` where it was attached before."""
    view = view or view_of(of, least)
    position = size_of(of, order.symbol) if position is None else position
    with localcontext(EXACT):
        sizes = {("", p.instrument, ""): size_of(of, p.instrument) for pool in of.pools for p in pool.positions}
        return read(view.after(order, mark, position, working or {}, sizes, least))


def slow(of, order, working=None, *, mark=None, position=None):
    """What changing the account and evaluating it says."""
    made = solvent.evaluate(of).evaluation
    position = size_of(of, order.symbol) if position is None else position
    with localcontext(EXACT):
        return read(margin_exact.after(made, lambda symbol: symbol, order, mark, position, working or {}))


def same_money(one, other):
    """The same amounts; distances may differ where both are far."""
    alike = one._replace(note="", distance=None) == other._replace(note="", distance=None)
    return alike and not one.unknown


def too_near(found, least=LEAST):
    """Whether liquidation is too near, as the gate decides it."""
    return found.distance is not None and found.distance < F(least)
