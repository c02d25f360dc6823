"""A paper account brought into the state of a recorded `clearinghouseState`: what it held, at what it was worth.

Facts go in (cash, sizes, marks, exact entries, settings); every derived figure is computed anew by the venue.
"""

from collections.abc import Mapping
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.listings import listing, table
from solvent.paper.hyperliquid.shapes import CENT
from solvent.paper.hyperliquid.venue import PaperHyperliquid
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.units import ONE, over, rounded, times, units

Body = Mapping[str, Any]
MARK_PLACES: Final = 10
"""A mark is a value over a size: what is beyond this place is noise of the division."""


def load(served: PaperHyperliquid, body: Body, user: str, meta: Body | None = None) -> Account:
    """The account of `user` as the body says it is. Coins that are not listed are listed, at the body's marks.

    `meta` gives steps and tiers; without it a coin has one tier, of the position's own maximum, and whole steps
    that its size allows. Raises BadInput where the body lacks what a state is made of.
    """
    venue = served.exchange
    account = Account(user.lower())
    venue.accounts[account.name] = account
    try:
        known = _universe(meta)
        account.cash = _booked(body["crossMarginSummary"]["totalRawUsd"])
        for item in body["assetPositions"]:
            _position(venue, account, item["position"], known)
        venue.now = int(body.get("time") or venue.now)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise BadInput("clearinghouseState", "a complete body", f"<{type(error).__name__}: {error}>") from None
    return account


def _universe(meta: Body | None) -> dict[str, tuple[int, tuple[tuple[str, int], ...]]]:
    """(szDecimals, tiers) by coin."""
    if meta is None:
        return {}
    tables = {
        number: tuple((t["lowerBound"], t["maxLeverage"]) for t in body["marginTiers"])
        for number, body in meta.get("marginTables", [])
    }
    return {
        a["name"]: (a["szDecimals"], tables.get(a["marginTableId"]) or table(a["marginTableId"]))
        for a in meta["universe"]
    }


def _position(venue: Exchange, account: Account, row: Body, known: Mapping[str, Any]) -> None:
    coin, size, value = row["coin"], _booked(row["szi"]), _booked(row["positionValue"])
    most = int(row["maxLeverage"])
    decimals, tiers = known.get(coin) or (_decimals(row), (("0", most),))
    listed = venue.listings.get(coin)
    if listed is None or coin in known:
        number = len(venue.listings) if listed is None else listed.number
        _list(venue, listing(coin, number, decimals, tiers, "BTC"))
    venue.marks[coin] = venue.oracles[coin] = rounded(over(value, abs(size)), MARK_PLACES)
    worth = times(size, venue.marks[coin])
    isolated = row["leverage"]["type"] == "isolated"
    funding = row["cumFunding"]
    held = Holding(coin, size=size, cost=worth - _booked(row["unrealizedPnl"]), isolated=isolated)
    held.funding = -units(funding["sinceOpen"])
    held.extra = {"max_leverage": most, "funding_at_change": units(funding["sinceChange"]) + held.funding}
    account.extra.setdefault("funding", {})[coin] = -units(funding["allTime"])
    if isolated:
        held.cash = _booked(row["leverage"]["rawUsd"])
        account.isolated.add(coin)
    account.holdings[coin, "net"] = held
    account.leverage[coin, "net"] = int(row["leverage"]["value"]) * ONE


def _booked(number: str) -> int:
    """An amount without the noise that a double leaves in large ones: the venue books six decimals."""
    return rounded(units(number), 6)


def _decimals(row: Body) -> int:
    """The most that the entry's decimals leave room for, and no less than the size has."""
    shown = len(str(row["entryPx"]).partition(".")[2])
    size = f"{abs(_booked(row['szi'])) // CENT % 10**6:06d}".rstrip("0")
    return max(6 - shown, len(size))


def _list(venue: Exchange, made: Listing) -> None:
    venue.listings = {**venue.listings, made.symbol: made}
    venue.rates.setdefault(made.symbol, 0)
    venue.paid.setdefault(made.symbol, [])


__all__ = ["load"]
