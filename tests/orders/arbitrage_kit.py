"""Terms, markets and books of two legs, in the fewest words."""

from decimal import Decimal as D  # noqa: N817

from solvent.core.account import Venue
from solvent.orders.arbitrage_figures import LegMarket
from solvent.venues.stated import Book, BookLevel, FundingRate, InstrumentTerms, Price

HOUR = 3_600_000
AT = 1_800_000_000_000
"""A full hour."""


def terms(name="X", step="0.001", **more):
    given = {"instrument": name, "size_step": D(step), "settle": "USDT"} | more
    for key in ("min_size", "min_notional", "multiplier", "taker_fee", "funding_interval_hours"):
        if given.get(key) is not None:
            given[key] = D(given[key])
    return InstrumentTerms(**given)


def book(bids, asks):
    """Levels as (price, quantity)."""
    made = [tuple(BookLevel(D(p), D(q)) for p, q in side) for side in (bids, asks)]
    return Book(instrument="X", bids=made[0], asks=made[1])


def flat(price="100", spread="0", depth="1000000"):
    """One deep level on each side."""
    half = D(spread) / 2
    return book([(D(price) - half, depth)], [(D(price) + half, depth)])


def market(
    venue="bybit",
    rate="0.0001",
    hours="8",
    next_time=AT + 8 * HOUR,
    fee="0.0005",
    price="100",
    oracle=None,
    **more,
):
    given = {"price": None if price is None else _price(price, oracle), "book": flat(price or "100")}
    rated = None
    if rate is not None:
        interval = None if hours is None else D(hours)
        rated = FundingRate(
            instrument="X", rate=D(rate), interval_hours=interval, next_time=next_time, predicted=True
        )
    given |= {"funding": rated, "terms": terms(taker_fee=fee)}
    return LegMarket(venue=Venue(venue), **(given | more))


def _price(mark, oracle):
    return Price(instrument="X", mark=D(mark), oracle=None if oracle is None else D(oracle))
