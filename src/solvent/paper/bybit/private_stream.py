"""/v5/private: orders, executions, positions and the wallet of who has logged in."""

from collections.abc import Sequence
from typing import Final

from solvent.paper.bybit import margin
from solvent.paper.bybit.auth import Gate
from solvent.paper.bybit.desk import Desk
from solvent.paper.bybit.frames import args_of, frame, read_frame, request_id, told, topics_of
from solvent.paper.bybit.replies import Refused, Row
from solvent.paper.events import Happened, MoneyMoved, OrderChanged, Paid, SettingsChanged, Traded
from solvent.paper.ledger import Account
from solvent.paper.orders import Status
from solvent.paper.wire import Frame

KINDS: Final = ("order", "execution", "position", "wallet")
TOPICS: Final = frozenset(
    [*KINDS, "execution.fast", "greeks", "dcp", "dcp.future", "dcp.spot", "dcp.option"]
    + [f"{k}.{c}" for k in KINDS[:3] for c in ("linear", "inverse", "spot", "option")]
    + ["execution.fast.linear"]
)


class PrivateStream:
    def __init__(self, desk: Desk, gate: Gate, name: str) -> None:
        self._desk, self._gate, self._name = desk, gate, name
        self._account: Account | None = None
        self._topics: dict[str, None] = {}
        self._pushed = 0
        self.closed = False

    def opened(self) -> Sequence[Frame]:
        return ()

    # --- what comes in

    def received(self, frame: Frame) -> Sequence[Frame]:
        given = read_frame(frame)
        op = given.get("op") if given else None
        if given is None or not isinstance(op, str):
            return (told("", self._name, given or {}, success=False, message="error:invalid op"),)
        match op:
            case "ping":
                return (self._pong(given),)
            case "auth":
                return (self._login(given),)
            case "subscribe" | "unsubscribe":
                return (self._subscribe(op, given),)
        return (told(op[:40], self._name, given, success=False, message="error:invalid op"),)

    def _pong(self, given: Row) -> str:
        now = str(self._desk.wall())
        return frame({"req_id": request_id(given), "op": "pong", "args": [now], "conn_id": self._name})

    def _login(self, given: Row) -> str:
        try:
            key = self._gate.socket(args_of(given), self._desk.wall())
        except Refused as refused:
            self.closed = True
            return told("auth", self._name, given, success=False, message=refused.message)
        self._account = self._desk.exchange.accounts[key.account]
        return told("auth", self._name, given)

    def _subscribe(self, op: str, given: Row) -> str:
        if self._account is None:
            return told(op, self._name, given, success=False, message="Request not authorized")
        topics = topics_of(given)
        unknown = [t for t in topics or () if t not in TOPICS]
        if topics is None or unknown:
            shown = f"error:handler not found,topic:{unknown[0][:60]}" if unknown else "error:invalid args"
            return told(op, self._name, given, success=False, message=shown)
        for topic in topics:
            if op == "subscribe":
                self._topics[topic] = None
            else:
                self._topics.pop(topic, None)
        self.ticked()  # A connection that breaks right after it subscribed has been alive, too.
        return told(op, self._name, given)

    # --- what goes out

    def happened(self, event: Happened) -> Sequence[Frame]:
        account = self._account
        if account is None or not self._topics or getattr(event, "account", None) != account.name:
            return ()
        rows = self._desk.rows
        match event:
            case OrderChanged(order=order):
                if order.status is Status.REJECTED and ":" in order.reason:
                    return ()
                return [
                    *self._push(
                        "order", [{"category": "linear", "feeCurrency": "", **rows.order(account, order)}]
                    ),
                    *self._positions(account, order.symbol),
                ]
            case Traded(trade=trade):
                row = {"category": "linear", **rows.execution(trade, account.orders.get(trade.order))}
                return [
                    *self._push("execution", [row]),
                    *self._fast(row),
                    *self._positions(account, trade.symbol),
                    *self._wallet(account),
                ]
            case Paid(payment=payment):
                return [
                    *self._push("execution", [{"category": "linear", **rows.funding(payment)}]),
                    *self._positions(account, payment.symbol),
                    *self._wallet(account),
                ]
            case MoneyMoved():
                return self._wallet(account)
            case SettingsChanged(symbol=symbol):
                symbols = [symbol] if symbol else sorted({h.symbol for h in account.holdings.values()})
                return [
                    *(f for s in symbols for f in self._positions(account, s)),
                    *(() if symbol else self._wallet(account)),
                ]
        return ()

    def _positions(self, account: Account, symbol: str) -> list[str]:
        rows = []
        for leg in margin.legs(account, symbol):
            row = self._desk.rows.position(account, symbol, leg)
            row["entryPrice"] = row.pop("avgPrice")
            rows.append({"category": "linear", **row})
        return self._push("position", rows)

    def _wallet(self, account: Account) -> list[str]:
        return self._push("wallet", [self._desk.rows.wallet(account)])

    def _fast(self, row: Row) -> list[str]:
        names = (
            "category",
            "symbol",
            "execId",
            "execPrice",
            "execQty",
            "orderId",
            "isMaker",
            "orderLinkId",
            "side",
        )
        short = {name: row[name] for name in (*names, "execTime", "seq")}
        return [self._frame(t, [short]) for t in ("execution.fast", "execution.fast.linear") if t in self._topics]

    def _push(self, kind: str, rows: list[Row]) -> list[str]:
        """Once for the topic of all categories, once for that of linear, as subscribed."""
        return [self._frame(topic, rows) for topic in (kind, f"{kind}.linear") if topic in self._topics]

    def _frame(self, topic: str, rows: list[Row]) -> str:
        self._pushed += 1
        body: Row = {"id": f"{self._name}-{self._pushed}", "topic": topic}
        return frame({**body, "creationTime": self._desk.exchange.now, "data": rows})

    def ticked(self) -> Sequence[Frame]:
        if self._account is not None and ("dcp.future" in self._topics or "dcp" in self._topics):
            self._account.extra["dcp_seen"] = self._desk.wall()
        return ()
