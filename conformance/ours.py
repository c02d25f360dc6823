"""Our own clients through the numbered cases: one driver for every venue, which asks only their capabilities."""

import asyncio
import time
from contextlib import suppress
from decimal import Decimal

from conformance.cases import NotApplicable, expect, refused, same, until_async
from solvent import api
from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.core.facts import FillKind, OrderRequest
from solvent.venues.client_ids import new_client_id
from solvent.venues.connect import connect
from solvent.venues.failures import NotSupported, RateLimited, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.keys import Credentials, Secret
from solvent.venues.ports import FillSeen, NewOrder, OrderSeen, OrderStatus, StreamDown, StreamUp

NAMES = {
    "hyperliquid": ("BTC", "ETH", "SOL"),
    "nado": ("BTC-PERP", "ETH-PERP", "SOL-PERP"),
    "bybit": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    "bingx": ("BTC-USDT", "ETH-USDT", "SOL-USDT"),
}
ORDER_PATHS = {
    "hyperliquid": "/exchange", "nado": "/execute", "bybit": "/v5/order/create", "bingx": "/trade/order",
}  # fmt: skip
D = Decimal
STRANGER = "0x" + "7" * 64


def client(place, name="alice", *, wrong=False):
    """A client of one paper account; `wrong`: with somebody else's secret."""
    row = place.account(name)
    secret = {field: Secret(row[field]) for field in ("private_key", "api_key", "api_secret") if field in row}
    if wrong:
        secret |= (
            {"private_key": Secret(STRANGER)} if "private_key" in row else {"api_secret": Secret("wrong" * 6)}
        )
    keys = Credentials(venue=place.venue, **secret)
    if isinstance(place.url, str):
        return connect(place.venue, account=row.get("address"), base_url=place.url, credentials=keys)
    urls = {f"{kind}_url": place.url[kind] for kind in ("indexer", "trigger")}
    return connect(place.venue, account=row.get("address"), base_url=place.url["engine"], credentials=keys, **urls)


async def error(call, *words):
    """The refusal of a call, by the venue or by the client before it: its type and words."""
    try:
        answer = await call
    except (Terminal, BadInput, Retryable) as raised:
        return refused(f"{type(raised).__name__}: {raised}", *words)
    raise AssertionError(f"not refused: {answer}")


class Heard:
    """What a stream brings, kept."""

    def __init__(self, stream):
        self.stream, self.events = stream, []
        self.task = asyncio.ensure_future(self._keep())

    async def _keep(self):
        async for event in self.stream:
            self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def fills(self):
        return [event.fill for event in self.of(FillSeen)]

    async def close(self):
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        await self.stream.close()


