"""What a bot tells the gate as it happens: prices, money, rates, fills, results and errors. All goes on record."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, localcontext
from typing import Any

from solvent.core.facts import FundingPayment, Transfer
from solvent.core.numbers import text
from solvent.risk.leverage_facts import LeverageFact
from solvent.risk.limits import Limits
from solvent.risk.situation import EXACT, Mark
from solvent.risk.state import key_of
from solvent.runtime.desk import Desk
from solvent.runtime.order_words import asset_of, fill_fields, number_of, price_of
from solvent.runtime.sight import Sight


class GateFacts:
    """One desk and its lock, and every way in which facts reach it. From any thread."""

    config: Limits
    _lock: threading.RLock
    _desk: Desk
    _sight: Sight

    @contextmanager
    def _exact(self) -> Iterator[int]:
        """One at a time, in arithmetic that rounds nothing. Gives the time."""
        with self._lock, localcontext(EXACT):
            yield self._desk.now_ms()

    def update_market_price(
        self,
        symbol: str,
        price: Decimal | float | str,
        *,
        bid: Decimal | float | str | None = None,
        ask: Decimal | float | str | None = None,
        venue: str = "",
    ) -> None:
        """The mark of a symbol, and its quote where there is one. Raises ValueError for what is no price."""
        mark = price_of(price, "price")
        quote = [None if q is None else price_of(q, name) for q, name in ((bid, "bid"), (ask, "ask"))]
        with self._exact() as now:
            self._mark(venue, symbol, Mark(mark, now, *quote))

    def update_market_prices(
        self, prices: Mapping[str, tuple[Decimal, Decimal | None, Decimal | None]], *, venue: str = ""
    ) -> None:
        """Marks of one moment with bid and ask, by symbol.

        The day's loss is judged with what comes next, an account update above all: between the marks of a hedge's
        two venues lies a loss that nobody made. Raises ValueError.
        """
        with self._exact() as now:
            for symbol, (mark, bid, ask) in prices.items():
                told = Mark(price_of(mark, symbol), now, bid, ask)
                self._mark(venue, symbol, told, judged=False)

    def _mark(self, venue: str, symbol: str, mark: Mark, *, judged: bool = True) -> None:
        self._sight.set_mark(venue, symbol, mark)
        if self._desk.mark(venue, symbol, mark.price, mark.at_ms) and judged:
            self._desk.watch(self.config)

    def update_account(self, balance: Decimal | float | str, equity: Decimal | float | str) -> None:
        """Balance and equity, as the venue states them now. Raises ValueError for what is no number."""
        said = [number_of(balance, "balance"), number_of(equity, "equity")]
        with self._exact() as now:
            self._desk.start_day(now)
            self._desk.put("balance_updated", balance=text(said[0]), equity=text(said[1]), at_ms=now)
            self._desk.start_day(now)
            self._desk.watch(self.config)

    def update_rate(self, asset: str, rate: Decimal | float | str) -> None:
        """What one unit of an asset is worth in the valuation asset, now. It goes before configured par, and is
        stale after `max_rate_age_seconds`. What waited for it is valued at it. Raises ValueError.
        """
        name, price = asset_of(asset, "asset"), price_of(rate, "rate")
        with self._exact() as now:
            if name == self._desk.state.valuation_asset:
                raise ValueError(f"asset: {name} is the valuation asset itself")
            self._desk.start_day(now)
            self._desk.put("rate", asset=name, rate=text(price), at_ms=now)
            self._desk.watch(self.config)

    def worth(self, amount: Decimal, asset: str) -> Decimal | None:
        """What an amount is worth in the valuation asset now; None where no rate, or none young enough, says."""
        with self._exact() as now:
            return self._desk.state.worth(amount, asset, now)

    def record_transfer(self, amount: Decimal | float | str, asset: str = "") -> None:
        """Money that came in (positive) or left, of the account's own or of `asset`: it is no profit. Say it
        before the account update that has it. Raises ValueError.
        """
        moved = number_of(amount, "amount")
        named = {"asset": asset_of(asset, "asset")} if asset else {}
        self._pay("transfer", {"amount": text(moved), **named})

    def record_funding(
        self,
        symbol: str,
        amount: Decimal | float | str,
        asset: str = "",
        *,
        venue: str = "",
        id: str = "",  # noqa: A002  the word of every venue
    ) -> None:
        """Funding, where no tracker is attached that hears of it: received, or (below 0) paid, in `asset` or what
        the contract settles in. With the venue's `id` it counts once. Raises ValueError.
        """
        paid, named = number_of(amount, "amount"), asset_of(symbol, "symbol")
        if asset:
            asset_of(asset, "asset")
        said = {"symbol": named, "venue": venue, "amount": text(paid), "asset": asset, "id": id}
        self._pay("funding", said)

    # the leverage that must be there before risk is opened

    def require_leverage(
        self,
        symbol: str,
        leverage: Decimal | int | str,
        *,
        venue: str = "",
        mode: str = "",
        effective: bool = False,
    ) -> None:
        """From now on nothing that opens risk in the instrument passes until the leverage was read back as this.

        `mode` ("cross", "isolated") where the margin mode must be so too. `effective`: the venue has no setting,
        `leverage` is the most that notional over equity may be, and what is found after a fill decides. Raises
        ValueError.
        """
        wanted, named = price_of(leverage, "leverage"), asset_of(symbol, "symbol")
        said = {"venue": venue, "symbol": named, "required": text(wanted), "mode": mode, "effective": effective}
        with self._exact() as now:
            why = "" if effective else "not read back yet"
            self._desk.put("leverage_required", wait=True, **said, verified=effective, why=why, at_ms=now)

    def saw_leverage(
        self,
        symbol: str,
        long: Decimal | int | str,
        short: Decimal | int | str,
        *,
        venue: str = "",
        mode: str = "",
    ) -> bool:
        """What the venue has, just read. Whether that is what was asked for; True where nothing was."""
        found = [price_of(long, "long"), price_of(short, "short")]
        with self._exact():
            fact = self._desk.state.leverages.get((venue, symbol))
            if fact is None:
                return True
            right = found == [fact.required] * 2 and (not fact.mode or not mode or fact.mode == mode)
            why = "" if right else f"the venue has {mode} {text(found[0])}x long, {text(found[1])}x short".strip()
            self._say_leverage(fact, why, *found)
            return right

    def saw_effective_leverage(self, symbol: str, found: Decimal, *, venue: str = "") -> bool:
        """Of a venue without a setting: notional over equity, as found after a fill. Above what was asked, nothing
        more may be opened. Whether it is within; True where nothing was asked.
        """
        with self._exact():
            fact = self._desk.state.leverages.get((venue, symbol))
            if fact is None or not fact.effective:
                return True
            why = "" if found <= fact.required else f"the effective leverage is {text(found)}x"
            self._say_leverage(fact, why, found, found)
            return not why

    def doubt_leverage(self, symbol: str, why: str, *, venue: str = "") -> None:
        """It could not be set or read: what was asked for is not verified."""
        with self._exact():
            fact = self._desk.state.leverages.get((venue, symbol))
            if fact is not None:
                self._say_leverage(fact, why[:300] or "not verified", None, None)

    def drop_leverage(self, symbol: str, *, venue: str = "") -> None:
        """No leverage is asked for any more."""
        with self._exact() as now:
            if (venue, symbol) in self._desk.state.leverages:
                self._desk.put("leverage_required", venue=venue, symbol=symbol, dropped=True, at_ms=now)

    def _say_leverage(self, fact: LeverageFact, why: str, long: Decimal | None, short: Decimal | None) -> None:
        """`why` "": verified."""
        said = {"venue": fact.venue, "symbol": fact.symbol, "required": text(fact.required), "mode": fact.mode}
        read = {"long": None if long is None else text(long), "short": None if short is None else text(short)}
        self._desk.put(
            "leverage_unverified" if why else "leverage_verified",
            wait=True,
            **said,
            **read,
            effective=fact.effective,
            verified=not why,
            why=why,
            at_ms=self._desk.now_ms(),
        )

    def count_payment(self, payment: FundingPayment | Transfer) -> None:
        """Funding or a transfer that an attached tracker has booked and put on record."""
        said: dict[str, Any] = {"id": payment.id, "venue": payment.venue, "account": payment.account}
        said |= {"amount": text(payment.amount), "asset": payment.asset, "time": payment.time}
        if isinstance(payment, FundingPayment):
            self._pay("funding_counted", {**said, "symbol": payment.symbol})
        else:
            self._pay("transfer_counted", said)

    def _pay(self, kind: str, said: dict[str, Any]) -> None:
        with self._exact() as now:
            self._desk.start_day(now)
            if not self._desk.state.knows_payment({"type": kind, **said}):
                self._desk.put(kind, at_ms=now, **said)
            self._desk.watch(self.config)

    def record_trade(self, pnl: Decimal | float | str, asset: str = "") -> None:
        """The result of a closed trade, net of fees, in the account's own money or in `asset`. A loss counts
        toward the breaker, a profit ends the row.
        """
        result = number_of(pnl, "pnl")
        said = {"asset": asset_of(asset, "asset")} if asset else {}
        with self._exact() as now:
            self._desk.start_day(now)
            counts = not self._desk.state.fills
            self._desk.put("trade_result", wait=True, pnl=text(result), counts=counts, at_ms=now, **said)
            self._desk.watch(self.config)

    def record_error(self, error: BaseException | str) -> None:
        """Something went wrong with an order or a venue."""
        kind = type(error).__name__ if isinstance(error, BaseException) else "error"
        with self._exact() as now:
            said = {"error": kind, "message": str(error)[:200], "counted": True, "at_ms": now}
            self._desk.put("error", wait=True, **said)
            self._desk.watch(self.config)

    def record_success(self) -> None:
        """An order went through: errors are not consecutive any more."""
        with self._exact() as now:
            if self._desk.state.errors:
                self._desk.put("success", at_ms=now)

    # what was filled, and closed

    def on_fill(self, fill: Any) -> None:
        """A fill, where no tracker is attached: it moves from its reservation into the position in one step,
        and counts once. The result of a trade that it closes is told by `record_trade`.
        """
        self._count(fill, "order_filled", fill_fields(fill))

    def count_fill(self, fill: Any) -> None:
        """A fill that an attached tracker has booked and put on record."""
        fields = fill_fields(fill)
        fields.pop("fact", None)  # the tracker's own record is the fact
        with self._exact() as now:
            self._sight.learn_contracts(self._sight.lines_of(fill), now)
            settle = self._sight.settle_of(fill)
            if settle:
                fields["settle"] = settle
            self._count(fill, "fill_counted", fields)

    def _count(self, fill: Any, kind: str, fields: dict[str, Any]) -> None:
        with self._exact() as now:
            self._desk.start_day(now)
            if not self._desk.state.knows_fill(fields):
                unit = self._desk.unit(fields["venue"], fields["symbol"])
                self._desk.put(kind, at_ms=now, **fields, **unit)
                size = Decimal(fields["quantity"])
                self._sight.filled(key_of(fields), size if fields["side"] == "buy" else -size, now)
            self._desk.watch(self.config)

    def count_trade(self, pnl: Decimal | None, asset: str = "", fees: Mapping[str, Decimal] | None = None) -> None:
        """A trade that an attached tracker saw close; None where its entry was not known. `fees` are those that
        are not in `pnl`, being in other assets. Its money came with its fills.
        """
        if pnl is None:
            return
        said: dict[str, Any] = {}
        if fees:
            said = {"asset": asset, "fees": {name: text(paid) for name, paid in fees.items()}}
        with self._exact() as now:
            self._desk.put("trade_result", pnl=text(pnl), counts=False, at_ms=now, **said)
            self._desk.watch(self.config)
