"""Put a paper account into the state of a recorded one: positions, marks, collateral, leverage, tiers, fees.

The body is a bundle of V5 result objects by request name, as they were captured. What the venue then says of
the account is computed by its own rules, so that a recorded body can be held against it field by field.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from solvent.core.errors import BadInput
from solvent.paper.book import Book
from solvent.paper.bybit import margin
from solvent.paper.bybit.listings import Risk, listed_as, plain_tiers
from solvent.paper.bybit.rows import LEGS
from solvent.paper.bybit.venue import Bybit
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding, fund
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Status
from solvent.paper.units import ONE, over, times, units

Body = Mapping[str, Any]
SLACK = ONE // 10**6
"""Margin stated beyond what the formula asks, from which on it counts as added."""


def load(venue: Bybit, body: Body, name: str = "alice", *, regime: str = "mark") -> Account:
    """The account `name` as the body has it. The market goes on from the recorded marks.

    The exchange must have had its first step. Raises BadInput where a figure that is needed is missing.
    """
    exchange = venue.exchange
    if exchange.step is None:
        raise BadInput("venue", "a market that has begun", "<no step yet>")
    account = exchange.open_account(name)
    _clear(exchange, account)
    account.extra["regime"] = regime
    rows = _rows(body, "position-list")
    isolated = _first(body, "account-info").get("marginMode") == margin.ISOLATED
    account.extra["mode"] = margin.ISOLATED if isolated else margin.REGULAR
    for symbol in dict.fromkeys(str(row["symbol"]) for row in rows):
        own = [row for row in rows if row["symbol"] == symbol]
        _list(venue, body, symbol, _amount(own[0], "markPrice"))
        if any(row.get("positionIdx") for row in own):
            account.extra["hedge"].add(symbol)
    account.isolated = set(exchange.listings) if isolated else set()
    _fees(exchange, account, body)
    for row in rows:
        _position(exchange, account, row, isolated=isolated)
    _collateral(venue, account, body)
    for row in _rows(body, "open-orders"):
        _order(exchange, account, row)
    for held, row in _with_rows(account, rows):
        _pocket(venue, account, held, row)
    exchange.house.cash -= exchange.total()
    return account


def _clear(exchange: Exchange, account: Account) -> None:
    for held in account.holdings.values():
        exchange.fill_house(held.symbol, held.size, exchange.marks[held.symbol])
    for number in list(account.orders):
        order = account.orders.pop(number)
        exchange.books[order.symbol].resting.pop(number, None)
    account.holdings.clear()
    account.leverage.clear()
    account.client_ids.clear()
    kept = {"fund": account.extra.get("fund", 0), "hedge": set()}
    account.extra.clear()
    account.extra.update(kept)
    account.realized = account.fees = 0


def _pages(body: Body, name: str) -> list[Mapping[str, Any]]:
    """The result objects of a request: one, several, or several with their parameters."""
    given = body.get(name)
    parts = given if isinstance(given, list) else [] if given is None else [given]
    return [part["body"] if "params" in part and "body" in part else part for part in parts]


def _first(body: Body, name: str) -> Mapping[str, Any]:
    return next(iter(_pages(body, name)), {})


def _rows(body: Body, name: str) -> list[Mapping[str, Any]]:
    return [row for page in _pages(body, name) for row in page.get("list", [])]


def _amount(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    try:
        return units(str(value))
    except ValueError:
        raise BadInput(name, "a number", value) from None


def _maybe(row: Mapping[str, Any], name: str) -> int | None:
    return None if row.get(name) in (None, "") else _amount(row, name)


# --- symbols


def _list(venue: Bybit, body: Body, symbol: str, mark: int) -> None:
    """Give the symbol the recorded tiers and mark; from here the market moves it by its underlying."""
    exchange, terms = venue.exchange, venue.desk.terms
    step = exchange.step
    assert step is not None
    tiers = _tiers([row for row in _rows(body, "risk-limit") if row["symbol"] == symbol])
    if symbol not in exchange.listings:
        if tiers is None:
            raise BadInput("risk-limit", f"the tiers of {symbol}", "<missing>")
        like = next(iter(exchange.listings))
        listing, term = listed_as(symbol, tiers, mark, (exchange.listings[like], terms[like]))
    else:
        listing, term = exchange.listings[symbol], terms[symbol]
    if tiers is not None:
        listing, term = replace(listing, tiers=plain_tiers(tiers)), replace(term, tiers=tiers)
    listing = replace(
        listing,
        tick=_tick(body, symbol, listing),
        multiplier=over(mark, step.prices[listing.underlying]),
    )
    cast("dict[str, Listing]", exchange.listings)[symbol] = listing
    terms[symbol] = term
    book = exchange.books.setdefault(symbol, Book(listing, f"{venue.desk.around.seed}/{venue.name}"))
    book.listing = listing
    book.renew(listing.snap(mark), step.index, step.strain)
    exchange.marks[symbol] = exchange.oracles[symbol] = mark
    exchange.rates.setdefault(symbol, 0)
    exchange.paid.setdefault(symbol, [])


def _tick(body: Body, symbol: str, listing: Listing) -> int:
    found = [row for row in _rows(body, "instruments-info") if row["symbol"] == symbol]
    return _amount(found[0]["priceFilter"], "tickSize") if found else listing.tick


def _tiers(rows: Iterable[Mapping[str, Any]]) -> tuple[Risk, ...] | None:
    """By rising limit, whatever the order on the page; a deduction that is not stated joins the tiers."""
    made: list[Risk] = []
    for row in sorted(rows, key=lambda row: _amount(row, "riskLimitValue")):
        rate, before = _amount(row, "maintenanceMargin"), made[-1] if made else None
        joined = 0 if before is None else before.deduction + times(before.limit, rate - before.maintenance)
        stated = _maybe(row, "mmDeduction")
        made.append(
            Risk(
                int(row.get("id") or len(made) + 1),
                _amount(row, "riskLimitValue"),
                rate,
                _amount(row, "initialMargin"),
                over(ONE, _amount(row, "initialMargin")),
                joined if stated is None else stated,
            )
        )
    return tuple(made) or None


def _fees(exchange: Exchange, account: Account, body: Body) -> None:
    own: dict[str, tuple[int, int]] = account.extra.setdefault("fees", {})
    for row in _rows(body, "fee-rate"):
        symbol = str(row.get("symbol", ""))
        maker = _maybe(row, "makerFeeRate")
        for one in [symbol] if symbol else list(exchange.listings):
            if one in exchange.listings:
                standing = exchange.listings[one].maker
                own[one] = (standing if maker is None else maker, _amount(row, "takerFeeRate"))


# --- positions and money


def _position(exchange: Exchange, account: Account, row: Mapping[str, Any], *, isolated: bool) -> None:
    symbol, leg = str(row["symbol"]), LEGS[int(row.get("positionIdx") or 0)]
    if (leverage := _maybe(row, "leverage")) is not None:
        account.leverage[symbol, leg] = leverage
    size = _amount(row, "size") * (-1 if row.get("side") == "Sell" else 1)
    if not size:
        return
    cost = times(size, _amount(row, "avgPrice"))
    stated = _maybe(row, "positionValue")
    if stated is not None and abs(stated - abs(cost)) <= times(abs(size), ONE // 10**8):
        cost = stated if size > 0 else -stated
    held = Holding(symbol, leg, size, cost, isolated=isolated, opened=exchange.now)
    held.realized = _maybe(row, "curRealisedPnl") or 0
    account.extra.setdefault("realised", {})[symbol, leg] = _maybe(row, "cumRealisedPnl") or 0
    account.holdings[symbol, leg] = held
    exchange.fill_house(symbol, -size, over(cost, size))


def _collateral(venue: Bybit, account: Account, body: Body) -> None:
    """The coin's balance; where only its equity is stated, less what is unrealised."""
    wallets = _rows(body, "wallet-balance")
    if not wallets:
        return
    wallet = wallets[0]
    coin: Mapping[str, Any] = next((c for c in wallet.get("coin", []) if c.get("coin") == "USDT"), {})
    equity, dollars = _maybe(coin, "equity"), _maybe(coin, "usdValue")
    venue.desk.rows.rate = over(dollars, equity) if equity and dollars else ONE
    balance = _maybe(coin, "walletBalance")
    if balance is None and equity is not None:
        marks = venue.exchange.marks
        balance = equity - sum(h.pnl(marks[h.symbol]) for h in account.holdings.values())
    if balance is None:
        balance = over(_amount(wallet, "totalWalletBalance"), venue.desk.rows.rate)
    account.cash += balance - margin.wallet(account)


