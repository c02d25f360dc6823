"""BingX's objects as its answers carry them. Money has 4 decimals; numbers that are no text are JSON numbers."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from solvent.paper.bingx import listings, margins
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.orders import Order, Status, Trade
from solvent.paper.units import ONE, PLACES, decimal, over, rounded, text, times, truncated

Body = dict[str, Any]
ASSET: Final = "USDT"
ORDER_IDS: Final = 1_850_000_000_000_000_000
POSITION_IDS: Final = 1_860_000_000_000_000_000
ENTRY_PLACES: Final = 12
CHINA: Final = timezone(timedelta(hours=8))


def money(value: int) -> str:
    """To 4 decimals, halves away from zero."""
    return text(rounded(value, 4), 4)


def cut(value: int) -> str:
    """The first 4 decimals."""
    return text(truncated(value, 4), 4)


def entry(held: Holding) -> int:
    return rounded(over(held.cost, held.size), ENTRY_PLACES)


def order_id(number: int) -> int:
    return ORDER_IDS + number


def balance(venue: Exchange, account: Account) -> Body:
    number = str(account.extra["uid"])
    return {
        "userId": f"{number[:3]}***{number[-3:]}",
        "asset": ASSET,
        "balance": money(margins.wallet(account)),
        "equity": money(margins.equity(venue, account)),
        "unrealizedProfit": money(margins.unrealized(venue, account.holdings.values())),
        "realisedProfit": money(account.realized - account.fees + sum(f.amount for f in account.funding)),
        "availableMargin": money(margins.available(venue, account)),
        "usedMargin": money(margins.used(account)),
        "freezedMargin": money(margins.frozen(account)),
        "shortUid": number,
    }


def position(venue: Exchange, account: Account, held: Holding) -> Body:
    mark = venue.marks[held.symbol]
    listing = venue.listings[held.symbol]
    initial, pnl = margins.initial(account, held), held.pnl(mark)
    own = margins.posted(held) if held.isolated else initial
    closing = sum(o.left for o in account.orders.values() if _closes(o, held))
    places = listings.decimals(listing.tick)
    value_places = max(4, places + listings.decimals(listing.lot))
    removable = margins.removable(venue, account, held) if held.isolated else 0
    return {
        "positionId": str(POSITION_IDS + held.extra.get("id", 0)),
        "symbol": held.symbol,
        "currency": ASSET,
        "positionAmt": text(abs(held.size)),
        "availableAmt": text(max(abs(held.size) - closing, 0)),
        "positionSide": margins.side_of(held),
        "isolated": held.isolated,
        "avgPrice": text(entry(held)),
        "initialMargin": money(initial),
        "margin": money(own + pnl),
        "leverage": margins.leverage(account, held.symbol, margins.side_of(held)),
        "unrealizedProfit": money(pnl),
        "realisedProfit": money(held.realized - held.fees + held.funding),
        "liquidationPrice": decimal(_liquidation(venue, account, held, places)),
        "pnlRatio": cut(over(pnl, initial)) if initial else "0.0000",
        "maxMarginReduction": cut(removable),
        "riskRate": cut(margins.risk_rate(venue, account, held)),
        "markPrice": text(rounded(mark, places)),
        "positionValue": text(truncated(held.notional(mark), value_places)),
        "onlyOnePosition": not margins.dual(account),
        "createTime": held.opened,
        "updateTime": venue.now,
    }


def _liquidation(venue: Exchange, account: Account, held: Holding, places: int) -> int:
    """To the price's decimals, but no finer than the 4 decimals of the money around it can tell."""
    while places and 10 ** (PLACES - places) < 4 * over(10 ** (PLACES - 4), abs(held.size)):
        places -= 1
    return rounded(margins.liquidation_price(venue, account, held), places)


def _closes(order: Order, held: Holding) -> bool:
    same = order.symbol == held.symbol and order.leg == held.leg and order.sign == -held.sign
    return same and order.status is Status.RESTING


