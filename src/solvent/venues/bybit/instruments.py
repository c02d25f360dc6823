"""Bybit's instruments-info, risk-limit and fee-rate pages -> instruments."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Instrument
from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse
from solvent.venues import envelope
from solvent.venues.bybit import wire
from solvent.venues.bybit.tiers import TierTable, tier_tables
from solvent.venues.envelope import Bundle

STABLE = ("USDT", "USDC")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the position list itself says of a symbol."""

    mark: Fraction | None
    inverse: bool


@dataclass(frozen=True, slots=True)
class _Market:
    raw: wire.Market
    path: str
    inverse: bool


def instruments_of(bundle: Bundle, seen: Mapping[str, Seen]) -> dict[str, Instrument]:
    """Instrument by symbol: all that any part of the bundle names."""
    markets, tables, fees = _markets(bundle), tier_tables(bundle), _fees(bundle)
    found = {}
    for symbol in dict.fromkeys((*seen, *markets, *tables, *fees)):
        found[symbol] = _instrument(
            symbol, markets.get(symbol), tables.get(symbol), fees.get(symbol), seen.get(symbol)
        )
    return found


def settle_coin(symbol: str) -> str:
    """The coin a linear contract is margined in: BTCUSDT -> USDT, BTCPERP and BTC-26SEP25 -> USDC."""
    name = symbol.partition("-")[0]
    return "USDT" if name.endswith("USDT") else "USDC"


def is_inverse(symbol: str, category: str | None) -> bool:
    """By the page's category; where it has none, by the symbol (BTCUSD, BTCUSDH25)."""
    if category is not None:
        return category == "inverse"
    return "USD" in symbol and not any(coin in symbol for coin in STABLE)


def optional(value: Number | None, path: str, *, least: int | None = None) -> Fraction | None:
    """A number that the venue may leave empty."""
    return None if value in (None, "") else parse(value, path, least=least)


def _markets(bundle: Bundle) -> dict[str, _Market]:
    found: dict[str, _Market] = {}
    for part in bundle.parts("instruments-info"):
        page = envelope.decode(part.body, wire.Markets, part.path)
        for index, raw in enumerate(page.rows):
            path = f"{part.path}.list[{index}]"
            if raw.symbol in found:
                raise BadInput(f"{path}.symbol", "each symbol once", raw.symbol)
            inverse = raw.contract_type.startswith("Inverse") or page.category == "inverse"
            found[raw.symbol] = _Market(raw, path, inverse)
    return found


def _fees(bundle: Bundle) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for part in bundle.parts("fee-rate"):
        for index, raw in enumerate(envelope.decode(part.body, wire.FeeRates, part.path).rows):
            path = f"{part.path}.list[{index}].takerFeeRate"
            rate = parse(raw.taker_fee_rate, path)
            if abs(rate) >= 1:
                raise BadInput(path, "a rate between -1 and 1", raw.taker_fee_rate)
            if found.setdefault(raw.symbol, rate) != rate:
                raise BadInput(path, f"one fee rate of {raw.symbol}", raw.taker_fee_rate)
    return found


def _instrument(
    symbol: str,
    market: _Market | None,
    table: TierTable | None,
    fee: Fraction | None,
    seen: Seen | None,
) -> Instrument:
    stated = market or _Market(wire.Market(symbol=symbol), "instruments-info", inverse=False)
    raw, path = stated.raw, stated.path
    lots = raw.lot_size_filter
    where = f"{path}.lotSizeFilter"
    most = optional(raw.leverage_filter.max_leverage, f"{path}.leverageFilter.maxLeverage", least=1)
    tiers = table.tiers if table else ()
    return Instrument(
        name=symbol,
        underlying=raw.base_coin or _underlying(symbol),
        price=seen.mark if seen else None,
        size_step=_step(lots.qty_step, f"{where}.qtyStep"),
        price_tick=_step(raw.price_filter.tick_size, f"{path}.priceFilter.tickSize"),
        lowest_price=optional(raw.price_filter.min_price, f"{path}.priceFilter.minPrice", least=0),
        highest_price=optional(raw.price_filter.max_price, f"{path}.priceFilter.maxPrice", least=0) or None,
        min_size=optional(lots.min_order_qty, f"{where}.minOrderQty", least=0),
        max_size=optional(lots.max_order_qty, f"{where}.maxOrderQty", least=0),
        min_notional=optional(lots.min_notional_value, f"{where}.minNotionalValue", least=0),
        leverage_step=_step(raw.leverage_filter.leverage_step, f"{path}.leverageFilter.leverageStep"),
        max_leverage=most if most is not None else (tiers[0].max_leverage if tiers else None),
        tiers=tiers,
        tiers_source=table.source if table else f"risk-limit of {symbol} is not in the bundle",
        max_notional=table.limit if table else None,
        taker_fee=fee,
        inverse=stated.inverse or bool(seen and seen.inverse),
    )


def _step(value: Number | None, path: str) -> Fraction | None:
    return None if value in (None, "") else parse(value, path, above=0)


def _underlying(symbol: str) -> str:
    name = symbol.partition("-")[0]
    for suffix in (*STABLE, "PERP"):
        if name.endswith(suffix) and name != suffix:
            return name.removesuffix(suffix)
    return name


__all__ = ["Seen", "instruments_of", "is_inverse", "optional", "settle_coin"]
