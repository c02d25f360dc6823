"""Bybit's risk-limit pages -> tiers per symbol (BYBIT-TIER).

`riskLimitValue` is the upper bound of a row, rows come in any order and page by page, `mmDeduction` is often
empty. A tier whose lower neighbour is missing cannot be told, so the table ends below it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Tier
from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse
from solvent.venues import envelope
from solvent.venues.bybit import wire
from solvent.venues.envelope import Bundle

_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]{1,30})?[Ee]\+?[0-9]")
_LOOSE = Fraction(1, 10)
"""initialMargin is 1 / maxLeverage, but both are printed rounded."""
_FRACTION, _PERCENT = Fraction(1), Fraction(100)


@dataclass(frozen=True, slots=True)
class TierTable:
    """Tiers from 0 up to `limit` (inclusive). Above it nothing is known, and `source` says why."""

    tiers: tuple[Tier, ...]
    limit: Fraction | None
    source: str


@dataclass(frozen=True, slots=True)
class _Row:
    id: int | None
    limit: Fraction
    rate: Fraction
    deduction: Fraction | None
    max_leverage: Fraction | None
    lowest: bool | None


def tier_tables(bundle: Bundle) -> dict[str, TierTable]:
    """Tiers by symbol, over all pages; empty where the bundle has no `risk-limit`."""
    rows: dict[str, list[_Row]] = {}
    for part in bundle.parts("risk-limit"):
        page = envelope.decode(part.body, wire.RiskLimits, part.path)
        for index, raw in enumerate(page.rows):
            path = f"{part.path}.list[{index}]"
            row = _row(raw, path)
            known = rows.setdefault(raw.symbol, [])
            if any(row.limit == other.limit for other in known):
                raise BadInput(f"{path}.riskLimitValue", f"each bound of {raw.symbol} once", raw.risk_limit_value)
            known.append(row)
    return {symbol: _table(symbol, found) for symbol, found in rows.items()}


def _row(raw: wire.RiskLimit, path: str) -> _Row:
    unit = _unit(raw, path)
    rate = parse(raw.maintenance_margin, f"{path}.maintenanceMargin", above=0) / unit
    if rate >= 1:
        raise BadInput(f"{path}.maintenanceMargin", "a rate below 1", raw.maintenance_margin)
    blank = raw.mm_deduction in (None, "")
    return _Row(
        id=raw.id,
        limit=parse(raw.risk_limit_value, f"{path}.riskLimitValue", above=0),
        rate=rate,
        deduction=None if blank else parse(raw.mm_deduction, f"{path}.mmDeduction", least=0),
        max_leverage=_leverage(raw.max_leverage, f"{path}.maxLeverage"),
        lowest=None if raw.is_lowest_risk is None else raw.is_lowest_risk == 1,
    )


def _unit(raw: wire.RiskLimit, path: str) -> Fraction:
    """Rates are fractions for linear contracts and have been seen as percent for inverse ones.

    initialMargin * maxLeverage tells which: about 1, or about 100.
    """
    leverage = _leverage(raw.max_leverage, f"{path}.maxLeverage")
    if leverage is None or raw.initial_margin in (None, ""):
        return _FRACTION
    product = parse(raw.initial_margin, f"{path}.initialMargin", above=0) * leverage
    for unit in (_FRACTION, _PERCENT):
        if abs(product / unit - 1) <= _LOOSE:
            return unit
    raise BadInput(f"{path}.initialMargin", "1 / maxLeverage, as a fraction or in percent", raw.initial_margin)


def _leverage(value: Number | None, path: str) -> Fraction | None:
    """A maximum leverage. Round ones are seen as 1E+2 where a recorder wrote a quotient; nothing else may."""
    if value in (None, ""):
        return None
    if isinstance(value, str) and _SCIENTIFIC.fullmatch(value):
        return Fraction(value)
    return parse(value, path, above=0)


def _table(symbol: str, rows: Iterable[_Row]) -> TierTable:
    tiers: list[Tier] = []
    last: _Row | None = None
    source = f"risk-limit of {symbol}"
    for row in sorted(rows, key=lambda r: r.limit):
        deduction = _deduction(row, last, tiers)
        if deduction is None:
            end = "its lowest tier" if last is None else f"a tier above {last.limit}"
            source = f"{source} ({end} is not in the bundle)"
            break
        lower = Fraction(0) if last is None else last.limit
        tiers.append(Tier(lower, row.rate, deduction, row.max_leverage))
        last = row
    return TierTable(tuple(tiers), last.limit if last else None, source)


def _deduction(row: _Row, last: _Row | None, tiers: list[Tier]) -> Fraction | None:
    """The row's deduction; None where the row below it is missing.

    On top of `last` a row fits where the ids follow each other or the stated deduction is the one that
    makes the requirement continuous.
    """
    if last is None:
        lowest = row.lowest if row.lowest is not None else not row.deduction
        return (row.deduction or Fraction(0)) if lowest else None
    continuous = tiers[-1].deduction + last.limit * (row.rate - last.rate)
    if row.deduction == continuous:
        return continuous
    if row.id is None or last.id is None or row.id != last.id + 1:
        return None
    return continuous if row.deduction is None else row.deduction


__all__ = ["TierTable", "tier_tables"]
