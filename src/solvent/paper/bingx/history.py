"""What an account has done: fills, finished orders, income, transfers, closed positions, in the venue's pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from solvent.paper.bingx import bodies, margins
from solvent.paper.bingx.auth import Asked, invalid
from solvent.paper.events import Happened, Traded
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import KEPT, Account
from solvent.paper.orders import Order, Status, Trade
from solvent.paper.units import over, rounded, text, times

WEEK_MS: Final = 7 * 86_400_000
FORCED: Final = ("liquidation", "adl", "backstop")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` to `until`, both inclusive, in ms of market time."""

    since: int
    until: int

    @classmethod
    def read(cls, given: Asked, now: int, names: Sequence[tuple[str, str]], usual: int = 0) -> "Span":
        """The first pair of names that was given; `usual` is how far back it goes else (0: all)."""
        since, until = (now - usual if usual else 0), now
        for first, last in names:
            if given.has(first) or given.has(last):
                since, until = given.whole(first, since), given.whole(last, until)
                break
        if since > until:
            invalid("startTime", "startTime must not be after endTime.")
        return cls(since, until)

    def holds(self, time: int) -> bool:
        return self.since <= time <= self.until


def limit(given: Asked, usual: int, most: int, name: str = "limit") -> int:
    number = given.whole(name, usual)
    if number < 1:
        invalid(name, "This field must be greater than or equal to 1.")
    return min(number, most)


def page(rows: Sequence[T], given: Asked, usual: int, most: int) -> Sequence[T]:
    """By pageIndex (or pageId; from 1) and pageSize."""
    index = max(given.whole("pageIndex", given.whole("pageId", 1)), 1)
    size = limit(given, usual, most, "pageSize")
    return rows[(index - 1) * size : index * size]


STARTS: Final = (("startTs", "endTs"), ("startTime", "endTime"))


def trades(account: Account, given: Asked, now: int) -> list[Trade]:
    """Fills of the asked symbol, order and time, newest first."""
    span = Span.read(given, now, STARTS, WEEK_MS)
    symbol = given.text("symbol", "")
    number = _order_number(given)
    return [
        t
        for t in reversed(account.trades)
        if span.holds(t.time) and symbol in ("", t.symbol) and number in (None, t.order)
    ]


def _order_number(given: Asked) -> int | None:
    return given.whole("orderId") - bodies.ORDER_IDS if given.has("orderId") else None


def kind_of(account: Account, trade: Trade) -> str:
    """The type of the order a trade belongs to."""
    if trade.kind in FORCED:
        return "ADL" if trade.kind == "adl" else "LIQUIDATION"
    kind: str = account.extra["kinds"].get(trade.order, "LIMIT")
    return kind


def orders(account: Account, given: Asked, now: int, *, live: bool) -> list[Order]:
    """Finished orders (with the live ones, if `live`), newest first, up to the limit."""
    span = Span.read(given, now, STARTS[::-1])
    symbol = given.text("symbol", "")
    after = _order_number(given) or 0
    rows: list[Order] = [o for o in account.history if not unborn(o)]
    if live:
        rows += account.orders.values()
    rows = [o for o in rows if symbol in ("", o.symbol) and o.number >= after and span.holds(o.created)]
    rows.sort(key=lambda o: -o.number)
    return rows[: limit(given, 500, 1000)]


def unborn(order: Order) -> bool:
    """Whether the venue refused it outright, so that it never was an order."""
    return order.status is Status.REJECTED and "triggered" not in order.extra


def forced_orders(account: Account, given: Asked, now: int) -> list[Order]:
    span = Span.read(given, now, STARTS[::-1])
    symbol = given.text("symbol", "")
    kind = given.text("autoCloseType", "")
    rows = [
        o
        for o in reversed(account.history)
        if o.extra.get("kind") in FORCED and symbol in ("", o.symbol) and span.holds(o.created)
        if not kind or bodies.order_type(o) == kind.upper()
    ]
    return rows[: limit(given, 50, 100)]


# --- income

SAID: Final = {
    "insurance": ("INSURANCE_CLEAR", "Insurance Clear"),
    "transfer_in": ("TRANSFER", "Transfer In"),
    "transfer_out": ("TRANSFER", "Transfer Out"),
    "deposit": ("TRANSFER", "Deposit"),
    "trial": ("TRIAL_FUND", "Trial Fund"),
}


def income(account: Account, given: Asked, now: int) -> list[dict[str, Any]]:
    """What changed the balance, newest first: the latest week unless asked otherwise."""
    span = Span.read(given, now, STARTS[::-1], WEEK_MS)
    symbol, wanted = given.text("symbol", ""), given.text("incomeType", "").upper()
    rows: list[tuple[int, int, str, str, int, str]] = []
    for t in account.trades:
        if t.closed:
            kind = "ADL" if t.kind == "adl" else "REALIZED_PNL"
            what = {"liquidation": "Forced Liquidation", "backstop": "Forced Liquidation"}.get(
                t.kind, "Close Position"
            )
            rows.append((t.time, t.number, kind, t.symbol, t.closed_pnl, what))
        rows.append((t.time, t.number, "TRADING_FEE", t.symbol, -t.fee, "Trading Fee"))
    for f in account.funding:
        rows.append((f.time, f.number, "FUNDING_FEE", f.symbol, f.amount, "Funding Fee"))
    for m in account.moves:
        kind, what = SAID.get(m.kind, ("TRANSFER", m.kind))
        rows.append((m.time, m.number, kind, m.symbol, m.amount, what))
    rows = [r for r in rows if span.holds(r[0]) and symbol in ("", r[3]) and wanted in ("", r[2])]
    rows.sort(key=lambda r: (-r[0], -r[1], r[2]))
    return [
        {
            "symbol": name,
            "incomeType": kind,
            "income": text(rounded(amount, 8), 4),
            "asset": bodies.ASSET,
            "info": what,
            "time": time,
            "tranId": f"{number}_{kind}",
            "tradeId": str(number),
        }
        for time, number, kind, name, amount, what in rows[: limit(given, 100, 1000)]
    ]


