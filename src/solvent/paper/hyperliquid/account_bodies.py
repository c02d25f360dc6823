"""What Hyperliquid says of an account as it stands: positions, margin, orders, balances."""

from fractions import Fraction
from typing import Any, Final

from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.listings import default_leverage, top_leverage
from solvent.paper.hyperliquid.margin import Margins, leverage_of, shown_entry
from solvent.paper.hyperliquid.order_entry import WHOLE_POSITION
from solvent.paper.hyperliquid.shapes import JSON, money, num
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import Order, Status
from solvent.paper.units import ONE, rounded

STATUSES: Final = {
    "ioc": "iocCancelRejected",
    "no_liquidity": "marketOrderNoLiquidityRejected",
    "reduce_only": "reduceOnlyCanceled",
    "sibling_filled": "siblingFilledCanceled",
    "margin": "marginCanceled",
    "liquidated": "liquidatedCanceled",
    "scheduled": "scheduledCancel",
    "self_trade": "selfTradeCanceled",
}
REJECTIONS: Final = {
    "reduce_only": "reduceOnlyRejected",
    "post_only": "badAloPxRejected",
    "bad_trigger": "badTriggerPxRejected",
    "margin": "perpMarginRejected",
    "tier": "perpMaxPositionRejected",
}


def as_units(value: Fraction) -> int:
    """The nearest unit."""
    return round(value)


def clearinghouse_state(venue: Exchange, account: Account, time: int) -> JSON:
    margins = Margins(venue, account)
    pockets = account.pockets()
    cross_value, pocketed = margins.cross_value(), sum(margins.used(h) for h in pockets)
    cross = {
        "accountValue": num(cross_value),
        "totalNtlPos": num(margins.cross_notional()),
        "totalRawUsd": num(account.cash),
        "totalMarginUsed": num(margins.cross_used()),
    }
    whole = {
        "accountValue": num(cross_value + pocketed),
        "totalNtlPos": num(margins.cross_notional() + sum(margins.notional(h) for h in pockets)),
        "totalRawUsd": num(account.cash + sum(h.cash for h in pockets)),
        "totalMarginUsed": num(margins.cross_used() + pocketed),
    }
    held = sorted(account.holdings.values(), key=lambda h: venue.listings[h.symbol].number)
    return {
        "marginSummary": whole,
        "crossMarginSummary": cross,
        "crossMaintenanceMarginUsed": num(margins.cross_maintenance()),
        "withdrawable": num(margins.withdrawable()),
        "assetPositions": [{"type": "oneWay", "position": position(venue, account, margins, h)} for h in held],
        "time": time,
    }


def position(venue: Exchange, account: Account, margins: Margins, held: Holding) -> JSON:
    listing = venue.listings[held.symbol]
    setting = leverage_of(account, listing)
    leverage: JSON = {"type": "isolated" if held.isolated else "cross", "value": setting}
    if held.isolated:
        leverage["rawUsd"] = num(held.cash)
    pnl = margins.pnl(held)
    cost = margins.value(held) - pnl  # what the body itself says was paid
    price = margins.liquidation_price(held)
    funding = account.extra.get("funding", {}).get(held.symbol, 0)
    return {
        "coin": held.symbol,
        "szi": num(held.size),
        "leverage": leverage,
        "entryPx": num(shown_entry(listing, cost, held.size)),
        "positionValue": num(margins.notional(held)),
        "unrealizedPnl": num(pnl),
        "returnOnEquity": num(rounded(as_units(Fraction(pnl * setting * ONE, abs(cost))), 10)),
        "liquidationPx": None if price is None else num(rounded(as_units(price), 10)),
        "marginUsed": num(margins.used(held)),
        "maxLeverage": held.extra.get("max_leverage", top_leverage(listing)),
        "cumFunding": {
            "allTime": money(-funding),
            "sinceOpen": money(-held.funding),
            "sinceChange": money(held.extra.get("funding_at_change", 0) - held.funding),
        },
    }


def active_asset_data(venue: Exchange, account: Account, coin: str) -> JSON:
    listing = venue.listings[coin]
    margins = Margins(venue, account)
    held = account.held(coin)
    isolated = held.isolated if held is not None else coin in account.isolated
    leverage: JSON = {"type": "isolated" if isolated else "cross", "value": leverage_of(account, listing)}
    if isolated:
        leverage["rawUsd"] = num(held.cash if held is not None else 0)
    return {
        "user": account.name,
        "coin": coin,
        "leverage": leverage,
        "maxTradeSzs": [num(margins.largest(listing, sign)) for sign in (1, -1)],
        "availableToTrade": [num(margins.available(listing, sign)) for sign in (1, -1)],
        "markPx": num(venue.marks[coin]),
    }


