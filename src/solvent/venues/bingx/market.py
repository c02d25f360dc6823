"""BingX's contracts, maintMarginRatio and leverage answers -> instruments, leverage settings, limits."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from solvent.core.account import Instrument, Tier
from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse
from solvent.venues import envelope
from solvent.venues.bingx import wire
from solvent.venues.envelope import Bundle


def optional(value: Number | None, path: str, *, least: int | None = None) -> Fraction | None:
    """A number that the venue may leave out."""
    return None if value in (None, "") else parse(value, path, least=least)


def by_symbol(bundle: Bundle, name: str) -> Iterator[tuple[str, Any, str]]:
    """Symbol, body and path of every answer: keyed by symbol, or one part per symbol."""
    for part in bundle.parts(name):
        asked = part.params.get("symbol")
        if isinstance(asked, str):
            yield asked, part.body, part.path
            continue
        if not isinstance(part.body, dict):
            raise BadInput(part.path, "an object keyed by symbol", f"<{type(part.body).__name__}>")
        for symbol, body in part.body.items():
            yield symbol, body, f"{part.path}.{symbol}"


def instruments_of(bundle: Bundle, marks: Mapping[str, Fraction]) -> dict[str, Instrument]:
    """Instrument by symbol: all that any part of the bundle names."""
    contracts, tables, settings = _contracts(bundle), _tables(bundle), leverages(bundle)
    return {
        symbol: _instrument(
            symbol,
            contracts.get(symbol, (wire.Contract(symbol), "contracts")),
            tables.get(symbol, ((), None, f"maintMarginRatio of {symbol} is not in the bundle")),
            settings.get(symbol),
            marks.get(symbol),
        )
        for symbol in dict.fromkeys((*marks, *contracts, *tables, *settings))
    }


def leverages(bundle: Bundle) -> dict[str, tuple[wire.Leverage, str]]:
    """The leverage answer of each symbol, and its path."""
    found: dict[str, tuple[wire.Leverage, str]] = {}
    for symbol, body, path in by_symbol(bundle, "leverage"):
        if symbol in found:
            raise BadInput(path, f"{symbol} once", f"<{symbol} twice>")
        found[symbol] = (envelope.decode(body, wire.Leverage, path), path)
    return found


def settings_of(found: Mapping[str, tuple[wire.Leverage, str]]) -> dict[str, Fraction]:
    """By symbol where both sides have one setting, and by symbol/side."""
    made: dict[str, Fraction] = {}
    for symbol, (raw, path) in found.items():
        long = optional(raw.long_leverage, f"{path}.longLeverage", least=1)
        short = optional(raw.short_leverage, f"{path}.shortLeverage", least=1)
        if long is not None and long == short:
            made[symbol] = long
        made |= {f"{symbol}/{side}": n for side, n in (("long", long), ("short", short)) if n is not None}
    return made


def limits_of(found: Mapping[str, tuple[wire.Leverage, str]]) -> dict[str, Fraction]:
    """The venue's own largest order, where it says so."""
    made: dict[str, Fraction] = {}
    for symbol, (raw, path) in found.items():
        buy = optional(raw.available_long_vol, f"{path}.availableLongVol", least=0)
        sell = optional(raw.available_short_vol, f"{path}.availableShortVol", least=0)
        made |= {f"{symbol}/{side}": n for side, n in (("buy", buy), ("sell", sell)) if n is not None}
    return made


def quote_of(symbol: str) -> str:
    """The asset a contract is margined in: BTC-USDT -> USDT."""
    return symbol.rpartition("-")[2]


def _contracts(bundle: Bundle) -> dict[str, tuple[wire.Contract, str]]:
    """Contracts come all in one list, or keyed by symbol (each a contract or a list of one)."""
    found: dict[str, tuple[wire.Contract, str]] = {}
    for part in bundle.parts("contracts"):
        keyed = isinstance(part.body, dict) and "symbol" not in part.body
        bodies = part.body if isinstance(part.body, list) else [part.body]
        if keyed:
            bodies = [b for value in part.body.values() for b in (value if isinstance(value, list) else [value])]
        for index, raw in enumerate(envelope.decode(bodies, list[wire.Contract], part.path)):
            path = f"{part.path}.{raw.symbol}" if keyed else f"{part.path}[{index}]"
            if raw.symbol in found:
                raise BadInput(f"{path}.symbol", "each symbol once", raw.symbol)
            found[raw.symbol] = (raw, path)
    return found


