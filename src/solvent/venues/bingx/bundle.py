"""BingX's bundle -> an account. Sources: the swap API's data objects; docs/spec/bingx.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from solvent.core.account import (
    Account,
    Collateral,
    Mode,
    Note,
    Pool,
    Position,
    Reported,
    Side,
    Venue,
    position_key,
)
from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse, parse_decimal
from solvent.venues import envelope
from solvent.venues.bingx import wire
from solvent.venues.bingx.market import instruments_of, leverages, limits_of, optional, quote_of, settings_of
from solvent.venues.envelope import Bundle

KNOWN = frozenset({"balance", "positions", "leverage", "maintMarginRatio", "contracts", "positionSide"})
MAIN = "USDT"
ZERO = Fraction(0)
PRINTED = Fraction(1, 10_000)
"""Money and average prices carry four to five digits behind the point: sums differ by as much."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One held position and what the venue says of it."""

    raw: wire.Position
    path: str
    position: Position
    initial: Fraction | None
    """size * entry / leverage: the venue's own field has meant two things over the years."""
    doubt: str
    """Why the posted margin was read as it was; empty where the body leaves no choice."""
    added: Fraction


def read(source: Path | str | bytes | Mapping[str, Any]) -> Account:
    """The account of a bundle file, of its bytes, or of its decoded JSON. Raises BadInput."""
    bundle = envelope.open_bundle(source, "positions", frozenset())
    answers = leverages(bundle)
    settings = settings_of(answers)
    rows = _read_rows(bundle, settings)
    balances = _read_balances(bundle)
    terms = _terms(bundle, rows, balances)
    pools = _pools(rows, balances, hedge=terms["hedge"] == "true")
    reported: dict[str, Reported] = {}
    names = {id(p): position_key(pool, p) for pool in pools for p in pool.positions}
    for row in rows:
        _report_position(row, names[id(row.position)], reported)
    _report_account(balances, rows, reported)
    return Account(
        venue=Venue.BINGX,
        as_of=bundle.as_of(KNOWN),
        pools=tuple(pools),
        instruments=instruments_of(bundle, {row.position.instrument: row.position.price for row in rows}),
        reported=reported,
        leverages=settings,
        limits=limits_of(answers),
        terms=terms,
        notes=(*bundle.notes(KNOWN), *(Note("margin-read", row.doubt) for row in rows if row.doubt)),
    )


def _terms(
    bundle: Bundle, rows: Iterable[_Row], balances: Mapping[str, tuple[wire.Balance, str]] | None
) -> dict[str, str]:
    terms = {"hedge": "true" if _hedge(bundle, rows) else "false"}
    for asset, (raw, path) in (balances or {}).items():
        frozen = optional(raw.freezed_margin, f"{path}.freezedMargin", least=0)
        if frozen is not None:
            terms[f"frozen:{asset}"] = str(frozen)
    return terms


def _hedge(bundle: Bundle, rows: Iterable[_Row]) -> bool:
    """Hedge mode by the venue's word, else where one symbol is held on both sides."""
    part = bundle.one("positionSide")
    if part is not None:
        said = envelope.decode(part.body, wire.PositionSide, part.path).dual_side_position
        if str(said).lower() not in ("true", "false"):
            raise BadInput(f"{part.path}.dualSidePosition", "true or false", said)
        return str(said).lower() == "true"
    sides = {(row.position.instrument, row.position.side) for row in rows}
    return len({name for name, _ in sides}) < len(sides)


def _read_rows(bundle: Bundle, settings: Mapping[str, Fraction]) -> list[_Row]:
    rows: list[_Row] = []
    keys: set[tuple[str, str]] = set()
    for part in bundle.parts("positions"):
        for index, raw in enumerate(envelope.decode(part.body, list[wire.Position], part.path)):
            path = f"{part.path}[{index}]"
            position = _read_position(raw, path, settings)
            if position is None:
                continue
            apart = str(raw.position_id) if raw.isolated and raw.position_id is not None else ""
            key = (raw.symbol, f"{position.side}{raw.isolated}{apart}")
            if key in keys:
                raise BadInput(path, "each position once", f"<{raw.symbol} {position.side} twice>")
            keys.add(key)
            rows.append(_row(raw, path, position))
    return rows


def _read_position(raw: wire.Position, path: str, settings: Mapping[str, Fraction]) -> Position | None:
    """One position; None for a flat row."""
    amount = parse(raw.position_amt, f"{path}.positionAmt")
    if amount == 0:
        return None
    side = _side(raw, amount, path)
    leverage = optional(raw.leverage, f"{path}.leverage", least=1)
    origin = f"{path}.leverage"
    if leverage is None:
        leverage = settings.get(f"{raw.symbol}/{side}")
        origin = f"leverage.{raw.symbol}.{side}Leverage"
    price, price_origin = _mark(raw, abs(amount), path)
    return Position(
        instrument=raw.symbol,
        size=abs(amount) * side.sign,
        price=price,
        entry=parse(raw.avg_price, f"{path}.avgPrice", above=0),
        leverage=leverage,
        side=side,
        origin={
            "size": f"{path}.positionAmt",
            "price": price_origin,
            "entry": f"{path}.avgPrice",
            "leverage": origin,
        },
    )


