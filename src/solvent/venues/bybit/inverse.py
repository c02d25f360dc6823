"""Leverage of Bybit's inverse contracts (settled in their own coin): set, read back, compared.

Orders and positions of this client are linear; a leverage may be wanted for inverse ones all the same.
"""

from decimal import Decimal
from typing import Final

from solvent.core.numbers import text
from solvent.venues.bybit import decode, wire
from solvent.venues.bybit.codes import LEVERAGE_SAME, VENUE
from solvent.venues.bybit.outcome import found_out
from solvent.venues.bybit.reader import Reader
from solvent.venues.failures import NotApplied, Terminal, UnknownOutcome
from solvent.venues.stated import InstrumentTerms, LeverageState

CATEGORY: Final = "inverse"


async def terms_of(reader: Reader, symbol: str) -> InstrumentTerms:
    """Raises Terminal where the venue does not list it."""
    answer = await reader.gateway.ask("/v5/market/instruments-info", {"category": CATEGORY, "symbol": symbol})
    for raw in answer.read(wire.Markets).rows:
        if raw.symbol == symbol:
            return decode.terms(raw, "instruments-info.list[0]", {})
    raise Terminal(VENUE, f"does not list {symbol[:40]}", code="no-instrument", advice="check the symbol's name")


async def leverage(reader: Reader, symbol: str) -> LeverageState:
    """Both sides' settings, as the position's row states them, flat or not. Raises Terminal where none does."""
    terms = await terms_of(reader, symbol)
    answer = await reader.gateway.ask_private("/v5/position/list", {"category": CATEGORY, "symbol": symbol})
    found = decode.leverages(answer.read(wire.PositionList).rows, "position-list").get(symbol, {})
    state = decode.leverage_state(symbol, found, await reader.margin_mode(), terms)
    if state is None:
        raise Terminal(VENUE, f"states no leverage of {symbol[:40]}", code="no-leverage")
    return state


async def set_leverage(reader: Reader, symbol: str, buy: Decimal, sell: Decimal) -> LeverageState:
    """Raises NotApplied where reading back shows another, else as the linear one."""
    before = await leverage(reader, symbol)
    if (before.long, before.short) == (buy, sell):
        return before

    async def applied() -> LeverageState | None:
        found = await leverage(reader, symbol)
        return found if (found.long, found.short) == (buy, sell) else None

    fields = {"category": CATEGORY, "symbol": symbol, "buyLeverage": text(buy), "sellLeverage": text(sell)}
    what = f"leverage of {symbol}"
    try:
        await reader.gateway.tell("/v5/position/set-leverage", fields, what=what, fine=LEVERAGE_SAME)
    except UnknownOutcome as unknown:
        return await found_out(reader.gateway, unknown, applied)
    found = await leverage(reader, symbol)
    if (found.long, found.short) != (buy, sell):
        wanted = f"{text(buy)} long, {text(sell)} short"
        raise NotApplied(VENUE, what, wanted=wanted, found=f"{text(found.long)} long, {text(found.short)} short")
    return found


__all__ = ["CATEGORY", "leverage", "set_leverage", "terms_of"]