Table = tuple[tuple[Tier, ...], Fraction | None, str]


def _tables(bundle: Bundle) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for symbol, body, path in by_symbol(bundle, "maintMarginRatio"):
        if symbol in found:
            raise BadInput(path, f"{symbol} once", f"<{symbol} twice>")
        found[symbol] = _table(symbol, envelope.decode(body, list[wire.Tier], path), path)
    return found


def _table(symbol: str, raws: list[wire.Tier], path: str) -> Table:
    """Tiers from 0 up, as far as each begins where the last one ends."""
    rows: list[tuple[Fraction, Fraction, Fraction, Fraction]] = []
    for index, raw in enumerate(raws):
        where = f"{path}[{index}]"
        lower = parse(raw.min_position_val, f"{where}.minPositionVal", least=0)
        upper = parse(raw.max_position_val, f"{where}.maxPositionVal", above=0)
        rate = parse(raw.maint_margin_ratio, f"{where}.maintMarginRatio", above=0)
        deduction = parse(raw.maint_amount, f"{where}.maintAmount", least=0)
        if upper <= lower:
            raise BadInput(f"{where}.maxPositionVal", "a bound above minPositionVal", raw.max_position_val)
        if rate >= 1:
            raise BadInput(f"{where}.maintMarginRatio", "a rate below 1", raw.maint_margin_ratio)
        if any(lower == known for known, *_ in rows):
            raise BadInput(f"{where}.minPositionVal", "each bound once", raw.min_position_val)
        rows.append((lower, upper, rate, deduction))
    tiers: list[Tier] = []
    top = Fraction(0)
    source = f"maintMarginRatio of {symbol}"
    for lower, upper, rate, deduction in sorted(rows):
        if lower != top:
            source = f"{source} (the tier from {top} on is not in the bundle)"
            break
        tiers.append(Tier(lower, rate, deduction))
        top = upper
    return tuple(tiers), top if tiers else None, source


def _instrument(
    symbol: str,
    contract: tuple[wire.Contract, str],
    table: Table,
    setting: tuple[wire.Leverage, str] | None,
    mark: Fraction | None,
) -> Instrument:
    raw, path = contract
    tiers, top, source = table
    most = [
        optional(value, path, least=1)
        for value in (
            raw.max_long_leverage,
            raw.max_short_leverage,
            *((setting[0].max_long_leverage, setting[0].max_short_leverage) if setting else ()),
        )
    ]
    fee = optional(raw.taker_fee_rate, f"{path}.takerFeeRate")
    if fee is not None and abs(fee) >= 1:
        raise BadInput(f"{path}.takerFeeRate", "a rate between -1 and 1", raw.taker_fee_rate)
    return Instrument(
        name=symbol,
        underlying=raw.asset or symbol.partition("-")[0],
        price=mark,
        size_step=_step(raw.quantity_precision, f"{path}.quantityPrecision"),
        price_tick=_step(raw.price_precision, f"{path}.pricePrecision"),
        min_size=optional(raw.trade_min_quantity, f"{path}.tradeMinQuantity", least=0),
        min_notional=optional(raw.trade_min_usdt, f"{path}.tradeMinUSDT", least=0),
        leverage_step=Fraction(1),
        max_leverage=min((n for n in most if n is not None), default=None),
        tiers=tiers,
        tiers_source=source,
        max_notional=top,
        taker_fee=fee,
        quote=quote_of(symbol),
        settle=quote_of(symbol),
    )


def _step(places: int | None, path: str) -> Fraction | None:
    if places is None:
        return None
    if not 0 <= places <= 18:
        raise BadInput(path, "a whole number from 0 to 18", places)
    return Fraction(1, 10**places)


__all__ = ["by_symbol", "instruments_of", "leverages", "limits_of", "optional", "quote_of", "settings_of"]