def unknown_asset_data(venue: Exchange, user: str, coin: str) -> JSON:
    """Of a user that has no account: the coin's default."""
    leverage = {"type": "cross", "value": default_leverage(venue.listings[coin])}
    nothing = ["0.0", "0.0"]
    return {
        "user": user,
        "coin": coin,
        "leverage": leverage,
        "maxTradeSzs": nothing,
        "availableToTrade": nothing,
        "markPx": num(venue.marks[coin]),
    }


def spot_state(account: Account | None) -> JSON:
    total = 0 if account is None else account.extra.get("spot", 0)
    usdc = {"coin": "USDC", "token": 0, "total": num(total), "hold": "0.0", "entryNtl": "0.0"}
    return {"balances": [usdc] if total else []}


# --- orders


def order_status(order: Order) -> str:
    if order.status is Status.FILLED:
        return "filled"
    if order.status is Status.REJECTED:
        return REJECTIONS.get(order.reason, "rejected")
    if order.status is Status.CANCELLED:
        if order.reason in ("ioc", "no_liquidity") and order.filled:
            return "canceled"
        return STATUSES.get(order.reason, "canceled")
    return "triggered" if order.extra.get("triggered") and order.status is Status.NEW else "open"


def basic_order(venue: Exchange, order: Order) -> JSON:
    """As in `openOrders` and in order updates."""
    limit = order.price if order.price is not None else order.extra.get("limit_px", venue.marks[order.symbol])
    left = 0 if order.extra.get("size") == WHOLE_POSITION and order.status is Status.WAITING else order.left
    asked = order.extra.get("size", order.size)
    made: JSON = {
        "coin": order.symbol,
        "side": "B" if order.sign > 0 else "A",
        "limitPx": num(limit),
        "sz": num(left),
        "oid": order.number,
        "timestamp": order.created,
        "origSz": num(0 if asked == WHOLE_POSITION else asked),
    }
    if order.reduce_only:
        made["reduceOnly"] = True
    if order.client_id:
        made["cloid"] = order.client_id
    return made


def frontend_order(venue: Exchange, order: Order, children: list[Order]) -> JSON:
    """As in `frontendOpenOrders`, `orderStatus` and `historicalOrders`."""
    trigger = order.trigger
    basic = basic_order(venue, order)
    return {
        **basic,
        "triggerCondition": _condition(order),
        "isTrigger": trigger is not None,
        "triggerPx": num(trigger.price) if trigger is not None else "0.0",
        "children": [frontend_order(venue, child, []) for child in children],
        "isPositionTpsl": bool(order.extra.get("position")) and "parent" not in order.extra,
        "reduceOnly": order.reduce_only,
        "orderType": _kind(order),
        "tif": None if trigger is not None else order.extra.get("tif", "Ioc"),
        "cloid": order.client_id,
    }


def _kind(order: Order) -> str:
    if order.trigger is None:
        return "Market" if order.extra.get("tif") == "FrontendMarket" or order.price is None else "Limit"
    what = "Take Profit" if order.trigger.kind == "tp" else "Stop"
    return f"{what} {'Market' if order.trigger.market else 'Limit'}"


def _condition(order: Order) -> str:
    if order.trigger is None:
        return "N/A"
    if order.extra.get("triggered"):
        return "Triggered"
    return f"Price {'above' if order.trigger.above else 'below'} {num(order.trigger.price).removesuffix('.0')}"


def open_orders(venue: Exchange, account: Account) -> list[JSON]:
    """Newest first."""
    return [basic_order(venue, o) for o in reversed(account.orders.values())]


def frontend_orders(venue: Exchange, account: Account, children: dict[int, list[Order]]) -> list[JSON]:
    return [frontend_order(venue, o, children.get(o.number, [])) for o in reversed(account.orders.values())]


def with_status(venue: Exchange, order: Order, children: list[Order]) -> JSON:
    body: dict[str, Any] = frontend_order(venue, order, children)
    return {"order": body, "status": order_status(order), "statusTimestamp": order.updated}


def order_update(venue: Exchange, order: Order) -> JSON:
    return {
        "order": basic_order(venue, order),
        "status": order_status(order),
        "statusTimestamp": order.updated,
    }