def _side(raw: wire.Position, amount: Fraction, path: str) -> Side:
    match raw.position_side:
        case "LONG" if amount > 0:
            return Side.LONG
        case "SHORT":
            return Side.SHORT
        case "BOTH":
            return Side.of(amount)
        case "LONG":
            raise BadInput(f"{path}.positionAmt", "a number above 0 for LONG", raw.position_amt)
        case other:
            raise BadInput(f"{path}.positionSide", "LONG, SHORT or BOTH", other)


def _mark(raw: wire.Position, quantity: Fraction, path: str) -> tuple[Fraction, str]:
    """The mark. `markPrice` is printed coarsely: positionValue / quantity is taken where it is the same, finer."""
    mark = optional(raw.mark_price, f"{path}.markPrice", least=0)
    value = optional(raw.position_value, f"{path}.positionValue", least=0)
    if value:
        finer = value / quantity
        if mark is None or abs(finer - mark) <= _unit(raw.mark_price) + _unit(raw.position_value) / quantity:
            return finer, f"{path}.positionValue / positionAmt"
    if not mark:
        raise BadInput(f"{path}.markPrice", "a number above 0", raw.mark_price)
    return mark, f"{path}.markPrice"


def _unit(value: Number | None) -> Fraction:
    """One unit of the last printed place."""
    if value in (None, ""):
        return ZERO
    return Fraction(Decimal((0, (1,), int(parse_decimal(value, "unit").as_tuple().exponent))))


def _row(raw: wire.Position, path: str, position: Position) -> _Row:
    entry, leverage = position.entry, position.leverage
    assert entry is not None
    initial = None if leverage is None else abs(position.size) * entry / leverage
    added, doubt = _added(raw, path, position, initial)
    return _Row(raw, path, position, initial, doubt, added)


def _added(raw: wire.Position, path: str, position: Position, initial: Fraction | None) -> tuple[Fraction, str]:
    """Margin added to an isolated position: margin - unrealizedProfit - initial, beyond what rounding explains.

    `initial` is computed anew: in 2023 the field initialMargin already held the P&L.
    """
    margin = optional(raw.margin, f"{path}.margin")
    if not raw.isolated or margin is None or initial is None:
        return ZERO, ""
    pnl = optional(raw.unrealized_profit, f"{path}.unrealizedProfit")
    if pnl is None:
        pnl = position.unrealized_pnl or ZERO
    slack = 4 * PRINTED + initial * PRINTED
    added = margin - pnl - initial
    if abs(added) <= slack:
        return ZERO, ""
    if abs(margin - initial) <= slack:
        return ZERO, f"{raw.symbol}: margin equals the initial margin, so it is read as one without P&L"
    return added, f"{raw.symbol}: margin less P&L differs from the initial margin: read as margin added"


def _read_balances(bundle: Bundle) -> dict[str, tuple[wire.Balance, str]] | None:
    """Balance by asset: an array (v3), one object, or one object under `balance` (v2)."""
    if not bundle.has("balance"):
        return None
    found: dict[str, tuple[wire.Balance, str]] = {}
    for part in bundle.parts("balance"):
        bodies = part.body if isinstance(part.body, list) else [part.body]
        for index, body in enumerate(bodies):
            path = f"{part.path}[{index}]" if isinstance(part.body, list) else part.path
            if isinstance(body, dict) and isinstance(body.get("balance"), dict):
                body, path = body["balance"], f"{path}.balance"
            raw = envelope.decode(body, wire.Balance, path)
            if raw.asset in found:
                raise BadInput(f"{path}.asset", "each asset once", raw.asset)
            found[raw.asset] = (raw, path)
    return found


