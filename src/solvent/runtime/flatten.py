"""Everything closed on every venue, by orders that can only reduce; each venue on its own, until it reads flat."""

import asyncio
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from solvent.core.account import Mode
from solvent.core.errors import BadInput, SolventError
from solvent.core.facts import OrderRequest
from solvent.core.numbers import decimal_of, text
from solvent.risk.checks.margin_excess import HEDGE
from solvent.runtime.desk_look import READ_ERRORS, problem_of
from solvent.runtime.gated import GatedDesk, Look, Sent
from solvent.venues.clock import REAL, Backoff, Times
from solvent.venues.stated import InstrumentTerms, NewOrder, VenueOrder, VenuePosition

SLIPPAGE: Final = Decimal("0.02")
NARROWER: Final = (Decimal(1), Decimal("0.25"), Decimal(0))
"""Parts of the slippage that are tried in turn where the gate will not have a close at so bad a price."""

Key = tuple[str, str, str]
"""Instrument, position side ("" where the venue nets), margin mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One position, and what became of it. `left` None: not known, the venue could not be read again.

    `dust`: what is left is below what the venue takes in an order. `problem`: what the last try met.
    """

    desk: str
    instrument: str
    position_side: str
    before: Decimal
    left: Decimal | None
    dust: bool = False
    problem: str = ""

    @property
    def flat(self) -> bool:
        return self.left == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskResult:
    """One desk afterwards. `reached`: its last state was read. `orders`: what still rests there."""

    desk: str
    reached: bool
    positions: tuple[Closing, ...]
    orders: tuple[VenueOrder, ...] = ()
    cancelled: int = 0
    problem: str = ""

    @property
    def flat(self) -> bool:
        """Nothing is held and nothing rests, and that was read."""
        return self.reached and not self.orders and all(one.flat for one in self.positions)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenResult:
    desks: tuple[DeskResult, ...]

    @property
    def flat(self) -> bool:
        return all(one.flat for one in self.desks)

    @property
    def reached(self) -> bool:
        return all(one.reached for one in self.desks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, decimals as text."""
        return {"flat": self.flat, "reached": self.reached, "desks": [desk_data(one) for one in self.desks]}


@dataclass(slots=True)
class _Work:
    """What is being done on one desk."""

    desk: str
    look: Look | None = None
    before: dict[Key, Decimal] = field(default_factory=dict)
    problems: dict[Key, str] = field(default_factory=dict)
    dust: set[Key] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    unread: str = ""
    """Why the last reading failed."""
    problem: str = ""

    @property
    def held(self) -> dict[Key, VenuePosition]:
        return {} if self.look is None else {key_of(p): p for p in self.look.positions}

    @property
    def done(self) -> bool:
        return self.look is not None and not self.unread and not self.look.positions and not self.look.orders


class Flatten:
    """Closes all that the desks of a gate hold: cancels orders that could open, then closes each position.

    Every order is reduce-only, goes through the gate (which lets it pass with its breaker tripped), and fills no
    worse than `slippage` (a fraction) from the mark. Tried `attempts` times or for `deadline_s`, each venue on its
    own. Raises BadInput for a slippage that is none.
    """

    def __init__(
        self,
        desk: GatedDesk,
        *,
        slippage: Decimal = SLIPPAGE,
        attempts: int = 6,
        deadline_s: float = 120.0,
        times: Times = REAL,
    ) -> None:
        if not 0 <= slippage < 1:
            raise BadInput("slippage", "a fraction from 0 to 1", slippage)
        if attempts < 1:
            raise BadInput("attempts", "at least 1", attempts)
        self._desk, self._times = desk, times
        self._slippage, self._attempts, self._deadline_s = slippage, attempts, deadline_s

    async def look(self, *desks: str) -> tuple[Look, ...]:
        """What would be closed and cancelled. Raises BadInput for a desk that is not there."""
        return tuple((await self._desk.refresh(*desks)).values())

    async def run(self, *desks: str) -> FlattenResult:
        """Close these desks, or all. What fails is in the result. Raises BadInput for a desk that is not there."""
        works = [_Work(desk) for desk in desks or self._desk.desks]
        for work in works:
            self._desk.trader(work.desk)
        await asyncio.gather(*(self._in_time(work) for work in works))
        return FlattenResult(desks=tuple(_result(work) for work in works))

    async def _in_time(self, work: _Work) -> None:
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._closed(work)
        except TimeoutError:
            work.problem = f"not flat within {self._deadline_s:g} s"

    async def _closed(self, work: _Work) -> None:
        backoff = Backoff(first_s=0.2, most_s=2.0)
        for attempt in range(self._attempts):
            if attempt:
                await self._times.sleep(backoff.next_s())
            await self._read(work)
            if work.done or work.look is None:
                if work.done:
                    return
                continue
            await self._cancelled(work, [o for o in work.look.orders if not (work.held and waits_to_reduce(o))])
            await asyncio.gather(*(self._close(work, key, held) for key, held in work.held.items()))
        await self._read(work)

    async def _read(self, work: _Work) -> None:
        look = (await self._desk.refresh(work.desk))[work.desk]
        if look.made is None:
            work.unread = look.problem
            return
        work.look, work.unread, work.problem = look, "", ""
        for key, held in work.held.items():
            work.before.setdefault(key, held.size)

    async def _cancelled(self, work: _Work, orders: list[VenueOrder]) -> None:
        async def cancel(order: VenueOrder) -> None:
            try:
                await self._desk.trader(work.desk).cancel(order.instrument, venue_id=order.venue_id)
                work.cancelled.add(order.venue_id)
            except READ_ERRORS as error:
                work.problem = problem_of(error)

        await asyncio.gather(*(cancel(order) for order in orders))

    async def _close(self, work: _Work, key: Key, held: VenuePosition) -> None:
        """One order for what is held. Whatever becomes of it, what is then held tells."""
        trader = self._desk.trader(work.desk)
        try:
            terms = (await trader.instruments()).get(held.instrument)
            if terms is None or not held.mark:
                raise BadInput(held.instrument, "an instrument with terms and a mark", "neither")
            quantity = self._quantity(work, held, terms)
            least = terms.min_notional
            work.dust.discard(key)
            if not quantity:
                self._is_dust(work, key, "below the venue's step of sizes")
                return
            sent = await self._sent(work.desk, held, terms, quantity)
        except SolventError as error:
            work.problems[key] = str(error)
            return
        work.problems[key] = said_of(sent)
        if sent.outcome == "rejected" and (
            quantity < (terms.min_size or 0) or (least is not None and quantity * held.mark < least)
        ):
            self._is_dust(work, key, f"below the venue's minimum: {said_of(sent)}")

    def _is_dust(self, work: _Work, key: Key, why: str) -> None:
        work.dust.add(key)
        work.problems[key] = why

    def _quantity(self, work: _Work, held: VenuePosition, terms: InstrumentTerms) -> Decimal:
        """All of it, to the venue's step, as far as one order may go."""
        assert work.look is not None
        assert work.look.made is not None
        size = abs(held.size)
        known = work.look.made.account.instruments.get(held.instrument)
        if known is not None and known.max_size:
            size = min(size, decimal_of(known.max_size))
        return size // terms.size_step * terms.size_step

    async def _sent(self, desk: str, held: VenuePosition, terms: InstrumentTerms, quantity: Decimal) -> Sent:
        """At the worst price allowed; nearer the mark where the gate finds that the account cannot bear that."""
        buys = held.size < 0
        assert held.mark is not None
        by_order = self._desk.trader(desk).capabilities.margin_mode_scope == "order"
        sent = None
        for part in NARROWER:
            bound = held.mark * (1 + self._slippage * part * (1 if buys else -1))
            request = OrderRequest(
                symbol=held.instrument,
                side="buy" if buys else "sell",
                order_type="limit",
                quantity=quantity,
                price=toward_mark(bound, terms, down=buys),
                reduce_only=True,
                position_side=held.position_side,
            )
            margin = Decimal(0) if by_order and held.mode is Mode.ISOLATED else None
            sent = await self._desk.send(desk, NewOrder(request=request, tif="ioc", isolated_margin=margin))
            if sent.outcome != "refused" or all(v.code != HEDGE for v in sent.decision.verdicts):
                break
        assert sent is not None
        return sent


def key_of(position: VenuePosition) -> Key:
    return position.instrument, str(position.position_side or ""), str(position.mode)


def waits_to_reduce(order: VenueOrder) -> bool:
    """A stop that can only reduce: it guards the position until that is closed."""
    return order.trigger_price is not None and order.closes


def toward_mark(bound: Decimal, terms: InstrumentTerms, *, down: bool) -> Decimal:
    """The nearest price that the venue takes and that is no worse than the bound."""
    rounding = ROUND_FLOOR if down else ROUND_CEILING
    if terms.price_tick is not None:
        return (bound / terms.price_tick).to_integral_value(rounding) * terms.price_tick
    places = terms.max_decimals
    if terms.max_significant is not None:
        digits = max(terms.max_significant - 1 - bound.adjusted(), 0)  # a whole number is always taken
        places = digits if places is None else min(places, digits)
    return bound if places is None else bound.quantize(Decimal(1).scaleb(-places), rounding)


def said_of(sent: Sent) -> str:
    """Why an order did not do it, or ""."""
    if sent.outcome == "refused":
        return f"the gate refused: {sent.decision.reason}"
    return "" if sent.problem is None else str(sent.problem)


def _result(work: _Work) -> DeskResult:
    held, reached = work.held, work.look is not None and not work.unread
    closings = []
    for key, before in work.before.items():
        left = None if not reached else held[key].size if key in held else Decimal(0)
        problem = work.unread if left is None else work.problems.get(key, "") if left else ""
        dust = bool(left) and key in work.dust
        closings.append(
            Closing(
                desk=work.desk,
                instrument=key[0],
                position_side=key[1],
                before=before,
                left=left,
                dust=dust,
                problem=problem,
            )
        )
    return DeskResult(
        desk=work.desk,
        reached=reached,
        positions=tuple(closings),
        orders=work.look.orders if work.look is not None else (),
        cancelled=len(work.cancelled),
        problem=work.unread or work.problem,
    )


def desk_data(result: DeskResult) -> dict[str, Any]:
    """Plain data, decimals as text."""
    return {
        "desk": result.desk,
        "flat": result.flat,
        "reached": result.reached,
        "problem": result.problem,
        "cancelled": result.cancelled,
        "orders_left": [order.venue_id for order in result.orders],
        "positions": [
            {
                "instrument": one.instrument,
                "position_side": one.position_side or None,
                "before": text(one.before),
                "left": None if one.left is None else text(one.left),
                "dust": one.dust,
                "problem": one.problem,
            }
            for one in result.positions
        ],
    }


__all__ = ["SLIPPAGE", "Closing", "DeskResult", "Flatten", "FlattenResult", "desk_data", "waits_to_reduce"]