def transfers(account: Account, given: Asked, now: int) -> tuple[int, list[dict[str, Any]]]:
    """Total, and one page, newest first."""
    span = Span.read(given, now, STARTS[::-1])
    ends = [given.text(name, "").upper() for name in ("fromAccount", "toAccount")]
    rows = []
    for m in reversed(account.moves):
        source, _, target = m.other.partition(">")
        if not target or not span.holds(m.time):
            continue
        if any(end not in ("", had.upper()) for end, had in zip(ends, (source, target), strict=True)):
            continue
        number = str(bodies.ORDER_IDS + m.number)
        if given.text("transferId", number) != number:
            continue
        rows.append(
            {
                "asset": m.asset,
                "amount": text(abs(m.amount), 2),
                "status": "CONFIRMED",
                "transferId": number,
                "timestamp": m.time,
                "fromAccount": source,
                "toAccount": target,
            }
        )
    return len(rows), list(page(rows, given, 10, 100))


# --- positions from open to close


class PositionLog:
    """Gives positions their ids, and keeps what the venue shows of closed ones. Listens to the exchange."""

    def __init__(self, venue: Exchange) -> None:
        self._venue = venue
        self._open: dict[tuple[str, str, str], dict[str, Any]] = {}

    def __call__(self, event: Happened) -> None:
        if not isinstance(event, Traded):
            return
        account, trade = self._venue.accounts[event.account], event.trade
        self._count(account, trade)
        key = (account.name, trade.symbol, trade.leg)
        if trade.closed and key in self._open:
            self._shrink(account, key, trade)
        if trade.end and trade.start * trade.end <= 0:
            held = account.holdings[trade.symbol, trade.leg]
            held.extra["id"] = trade.number
            self._open[key] = {
                "id": trade.number,
                "opened": trade.time,
                "sign": 1 if trade.end > 0 else -1,
                "isolated": held.isolated,
                "size": 0,
                "cost": 0,
                "closed": 0,
                "gain": 0,
                "pnl": 0,
                "fee": 0,
            }
        opened = trade.size - trade.closed
        if opened and key in self._open:
            row = self._open[key]
            row["size"] += opened
            row["cost"] += times(opened, trade.price)
        if trade.end and key in self._open:
            self._open[key]["fee"] += trade.fee

    def _count(self, account: Account, trade: Trade) -> None:
        sums: dict[int, tuple[int, int]] = account.extra["sums"]
        profit, fee = sums.get(trade.order, (0, 0))
        sums[trade.order] = (profit + trade.closed_pnl, fee + trade.fee)
        while len(sums) > 2 * KEPT:
            del sums[next(iter(sums))]

    def _shrink(self, account: Account, key: tuple[str, str, str], trade: Trade) -> None:
        row = self._open[key]
        row["closed"] += trade.closed
        row["gain"] += times(trade.closed, trade.price)
        row["pnl"] += trade.closed_pnl
        if trade.end * row["sign"] > 0:
            return
        row["fee"] += trade.fee
        del self._open[key]
        side = "LONG" if row["sign"] > 0 else "SHORT"
        funding = sum(
            f.amount
            for f in account.funding
            if f.symbol == trade.symbol and f.leg == trade.leg and row["opened"] <= f.time <= trade.time
        )
        account.extra["closed"].append(
            {
                "positionId": str(bodies.POSITION_IDS + row["id"]),
                "symbol": trade.symbol,
                "isolated": row["isolated"],
                "positionSide": side,
                "openTime": row["opened"],
                "updateTime": trade.time,
                "avgPrice": text(rounded(over(row["cost"], row["size"]), 8)),
                "avgClosePrice": text(rounded(over(row["gain"], row["closed"]), 8)),
                "realisedProfit": bodies.money(row["pnl"]),
                "netProfit": bodies.money(row["pnl"] - row["fee"] + funding),
                "positionAmt": text(row["size"]),
                "closePositionAmt": text(row["closed"]),
                "leverage": margins.leverage(account, trade.symbol, side),
                "closeAllPositions": True,
                "positionCommission": text(rounded(-row["fee"], 8)),
                "totalFunding": text(rounded(funding, 8)),
            }
        )


def closed_positions(account: Account, given: Asked, now: int) -> list[dict[str, Any]]:
    span = Span.read(given, now, STARTS)
    symbol, wanted = given.text("symbol"), given.text("positionId", "")
    rows = [
        r
        for r in reversed(account.extra["closed"])
        if r["symbol"] == symbol and wanted in ("", r["positionId"]) and span.holds(r["updateTime"])
    ]
    return list(page(rows, given, 100, 100))
