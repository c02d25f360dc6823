"""The trigger service: orders that wait for a price, for another order, or that are cut into slices over time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eth_hash.auto import keccak

from solvent.paper.nado import auth, placing
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.fields import Fields
from solvent.paper.nado.placing import Signed
from solvent.paper.nado.rules import NadoRules
from solvent.paper.nado.words import Refused
from solvent.paper.orders import Tif
from solvent.paper.units import ONE, times

PENDING_MOST: Final = 25
KEPT: Final = 5_000
LIST_MOST: Final = 500
PRICES: Final = ("oracle_price", "last_price", "mid_price")
X6: Final = 10**6


@dataclass(slots=True)
class Slice:
    """One execution of an order over time."""

    amount: int
    due: int
    status: str | dict[str, Any] = "pending"
    updated: int = 0


@dataclass(slots=True)
class Waiting:
    """`watched` is "oracle_price_above" and the like; "" is an order over time."""

    signed: Signed
    trigger: dict[str, Any]
    watched: str
    threshold: int
    dependency: str
    on_partial: bool
    status: str | dict[str, Any]
    placed: int
    updated: int
    slices: list[Slice] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.status in ("waiting_price", "waiting_dependency", "twap_executing")

    def now(self, status: str | dict[str, Any], time: int) -> None:
        self.status, self.updated = status, time


class Triggers:
    def __init__(self, clearing: Clearing, rules: NadoRules, wall_ms: Callable[[], int]) -> None:
        self._clearing, self._rules, self._wall_ms = clearing, rules, wall_ms
        self._orders: dict[str, Waiting] = {}

    # --- in

    def place(self, fields: Fields) -> str:
        """Take a trigger order; its digest. Raises Refused."""
        signed = placing.read(fields)
        placing.check_receive_time(signed.nonce, self._wall_ms())
        if not signed.appendix.trigger:
            raise Refused(2059)
        placing.check_form(self._clearing, signed, self._wall_ms())
        self._clearing.known(signed.sender)
        if signed.digest in self._orders:
            raise Refused(2013)
        mine = [w for w in self._orders.values() if w.live and w.signed.sender == signed.sender]
        if sum(w.signed.product_id == signed.product_id for w in mine) >= PENDING_MOST:
            raise Refused(2057)
        trigger = fields.inner("trigger")
        made = (
            self._price_trigger(signed, trigger) if signed.appendix.trigger == 1 else self._twap(signed, trigger)
        )
        self._orders[signed.digest] = made
        while len(self._orders) > KEPT:
            del self._orders[next((d for d, w in self._orders.items() if not w.live), next(iter(self._orders)))]
        return signed.digest

    def _price_trigger(self, signed: Signed, trigger: Fields) -> Waiting:
        if not trigger.has("price_trigger"):
            raise Refused(2097)
        inner = trigger.inner("price_trigger")
        requirement = inner.inner("price_requirement")
        watched = next((f"{p}_{s}" for p in PRICES for s in ("above", "below") if requirement.has(f"{p}_{s}")), "")
        if not watched:
            raise Refused(2097)
        dependency, partial = "", False
        if inner.has("dependency"):
            dependency = inner.inner("dependency").bytes_of("digest", 32)
            partial = inner.inner("dependency").flag("on_partial_fill") is True
        now = self._clearing.exchange.now
        threshold = requirement.whole(watched, 128)
        status = "waiting_dependency" if dependency else "waiting_price"
        shown = {"price_trigger": trigger.raw("price_trigger")}
        return Waiting(signed, shown, watched, threshold, dependency, partial, status, now, now)

    def _twap(self, signed: Signed, trigger: Fields) -> Waiting:
        """Orders over time: equal slices, or the amounts that are given."""
        if signed.appendix.tif is not Tif.IOC:
            raise Refused(2099)
        if not trigger.has("time_trigger"):
            raise Refused(2097)
        inner = trigger.inner("time_trigger")
        count, interval = signed.appendix.value >> 32, inner.whole("interval", 32)
        own = [int(a) for a in inner.wholes("amounts", 128, signed=True)] if inner.has("amounts") else []
        if not 1 <= count <= 500:
            raise Refused(2100, times=count)
        if interval > 3_600:
            raise Refused(2103, interval=interval)
        if (count - 1) * interval > 86_400:
            raise Refused(2104, duration=(count - 1) * interval)
        if bool(own) != (signed.appendix.trigger == 3):
            given, is_random = bool(own), signed.appendix.trigger == 3
            raise Refused(2106, given=str(given).lower(), is_random=str(is_random).lower())
        if own and (sum(own) != signed.amount or len(own) != count):
            raise Refused(2108, sum=sum(own), amount=signed.amount)
        if not own and signed.amount % count:
            raise Refused(2101, amount=signed.amount, times=count)
        now = self._clearing.exchange.now
        amounts = own or [signed.amount // count] * count
        slices = [Slice(a, now + i * interval * 1000, updated=now) for i, a in enumerate(amounts)]
        shown = {"time_trigger": trigger.raw("time_trigger")}
        return Waiting(signed, shown, "", 0, "", False, "twap_executing", now, now, slices)

    # --- time

    def step(self) -> None:
        """Look at all that wait."""
        now_s = self._wall_ms() // 1000
        for waiting in [w for w in self._orders.values() if w.live]:
            now = self._clearing.exchange.now
            if waiting.signed.expiration <= now_s:
                waiting.now({"cancelled": "order expired"}, now)
            elif waiting.slices:
                self._step_slices(waiting, now)
            elif self._ready(waiting, now):
                waiting.now({"triggered": self._submit(waiting.signed)}, now)

    def _ready(self, waiting: Waiting, now: int) -> bool:
        if waiting.dependency and waiting.status == "waiting_dependency":
            state = self._filled(waiting.dependency)
            if state == "gone":
                waiting.now({"cancelled": "dependency order cancelled"}, now)
            elif state == "filled" or (state == "partly" and waiting.on_partial):
                waiting.now("waiting_price", now)
            if waiting.status != "waiting_price":
                return False
        kind, _, side = waiting.watched.rpartition("_")
        price = self._price(waiting.signed.product_id, kind)
        return price >= waiting.threshold if side == "above" else price <= waiting.threshold

    def _filled(self, digest: str) -> str:
        """What became of an order: "open", "partly", "filled" or "gone"."""
        other = self._orders.get(digest)
        if other is not None and other.live:
            return "open"
        where = self._clearing.digests.get(digest)
        if where is None:
            return "gone" if other is not None else "open"
        account = self._clearing.subs[where[0]].account
        order = account.orders.get(where[1]) or next(
            (o for o in reversed(account.history) if o.number == where[1]), None
        )
        if order is None:
            return "gone"
        if not order.left:
            return "filled"
        return ("partly" if order.filled else "open") if order.status.live else "gone"

    def _price(self, number: int, kind: str) -> int:
        oracle = self._clearing.products.price(number)
        if kind == "last_price":
            return self._clearing.last_prices.get(number, oracle)
        if kind == "mid_price":
            book = self._clearing.exchange.books[self._clearing.products.by_number[number].symbol]
            return (book.best(1) + book.best(-1)) // 2
        return oracle

    def _submit(self, signed: Signed) -> dict[str, Any]:
        """The engine's answer to the order."""
        answer: dict[str, Any] = {"request_type": "execute_place_order", "signature": signed.signature}
        try:
            digest = placing.place(self._clearing, self._rules, signed, self._wall_ms(), triggered=True)
        except Refused as refused:
            return {"status": "failure", "error": refused.text, "error_code": refused.code, **answer}
        return {"status": "success", "data": {"digest": digest}, **answer}

    def _step_slices(self, waiting: Waiting, now: int) -> None:
        signed = waiting.signed
        slippage = (signed.appendix.value & 0xFFFFFFFF) * (ONE // X6)
        listing = self._clearing.exchange.listings[self._clearing.products.by_number[signed.product_id].symbol]
        for index, due in enumerate(waiting.slices):
            if due.status != "pending" or due.due > now:
                continue
            mid, buys = self._price(signed.product_id, "mid_price"), due.amount > 0
            worst = listing.snap(times(mid, ONE + slippage if buys else ONE - slippage), up=not buys)
            price = min(signed.price, worst) if buys else max(signed.price, worst)
            digest = "0x" + keccak(bytes.fromhex(signed.digest[2:]) + index.to_bytes(4, "big")).hex()
            answer = self._submit(replace(signed, price=price, amount=due.amount, digest=digest))
            due.status = {"executed": {"executed_time": now, "execute_response": answer}}
            due.updated = waiting.updated = now
        if all(s.status != "pending" for s in waiting.slices):
            waiting.now({"twap_completed": {"executed": len(waiting.slices), "total": len(waiting.slices)}}, now)

    # --- out

    def waiting(self, digest: str) -> Waiting | None:
        found = self._orders.get(digest)
        return found if found is not None and found.live else None

    def cancel_digests(self, sender: str, digests: Iterable[str]) -> None:
        """Cancel those of the digests that wait here. Raises Refused for another's."""
        found = [w for w in map(self.waiting, digests) if w is not None]
        if any(w.signed.sender != sender for w in found):
            raise Refused(2014)
        for waiting in found:
            waiting.now({"cancelled": "user_requested"}, self._clearing.exchange.now)

    def cancel_products(self, sender: str, numbers: Iterable[int]) -> None:
        wanted = set(numbers)
        for waiting in self._orders.values():
            same = waiting.signed.sender == sender and (not wanted or waiting.signed.product_id in wanted)
            if waiting.live and same:
                waiting.now({"cancelled": "user_requested"}, self._clearing.exchange.now)

    def listed(self, fields: Fields) -> dict[str, Any]:
        """list_trigger_orders: newest change first. Raises Refused."""
        tx = fields.inner("tx")
        message: dict[str, Any] = {"sender": tx.bytes_of("sender", 32), "recvTime": tx.whole("recvTime", 64)}
        signer = auth.signer(auth.digest("ListTriggerOrders", message), fields.text("signature"))
        placing.check_signer(self._clearing, message["sender"], signer)
        placing.check_receive_time(message["recvTime"] << 20, self._wall_ms())
        mine = [w for w in self._orders.values() if w.signed.sender == message["sender"]]
        chosen = [w for w in mine if self._wanted(w, fields)]
        chosen.sort(key=lambda w: w.updated, reverse=True)
        limit = min(fields.whole_or("limit", 100), LIST_MOST)
        return {"orders": [_row(w) for w in chosen[:limit]]}

    def _wanted(self, waiting: Waiting, fields: Fields) -> bool:
        if fields.has("digests"):
            return waiting.signed.digest in fields.bytes_list("digests")
        status = waiting.status if isinstance(waiting.status, str) else next(iter(waiting.status))
        kind = "time_trigger" if waiting.slices else "price_trigger"
        flag = fields.flag("reduce_only")
        return (
            (not fields.has("product_ids") or waiting.signed.product_id in fields.wholes("product_ids"))
            and (not fields.has("trigger_types") or kind in fields.items("trigger_types"))
            and (not fields.has("status_types") or status in fields.items("status_types"))
            and (flag is None or waiting.signed.appendix.reduce_only == flag)
            and waiting.updated // 1000 <= fields.whole_or("max_update_time", 1 << 60)
        )

    def executions(self, fields: Fields) -> dict[str, Any]:
        """list_twap_executions of one digest."""
        digest = fields.bytes_of("digest", 32)
        found = self._orders.get(digest)
        if found is None:
            raise Refused(2058, digest=digest)
        rows = [
            {
                "execution_id": i,
                "scheduled_time": s.due // 1000,
                "status": s.status,
                "updated_at": s.updated // 1000,
            }
            for i, s in enumerate(found.slices)
        ]
        return {"executions": rows}


def _row(waiting: Waiting) -> dict[str, Any]:
    signed = waiting.signed
    return {
        "order": {
            "product_id": signed.product_id,
            "order": signed.message(),
            "signature": signed.signature,
            "spot_leverage": signed.spot_leverage,
            "digest": signed.digest,
            "trigger": waiting.trigger,
        },
        "status": waiting.status,
        "placed_at": waiting.placed,
        "updated_at": waiting.updated,
    }
