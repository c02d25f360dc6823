"""Leverage and modes at Bybit: read, set, read back, compare. "Not modified" is a success."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final, TypeVar

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.venues.bybit import encode, wire
from solvent.venues.bybit.codes import LEVERAGE_SAME, MARGIN_MODE_SAME, POSITION_MODE_SAME, VENUE
from solvent.venues.bybit.decode import optional
from solvent.venues.bybit.encode import CATEGORY, POSITION_INDEX, Field
from solvent.venues.bybit.outcome import found_out
from solvent.venues.bybit.reader import Reader
from solvent.venues.failures import NotApplied, NotSupported, Terminal, UnknownOutcome
from solvent.venues.stated import LeverageState, PositionMode

MODES: Final = {Mode.CROSS: "REGULAR_MARGIN", Mode.ISOLATED: "ISOLATED_MARGIN"}
SWITCH: Final = {"one_way": 0, "hedge": 3}
HEDGE_COIN: Final = "USDT"
"""Only perpetuals that settle in it have a hedge mode."""
LOOKS: Final = 3
BETWEEN_LOOKS_S: Final = 0.3

T = TypeVar("T")


class Settings:
    def __init__(self, reader: Reader) -> None:
        self._reader, self._gateway = reader, reader.gateway

    # --- leverage

    async def set_leverage(
        self, instrument: str, leverage: Decimal, side: Side | None = None, *, known: LeverageState | None = None
    ) -> LeverageState:
        if not leverage.is_finite() or leverage < 1:
            raise BadInput("leverage", "a number of at least 1", str(leverage))
        before = known or await self._reader.leverage(instrument)
        long = leverage if side in (None, Side.LONG) else before.long
        short = leverage if side in (None, Side.SHORT) else before.short
        if (before.long, before.short) == (long, short):
            return before
        apart = before.mode is Mode.ISOLATED and instrument in self._reader.legs.hedged
        if long != short and not apart:
            raise BadInput(
                "side", "none: long and short share the setting except in isolated hedge mode", str(side)
            )
        wanted = _levers(long, short)

        async def applied() -> LeverageState | None:
            found = await self._reader.leverage(instrument)
            return found if (found.long, found.short) == (long, short) else None

        what = f"leverage of {instrument}"
        try:
            await self._gateway.tell(
                "/v5/position/set-leverage",
                encode.leverage(instrument, long, short),
                what=what,
                fine=LEVERAGE_SAME,
            )
        except UnknownOutcome as unknown:
            return await found_out(self._gateway, unknown, applied)
        except Terminal as refused:
            raise _refused(refused, what, wanted, _levers(before.long, before.short)) from None
        if (after := await self._seen(applied)) is not None:
            return after
        found = await self._reader.leverage(instrument)
        raise NotApplied(VENUE, what, wanted=wanted, found=_levers(found.long, found.short))

    async def _seen(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What a look finds; a few of them, for what is read may trail what was set."""
        for attempt in range(LOOKS):
            if (found := await look()) is not None:
                return found
            if attempt + 1 < LOOKS:
                await self._gateway.times.sleep(BETWEEN_LOOKS_S)
        return None

    # --- modes

    async def set_margin_mode(self, mode: Mode, instrument: str | None = None) -> None:
        """Of the whole account."""
        if instrument is not None:
            raise NotSupported(VENUE, "a margin mode per instrument", "it is the account's: name no instrument")
        before = await self._reader.margin_mode()
        if before is mode:
            return

        async def applied() -> Mode | None:
            return mode if await self._reader.margin_mode() is mode else None

        await self._switch(
            "/v5/account/set-margin-mode",
            {"setMarginMode": MODES[mode]},
            ("margin mode", str(mode), str(before)),
            MARGIN_MODE_SAME,
            applied,
        )

    async def set_position_mode(self, mode: PositionMode) -> None:
        """Of all perpetuals in USDT. The venue skips those with positions or orders: NotApplied names them."""
        others = await self._other_mode(mode)

        async def applied() -> bool | None:
            return None if await self._other_mode(mode) else True

        await self._switch(
            "/v5/position/switch-mode",
            {"category": CATEGORY, "coin": HEDGE_COIN, "mode": SWITCH[mode]},
            ("position mode", mode, _named(others)),
            POSITION_MODE_SAME,
            applied,
        )

    async def _other_mode(self, mode: PositionMode) -> list[str]:
        """Instruments that have a hedge mode and are not in `mode`."""
        settings = await self._reader.leverage_settings()
        return [
            symbol
            for symbol, sides in settings.items()
            if symbol.endswith(HEDGE_COIN) and (0 in sides) == (mode == "hedge")
        ]

    async def _switch(
        self,
        path: str,
        fields: dict[str, Field],
        said: tuple[str, str, str],
        fine: frozenset[str],
        applied: Callable[[], Awaitable[T | None]],
    ) -> None:
        """Tell, and look whether it holds. `said`: what, the wanted and the found state in words."""
        what, wanted, found = said
        try:
            await self._gateway.tell(path, fields, what=what, fine=fine)
        except UnknownOutcome as unknown:
            await found_out(self._gateway, unknown, applied)
            return
        except Terminal as refused:
            raise _refused(refused, what, wanted, found) from None
        if await self._seen(applied) is None:
            if what == "position mode":
                found = _named(await self._other_mode("hedge" if wanted == "hedge" else "one_way"))
            raise NotApplied(VENUE, what, wanted=wanted, found=found)

    # --- isolated margin

    async def adjust_isolated_margin(self, instrument: str, amount: Decimal, side: Side | None = None) -> None:
        if not amount.is_finite() or not amount:
            raise BadInput("amount", "money to add, or below 0 to take out", str(amount))
        before = await self._pocket(instrument, side)
        fields: dict[str, Field] = {
            "category": CATEGORY,
            "symbol": instrument,
            "margin": text(amount),
            "positionIdx": POSITION_INDEX[side],
        }

        async def moved() -> bool | None:
            now = await self._pocket(instrument, side)
            return True if now != before and now[0] == before[0] else None

        what = f"isolated margin of {instrument}"
        try:
            # Not every account type shows added margin in its position rows: absence proves nothing here.
            await self._gateway.tell("/v5/position/add-margin", fields, what=what, provable=False)
        except UnknownOutcome as unknown:
            await found_out(self._gateway, unknown, moved)

    async def _pocket(self, instrument: str, side: Side | None) -> tuple[Decimal | None, ...]:
        """Size, margins and liquidation price: while the size stays, the others change by added margin alone."""
        rows = await self._reader.position_rows(instrument)
        raw = next((row for row in rows if row.position_idx == POSITION_INDEX[side]), None)
        if raw is None:
            raw = wire.Position(symbol=instrument, size="0")
        values = (raw.size, raw.position_im, raw.position_balance, raw.liq_price)
        return tuple(optional(value, f"position-list[{instrument[:40]}]") for value in values)


def _levers(long: Decimal, short: Decimal) -> str:
    return text(long) if long == short else f"{text(long)} long, {text(short)} short"


def _named(symbols: list[str]) -> str:
    more = f" and {len(symbols) - 5} more" if len(symbols) > 5 else ""
    return f"the other mode for {', '.join(symbols[:5])}{more} (has a position or orders?)"


def _refused(refused: Terminal, what: str, wanted: str, found: str) -> NotApplied:
    """The venue's refusal with both states: its code and our advice stay."""
    error = NotApplied(VENUE, f"{what} [{refused.code}] {refused.message}", wanted=wanted, found=found)
    error.code, error.advice, error.status = refused.code, refused.advice, refused.status
    return error
