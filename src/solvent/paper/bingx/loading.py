"""A paper account put into the state of a recorded body, so that the venue can be held to re-emit that body.

Only what the body states goes in: sizes, entries, leverage, modes, marks, collateral. What the venue computes from
them is left for it to compute anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, cast

from solvent.paper.bingx import bodies, listings, margins
from solvent.paper.bingx.venue import BingxVenue
from solvent.paper.book import Book
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.prices import UNDERLYINGS
from solvent.paper.units import ONE, PLACES, over, times, units

Row = Mapping[str, Any]
MONEY: Final = 10 ** (PLACES - 4)
FIRST_ID: Final = 900_000


def load(
    venue: BingxVenue,
    positions: Sequence[Row],
    balance: Row | None = None,
    *,
    name: str = "alice",
    hedge: bool | None = None,
    settings: Mapping[str, Row] | None = None,
) -> Account:
    """Replace an account's state by that of `user/positions` rows, a balance row and leverage answers by symbol.

    Without a balance, the collateral is what the rows' riskRate says; without that, what it was.
    Raises ValueError where a number is missing or none.
    """
    account = venue.exchange.accounts[name]
    for number in list(account.orders):
        venue.exchange.books[account.orders[number].symbol].resting.pop(number, None)
        del account.orders[number]
    held = 0 if balance is None else units(str(balance["balance"]))
    kept = margins.wallet(account)
    account.holdings.clear()
    account.isolated.clear()
    account.cash = 0
    sides = {(str(row["symbol"]), str(row["positionSide"])) for row in positions}
    both = hedge if hedge is not None else len({s for s, _ in sides}) < len(sides)
    account.extra["dual"] = both
    for symbol, said in (settings or {}).items():
        for side in margins.SIDES:
            account.leverage[symbol, side] = int(said[f"{side.lower()}Leverage"]) * ONE
    for index, row in enumerate(positions):
        _hold(venue, account, row, index, hedge=both)
    if balance is None:
        held = _collateral(venue, account, positions) or kept
    account.cash += held - margins.wallet(account)
    _balance_house(venue)
    return account


def _hold(venue: BingxVenue, account: Account, row: Row, index: int, *, hedge: bool) -> None:
    symbol, side = str(row["symbol"]), str(row["positionSide"])
    amount = units(str(row["positionAmt"]))
    if not amount:
        return
    sign = -1 if side == "SHORT" or amount < 0 else 1
    size, price = sign * abs(amount), units(str(row["avgPrice"]))
    lever = int(row["leverage"])
    for one in margins.SIDES if not hedge else (("LONG" if sign > 0 else "SHORT"),):
        account.leverage[symbol, one] = lever * ONE
    mark = _mark(row, size, price, lever)
    _list(venue, symbol, row, mark, index)
    venue.exchange.marks[symbol] = venue.exchange.oracles[symbol] = mark
    isolated = row.get("isolated") is True
    leg = ("long" if sign > 0 else "short") if hedge else "net"
    held = Holding(symbol, leg, size=size, cost=times(size, price), isolated=isolated, opened=venue.exchange.now)
    held.extra["id"] = _position_id(row, index)
    held.realized = units(str(row.get("realisedProfit") or "0"))
    account.holdings[symbol, leg] = held
    if isolated:
        account.isolated.add(symbol)
        held.cash = _posted(account, row, held, mark) - held.cost
    else:
        account.cash -= held.cost


def _position_id(row: Row, index: int) -> int:
    given = str(row.get("positionId") or "")
    return int(given) - bodies.POSITION_IDS if given.isdigit() else FIRST_ID + index


def _posted(account: Account, row: Row, held: Holding, mark: int) -> int:
    """The margin of an isolated position without its profit or loss."""
    plain = margins.initial(account, held)
    if row.get("margin") in (None, ""):
        return plain
    pnl = units(str(row["unrealizedProfit"])) if row.get("unrealizedProfit") else held.pnl(mark)
    added = units(str(row["margin"])) - pnl - plain
    return plain + added if abs(added) > 4 * MONEY else plain


def _mark(row: Row, size: int, entry: int, lever: int) -> int:
    """The mark to the digit that all its traces agree on: a mark, a value, a profit, a margin, each rounded.

    The venue prints its mark coarser than it computes with.
    """
    low, high = Fraction(0), Fraction(10**60)
    bounds = []
    quantity, sign = Fraction(abs(size)), 1 if size > 0 else -1
    if row.get("markPrice") not in (None, ""):
        value, unit = _printed(row["markPrice"])
        bounds.append((value - unit / 2, value + unit / 2))
    if row.get("positionValue") not in (None, ""):
        value, unit = _printed(row["positionValue"])
        bounds.append((value * ONE / quantity, (value + unit) * ONE / quantity))
    cost, initial = quantity * entry / ONE, quantity * entry / ONE / lever
    pnls = [("unrealizedProfit", Fraction(0))]
    if row.get("isolated") is not True:
        pnls.append(("margin", initial))
    for field, beside in pnls:
        if row.get(field) not in (None, ""):
            value, unit = _printed(row[field])
            ends = sorted(cost + sign * (value - beside + half) for half in (-unit / 2, unit / 2))
            bounds.append((ends[0] * ONE / quantity, ends[1] * ONE / quantity))
    for first, last in bounds:  # a trace that contradicts the ones before it is left aside
        if max(low, first) <= min(high, last):
            low, high = max(low, first), min(high, last)
    if not bounds:
        raise ValueError(f"expected a markPrice or a positionValue of {row['symbol']}")
    simple = int(units(str(row.get("markPrice") or "0")))
    return simple if low <= simple <= high else _roundest(low, high)


def _printed(value: object) -> tuple[Fraction, Fraction]:
    """A printed number in units, and one unit of its last place (money has four at least)."""
    text = str(value)
    places = len(text.partition(".")[2])
    return Fraction(units(text)), Fraction(10 ** (PLACES - places))


def _roundest(low: Fraction, high: Fraction) -> int:
    """The number of fewest decimals strictly inside; an end where there is nothing inside."""
    for places in range(PLACES + 1):
        step: int = 10 ** (PLACES - places)
        inside = int(low // step + 1) * step
        if inside < high:
            return inside
    return int(-(-low // 1))


def _list(venue: BingxVenue, symbol: str, row: Row, mark: int, index: int) -> None:
    """The symbol's price follows its underlying from this mark on; one that is not listed follows the first."""
    exchange = venue.exchange
    known = exchange.listings.get(symbol)
    underlying = symbol.partition("-")[0]
    if underlying not in UNDERLYINGS:
        underlying = next(iter(UNDERLYINGS))
    step = exchange.step
    multiplier = over(mark, step.prices[underlying]) if step else ONE
    if known is None:
        places = len(str(row.get("markPrice") or "0").partition(".")[2])
        value = len(str(row.get("positionValue") or "0").partition(".")[2])
        made = listings.unknown(
            symbol,
            500 + index,
            prices=places,
            sizes=max(value - places, len(str(row["positionAmt"]).partition(".")[2])),
            underlying=underlying,
            multiplier=multiplier,
        )
        exchange.books[symbol] = Book(made, f"{venue.around.seed}/{venue.name}")
        exchange.paid[symbol] = []
        exchange.rates[symbol] = 0
    else:
        made = _following(known, multiplier)
        exchange.books[symbol].listing = made
    cast("dict[str, Listing]", exchange.listings)[symbol] = made
    if step:
        exchange.books[symbol].renew(made.snap(mark), step.index, step.strain)


def _following(known: Listing, multiplier: int) -> Listing:
    return replace(known, multiplier=multiplier)


def _collateral(venue: BingxVenue, account: Account, rows: Sequence[Row]) -> int:
    """The wallet that a cross riskRate implies: maintenance and closing fees over equity."""
    said = next((r for r in rows if r.get("isolated") is not True and r.get("riskRate") not in (None, "")), None)
    rate = units(str(said["riskRate"])) if said else 0
    if not rate or not account.cross():
        return 0
    asks = margins.cross_needed(venue.exchange, account)
    pnl = margins.unrealized(venue.exchange, account.cross())
    equity = over(asks, rate + MONEY // 2)  # riskRate is cut after 4 decimals
    return equity - pnl + sum(margins.posted(h) for h in account.pockets())


def _balance_house(venue: BingxVenue) -> None:
    """All cash sums to nothing: the other side of what was loaded is the house's."""
    exchange = venue.exchange
    exchange.house.cash -= exchange.total()


__all__ = ["load"]