def leverage(venue: Exchange, account: Account, symbol: str) -> Body:
    """Both sides' settings, and how much they still let in."""
    most = venue.listings[symbol].max_leverage // ONE
    long, short = (margins.leverage(account, symbol, side) for side in margins.SIDES)
    return {
        "longLeverage": long,
        "shortLeverage": short,
        "maxLongLeverage": most,
        "maxShortLeverage": most,
        **room(venue, account, symbol),
    }


def room(venue: Exchange, account: Account, symbol: str) -> Body:
    mark = venue.marks[symbol]
    long, short = (margins.largest_order(venue, account, symbol, side) for side in margins.SIDES)
    caps = [listings.cap(symbol, margins.leverage(account, symbol, side)) for side in margins.SIDES]
    return {
        "availableLongVol": text(long, 4),
        "availableShortVol": text(short, 4),
        "availableLongVal": money(times(long, mark)),
        "availableShortVal": money(times(short, mark)),
        "maxPositionLongVal": text(caps[0], 1),
        "maxPositionShortVal": text(caps[1], 1),
    }


def tiers(listing: Listing) -> list[Body]:
    ends = [tier.lower for tier in listing.tiers[1:]] + [listings.top(listing.symbol)]
    return [
        {
            "tier": f"Tier {number}",
            "symbol": listing.symbol,
            "minPositionVal": text(tier.lower),
            "maxPositionVal": text(end),
            "maintMarginRatio": text(tier.rate, 6),
            "maintAmount": text(tier.deduction, 6),
        }
        for number, (tier, end) in enumerate(zip(listing.tiers, ends, strict=True), start=1)
    ]


def contract(listing: Listing) -> Body:
    most = listing.max_leverage // ONE
    return {
        "contractId": str(listing.number),
        "symbol": listing.symbol,
        "size": text(listing.lot),
        "quantityPrecision": listings.decimals(listing.lot),
        "pricePrecision": listings.decimals(listing.tick),
        "feeRate": decimal(listing.taker),
        "makerFeeRate": decimal(listing.maker),
        "takerFeeRate": decimal(listing.taker),
        "tradeMinLimit": 0,
        "tradeMinQuantity": decimal(listing.min_size),
        "tradeMinUSDT": decimal(listing.min_notional),
        "maxLongLeverage": most,
        "maxShortLeverage": most,
        "currency": ASSET,
        "asset": listing.symbol.partition("-")[0],
        "status": 1,
        "apiStateOpen": "true",
        "apiStateClose": "true",
        "ensureTrigger": True,
        "triggerFeeRate": "0.00020000",
        "brokerState": True,
        "launchTime": 0,
        "maintainTime": 0,
        "offTime": 0,
        "displayName": listing.symbol,
    }


# --- orders and fills

WORDS: Final = {
    Status.NEW: "PENDING",
    Status.WAITING: "NEW",
    Status.RESTING: "PENDING",
    Status.FILLED: "FILLED",
    Status.CANCELLED: "CANCELLED",
    Status.REJECTED: "FAILED",
}


def order_status(order: Order) -> str:
    if order.status is Status.RESTING and order.filled:
        return "PARTIALLY_FILLED"
    return "NEW" if order.status is Status.RESTING else WORDS[order.status]


def order_type(order: Order) -> str:
    kind: str = order.extra.get("type", "")
    return kind or {"liquidation": "LIQUIDATION", "adl": "ADL"}.get(order.extra.get("kind", ""), "LIQUIDATION")


def position_side(order: Order) -> str:
    return "BOTH" if order.leg == "net" else order.leg.upper()


def side(sign: int) -> str:
    return "BUY" if sign > 0 else "SELL"


def order_price(order: Order) -> int:
    """Its limit; a market order's average."""
    if order.price is not None:
        return order.price
    return average(order) or order.extra.get("shown", 0)


def average(order: Order) -> int:
    return rounded(over(order.filled_cost, order.filled), 8) if order.filled else 0