def _with_rows(account: Account, rows: list[Mapping[str, Any]]) -> list[tuple[Holding, Mapping[str, Any]]]:
    keyed = {(str(row["symbol"]), LEGS[int(row.get("positionIdx") or 0)]): row for row in rows}
    return [(held, keyed[key]) for key, held in account.holdings.items() if held.isolated]


def _pocket(venue: Bybit, account: Account, held: Holding, row: Mapping[str, Any]) -> None:
    """Initial margin, and what the recorded margin holds beyond it."""
    asked = margin.asked(venue.exchange, venue.desk.terms, account, held).initial
    stated = max(_maybe(row, "positionIM") or 0, _maybe(row, "positionBalance") or 0)
    held.extra["added"] = stated - asked if stated > asked + max(SLACK, asked // 10**5) else 0
    fund(account, held, asked + int(held.extra["added"]) - held.cost - held.cash)


def _order(exchange: Exchange, account: Account, row: Mapping[str, Any]) -> None:
    """A resting limit order, as it stands."""
    size = _maybe(row, "leavesQty") or _amount(row, "qty")
    price = _maybe(row, "price")
    if row.get("orderStatus", "New") not in ("New", "PartiallyFilled") or not price or not size:
        return
    order = Order(
        symbol=str(row["symbol"]),
        sign=1 if row["side"] == "Buy" else -1,
        size=size,
        price=price,
        leg=LEGS[int(row.get("positionIdx") or 0)],
        reduce_only=bool(row.get("reduceOnly")),
        client_id=str(row.get("orderLinkId") or "") or None,
        status=Status.RESTING,
        extra={"market": False},
    )
    exchange.enrol(order)
    account.orders[order.number] = order
    if order.client_id:
        account.client_ids[order.client_id] = order.number
    exchange.books[order.symbol].resting[order.number] = (account.name, order)
