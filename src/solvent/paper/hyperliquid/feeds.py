"""What each subscription of a stream is sent: on subscribing, when something happens, when a moment has passed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from solvent.paper.events import Happened, MoneyMoved, OrderChanged, Paid, Printed, Traded
from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid import account_bodies, histories, market_bodies
from solvent.paper.hyperliquid.info import NOBODY, Info
from solvent.paper.hyperliquid.market_bodies import INTERVALS, Tape
from solvent.paper.hyperliquid.order_entry import Malformed, OrderDesk
from solvent.paper.hyperliquid.shapes import JSON, address
from solvent.paper.hyperliquid.users import Users
from solvent.paper.ledger import Account

Message = tuple[str, Any]
OF_MARKET: Final = frozenset({"allMids"})
OF_COIN: Final = frozenset({"l2Book", "trades", "bbo", "candle", "activeAssetCtx"})
OF_USER: Final = frozenset(
    {
        "userEvents",
        "userFills",
        "userFundings",
        "userNonFundingLedgerUpdates",
        "orderUpdates",
        "webData2",
        "webData3",
        "notification",
        "clearinghouseState",
        "allDexsClearinghouseState",
        "openOrders",
        "spotState",
        "userTwapSliceFills",
        "userTwapHistory",
        "twapStates",
        "activeAssetData",
    }
)
ALWAYS: Final = 2**62


@dataclass(frozen=True, slots=True)
class Subscription:
    kind: str
    coin: str = ""
    user: str = ""
    interval: str = ""
    figures: int | None = None
    aggregate: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.coin, self.user, self.interval, str(self.figures)


def read_subscription(given: object, venue: Exchange) -> Subscription:
    """Raises Malformed."""
    if not isinstance(given, dict) or not isinstance(kind := given.get("type"), str):
        raise Malformed
    if given.get("dex") not in (None, ""):
        raise Malformed
    coin = user = interval = ""
    if kind in OF_COIN or kind == "activeAssetData":
        coin = given.get("coin", "")
        if not isinstance(coin, str) or coin not in venue.listings:
            raise Malformed
    if kind in OF_USER:
        user = address(given.get("user")) or ""
        if not user:
            raise Malformed
    if kind not in OF_MARKET | OF_COIN | OF_USER:
        raise Malformed
    if kind == "candle":
        interval = given.get("interval", "")
        if not isinstance(interval, str) or interval not in INTERVALS:
            raise Malformed
    figures = given.get("nSigFigs")
    if figures is not None and (type(figures) is not int or not 2 <= figures <= 5):
        raise Malformed
    return Subscription(kind, coin, user, interval, figures, given.get("aggregateByTime") is True)


class Feeds:
    """Shared by all streams of one exchange."""

    def __init__(self, users: Users, desk: OrderDesk, info: Info, tape: Tape) -> None:
        self.venue = desk.venue
        self._users, self._desk, self._info, self._tape = users, desk, info, tape

    def _account(self, user: str) -> Account:
        return self._users.known(user) or Account(NOBODY)

    # --- on subscribing

    def snapshot(self, to: Subscription) -> Iterable[Message]:
        account = self._account(to.user)
        if to.kind == "userFills":
            fills = histories.fills(self.venue, account, aggregate=to.aggregate)
            yield "userFills", {"isSnapshot": True, "user": to.user, "fills": fills}
        elif to.kind == "userFundings":
            rows = [{"time": row["time"], **plain_funding(row["delta"])} for row in self._paid(account)]
            yield "userFundings", {"isSnapshot": True, "user": to.user, "fundings": rows}
        elif to.kind == "userNonFundingLedgerUpdates":
            rows = histories.ledger(account, 0, ALWAYS)
            yield to.kind, {"isSnapshot": True, "user": to.user, "nonFundingLedgerUpdates": rows}
        elif to.kind == "trades":
            rows = [self._info.public_trade(p) for p in reversed(self._tape.trades[to.coin])]
            if rows:
                yield "trades", rows
        elif to.kind in ("userTwapSliceFills", "userTwapHistory"):
            name = "twapSliceFills" if to.kind == "userTwapSliceFills" else "history"
            yield to.kind, {"isSnapshot": True, "user": to.user, name: []}
        else:
            yield from self.state(to, market=True)

    def _paid(self, account: Account) -> list[JSON]:
        return histories.user_funding(account, 0, ALWAYS)[::-1]

    # --- when something happens

    def news(self, to: Subscription, event: Happened) -> Iterable[Message]:
        if isinstance(event, Printed):
            yield "trades", [self._info.public_trade(event)]
        elif isinstance(event, Traded):
            if to.kind in ("userFills", "userEvents"):
                row = histories.fill(self.venue, self._account(to.user), event.trade)
                if to.kind == "userFills":
                    yield "userFills", {"user": to.user, "fills": [row]}
                else:
                    yield "user", {"fills": [row]}
        elif isinstance(event, OrderChanged):
            if to.kind == "orderUpdates":
                yield "orderUpdates", [account_bodies.order_update(self.venue, event.order)]
        elif isinstance(event, Paid):
            row = {"time": event.payment.time, **plain_funding(histories.funding_delta(event.payment))}
            if to.kind == "userFundings":
                yield "userFundings", {"user": to.user, "fundings": [row]}
            elif to.kind == "userEvents":
                yield "user", {"funding": row}
        elif isinstance(event, MoneyMoved):
            yield from self._moved(to, event)

    def _moved(self, to: Subscription, event: MoneyMoved) -> Iterable[Message]:
        row = histories.ledger_row(event.move)
        if row is None:
            return
        if to.kind == "userNonFundingLedgerUpdates":
            yield to.kind, {"user": to.user, "nonFundingLedgerUpdates": [row]}
        elif to.kind == "userEvents" and row["delta"]["type"] == "liquidation":
            delta = row["delta"]
            lost = {
                "lid": event.move.number,
                "liquidator": NOBODY,
                "liquidated_user": to.user,
                "liquidated_ntl_pos": delta["liquidatedNtlPos"],
                "liquidated_account_value": delta["accountValue"],
            }
            yield "user", {"liquidation": lost}

    # --- when a moment has passed

    def state(self, to: Subscription, *, market: bool) -> Iterable[Message]:
        """What is sent whole: of markets when prices are new, of an account also when it changed."""
        if to.kind in OF_MARKET or to.kind in OF_COIN:
            if market:
                yield from self._market(to)
            return
        account = self._account(to.user)
        now = self.venue.now
        if to.kind == "webData2":
            yield to.kind, self._info.web_data(to.user)
        elif to.kind == "webData3":
            yield to.kind, {"userState": {"user": to.user, "serverTime": now}, "perpDexStates": []}
        elif to.kind == "activeAssetData":
            yield to.kind, self._info.active_asset(to.user, to.coin)
        elif to.kind == "clearinghouseState":
            body = account_bodies.clearinghouse_state(self.venue, account, now)
            yield to.kind, {"dex": "", "user": to.user, "clearinghouseState": body}
        elif to.kind == "allDexsClearinghouseState":
            body = account_bodies.clearinghouse_state(self.venue, account, now)
            yield to.kind, {"user": to.user, "clearinghouseStates": [["", body]]}
        elif to.kind == "openOrders":
            orders = account_bodies.frontend_orders(self.venue, account, self._desk.children)
            yield to.kind, {"dex": "", "user": to.user, "orders": orders}
        elif to.kind == "spotState":
            yield to.kind, {"user": to.user, "spotState": account_bodies.spot_state(account)}

    def _market(self, to: Subscription) -> Iterable[Message]:
        if to.kind == "allMids":
            yield "allMids", {"mids": market_bodies.all_mids(self.venue)}
        elif to.kind == "l2Book":
            yield "l2Book", market_bodies.l2_book(self.venue, to.coin, to.figures)
        elif to.kind == "bbo":
            yield "bbo", market_bodies.bbo(self.venue, to.coin)
        elif to.kind == "activeAssetCtx":
            context = market_bodies.asset_context(self.venue, self._tape, to.coin)
            yield "activeAssetCtx", {"coin": to.coin, "ctx": context}
        elif to.kind == "candle":
            rows = self._tape.candles(to.coin, to.interval, self.venue.now, ALWAYS)
            yield from (("candle", row) for row in rows[-1:])


def plain_funding(delta: JSON) -> JSON:
    return {name: value for name, value in delta.items() if name != "type"}