def order(account: Account, given: Order) -> Body:
    profit, fee = account.extra["sums"].get(given.number, (0, 0))
    lever = margins.leverage(account, given.symbol, margins.order_side(given))
    return {
        "symbol": given.symbol,
        "orderId": order_id(given.number),
        "side": side(given.sign),
        "positionSide": position_side(given),
        "type": order_type(given),
        "origQty": text(given.extra.get("asked", given.size)),
        "price": text(order_price(given)),
        "executedQty": text(given.filled),
        "avgPrice": text(average(given), 1),
        "cumQuote": cut(given.filled_cost),
        "stopPrice": text(given.trigger.price) if given.trigger else "",
        "profit": money(profit),
        "commission": text(rounded(-fee, 6), 6),
        "status": order_status(given),
        "time": given.created,
        "updateTime": given.updated,
        "clientOrderId": given.client_id or "",
        "leverage": f"{lever}X",
        "takeProfit": given.extra.get("takeProfit", {}),
        "stopLoss": given.extra.get("stopLoss", {}),
        "advanceAttr": 0,
        "positionID": 0,
        "takeProfitEntrustPrice": 0,
        "stopLossEntrustPrice": 0,
        "orderType": "",
        "workingType": given.extra.get("workingType", "MARK_PRICE"),
        "timeInForce": given.extra.get("tif", "GTC"),
        "onlyOnePosition": given.leg == "net",
        "reduceOnly": bool(given.extra.get("reduceOnly")),
        "closePosition": "true" if given.extra.get("closePosition") else "false",
        "stopGuaranteed": "false",
        "triggerOrderId": order_id(given.number) if given.extra.get("triggered") else 0,
    }


def placed(given: Order) -> Body:
    """What a placement answers."""
    return {
        "symbol": given.symbol,
        "orderId": order_id(given.number),
        "orderID": str(order_id(given.number)),
        "side": side(given.sign),
        "positionSide": position_side(given),
        "type": order_type(given),
        "clientOrderID": given.client_id or "",
        "clientOrderId": given.client_id or "",
        "workingType": given.extra.get("workingType", "MARK_PRICE"),
        "price": decimal(order_price(given)),
        "quantity": decimal(given.extra.get("asked", given.size)),
        "stopPrice": decimal(given.trigger.price) if given.trigger else 0,
        "timeInForce": given.extra.get("tif", "GTC"),
        "reduceOnly": bool(given.extra.get("reduceOnly")),
        "closePosition": "true" if given.extra.get("closePosition") else "false",
        "status": order_status(given),
        "avgPrice": text(average(given), 1),
        "executedQty": text(given.filled),
        "stopLoss": given.extra.get("stopLossText", ""),
        "takeProfit": given.extra.get("takeProfitText", ""),
        "priceRate": 0,
    }


def fill(trade: Trade, kind: str) -> Body:
    """A row of allFillOrders. A commission is a change of cash: what was paid is negative."""
    return {
        "filledTm": _moment(trade.time, UTC),
        "volume": text(trade.size),
        "price": text(trade.price),
        "amount": cut(times(trade.size, trade.price)),
        "commission": text(rounded(-trade.fee, 8), 4),
        "currency": ASSET,
        "orderId": str(order_id(trade.order)),
        "tradeId": str(trade.number),
        "liquidatedPrice": text(trade.price) if trade.kind == "liquidation" else "0.00",
        "liquidatedMarginRatio": "0.00",
        "filledTime": _moment(trade.time, CHINA),
        "clientOrderID": trade.client_id or "",
        "symbol": trade.symbol,
        "side": side(trade.sign),
        "positionSide": "BOTH" if trade.leg == "net" else trade.leg.upper(),
        "type": kind,
        "role": "maker" if trade.maker else "taker",
        "realisedPNL": money(trade.closed_pnl),
        "onlyOnePosition": trade.leg == "net",
        "workingType": "MARK_PRICE",
    }


def fill_history(trade: Trade, kind: str) -> Body:
    """A row of fillHistory."""
    row = fill(trade, kind)
    row["qty"] = row["volume"]
    row["quoteQty"] = row.pop("amount")
    row["commissionAsset"] = row.pop("currency")
    return row


def _moment(ms: int, zone: timezone) -> str:
    at = datetime.fromtimestamp(ms // 1000, zone)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}" + ("Z" if zone is UTC else "+0800")
