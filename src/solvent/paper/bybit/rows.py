"""What V5 says of positions, orders, executions and the wallet: one row each, field by field."""

from typing import Any, Final

from solvent.paper.bybit import margin
from solvent.paper.bybit.listings import leverage_text
from solvent.paper.bybit.margin import ISOLATED, Listed
from solvent.paper.bybit.replies import Row
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import FundingPaid, Order, Status, Tif, Trade
from solvent.paper.units import ONE, over, rounded, text, times, truncated

PLACES: Final = 8
IDX: Final = {"net": 0, "long": 1, "short": 2}
LEGS: Final = ("net", "long", "short")
TIFS: Final = {Tif.GTC: "GTC", Tif.IOC: "IOC", Tif.FOK: "FOK", Tif.POST_ONLY: "PostOnly"}
CANCELS: Final = {
    "cancelled": ("CancelByUser", "EC_PerCancelRequest"),
    "reduce_only": ("CancelByReduceOnly", "EC_NoError"),
    "liquidation": ("CancelAllBeforeLiq", "EC_NoError"),
    "dcp": ("CancelByDCP", "EC_PerCancelRequest"),
    "sibling_filled": ("CancelByTpSlTsClear", "EC_NoError"),
    "post_only": ("UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
    "ioc": ("UNKNOWN", "EC_NoImmediateQtyToFill"),
    "fok": ("UNKNOWN", "EC_NoImmediateQtyToFill"),
    "no_liquidity": ("UNKNOWN", "EC_NoImmediateQtyToFill"),
}
FORCED: Final = {
    "liquidation": "CreateByLiq",
    "backstop": "CreateByTakeOver_PassThrough",
    "adl": "CreateByAdl_PassThrough",
}
EXECUTED: Final = {"trade": "Trade", "liquidation": "BustTrade", "backstop": "BustTrade", "adl": "AdlTrade"}


def money(amount: int) -> str:
    return text(rounded(amount, PLACES))


def side(sign: int) -> str:
    return "Buy" if sign > 0 else "Sell" if sign < 0 else ""


def created_by(order: Order) -> str:
    """Who made the order, in the venue's words."""
    return str(order.extra.get("create") or FORCED.get(str(order.extra.get("kind")), "CreateByUser"))


class Ids:
    """Order and execution ids: the number inside a UUID that follows from the seed."""

    def __init__(self, secret: bytes) -> None:
        head = secret.hex()
        self._prefix = f"{head[:8]}-{head[8:12]}-4{head[13:16]}-a{head[17:20]}-"

    def of(self, number: int) -> str:
        return f"{self._prefix}{number:012x}"

    def number(self, given: str) -> int | None:
        """None where it is no id of ours."""
        tail = given[len(self._prefix) :]
        if not given.startswith(self._prefix) or len(tail) != 12:
            return None
        try:
            return int(tail, 16)
        except ValueError:
            return None


class Rows:
    def __init__(self, venue: Exchange, listed: Listed, ids: Ids) -> None:
        self.venue, self.listed, self.ids = venue, listed, ids
        self.rate = ONE
        """Dollars per coin."""

    def price(self, symbol: str, price: int) -> str:
        """With the decimals of the tick, at least two."""
        tick = text(self.venue.listings[symbol].tick)
        return text(price, max(len(tick.partition(".")[2]), 2))

    # --- positions

    def position(self, account: Account, symbol: str, leg: str) -> Row:
        held, mark = account.held(symbol, leg), self.venue.marks[symbol]
        stops: Row = account.extra.get("stops", {}).get((symbol, leg), {})
        row: Row = {
            "positionIdx": IDX[leg],
            "riskId": self.listed[symbol].tiers[0].number,
            "riskLimitValue": text(self.listed[symbol].tiers[0].limit),
            "symbol": symbol,
            "side": "",
            "size": "0",
            "avgPrice": "0",
            "positionValue": "",
            "tradeMode": 0,
            "autoAddMargin": int((symbol, leg) in account.extra.get("auto", set())),
            "positionStatus": "Normal",
            "leverage": leverage_text(margin.leverage(account, symbol, leg)),
            "markPrice": self.price(symbol, mark),
            "liqPrice": "",
            "bustPrice": "",
            "positionIM": "",
            "positionIMByMp": "",
            "positionMM": "",
            "positionMMByMp": "",
            "positionBalance": "",
            "tpslMode": "Full",
            "takeProfit": stops.get("takeProfit", ""),
            "stopLoss": stops.get("stopLoss", ""),
            "trailingStop": "0",
            "sessionAvgPrice": "",
            "delta": "",
            "gamma": "",
            "vega": "",
            "theta": "",
            "unrealisedPnl": "",
            "curRealisedPnl": "0",
            "cumRealisedPnl": money(account.extra.get("realised", {}).get((symbol, leg), 0)),
            "adlRankIndicator": 0,
            "createdTime": str(account.extra.get("opened", {}).get((symbol, leg), "0")),
            "updatedTime": str(account.extra.get("touched", {}).get((symbol, leg), "0")),
            "seq": account.extra.get("seqs", {}).get((symbol, leg), -1),
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "breakEvenPrice": "",
        }
        if held is not None:
            row |= self._held(account, held, mark)
        return row

    def _held(self, account: Account, held: Holding, mark: int) -> Row:
        asked = margin.asked(self.venue, self.listed, account, held)
        found = margin.liquidation_price(self.venue, self.listed, account, held, self.rate)
        tier = next(t for t in self.listed[held.symbol].tiers if t.number == asked.tier)
        size = abs(held.size)
        realised = held.realized - held.fees + held.funding
        even = over(abs(held.cost) - held.sign * realised, size)
        liq = "" if found is None else self.liq(held, found)
        return {
            "riskId": tier.number,
            "riskLimitValue": text(tier.limit),
            "side": side(held.sign),
            "size": text(size),
            "avgPrice": money(over(held.cost, held.size)),
            "positionValue": money(abs(held.cost)),
            "liqPrice": liq,
            "positionIM": money(asked.initial),
            "positionIMByMp": money(asked.initial),
            "positionMM": money(asked.maintenance),
            "positionMMByMp": money(asked.maintenance),
            "positionBalance": money(held.cash + held.cost) if held.isolated else "",
            "unrealisedPnl": money(held.pnl(mark)),
            "curRealisedPnl": money(realised),
            "adlRankIndicator": self._rank(held, mark),
            "createdTime": str(held.opened),
            "breakEvenPrice": money(even) if even > 0 else "",
        }

    def liq(self, held: Holding, price: int) -> str:
        return self.price(held.symbol, price) if held.isolated else money(price)

    def _rank(self, held: Holding, mark: int) -> int:
        gain = held.pnl(mark) * 20 // max(abs(held.cost), 1)
        return min(max(gain + 2, 1), 5)

    def positions(self, account: Account, symbol: str) -> list[Row]:
        return [self.position(account, symbol, leg) for leg in margin.legs(account, symbol)]

    # --- orders

    def order(self, account: Account, order: Order) -> Row:
        status = self.status(order)
        cancel, reject = ("UNKNOWN", "EC_NoError")
        if order.status in (Status.CANCELLED, Status.REJECTED):
            cancel, reject = CANCELS.get(order.reason, ("UNKNOWN", "EC_Others"))
        waiting = order.trigger if order.status is Status.WAITING or "triggered" not in order.extra else None
        trigger = order.trigger
        market = order.extra.get("market", order.price is None)
        average = over(order.filled_cost, order.filled) if order.filled else None
        fees = account.extra.get("order_fees", {}).get(order.number, 0)
        live = order.status.live
        return {
            "orderId": self.ids.of(order.number),
            "orderLinkId": order.client_id or "",
            "blockTradeId": "",
            "symbol": order.symbol,
            "price": "0" if order.price is None else self.price(order.symbol, order.price),
            "qty": text(order.size),
            "side": side(order.sign),
            "isLeverage": "",
            "positionIdx": IDX[order.leg],
            "orderStatus": status,
            "createType": created_by(order),
            "cancelType": cancel,
            "rejectReason": reject,
            "avgPrice": "" if average is None else money(average),
            "leavesQty": text(order.left if live else 0),
            "leavesValue": money(times(order.left, order.price or 0)) if live else "0",
            "cumExecQty": text(order.filled),
            "cumExecValue": money(order.filled_cost),
            "cumExecFee": money(fees),
            "closedPnl": money(account.extra.get("order_pnl", {}).get(order.number, 0)),
            "timeInForce": "IOC" if market else TIFS[order.tif],
            "orderType": "Market" if market else "Limit",
            "stopOrderType": order.extra.get("stop", "Stop") if trigger else "",
            "orderIv": "",
            "marketUnit": "",
            "triggerPrice": self.price(order.symbol, trigger.price) if trigger else "",
            "takeProfit": order.extra.get("takeProfit", ""),
            "stopLoss": order.extra.get("stopLoss", ""),
            "tpslMode": "Full" if trigger and order.group else "",
            "ocoTriggerBy": "",
            "tpLimitPrice": "",
            "slLimitPrice": "",
            "tpTriggerBy": "",
            "slTriggerBy": "",
            "triggerDirection": (1 if waiting.above else 2) if waiting else 0,
            "triggerBy": order.extra.get("trigger_by", "MarkPrice") if trigger else "",
            "lastPriceOnCreated": order.extra.get("last", ""),
            "reduceOnly": order.reduce_only,
            "closeOnTrigger": bool(order.extra.get("close")),
            "placeType": "",
            "smpType": "None",
            "smpGroup": 0,
            "smpOrderId": "",
            "createdTime": str(order.created),
            "updatedTime": str(order.updated),
        }

    def status(self, order: Order) -> str:
        match order.status:
            case Status.WAITING:
                return "Untriggered"
            case Status.FILLED:
                return "Filled"
            case Status.CANCELLED:
                waited = order.trigger is not None and "triggered" not in order.extra
                return "Deactivated" if waited else "Cancelled"
            case Status.REJECTED:
                return "Cancelled" if order.reason == "post_only" else "Rejected"
        return "PartiallyFilled" if order.filled else "New"

    # --- executions

    def execution(self, trade: Trade, order: Order | None) -> Row:
        value = times(trade.size, trade.price)
        market = order is None or order.extra.get("market", order.price is None)
        return {
            "symbol": trade.symbol,
            "orderId": self.ids.of(trade.order),
            "orderLinkId": trade.client_id or "",
            "side": side(trade.sign),
            "orderPrice": self.price(trade.symbol, (order.price if order else None) or 0),
            "orderQty": text(order.size if order else trade.size),
            "leavesQty": text(order.left if order else 0),
            "createType": created_by(order) if order else FORCED.get(trade.kind, "CreateByUser"),
            "orderType": "Market" if market else "Limit",
            "stopOrderType": "UNKNOWN"
            if order is None or order.trigger is None
            else order.extra.get("stop", "Stop"),
            "execFee": money(trade.fee),
            "execId": self.ids.of(trade.number),
            "execPrice": self.price(trade.symbol, trade.price),
            "execQty": text(trade.size),
            "execType": EXECUTED[trade.kind],
            "execValue": money(value),
            "execTime": str(trade.time),
            "feeCurrency": "",
            "isMaker": trade.maker,
            "feeRate": text(rounded(over(trade.fee, value), 10)) if value else "0",
            "tradeIv": "",
            "markIv": "",
            "markPrice": self.price(trade.symbol, trade.mark),
            "indexPrice": "",
            "underlyingPrice": "",
            "blockTradeId": "",
            "closedSize": text(trade.closed),
            "seq": trade.number,
            "extraFees": "",
            "marketUnit": "",
            "execPnl": money(trade.closed_pnl),
        }

    def funding(self, paid: FundingPaid) -> Row:
        """Funding is an execution too: a fee of the notional, positive where it was paid."""
        return {
            "symbol": paid.symbol,
            "orderId": self.ids.of(paid.number),
            "orderLinkId": "",
            "side": side(paid.size),
            "orderPrice": "0",
            "orderQty": "0",
            "leavesQty": "0",
            "createType": "",
            "orderType": "UNKNOWN",
            "stopOrderType": "UNKNOWN",
            "execFee": money(-paid.amount),
            "execId": self.ids.of(paid.number),
            "execPrice": self.price(paid.symbol, paid.price),
            "execQty": text(abs(paid.size)),
            "execType": "Funding",
            "execValue": money(times(abs(paid.size), paid.price)),
            "execTime": str(paid.time),
            "feeCurrency": "",
            "isMaker": False,
            "feeRate": text(paid.rate if paid.size > 0 else -paid.rate),
            "tradeIv": "",
            "markIv": "",
            "markPrice": self.price(paid.symbol, paid.price),
            "indexPrice": "",
            "underlyingPrice": "",
            "blockTradeId": "",
            "closedSize": "0",
            "seq": paid.number,
            "extraFees": "",
            "marketUnit": "",
            "execPnl": "0",
        }

    # --- wallet

    def wallet(self, account: Account) -> Row:
        """Account figures are dollars; a coin's are coins. In isolated mode the account has no margin figures."""
        now, rate = margin.totals(self.venue, self.listed, account), self.rate
        usd = {name: money(times(amount, rate)) for name, amount in self._usd(now).items()}
        equity, initial = times(now.equity, rate), times(now.initial, rate)
        maintenance = times(now.maintenance, rate)
        row: dict[str, Any] = {
            "accountType": "UNIFIED",
            "accountLTV": "0",
            "accountIMRate": _share(initial, equity),
            "accountIMRateByMp": _share(initial, equity),
            "accountMMRate": _share(maintenance, equity),
            "accountMMRateByMp": _share(maintenance, equity),
            **usd,
        }
        row["totalInitialMarginByMp"] = row["totalInitialMargin"]
        row["totalMaintenanceMarginByMp"] = row["totalMaintenanceMargin"]
        if margin.mode(account) == ISOLATED:
            row |= dict.fromkeys((n for n in row if n not in ALWAYS), "")
        row["coin"] = [self.coin(account, now)]
        return row

    def _usd(self, now: margin.Totals) -> dict[str, int]:
        return {
            "totalEquity": now.equity,
            "totalWalletBalance": now.wallet,
            "totalMarginBalance": now.equity,
            "totalAvailableBalance": max(now.free, 0),
            "totalPerpUPL": now.pnl,
            "totalInitialMargin": now.initial,
            "totalMaintenanceMargin": now.maintenance,
        }

    def coin(self, account: Account, now: margin.Totals) -> Row:
        return {
            "coin": "USDT",
            "equity": money(now.equity),
            "usdValue": money(times(now.equity, self.rate)),
            "walletBalance": money(now.wallet),
            "free": "",
            "locked": "0",
            "spotHedgingQty": "0",
            "borrowAmount": "0",
            "availableToBorrow": "",
            "availableToWithdraw": "",
            "accruedInterest": "0",
            "totalOrderIM": money(now.order_initial),
            "totalPositionIM": money(now.position_initial),
            "totalPositionMM": money(now.maintenance),
            "unrealisedPnl": money(now.pnl),
            "cumRealisedPnl": money(account.realized - account.fees + sum(f.amount for f in account.funding)),
            "bonus": "0",
            "marginCollateral": True,
            "collateralSwitch": True,
            "spotBorrow": "0",
        }


ALWAYS: Final = frozenset({"accountType", "accountLTV", "totalEquity", "totalWalletBalance", "totalPerpUPL"})


def _share(part: int, whole: int) -> str:
    """Of the margin balance, truncated to four decimals."""
    return text(truncated(over(part, whole), 4)) if whole > 0 else ""
