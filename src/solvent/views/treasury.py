"""Balances, allocations and advice, as plain data and for the terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from solvent.core.numbers import text
from solvent.treasury.allocation import Allocation, CapitalReservation
from solvent.treasury.balances import WalletBalance
from solvent.treasury.rebalance import Advice, LegState
from solvent.treasury.snapshots import BalanceSnapshot, CurvePoint, Drawdown
from solvent.views.document import as_of, shown
from solvent.views.tables import money, percent, plain, plain_table, price

FIGURES = ("usdc_balance", "balance", "equity", "free_margin", "order_margin", "available", "withdrawable")


def _plain(value: Any) -> Any:
    """Decimals as text, wherever they stand."""
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _row(row: WalletBalance) -> dict[str, Any]:
    body: dict[str, Any] = {"chain": row.chain, "account": row.account, "asset": row.asset}
    body |= {name: shown(getattr(row, name)) for name in FIGURES}
    body |= {"source": row.source, "as_of": as_of(row.as_of), "stale": row.stale}
    return body | {"error": row.error or None, "note": row.note or None}


def balances_data(found: BalanceSnapshot) -> dict[str, Any]:
    """The rows of `wallet_balances` and their sum. `complete` False: some of it is old or not known."""
    return {
        "usdc_balance": text(found.usdc_balance),
        "complete": found.complete,
        "stale": list(found.stale),
        "unknown": list(found.unknown),
        "balances": [_row(r) for r in found.rows],
    }


def balances_view(found: BalanceSnapshot) -> RenderableType:
    table = plain_table(
        "Balances", "chain", "account", "asset", "worth", "free margin", "available", "withdrawable", "as of", ""
    )
    for row in found.rows:
        table.add_row(
            row.chain,
            _short(row.account),
            row.asset,
            *(money(v) for v in (row.usdc_balance, row.free_margin, row.available, row.withdrawable)),
            as_of(row.as_of) or "unrecorded",
            Text("STALE", style="bold red") if row.stale else Text(""),
        )
    sure = "" if found.complete else "  (not complete)"
    lines = [plain(f"Total {money(found.usdc_balance)}{sure}", "bold")]
    lines += [plain(f"  {r.chain} is stale: {r.error}") for r in found.rows if r.stale]
    lines += [plain(f"  {r.chain}: {r.note}") for r in found.rows if r.note]
    return Group(table, *lines)


def _short(account: str) -> str:
    return account if len(account) <= 14 else f"{account[:6]}..{account[-4:]}"


def curve_data(curve: Sequence[CurvePoint], fall: Drawdown | None) -> dict[str, Any]:
    """Points of the equity curve and the deepest fall; `growth` is of one unit put in at the start."""
    return {
        "points": [
            {
                "at": as_of(p.at),
                "equity": text(p.equity),
                "flows": text(p.flows),
                "profit": text(p.profit),
                "growth": None if p.growth is None else f"{float(p.growth):.6f}",
                "complete": p.complete,
            }
            for p in curve
        ],
        "drawdown": None
        if fall is None
        else {
            "fraction": shown(fall.fraction),
            "money": text(fall.money),
            "peak_at": as_of(fall.peak_at),
            "trough_at": as_of(fall.trough_at),
        },
    }


def curve_view(curve: Sequence[CurvePoint], fall: Drawdown | None) -> RenderableType:
    table = plain_table("Equity", "at", "equity", "flows since the start", "profit", "growth", "")
    for p in curve:
        grown = "–" if p.growth is None else f"{float(p.growth - 1) * 100:+.2f} %"
        table.add_row(
            as_of(p.at) or "",
            money(p.equity),
            money(p.flows),
            money(p.profit),
            grown,
            "" if p.complete else "partial",
        )
    if fall is None:
        return Group(table, plain("no snapshot yet: solvent balances --snapshot takes one"))
    return Group(table, plain(f"Deepest fall: {percent(fall.fraction)}, {money(fall.money)}"))


def allocation_data(found: Allocation) -> dict[str, Any]:
    """`usd_alloc_remaining`, each bound with what it allows and what is used, and what counted as zero."""
    body: dict[str, Any] = _plain(asdict(found))
    body["usd_alloc_remaining"] = body.pop("remaining")
    return body


def allocation_view(found: Allocation) -> RenderableType:
    account = f" ({_short(found.account)})" if found.account else ""
    head = plain(
        f"{money(found.remaining)} USD may go into {found.instrument} on {found.venue}, "
        f"from the balance of {found.chain}{account}",
        "bold",
    )
    table = plain_table("", "bound", "allows", "used", "left", "")
    for b in found.bounds:
        table.add_row(
            b.name, money(b.limit), money(b.used), money(b.left), "binds" if b.name == found.binding else ""
        )
    return Group(head, table, *(plain(f"  counts as zero: {r}") for r in found.reasons))


def reservation_data(found: CapitalReservation) -> dict[str, Any]:
    """A reservation as it stands after a change."""
    body: dict[str, Any] = _plain(asdict(found))
    return body | {"stage": str(found.stage), "since": as_of(found.since)}


def reservation_line(found: CapitalReservation) -> RenderableType:
    """The same in one line."""
    place = f"{found.instrument} on {found.venue} ({found.strategy}), from {found.chain}"
    return plain(f"{found.id}: {money(found.amount)} USD {found.stage} for {place}")


def advice_data(found: Advice) -> dict[str, Any]:
    """One pair's advice; distances, `trigger` and room are fractions of the price."""
    body: dict[str, Any] = _plain(asdict(found))
    return body


def _leg(leg: LegState) -> str:
    return f"{leg.venue} {leg.instrument} {leg.side}"


def advice_view(found: Advice) -> RenderableType:
    if found.source is None:
        head = f"No transfer: {found.reason}"
    else:
        head = f"Move {money(found.amount)} from {found.source} to {found.target}"
        head += f" ({money(found.arrives)} arrive)" if found.arrives != found.amount else ""
        head += f": {found.reason}"
    table = plain_table("", "leg", "mark", "liq. price", "distance", "after", "liq. price after")
    for before, after in zip(found.before, found.after, strict=True):
        table.add_row(
            _leg(before),
            price(before.mark),
            price(before.liquidation_price),
            _distance(before),
            _distance(after),
            price(after.liquidation_price),
        )
    due = "due now" if found.needed else f"not due: {_room(found)}"
    return Group(
        plain(head, "bold"), table, plain(f"A rebalance within {percent(found.trigger)} of an end is {due}")
    )


def _distance(leg: LegState) -> str:
    return "none" if leg.distance is None else percent(leg.distance)


def _room(found: Advice) -> str:
    down, up = found.room_down, found.room_up
    ways = [f"{percent(down)} down" if down is not None else "", f"{percent(up)} up" if up is not None else ""]
    return "the market may still move " + " or ".join(w for w in ways if w) if any(ways) else "it never will be"


__all__ = [
    "advice_data",
    "advice_view",
    "allocation_data",
    "allocation_view",
    "balances_data",
    "balances_view",
    "curve_data",
    "curve_view",
    "reservation_data",
    "reservation_line",
]
