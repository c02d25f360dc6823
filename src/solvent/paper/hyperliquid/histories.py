"""What Hyperliquid remembers: fills, funding, movements of money, orders; in its order and its pages."""

import json
from collections.abc import Iterable
from typing import Any, Final

from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.listings import size_decimals
from solvent.paper.hyperliquid.shapes import JSON, NO_HASH, digest, num, tid
from solvent.paper.ledger import Account
from solvent.paper.listing import Listing
from solvent.paper.orders import FundingPaid, Moved, Trade
from solvent.paper.units import ONE, floor_to, over, rounded, text, times, units

PAGE: Final = 2_000
FUNDING_PAGE: Final = 500


def direction(trade: Trade) -> str:
    """What the venue calls a fill."""
    if trade.kind == "backstop":
        mode = "Isolated" if trade.isolated else "Cross"
        return f"Liquidated {mode} {'Long' if trade.start > 0 else 'Short'}"
    if trade.kind == "adl":
        return "Auto-Deleveraging"
    if trade.start == 0 or trade.start * trade.sign > 0:
        return "Open Long" if trade.sign > 0 else "Open Short"
    if trade.start * trade.end < 0:
        return "Long > Short" if trade.start > 0 else "Short > Long"
    return "Close Long" if trade.start > 0 else "Close Short"


def closed_pnl(listing: Listing, trade: Trade) -> int:
    """Gross of the fee, with the entry cut to 6 - szDecimals decimals, as the venue computes it."""
    if not trade.closed:
        return 0
    decimals = size_decimals(listing)
    side = 1 if trade.start > 0 else -1
    exact = trade.price - side * over(trade.closed_pnl, trade.closed)
    entry = rounded(exact, 16 - decimals)  # the ledger's own cuts stay far below this place
    entry = floor_to(entry, ONE // 10 ** (6 - decimals))
    return side * times(trade.closed, trade.price - entry)


def fill(venue: Exchange, account: Account, trade: Trade) -> JSON:
    made: JSON = {
        "coin": trade.symbol,
        "px": num(trade.price),
        "sz": num(trade.size),
        "side": "B" if trade.sign > 0 else "A",
        "time": trade.time,
        "startPosition": num(trade.start),
        "dir": direction(trade),
        "closedPnl": num(closed_pnl(venue.listings[trade.symbol], trade)),
        "hash": NO_HASH if trade.kind == "liquidation" else digest("fill", venue.name, trade.order, trade.time),
        "oid": trade.order,
        "crossed": not trade.maker,
        "fee": num(trade.fee),
        "tid": tid(trade.tape),
        "feeToken": "USDC",
        "twapId": None,
    }
    if trade.client_id:
        made["cloid"] = trade.client_id
    if trade.kind in ("liquidation", "backstop"):
        made["liquidation"] = {
            "liquidatedUser": account.name,
            "markPx": num(trade.mark),
            "method": "market" if trade.kind == "liquidation" else "backstop",
        }
    return made


def fills(venue: Exchange, account: Account, *, aggregate: bool = False) -> list[JSON]:
    """The newest, newest first."""
    rows = (fill(venue, account, t) for t in reversed(account.trades))
    made = aggregated(rows) if aggregate else list(rows)
    return made[:PAGE]


def fills_between(
    venue: Exchange, account: Account, since: int, until: int, *, aggregate: bool, newest_first: bool
) -> list[JSON]:
    """A page of fills from `since` on, oldest first unless asked otherwise."""
    chosen = [t for t in account.trades if since <= t.time <= until]
    rows = (fill(venue, account, t) for t in (reversed(chosen) if newest_first else chosen))
    made = aggregated(rows) if aggregate else list(rows)
    return made[:PAGE]


def aggregated(rows: Iterable[JSON]) -> list[JSON]:
    """Executions of one crossing order at one moment and price become one row."""
    made: list[JSON] = []
    places: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = (row["oid"], row["time"], row["px"], row["dir"], row["crossed"])
        at = places.get(key)
        if at is None or not row["crossed"]:
            places[key] = len(made)
            made.append(row)
            continue
        into = made[at]
        for name in ("sz", "closedPnl", "fee"):
            into[name] = _sum(into[name], row[name])
        if abs(float(row["startPosition"])) < abs(float(into["startPosition"])) and row["dir"].startswith("Open"):
            into["startPosition"] = row["startPosition"]
    return made


def _sum(a: str, b: str) -> str:
    return text(units(a) + units(b), 1)


def funding_delta(payment: FundingPaid) -> JSON:
    return {
        "type": "funding",
        "coin": payment.symbol,
        "usdc": num(payment.amount),
        "szi": num(payment.size),
        "fundingRate": num(payment.rate),
        "nSamples": None,
    }


def user_funding(account: Account, since: int, until: int) -> list[JSON]:
    """A page from `since` on, oldest first."""
    rows = [p for p in account.funding if since <= p.time <= until]
    return [{"time": p.time, "hash": NO_HASH, "delta": funding_delta(p)} for p in rows[:FUNDING_PAGE]]


def funding_history(venue: Exchange, coin: str, since: int, until: int) -> list[JSON]:
    """Rates of a coin, oldest first."""
    rows = [row for row in venue.paid[coin] if since <= row[0] <= until]
    return [
        {"coin": coin, "fundingRate": num(rate), "premium": num(premium_of(rate)), "time": time}
        for time, rate, _ in rows[:FUNDING_PAGE]
    ]


def premium_of(rate: int) -> int:
    """A premium that gives this hourly rate: the interest is a hundredth of a percent in eight hours."""
    eighth, interest, clamp = rate * 8, ONE // 10_000, ONE // 2_000
    if eighth == interest:
        return 0
    return eighth - clamp if eighth > interest else eighth + clamp


def ledger_row(move: Moved) -> JSON | None:
    """A movement of money; None for what the venue does not list."""
    if not move.other:
        return None
    return {"time": move.time, "hash": digest("move", move.number), "delta": json.loads(move.other)}


def ledger(account: Account, since: int, until: int) -> list[JSON]:
    """Movements other than funding, oldest first."""
    rows = (ledger_row(m) for m in account.moves if since <= m.time <= until)
    return [row for row in rows if row is not None][:PAGE]
