"""The signed calls of the swap API, the wallet's transfers, and what clients ask at their start."""

from collections.abc import Callable
from typing import Any, Final

from solvent.paper.bingx import bodies, history, margins, settings, trading
from solvent.paper.bingx.auth import Asked, Refusal, invalid, plain
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account
from solvent.paper.orders import Order
from solvent.paper.units import ONE, decimal, text
from solvent.paper.world import Surroundings

Call = Callable[[Account, Asked], Any]
Routes = dict[tuple[str, str], Call]
TRIAL: Final = 10_000 * ONE


class Bare:
    """An answer that has its fields beside the code instead of under data."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer


def private(x: Exchange, around: Surroundings) -> Routes:
    """Every signed call by (method, path below /openApi)."""
    return _reading(x) | _orders(x) | _settings(x, around) | _money(x)


def _reading(x: Exchange) -> Routes:
    def positions(account: Account, given: Asked) -> list[Any]:
        symbol = given.text("symbol", "")
        if symbol:
            trading.listing_of(x, symbol)
        held = [h for h in account.holdings.values() if symbol in ("", h.symbol)]
        return [bodies.position(x, account, h) for h in held]

    def fills(account: Account, given: Asked) -> Any:
        rows = history.trades(account, given, x.now)[: history.limit(given, 500, 1000)]
        return {"fill_orders": [bodies.fill(t, history.kind_of(account, t)) for t in rows]}

    def fill_history(account: Account, given: Asked) -> Any:
        trading.listing_of(x, given.text("symbol"))
        rows = history.trades(account, given, x.now)
        shown = history.page(rows, given, 50, 1000)
        return {
            "fill_history_orders": [bodies.fill_history(t, history.kind_of(account, t)) for t in shown],
            "total": len(rows),
        }

    def tiers(_: Account, given: Asked) -> Any:
        return bodies.tiers(trading.listing_of(x, given.text("symbol")))

    def commission(_: Account, __: Asked) -> Any:
        listing = next(iter(x.listings.values()))
        return {
            "commission": {
                "takerCommissionRate": decimal(listing.taker),
                "makerCommissionRate": decimal(listing.maker),
            }
        }

    gets: dict[str, Call] = {
        "/swap/v2/user/balance": lambda a, _: {"balance": bodies.balance(x, a)},
        "/swap/v3/user/balance": lambda a, _: [bodies.balance(x, a)],
        "/swap/v2/user/positions": positions,
        "/swap/v2/user/income": lambda a, given: history.income(a, given, x.now),
        "/swap/v2/user/commissionRate": commission,
        "/swap/v1/maintMarginRatio": tiers,
        "/swap/v2/trade/allFillOrders": fills,
        "/swap/v2/trade/fillHistory": fill_history,
        "/swap/v1/trade/positionHistory": lambda a, given: {
            "positionHistory": history.closed_positions(a, given, x.now)
        },
        "/swap/v2/trade/forceOrders": lambda a, given: {
            "orders": [bodies.order(a, o) for o in history.forced_orders(a, given, x.now)]
        },
        "/account/v1/uid": lambda a, _: {"uid": a.extra["uid"]},
    }
    return {("GET", path): call for path, call in gets.items()}


def _orders(x: Exchange) -> Routes:
    def create(account: Account, given: Asked) -> Any:
        return {"order": bodies.placed(trading.place(x, account, given))}

    def test(account: Account, given: Asked) -> Any:
        return {"order": bodies.placed(trading.place(x, account, given, test=True))}

    def show(account: Account, given: Asked) -> Any:
        order = trading.find(account, given)
        if history.unborn(order):
            raise Refusal(109421, "order not exist")
        return {"order": bodies.order(account, order)}

    def show_open(account: Account, given: Asked) -> Any:
        order = trading.find(account, given)
        if not order.status.live:
            raise Refusal(109421, "order not exist")
        return {"order": bodies.order(account, order)}

    def open_orders(account: Account, given: Asked) -> Any:
        symbol, kind = given.text("symbol", ""), given.text("type", "").upper()
        rows = [o for o in account.orders.values() if symbol in ("", o.symbol)]
        rows = [o for o in rows if kind in ("", bodies.order_type(o))]
        return {"orders": [bodies.order(account, o) for o in rows]}

    def cancel(account: Account, given: Asked) -> Any:
        trading.listing_of(x, given.text("symbol"))
        return {"order": bodies.order(account, trading.cancel(x, account, trading.find(account, given)))}

    def batch(account: Account, given: Asked) -> Any:
        return {"orders": trading.batch(x, account, given.rows("batchOrders"))}

    def cancel_all(account: Account, given: Asked) -> Any:
        symbol = trading.listing_of(x, given.text("symbol")).symbol if given.has("symbol") else ""
        gone = trading.cancel_all(x, account, symbol, given.text("type", "").upper())
        return {"success": [bodies.order(account, o) for o in gone], "failed": None}

    def all_orders(*, live: bool) -> Call:
        return lambda a, given: {
            "orders": [bodies.order(a, o) for o in history.orders(a, given, x.now, live=live)]
        }

    def amend(account: Account, given: Asked) -> Any:
        order = trading.amend(x, account, trading.find(account, given), given.amount("quantity"))
        return bodies.order(account, order)

    def close_one(account: Account, given: Asked) -> Any:
        wanted = given.text("positionId")
        for held in list(account.holdings.values()):
            if str(bodies.POSITION_IDS + held.extra.get("id", 0)) == wanted:
                made = trading.close(x, account, held.symbol, held.leg)
                return {**bodies.placed(made), "positionId": wanted, "type": "MARKET"}
        raise Refusal(109420, "position not exist")

    def close_all(account: Account, given: Asked) -> Any:
        symbol = trading.listing_of(x, given.text("symbol")).symbol if given.has("symbol") else ""
        keys = [key for key in account.holdings if symbol in ("", key[0])]
        closed = [trading.close(x, account, *key) for key in keys]
        return {"success": [bodies.order_id(o.number) for o in closed], "failed": None}

    return {
        ("POST", "/swap/v2/trade/order"): create,
        ("POST", "/swap/v2/trade/order/test"): test,
        ("GET", "/swap/v2/trade/order"): show,
        ("DELETE", "/swap/v2/trade/order"): cancel,
        ("GET", "/swap/v2/trade/openOrder"): show_open,
        ("GET", "/swap/v2/trade/openOrders"): open_orders,
        ("GET", "/swap/v2/trade/allOrders"): all_orders(live=False),
        ("GET", "/swap/v1/trade/fullOrder"): all_orders(live=True),
        ("POST", "/swap/v2/trade/batchOrders"): batch,
        ("DELETE", "/swap/v2/trade/batchOrders"): lambda a, given: _cancel_some(x, a, given),
        ("DELETE", "/swap/v2/trade/allOpenOrders"): cancel_all,
        ("POST", "/swap/v1/trade/cancelReplace"): lambda a, given: _replace(x, a, given),
        ("POST", "/swap/v1/trade/amend"): amend,
        ("POST", "/swap/v1/trade/closePosition"): close_one,
        ("POST", "/swap/v2/trade/closeAllPositions"): close_all,
    }


def _cancel_some(x: Exchange, account: Account, given: Asked) -> Any:
    """Up to 10 orders by id or client id; what fails is listed beside what went."""
    by_client = not given.has("orderIdList")
    name = "clientOrderIDList" if by_client else "orderIdList"
    ids = [plain(value).strip() for value in given.rows(name)]
    if not 1 <= len(ids) <= trading.CANCEL_BATCH:
        invalid(name, f"1 to {trading.CANCEL_BATCH} orders are allowed.")
    gone: list[Any] = []
    failed: list[Any] = []
    for one in ids:
        try:
            order = trading.find(account, Asked({"clientOrderId" if by_client else "orderId": one}))
            gone.append(bodies.order(account, trading.cancel(x, account, order)))
        except Refusal as refused:
            failed.append({"orderId": one, "errorCode": refused.code, "errorMessage": refused.message})
    return {"success": gone, "failed": failed or None}


def _replace(x: Exchange, account: Account, given: Asked) -> Any:
    """Cancel one order and place another; STOP_ON_FAILURE places nothing where nothing was cancelled."""
    mode = given.one_of("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), "STOP_ON_FAILURE")
    names = {"orderId": given.text("cancelOrderId", ""), "clientOrderId": given.text("cancelClientOrderId", "")}
    cancelled: Order | None = None
    said = ""
    try:
        cancelled = trading.cancel(x, account, trading.find(account, Asked(names)))
    except Refusal as refused:
        if mode == "STOP_ON_FAILURE":
            raise
        said = refused.message
    response: Any = ""
    if cancelled is not None:
        response = {
            "cancelClientOrderId": names["clientOrderId"],
            "cancelOrderId": bodies.order_id(cancelled.number),
            **bodies.order(account, cancelled),
        }
    answer = {
        "cancelResult": "true" if cancelled else "false",
        "cancelMsg": said,
        "cancelResponse": response,
        "replaceResult": "true",
        "replaceMsg": "",
        "newOrderResponse": "",
    }
    try:
        answer["newOrderResponse"] = bodies.placed(trading.place(x, account, given))
    except Refusal as refused:
        if cancelled is None:
            raise
        answer |= {"replaceResult": "false", "replaceMsg": refused.message}
    return answer


def _settings(x: Exchange, around: Surroundings) -> Routes:
    def leverage(account: Account, given: Asked) -> Any:
        return bodies.leverage(x, account, trading.listing_of(x, given.text("symbol")).symbol)

    def margin_type(account: Account, given: Asked) -> Any:
        symbol = trading.listing_of(x, given.text("symbol")).symbol
        return {"marginType": "ISOLATED" if symbol in account.isolated else "CROSSED"}

    def set_margin_type(account: Account, given: Asked) -> Any:
        settings.set_margin_type(x, account, given)
        return Bare({"code": 0, "msg": "", "data": {}})

    def mode(account: Account, _: Asked) -> Any:
        return {"dualSidePosition": "true" if margins.dual(account) else "false"}

    def set_mode(account: Account, given: Asked) -> Any:
        settings.set_dual(x, account, given)
        return mode(account, given)

    return {
        ("GET", "/swap/v2/trade/leverage"): leverage,
        ("POST", "/swap/v2/trade/leverage"): lambda a, given: settings.set_leverage(x, a, given, around),
        ("GET", "/swap/v2/trade/marginType"): margin_type,
        ("POST", "/swap/v2/trade/marginType"): set_margin_type,
        ("GET", "/swap/v1/positionSide/dual"): mode,
        ("POST", "/swap/v1/positionSide/dual"): set_mode,
        ("GET", "/swap/v1/trade/assetMode"): lambda _, __: {"assetMode": "singleAssetMode"},
        ("POST", "/swap/v2/trade/positionMargin"): lambda a, given: Bare(
            {"code": 0, "msg": "", **settings.change_margin(x, a, given)}
        ),
        ("POST", "/swap/v2/trade/cancelAllAfter"): lambda a, given: settings.dead_man(
            a, given, around.wall_ms(x.name)
        ),
    }


LEGACY: Final = {"FUND_PFUTURES": ("fund", "USDTMPerp"), "PFUTURES_FUND": ("USDTMPerp", "fund")}


def _money(x: Exchange) -> Routes:
    def transfer(account: Account, given: Asked) -> Any:
        if given.text("asset") != bodies.ASSET:
            raise Refusal(100400, "illegal asset")
        ends = given.text("fromAccount"), given.text("toAccount")
        return settings.transfer(x, account, *ends, given.amount("amount"))

    def legacy(account: Account, given: Asked) -> Any:
        ends = LEGACY.get(given.text("type"))
        if ends is None or given.text("asset") != bodies.ASSET:
            raise Refusal(100400, "illegal transferType")
        return Bare(settings.transfer(x, account, *ends, given.amount("amount")))

    def records(account: Account, given: Asked) -> Any:
        total, rows = history.transfers(account, given, x.now)
        return Bare({"total": total, "rows": rows})

    def trial(account: Account, _: Asked) -> Any:
        x.move(account, "trial", TRIAL, asset=bodies.ASSET)
        return {"amount": decimal(TRIAL)}

    def fund(account: Account, _: Asked) -> Any:
        row = {"asset": bodies.ASSET, "free": text(account.extra["fund"], 2), "locked": "0"}
        return {"balances": [row], "assets": [row]}

    def coins(_: Account, __: Asked) -> Any:
        return [_coin(name) for name in (bodies.ASSET, *(s.partition("-")[0] for s in x.listings))]

    nothing: dict[str, Call] = {
        "/api/v3/capital/deposit/hisrec": lambda _, __: Bare([]),
        "/api/v3/capital/withdraw/history": lambda _, __: Bare([]),
    }
    return {
        ("POST", "/api/asset/v1/transfer"): transfer,
        ("POST", "/api/v3/post/asset/transfer"): legacy,
        ("GET", "/api/v3/asset/transfer"): records,
        ("GET", "/api/v3/asset/transferRecord"): records,
        ("POST", "/swap/v1/trade/getVst"): trial,
        ("POST", "/swap/v2/trade/getVst"): trial,
        ("GET", "/fund/v1/account/balance"): fund,
        ("GET", "/spot/v1/account/balance"): fund,
        ("GET", "/cswap/v1/user/balance"): lambda _, __: [],
        ("GET", "/cswap/v1/user/positions"): lambda _, __: [],
        ("GET", "/wallets/v1/capital/config/getall"): coins,
    } | {("GET", path): call for path, call in nothing.items()}


def _coin(name: str) -> Any:
    network = {
        "name": name,
        "network": name,
        "isDefault": True,
        "minConfirm": 2,
        "withdrawEnable": False,
        "depositEnable": False,
        "withdrawFee": "0",
        "withdrawMax": "0",
        "withdrawMin": "0",
        "depositMin": "0",
        "withdrawPrecision": 8,
        "depositPrecision": 8,
        "contractAddress": "",
        "needTagOrMemo": "false",
    }
    return {"coin": name, "name": name, "networkList": [network]}