def _pools(
    rows: list[_Row], balances: Mapping[str, tuple[wire.Balance, str]] | None, *, hedge: bool
) -> list[Pool]:
    """A cross pool per margin asset (`cross` is the main one), and a pool per isolated position."""
    isolated = [_isolated_pool(row, rows, hedge=hedge) for row in rows if row.raw.isolated]
    assets = list(dict.fromkeys(quote_of(row.position.instrument) for row in rows)) or [MAIN]
    main = MAIN if MAIN in assets else assets[0]
    cross = []
    for asset in sorted(assets, key=lambda name: name != main):
        shared = tuple(
            row.position for row in rows if not row.raw.isolated and quote_of(row.position.instrument) == asset
        )
        posted = sum(
            (p.cash + _entry_value(p.positions) for p in isolated if p.numeraire == asset),
            ZERO,
        )
        raw, path = (balances or {}).get(asset, (None, ""))
        wallet = ZERO if raw is None else parse(raw.balance, f"{path}.balance")
        reason = f"balance of {asset} is not in the bundle"
        cross.append(
            Pool(
                name="cross" if asset == main else f"cross:{asset}",
                mode=Mode.CROSS,
                cash=wallet - posted - _entry_value(shared),
                positions=shared,
                collateral=Collateral("unknown", ZERO, reason) if raw is None else Collateral(),
                numeraire=asset,
                cash_origin=f"{path}.balance - isolated margins - sum of size * entry",
            )
        )
    return [*cross, *isolated]


def _entry_value(positions: Iterable[Position]) -> Fraction:
    return sum((p.size * p.entry for p in positions if p.entry is not None), ZERO)


def _isolated_pool(row: _Row, rows: Iterable[_Row], *, hedge: bool) -> Pool:
    """Its collateral is initial + added margin, never the field that holds P&L."""
    position = row.position
    twins = [r for r in rows if r.raw.isolated and r.position.instrument == position.instrument]
    name = f"isolated:{position.instrument}"
    if hedge or len(twins) > 1:
        name += f":{position.side}"
    if sum(r.position.side is position.side for r in twins) > 1:
        name += f":{row.raw.position_id}"
    known = row.initial is not None
    reason = f"{position.instrument}: its leverage is not in the bundle, so its margin is not known"
    return Pool(
        name=name,
        mode=Mode.ISOLATED,
        cash=(row.initial or ZERO) + row.added - _entry_value([position]),
        positions=(position,),
        collateral=Collateral() if known else Collateral("unknown", ZERO, reason),
        numeraire=quote_of(position.instrument),
        cash_origin="size * entry / leverage + added margin - size * entry",
    )


def _report_position(row: _Row, key: str, reported: dict[str, Reported]) -> None:
    raw = row.raw
    fields = (
        ("unrealized_pnl", raw.unrealized_profit, "unrealizedProfit", "printed"),
        ("pnl_ratio", raw.pnl_ratio, "pnlRatio", "quotient"),
        ("margin", raw.margin, "margin", "printed"),
        ("liquidation_price", raw.liquidation_price, "liquidationPrice", "price"),
    )
    for figure, value, name, kind in fields:
        if value not in (None, ""):
            where = f"{row.path}.{name}"
            number: Decimal | None = parse_decimal(value, where)
            if figure == "liquidation_price" and number == 0:
                number = None  # the venue's word for "there is none"
            reported[f"positions.{key}.{figure}"] = Reported(number, kind, where)
    if raw.initial_margin not in (None, "") and not _holds_pnl(row):
        where = f"{row.path}.initialMargin"
        number = parse_decimal(raw.initial_margin, where)
        reported[f"positions.{key}.initial_margin"] = Reported(number, "printed", where)


def _holds_pnl(row: _Row) -> bool:
    """Whether initialMargin is the 2023 one, initial margin + P&L: then it is another figure."""
    stated = optional(row.raw.initial_margin, f"{row.path}.initialMargin")
    pnl = row.position.unrealized_pnl
    if stated is None or row.initial is None or not pnl:
        return False
    slack = 2 * PRINTED + row.initial * PRINTED
    return abs(stated - row.initial - pnl) <= slack < abs(stated - row.initial)


def _report_account(
    balances: Mapping[str, tuple[wire.Balance, str]] | None, rows: Iterable[_Row], reported: dict[str, Reported]
) -> None:
    """The totals of the main asset, where it is the only one."""
    assets = {quote_of(row.position.instrument) for row in rows} or {MAIN}
    if balances is None or len(assets) > 1 or not assets <= balances.keys():
        return
    raw, path = balances[next(iter(assets))]
    used, origin = raw.used_margin, "usedMargin"
    if used not in (None, "") and optional(raw.freezed_margin, f"{path}.freezedMargin"):
        # the venue keeps what resting orders hold apart; the account's initial margin includes it
        used = str(parse_decimal(used, f"{path}.usedMargin") + parse_decimal(raw.freezed_margin or "0", path))
        origin = "usedMargin + freezedMargin"
    for figure, value, name in (
        ("equity", raw.equity, "equity"),
        ("initial_margin", used, origin),
        ("withdrawable", raw.available_margin, "availableMargin"),
    ):
        if value not in (None, ""):
            reported[figure] = Reported(parse_decimal(value, f"{path}.{name}"), "printed", f"{path}.{name}")


__all__ = ["read"]
