"""Leverage, margin mode, position mode and isolated margin at BingX: set, read back, compared."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.venues.bingx import calls, holdings
from solvent.venues.bingx.placing import BingxOrders
from solvent.venues.bingx.refusals import VENUE
from solvent.venues.failures import NotApplied, RateLimited, Retryable, Terminal, UnknownOutcome, VenueError
from solvent.venues.resolve import resolve
from solvent.venues.stated import LeverageState, PositionMode

MARGIN_TYPES: Final = {Mode.CROSS: "CROSSED", Mode.ISOLATED: "ISOLATED"}
DEAD_MAN_S: Final = (10, 120)
PRINTED: Final = Decimal("0.001")
"""Margins are printed with four decimals, two of them are compared."""


class BingxSettings(BingxOrders):
    """Changes what orders are traded on."""

    async def set_leverage(
        self, instrument: str, leverage: Decimal, side: Side | None = None, *, known: LeverageState | None = None
    ) -> LeverageState:
        """One-way mode has one setting (`side` None); hedge mode one for each side.

        Nothing is sent where it is right already. Raises NotApplied where the venue has another afterwards, and
        its refusal with both states where it refuses.
        """
        if not leverage.is_finite() or leverage != leverage.to_integral_value() or leverage < 1:
            raise BadInput("leverage", "a whole number from 1 (BingX has no others)", str(leverage))
        wanted = int(leverage)
        before = known or await self.leverage(instrument)
        hedge = before.position_mode == "hedge"
        if side is not None and not hedge:
            raise BadInput("side", "none in one-way mode, where both sides have one setting", str(side))
        words = _words(before, leverage, side, hedge=hedge)
        if not words:
            return before
        for word in words:
            await self._set_leverage(instrument, word, wanted, side)
        found = await self.leverage(instrument)
        if _words(found, leverage, side, hedge=hedge):
            raise NotApplied(
                VENUE, f"leverage of {instrument}", wanted=_wanted(leverage, side), found=_shown(found)
            )
        return found

    async def _set_leverage(self, instrument: str, word: str, wanted: int, side: Side | None) -> None:
        legs = [Side.LONG, Side.SHORT] if word == "BOTH" else [Side(word.lower())]

        async def applied() -> bool | None:
            found = holdings.leverage(
                await self._caller.read(calls.LEVERAGE, {"symbol": instrument}, urgent=True),
                instrument,
                Mode.CROSS,
            )
            return all(_of(found, leg) == wanted for leg in legs) or None

        params = {"symbol": instrument, "side": word, "leverage": str(wanted)}
        try:
            await self._change(calls.SET_LEVERAGE, params, f"leverage of {instrument} {word}", applied)
        except (Terminal, Retryable) as refused:
            raise await self._with_both_states(refused, instrument, Decimal(wanted), side) from refused

    async def _with_both_states(
        self, refused: Terminal | Retryable, instrument: str, wanted: Decimal, side: Side | None
    ) -> VenueError:
        """The same error, saying what was wanted and what the venue has: one side may be changed already."""
        try:
            found = await self.leverage(instrument)
        except VenueError:
            return refused
        said = f"{refused.message}; leverage of {instrument}: wanted {_wanted(wanted, side)}"
        said += f", the venue has {_shown(found)}"
        if isinstance(refused, Retryable):
            made = RateLimited if isinstance(refused, RateLimited) else Retryable
            return made(VENUE, said, code=refused.code, advice=refused.advice, retry_after_s=refused.retry_after_s)
        return Terminal(VENUE, said, code=refused.code, advice=refused.advice, status=refused.status)

    async def set_margin_mode(self, mode: Mode, instrument: str | None = None) -> None:
        """Of one instrument; refused while it has a position or orders."""
        if instrument is None:
            raise BadInput("instrument", "one: at BingX each has its own margin mode", None)
        if await self.margin_mode(instrument) is mode:
            return
        params = {"symbol": instrument, "marginType": MARGIN_TYPES[mode]}

        async def applied() -> bool | None:
            return await self.margin_mode(instrument) is mode or None

        await self._change(calls.SET_MARGIN_TYPE, params, f"margin mode of {instrument}", applied)
        found = await self.margin_mode(instrument)
        if found is not mode:
            raise NotApplied(VENUE, f"margin mode of {instrument}", wanted=str(mode), found=str(found))

    async def set_position_mode(self, mode: PositionMode) -> None:
        """Of the account; refused while it has positions or orders."""
        if await self.position_mode() == mode:
            return
        params = {"dualSidePosition": "true" if mode == "hedge" else "false"}

        async def applied() -> bool | None:
            return await self.position_mode() == mode or None

        await self._change(calls.SET_DUAL, params, "position mode", applied)
        found = await self.position_mode()
        if found != mode:
            raise NotApplied(VENUE, "position mode", wanted=mode, found=found)

    async def adjust_isolated_margin(self, instrument: str, amount: Decimal, side: Side | None = None) -> None:
        """In USDT (the contract's asset). `side` is needed where both sides are held."""
        if amount == 0:
            raise BadInput("amount", "money to add, or (below 0) to take out", text(amount))
        leg, before = await self._margin(instrument, side)
        params = {"symbol": instrument, "amount": text(abs(amount)), "type": "1" if amount > 0 else "2"}
        if leg is not None:
            params["positionSide"] = "LONG" if leg is Side.LONG else "SHORT"
        what = f"margin of {instrument}"

        async def applied() -> bool | None:
            _, now = await self._margin(instrument, side)
            if abs(now - before - amount) <= PRINTED:
                return True
            if abs(now - before) <= PRINTED:
                return None
            # Something else has moved it meanwhile: nothing can be read from it.
            raise Terminal(
                VENUE, f"margin of {instrument}: {text(before)} before, {text(now)} now", code="unclear"
            )

        try:
            await self._caller.write(calls.SET_MARGIN, params, _nothing, what=what, whole=True)
        except UnknownOutcome as unknown:
            try:
                await self._proven(unknown, applied)
            except Terminal:
                raise unknown from None

    async def _margin(self, instrument: str, side: Side | None) -> tuple[Side | None, Decimal]:
        """The leg (hedge mode) and the money that is in the isolated position."""
        rows = holdings.positions_and_margins(await self._caller.read(calls.POSITIONS, urgent=True))
        found = [
            (position, posted)
            for position, posted in rows
            if position.instrument == instrument and (side is None or position.position_side is side)
        ]
        if len(found) != 1:
            raise Terminal(
                VENUE,
                f"{instrument} has {len(found)} positions{'' if side is None else f' {side}'}",
                code="no-position" if not found else "which-position",
                advice="say which side" if found else "open one first",
            )
        position, posted = found[0]
        if position.mode is not Mode.ISOLATED:
            raise Terminal(VENUE, f"{instrument} is held in cross margin", code="not-isolated")
        if posted is None:
            raise BadInput("positions.margin", "to be there", "<missing>")
        return position.position_side, posted

    async def schedule_cancel(self, at_ms: int | None) -> None:
        """From 10 to 120 seconds ahead, in whole seconds, never later than asked; in the venue's clock."""
        if at_ms is None:
            params = {"type": "CLOSE", "timeOut": "0"}
        else:
            least, most = DEAD_MAN_S
            seconds = (at_ms - self._caller.now_ms()) // 1000
            if not least <= seconds <= most:
                raise BadInput("at_ms", f"a moment from {least} to {most} s ahead", f"<{seconds} s>")
            params = {"type": "ACTIVATE", "timeOut": str(seconds)}
        await self._caller.write(calls.DEAD_MAN, params, _armed, what="the timer that cancels all orders")

    # --- inside

    async def _change(
        self, call: calls.Call, params: dict[str, str], what: str, applied: Callable[[], Awaitable[bool | None]]
    ) -> None:
        try:
            await self._caller.write(call, params, _nothing, what=what, whole=True)
        except UnknownOutcome as unknown:
            await self._proven(unknown, applied)

    async def _proven(self, unknown: UnknownOutcome, applied: Callable[[], Awaitable[bool | None]]) -> None:
        done = await resolve(
            unknown, applied, now_ms=self._caller.now_ms, skew_ms=self._caller.skew_ms, times=self._times
        )
        if done is None:
            raise Retryable(
                VENUE,
                f"{unknown.asked.what}: the request never arrived, and no longer can",
                code="never-arrived",
                advice="nothing was changed; it may be asked again",
            )


def _of(state: LeverageState, leg: Side) -> Decimal:
    return state.long if leg is Side.LONG else state.short


def _words(state: LeverageState, wanted: Decimal, side: Side | None, *, hedge: bool) -> list[str]:
    """Which settings still differ, in the venue's words."""
    legs = [leg for leg in (Side.LONG, Side.SHORT) if side in (None, leg) and _of(state, leg) != wanted]
    if not hedge:
        return ["BOTH"] if legs else []
    return ["LONG" if leg is Side.LONG else "SHORT" for leg in legs]


def _wanted(leverage: Decimal, side: Side | None) -> str:
    return f"{text(leverage)}x" + (f" {side}" if side is not None else "")


def _shown(state: LeverageState) -> str:
    return f"long {text(state.long)}x, short {text(state.short)}x"


def _nothing(answer: Any) -> None:
    """The code of the answer has said it all; what the venue has is read back."""


def _armed(data: Any) -> None:
    """Raises BadInput where the venue's own word is that it failed."""
    status = data.get("status") if isinstance(data, dict) else None
    if status not in ("ACTIVATED", "CLOSED"):
        raise BadInput("cancelAllAfter.status", "ACTIVATED or CLOSED", "<another>")


__all__ = ["BingxSettings"]
