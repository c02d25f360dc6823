"""A report as plain data: the shape of `--json`. Decimals are text, absent is null."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from solvent.core.account import LAST_MS
from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, text
from solvent.margin.evaluate import Evaluation, PoolResult, PositionResult
from solvent.margin.figures import Figure, Status

ACCOUNT_FIGURES = (
    "equity",
    "cash",
    "initial_margin",
    "maintenance_margin",
    "free_margin",
    "withdrawable",
    "leverage",
    "margin_usage",
    "maintenance_usage",
)
POOL_FIGURES = (
    "equity",
    "cash",
    "notional",
    "initial_margin",
    "maintenance_margin",
    "free_margin",
    "maintenance_usage",
)


@dataclass(frozen=True, slots=True)
class Bands:
    """Usage of maintenance margin from which a pool is called medium, high and extreme."""

    medium: Decimal = Decimal("0.4")
    high: Decimal = Decimal("0.7")
    extreme: Decimal = Decimal("0.9")

    def of(self, pool: PoolResult) -> str:
        """The pool's band; one whose equity is gone is extreme, though its usage is no number."""
        usage = pool.figures["maintenance_usage"]
        if usage.value is None:
            return "extreme" if _spent(pool) else "unknown"
        if usage.value >= self.extreme:
            return "extreme"
        if usage.value >= self.high:
            return "high"
        return "medium" if usage.value >= self.medium else "low"


def printable(words: str) -> str:
    """Words of a bundle for a terminal: control characters are spelt out, never sent."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in words)


def shown(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _value(figures: dict[str, Figure] | Any, name: str) -> str | None:
    found = figures.get(name)
    return None if found is None else shown(found.value)


def document(made: Evaluation, bands: Bands | None = None) -> dict[str, Any]:
    """The whole report. Field names and units: docs/reference/report.md."""
    bands = bands or Bands()
    account = made.account
    positions = {p.key: _position(p) for p in made.positions}
    body: dict[str, Any] = {"venue": str(account.venue), "as_of": as_of(account.as_of)}
    body |= {name: _value(made.figures, name) for name in ACCOUNT_FIGURES}
    body |= {n: shown(f.value) for n, f in made.figures.items() if n not in body and "." not in n}
    worst = worst_pool(made)
    body["risk"] = None if worst is None else {"band": bands.of(worst), "pool": worst.pool.name}
    body["pools"] = [_pool(pool, positions, bands) for pool in made.pools]
    body["positions"] = list(positions.values())
    body["reported"] = [
        {
            "figure": c.figure,
            "computed": shown(c.computed),
            "reported": shown(c.reported),
            "difference": shown(c.difference),
            "agrees": c.agrees,
            "reason": c.reason or None,
        }
        for c in made.compared
    ]
    body["unknown"] = [{"figure": path, "reason": reason} for path, reason in _unknown(made)]
    body["notes"] = [{"code": n.code, "text": n.text} for n in made.notes]
    return body


def _spent(pool: PoolResult) -> bool:
    equity, asked = (pool.figures[name].value for name in ("equity", "maintenance_margin"))
    return equity is not None and asked is not None and equity <= 0 < asked


def worst_pool(made: Evaluation) -> PoolResult | None:
    """The pool that is nearest to liquidation by usage; an unknown usage is worse than any number."""
    used = [p for p in made.pools if p.positions]
    if not used:
        return None

    def usage(pool: PoolResult) -> Decimal:
        value = pool.figures["maintenance_usage"].value
        return Decimal("Infinity") if value is None else value

    return max(used, key=usage)


def as_of(stamp: int | None) -> str | None:
    if stamp is None:
        return None
    if not 0 <= stamp < LAST_MS:
        raise BadInput("as_of", "milliseconds since 1970", stamp)
    moment = datetime.fromtimestamp(stamp // 1000, UTC).replace(microsecond=stamp % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pool(result: PoolResult, positions: dict[str, dict[str, Any]], bands: Bands) -> dict[str, Any]:
    body: dict[str, Any] = {"name": result.pool.name, "mode": str(result.pool.mode)}
    body |= {name: _value(result.figures, name) for name in POOL_FIGURES}
    body |= {n: shown(f.value) for n, f in result.figures.items() if n not in body}
    body["band"] = bands.of(result) if result.positions else "low"
    body["positions"] = [positions[p.key] for p in result.positions]
    return body


def _position(result: PositionResult) -> dict[str, Any]:
    position, figures, found = result.position, result.figures, result.liquidation
    entry = figures.get("entry_price")
    reasons = [f.reason for f in figures.values() if f.reason]
    body: dict[str, Any] = {
        "instrument": position.instrument,
        "pool": result.pool.name,
        "side": str(position.side),
        "key": result.key,
        "kind": str(position.kind),
        "size": text(decimal_of(position.size)),
        "entry_price": shown(entry.value) if entry else _fraction(position.entry),
        "mark_price": text(decimal_of(position.price)),
        "margin_mode": str(result.pool.mode),
        "leverage": _fraction(position.leverage),
        "max_leverage": _fraction(position.max_leverage),
        "liquidation_status": str(figures["liquidation_price"].status),
        "liquidation_distance": shown(found.distance),
        "solvent_from": shown(found.ends.low) if found.ends else None,
        "solvent_to": shown(found.ends.high) if found.ends else None,
        "underlying_liquidation_price": shown(found.underlying),
        "reason": "; ".join(dict.fromkeys(reasons)) or None,
    }
    for name in (
        "notional",
        "unrealized_pnl",
        "margin_used",
        "initial_margin",
        "maintenance_margin",
        "liquidation_price",
    ):
        body[name] = _value(figures, name)
    body |= {name: shown(f.value) for name, f in figures.items() if name not in body}
    return body


def _fraction(value: Any) -> str | None:
    return None if value is None else text(decimal_of(value))


def _unknown(made: Evaluation) -> list[tuple[str, str]]:
    """Every figure that could not be computed, or not without the venue's own, once."""
    sources = [made.figures, *(pool.figures for pool in made.pools), *(p.figures for p in made.positions)]
    blind = [(f.path, f.reason) for figures in sources for f in figures.values() if f.status is Status.UNKNOWN]
    return list(dict.fromkeys([*blind, *made.unjudged]))
