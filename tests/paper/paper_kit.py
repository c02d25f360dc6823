"""A venue with the plainest rules, for tests of what all paper venues share."""

from solvent.paper.exchange import Exchange
from solvent.paper.listing import Listing, tiers_from
from solvent.paper.prices import SeededPrices
from solvent.paper.units import ONE, over, times, units
from solvent.paper.world import advance


class PlainRules:
    """10x, a fee of 5 basis points, no liquidation; a pocket gets notional / 10."""

    def fee(self, listing, notional, *, maker, account):
        return times(notional, listing.maker if maker else listing.taker)

    def refusal(self, venue, account, order, price):
        return None

    def pocketed(self, venue, account, held, before, trade):
        if not trade.closed:
            return times(trade.size, trade.price) // 10
        return 0

    def watch(self, venue):
        pass

    def funding_rate(self, venue, listing, step):
        return units("0.0001")


def listing(symbol="BTC", underlying="BTC", **other):
    given = {
        "symbol": symbol,
        "underlying": underlying,
        "number": 0,
        "tick": units("0.1"),
        "lot": units("0.001"),
        "min_size": units("0.001"),
        "min_notional": 5 * ONE,
        "tiers": tiers_from([(0, 50 * ONE)]),
        "maker": units("0.0002"),
        "taker": units("0.0005"),
        "funding_hours": 1,
    }
    return Listing(**{**given, **other})


def exchange(seed=1, scenario="normal", start=1_700_000_000_000, rules=None, listings=None):
    venue = Exchange("plain", listings or [listing()], rules or PlainRules(), seed)
    prices = SeededPrices(seed, scenario, start)
    advance(venue, prices.next())
    return venue, prices


def funded(venue, name="a", amount=100_000):
    account = venue.open_account(name)
    venue.move(account, "deposit", amount * ONE, asset="USD")
    return account


def entry(held):
    return over(held.cost, held.size)