class Driver:
    def __init__(self, calm, crash, quiet):
        self.calm, self.crash, self.quiet = calm, crash, quiet
        self.btc, self.eth, self.sol = NAMES[calm.venue]
        self.open = []
        self.alice, self.other, self.third = (self.client(place) for place in (calm, crash, quiet))
        self.caps = self.alice.capabilities
        self.placed = None
        self.key = {}

    def client(self, place, name="alice", **more):
        made = client(place, name, **more)
        self.open.append(made)
        return made

    async def close(self):
        for each in self.open:
            await each.close()

    async def mark(self, instrument=None, who=None):
        instrument = instrument or self.btc
        return (await (who or self.alice).prices([instrument]))[instrument].mark

    async def far(self, share="0.9"):
        return D(int(await self.mark() * D(share)))

    def asked(self, size, price=None, side="buy", instrument=None, **more):
        """An order; without a price a market order."""
        wide = {name: more.pop(name) for name in ("tif", "expires_at", "isolated_margin") if name in more}
        kind = more.pop("order_type", "market" if price is None else "limit")
        request = OrderRequest(
            symbol=instrument or self.btc,
            side=side,
            order_type=kind,
            quantity=D(str(size)),
            price=price,
            **more,
        )
        return NewOrder(request=request, **wide)

    async def place(self, *given, who=None, **more):
        return await (who or self.alice).place(self.asked(*given, **more))

    async def held(self, instrument=None, who=None):
        rows = await (who or self.alice).positions()
        return next((p for p in rows if p.instrument == (instrument or self.btc)), None)

    async def size(self, instrument=None, who=None):
        held = await self.held(instrument, who)
        return held.size if held else D(0)

    def found_by(self, placed):
        return {"client_id": self.client_id} if self.client_id else {"venue_id": placed.venue_id}

    async def case_01(self):
        terms = await self.alice.instruments()
        btc = terms[self.btc]
        expect(btc.size_step > 0 and btc.taker_fee is not None, btc)
        prices = await self.alice.prices([self.btc, self.eth])
        same(set(prices), {self.btc, self.eth}, "prices")
        most = f", {btc.max_leverage}x" if btc.max_leverage else ""
        return f"{len(terms)} instruments; {self.btc}: step {btc.size_step}{most}"

    async def case_02(self):
        report = api.evaluate(await self.alice.bundle(), self.calm.venue)
        same(report.to_dict()["equity"], "100000", "equity of the bundle")
        same((await self.alice.positions(), await self.alice.open_orders()), ((), ()), "positions and orders")
        return "equity 100000"

    async def case_03(self):
        balances = await self.alice.balances()
        total = next(b.total for b in balances if b.asset in ("USDC", "USDT", "USDT0"))
        same(total, D(100_000), "balance")
        moved = await self.alice.transfers(int(time.time() * 1000) - 86_400_000)
        expect(sum(t.amount for t in moved) == 100_000 or not moved, moved)
        return f"{total}, {len(moved)} transfers"

    async def case_04(self):
        if self.caps.leverage == "none":
            await self._not_supported(self.alice.set_leverage(self.btc, D(3)), "leverage")
        state = await self.alice.set_leverage(self.btc, D(7))
        again = await self.alice.leverage(self.btc)
        same((state.long, state.short, again.long, again.short), (7, 7, 7, 7), "set, and read again")
        await self.alice.set_leverage(self.btc, D(7))
        return f"7x, at most {again.maximum}; the same again is no error"

    async def case_05(self):
        if self.caps.leverage == "none":
            await self._not_supported(self.alice.set_leverage(self.btc, D(1000)), "leverage")
        return await error(self.alice.set_leverage(self.btc, D(1000)), "leverage")

    async def _not_supported(self, call, capability):
        try:
            await call
        except NotSupported as raised:
            raise NotApplicable(f"declared: {raised}") from None
        raise AssertionError(f"{capability} is declared absent, yet the call was taken")

    async def case_06(self):
        self.client_id = new_client_id(self.calm.venue)
        more = {"client_id": self.client_id} if self.client_id else {}
        self.placed = await self.place("0.01", await self.far(), **more)
        same((self.placed.status, self.placed.filled), (OrderStatus.RESTING, 0), "placed")
        found = await self.alice.open_orders()
        same([(o.venue_id, o.foreign, o.quantity) for o in found], [(self.placed.id, False, D("0.01"))], "open")
        return "resting, known as ours"

    async def case_07(self):
        found = await self.alice.order(self.btc, **self.found_by(self.placed))
        same((found.venue_id, found.status), (self.placed.id, OrderStatus.RESTING), "found")
        missing = "0x" + "12" * 32 if self.client_id is None else new_client_id(self.calm.venue)
        key = "venue_id" if self.client_id is None else "client_id"
        same(await self.alice.order(self.btc, **{key: missing}), None, "an order that never was")
        return f"by {self.caps.order_key}"

    async def case_08(self):
        done = await self.alice.cancel(self.btc, **self.found_by(self.placed))
        same((done.already, await self.alice.open_orders()), (False, ()), "cancelled")
        again = await self.alice.cancel(self.btc, **self.found_by(self.placed))
        same(again.already, True, "cancelled twice")
        ended = await self.alice.order(self.btc, **self.found_by(self.placed))
        expect(ended is None or ended.status is OrderStatus.CANCELLED, ended)
        return "a second cancel says that it had ended"

    async def case_09(self):
        for size in ("0.01", "0.02", "0.03"):
            await self.place(size, await self.far())
        gone = await self.alice.cancel_all(reason="conformance")
        same((len(gone), await self.alice.open_orders()), (3, ()), "cancelled")
        return "3 cancelled"

    async def case_10(self):
        made = await self.place("0.1")
        same(
            (made.status, made.filled, await self.size()), (OrderStatus.FILLED, D("0.1"), D("0.1")), "market order"
        )
        near = abs(made.average_price / await self.mark() - 1) if made.average_price else 0
        expect(near < D("0.01"), made)
        return f"0.1 at {made.average_price}"

    async def case_11(self):
        """In the market that stands still: nobody fills the rest meanwhile."""
        who = self.other
        terms = (await who.instruments())[self.eth]
        best = (await who.book(self.eth, 5)).asks[0]
        size = best.quantity * D("1.5") // terms.size_step * terms.size_step
        made = await self.place(size, best.price, instrument=self.eth, who=who)
        order = await who.order(self.eth, venue_id=made.venue_id)
        same((made.status, order.status), (OrderStatus.PARTLY_FILLED,) * 2, "status")
        expect(0 < order.filled < size, order)
        await who.cancel(self.eth, venue_id=made.venue_id)
        held = await self.size(self.eth, who)
        await self.place(held, side="sell", instrument=self.eth, who=who, reduce_only=True)
        same(await self.held(self.eth, who), None, "closed")
        return f"{order.filled} of {size} filled"

    async def case_12(self):
        terms, price = (await self.alice.instruments())[self.btc], await self.far()
        worth_too_little = terms.size_step * price < (terms.min_notional or 0)
        tiny = terms.size_step if worth_too_little else (terms.min_size or terms.size_step) / 10
        return await error(self.alice.place(self.asked(tiny, price)), "min", "least", "Qty invalid", "multiple")

    async def case_13(self):
        step = (await self.alice.instruments())[self.btc].size_step
        odd = self.asked(D("0.01") + step / 7, await self.far())
        words = ("step", "increment", "invalid", "precision", "multiple", "decimals", "digits", "size", "lot")
        said = await error(self.alice.place(odd), *words)
        await error(
            self.alice.place(self.asked("0.01", await self.far() + D("0.123456"))), *words, "tick", "price"
        )
        return said

    async def case_14(self):
        if self.caps.leverage != "none":
            await self.alice.set_leverage(self.btc, D(20))
        words = ("margin", "health", "not enough", "insufficient")
        return await error(self.place(60, await self.far("0.98")), *words)

    async def case_15(self):
        order = self.asked("0.01", await self.far("1.01"), tif="post_only")
        before = await self.size()
        try:
            made = await self.alice.place(order)
        except Terminal as raised:
            return refused(f"{type(raised).__name__}: {raised}", "post")
        expect(made.status in (OrderStatus.CANCELLED, OrderStatus.REJECTED) and not made.filled, made)
        same(await self.size(), before, "position")
        return f"taken, then {made.status}"

    async def case_16(self):
        opens = self.asked("0.01", await self.far("1.01"), reduce_only=True, tif="ioc")
        said = await error(self.alice.place(opens), "reduce", "truncated", "position")
        await self.place("0.04", side="sell", reduce_only=True)
        same(await self.size(), D("0.06"), "size after")
        return said

    async def case_17(self):
        if not self.caps.triggers:
            raise NotApplicable("declared: no triggers")
        at = await self.far("0.8")
        made = await self.place("0.01", side="sell", order_type="stop_market", trigger_price=at, reduce_only=True)
        waiting = await self.alice.order(self.btc, venue_id=made.venue_id)
        same((waiting.status, waiting.trigger_price), (OrderStatus.WAITING, at), "waiting")
        expect(made.venue_id in [o.venue_id for o in await self.alice.open_orders()], "not among the open orders")
        await self.alice.cancel(self.btc, venue_id=made.venue_id)
        same(await self.alice.open_orders(), (), "open orders")
        return f"waiting at {at}"

    async def case_18(self):
        held = await self.held()
        same((held.size, held.mode), (D("0.06"), Mode.CROSS), "position")
        expect(held.entry and held.mark, held)
        return f"entry {held.entry}"

    async def case_19(self):
        bob = self.bob = self.client(self.quiet, "bob")
        await self.open_isolated(bob)
        before = await self.held(self.sol, bob)
        same((before.mode, before.size), (Mode.ISOLATED, -20), "position")
        await bob.adjust_isolated_margin(self.sol, D(100))
        after = await self.held(self.sol, bob)
        if before.margin is None:
            expect(after.liquidation_price > before.liquidation_price, (before, after))
            return f"liquidation {before.liquidation_price} -> {after.liquidation_price}"
        expect(95 < after.margin - before.margin < 105, f"{before.margin} -> {after.margin}")
        return f"margin {before.margin} -> {after.margin}"

    async def open_isolated(self, who):
        """Sell 20 SOL in a pool of its own, by whatever says so at this venue."""
        more = {}
        if self.caps.margin_mode_scope == "order":
            more = {"isolated_margin": D(1_000)}
        else:
            scope = self.sol if self.caps.margin_mode_scope == "instrument" else None
            await who.set_margin_mode(Mode.ISOLATED, scope)
            same((await who.leverage(self.sol)).mode, Mode.ISOLATED, "mode read back")
        await self.place(20, side="sell", instrument=self.sol, who=who, **more)

    async def case_20(self):
        if self.caps.margin_mode_scope == "order":
            await self._not_supported(self.bob.set_margin_mode(Mode.CROSS, self.sol), "margin_mode")
        if self.caps.margin_mode_scope == "account":
            raise NotApplicable("the mode is the account's, and may change with open positions")
        return await error(self.bob.set_margin_mode(Mode.CROSS, self.sol), "position")

    async def case_21(self):
        same(await self.alice.position_mode(), "one_way", "mode")
        if "hedge" not in self.caps.position_modes:
            await self._not_supported(self.alice.set_position_mode("hedge"), "hedge")
        said = await error(self.alice.set_position_mode("hedge"), "position", "110024")
        other = self.other
        await other.set_position_mode("hedge")
        for side, leg in (("buy", Side.LONG), ("sell", Side.SHORT)):
            await self.place(10, side=side, position_side=leg, instrument=self.sol, who=other)
        legs = {(p.position_side, p.size) for p in await other.positions()}
        same(legs, {(Side.LONG, D(10)), (Side.SHORT, D(-10))}, "legs")
        for side, leg in (("sell", Side.LONG), ("buy", Side.SHORT)):
            await self.place(10, side=side, position_side=leg, instrument=self.sol, who=other, reduce_only=True)
        await other.set_position_mode("one_way")
        return f"two legs; with a position: {said}"

    async def case_22(self):
        fills = [f for f in await self.alice.fills() if f.symbol == self.btc]
        same(sum(f.quantity * f.side.sign for f in fills), D("0.06"), "sum of fills")
        same(len({f.id for f in fills}), len(fills), "ids")
        same([f.time for f in fills], sorted(f.time for f in fills), "oldest first")
        expect(all(f.fee > 0 for f in fills), "a fill without a fee")
        return f"{len(fills)} fills; they add up to the position"

    async def case_23(self):
        other = self.other
        await self.place("0.1", who=other)
        rate = (await other.funding_rates([self.btc]))[self.btc]
        self.crash.control.forward(15)
        paid = await other.funding_paid(int(time.time() * 1000) - 86_400_000)
        same([(p.symbol, p.amount != 0) for p in paid], [(self.btc, True)], "payments")
        await self.place("0.1", side="sell", who=other, reduce_only=True)
        return f"paid {paid[0].amount}; next {rate.rate}" + (" (predicted)" if rate.predicted else "")

    async def case_24(self):
        if not self.caps.dead_man_switch:
            await self._not_supported(self.alice.schedule_cancel(int(time.time() * 1000) + 12_000), "dead man")
        await self.place("0.01", await self.far())
        now, seconds = int(time.time() * 1000), 6
        try:
            await self.alice.schedule_cancel(now + 6_000)
        except BadInput:  # Not every venue takes so near a moment.
            seconds = 11
            await self.alice.schedule_cancel(now + 11_500)
        await asyncio.sleep(seconds + 2)
        same(await self.alice.open_orders(), (), "open orders")
        return f"orders cancelled after {seconds} s of silence"

    async def case_25(self):
        stranger = self.client(self.crash, wrong=True)
        words = ("sign", "does not exist", "2028", "agent")
        return await error(stranger.place(self.asked("0.01", D(50_000))), *words)

    async def case_26(self):
        late = self.asked("0.01", D(50_000), expires_at=int(time.time() * 1000) - 60_000)
        said = await error(self.other.place(late), "expire", "window", "recv", "late", "past", "time")
        same(await self.other.open_orders(), (), "open orders")
        return said

    async def listen(self, *topics):
        heard = Heard(self.third.stream(*topics))
        await until_async(lambda: heard.of(StreamUp), 20, "the stream")
        return heard

    async def case_27(self):
        heard = await self.listen("fills", "orders")
        try:
            number = (await self.place("0.01", who=self.third)).venue_id
            await until_async(lambda: any(f.order_id == number for f in heard.fills()), 6, "the fill")
            done = lambda: any(e.order.status is OrderStatus.FILLED for e in heard.of(OrderSeen)
                               if e.order.venue_id == number)  # fmt: skip
            await until_async(done, 6, "the order")
        finally:
            await heard.close()
        return "fill and order"

    async def case_28(self):
        """Trade on while sockets drop: what the stream brought is what the venue has, each fill once."""
        before = {f.id for f in await self.third.fills()}
        heard = await self.listen("fills")
        try:
            for turn in range(8):
                if turn in (1, 4):
                    self.quiet.control.fault("drop_socket", left=1)
                await self.place("0.01", side="buy" if turn % 2 else "sell", who=self.third)
            await until_async(lambda: len(heard.of(StreamUp)) >= 2, 15, "the reconnect")
            there = {f.id for f in await self.third.fills()} - before

            def all_here():
                return there <= {f.id for f in heard.fills()}

            await until_async(all_here, 15, "every fill")
            ids = [f.id for f in heard.fills() if f.id not in before]
            same((sorted(ids), len(heard.of(StreamDown)) > 0), (sorted(there), True), "fills heard")
        finally:
            self.quiet.control.calm()
            await heard.close()
        return f"{len(ids)} fills over {len(heard.of(StreamDown))} drops: none lost, none doubled"

    async def case_29(self):
        self.quiet.control.fault("rate_limited", left=1)
        begun = time.monotonic()
        try:
            await self.third.balances()
            said = "held back, then answered"
        except RateLimited as raised:
            said = refused(f"RateLimited: {raised}", "")
        same(self.quiet.control.met("rate_limited") > 0, True, "the fault met")
        self.quiet.control.calm()
        await self.third.balances()
        return f"{said} ({time.monotonic() - begun:.1f} s)"

    async def case_30(self):
        self.quiet.control.fault("lost_answer", path=ORDER_PATHS[self.calm.venue], left=1)
        try:
            made = await self.place("0.01", D(50_000), who=self.third)
        except UnknownOutcome as raised:
            raise AssertionError(f"not read back: {raised}") from None
        same(self.quiet.control.met("lost_answer"), 1, "the fault met")
        same([o.venue_id for o in await self.third.open_orders()], [made.venue_id], "open orders")
        await self.third.cancel(self.btc, venue_id=made.venue_id)
        return f"{made.status} by reading back, one order at the venue"

    async def case_31(self):
        bob = self.client(self.crash, "bob")
        if self.caps.leverage != "none":
            await bob.set_leverage(self.btc, D(20))
        await self._buy_much(bob)
        for _ in range(8):
            self.crash.control.forward(30)
            if await self.held(who=bob) is None:
                break
        same(await self.held(who=bob), None, "position")
        fills = await bob.fills(int(time.time() * 1000) - 2 * 86_400_000)
        forced = [f for f in fills if f.kind in (FillKind.LIQUIDATION, FillKind.ADL)]
        expect(forced, f"no fill is a liquidation: {[str(f.kind) for f in fills]}")
        return f"{len(forced)} fills of kind {forced[0].kind}"

    async def _buy_much(self, bob):
        """Buy until the margin is used up."""
        size = 100_000 * 6 / await self.mark(who=bob)
        for _ in range(40):
            try:
                price = D(int(await self.mark(who=bob) * D("1.02")))
                made = await self.place(round(size, 3), price, tif="ioc", who=bob)
            except VenueError as raised:
                if not any(word in str(raised).lower() for word in ("margin", "health", "enough")):
                    raise
                size /= 2
                if size < 1:
                    return
                continue
            if made.filled < round(size, 3):
                self.crash.control.forward(1)  # The book fills up again with time.
        raise AssertionError("the margin was never used up")

    async def case_32(self):
        who, compared = self.other, 0
        await self.place("0.05", who=who)
        await self.place("0.02", D(20_000), who=who)
        for step in (self.open_isolated, None):
            rows = api.evaluate(await who.bundle(), self.calm.venue).to_dict()["reported"]
            compared += len(rows)
            missed = [row for row in rows if not row["agrees"]]
            expect(not missed, missed[:3])
            if step:
                await step(who)
        expect(compared > 6, f"only {compared} figures compared")
        return f"{compared} reported figures, all as computed"
