"""Bybit's bundle -> an account. Sources: the V5 API's result objects; docs/spec/bybit.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from solvent.core.account import (
    Account,
    Collateral,
    Mode,
    Note,
    Order,
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
from solvent.venues.bybit import wire
from solvent.venues.bybit.instruments import Seen, instruments_of, is_inverse, optional, settle_coin
from solvent.venues.bybit.wallet import Wallet, read_wallet
from solvent.venues.envelope import Bundle

KNOWN = frozenset(
    {
        "account-info",
        "wallet-balance",
        "position-list",
        "risk-limit",
        "fee-rate",
        "instruments-info",
        "open-orders",
        "symbol-info",
    }
)
MARK_SINCE = 1_756_771_200_000
"""2 September 2025, UTC: margins are computed at the mark from here on."""
HALF_PLACE = Fraction(1, 2 * 10**8)
RESTING = frozenset({"New", "PartiallyFilled"})


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the position list. `position` None: a flat row, which still tells its leverage."""

    raw: wire.Position
    path: str
    inverse: bool
    position: Position | None


def read(source: Path | str | bytes | Mapping[str, Any], *, regime: str | None = None) -> Account:
    """The account of a bundle file, of its bytes, or of its decoded JSON.

    `regime` ("entry" or "mark") wins over what the bundle's date and fields say. Raises BadInput.
    """
    bundle = envelope.open_bundle(source, "position-list", frozenset())
    rows = _read_rows(bundle)
    held = [row for row in rows if row.position is not None]
    as_of = bundle.as_of(KNOWN)
    chosen, why = _regime(regime, held, as_of)
    mode, orders = _margin_mode(bundle), _read_orders(bundle)
    wallet = read_wallet(bundle, {settle_coin(row.raw.symbol) for row in held if not row.inverse} or {"USDT"})
    pools = _pools(held, mode, wallet)
    reported = {} if mode == "ISOLATED_MARGIN" else dict(wallet.reported)
    names = {id(p): position_key(pool, p) for pool in pools for p in pool.positions}
    for row in held:
        _report_position(row, names[id(row.position)], chosen, mode, reported)
    return Account(
        venue=Venue.BYBIT,
        as_of=as_of,
        pools=tuple(pools),
        instruments=instruments_of(bundle, _seen(rows)),
        orders=orders,
        reported=reported,
        leverages=_leverages(bundle, rows),
        terms=_terms(chosen, mode, wallet, rows),
        notes=(*bundle.notes(KNOWN), Note("regime", f"{chosen} regime: {why}"), *wallet.notes),
    )


def _terms(regime: str, mode: str, wallet: Wallet, rows: Iterable[_Row]) -> dict[str, str]:
    terms = {
        "regime": regime,
        "margin_mode": mode,
        "usd_rate": str(wallet.rate),
        "usd_rate_origin": wallet.rate_origin,
        "hedge": "true" if any(row.raw.position_idx for row in rows) else "false",
        "coins": " ".join(wallet.held),
    }
    if wallet.balance is None:
        terms["wallet"] = "missing"
    if wallet.order_margin is not None:
        terms["order_margin"] = str(wallet.order_margin)
    return terms


def _regime(explicit: str | None, held: Iterable[_Row], as_of: int | None) -> tuple[str, str]:
    """Which formula era, and why: as told, as the fields show, as the date says, else today's."""
    if explicit is not None:
        if explicit not in ("entry", "mark"):
            raise BadInput("regime", "entry or mark", explicit)
        return explicit, "as asked for"
    for row in held:
        raw = row.raw
        pairs = (
            ("positionIM", raw.position_im, raw.position_im_by_mp),
            ("positionMM", raw.position_mm, raw.position_mm_by_mp),
        )
        for name, before, by_mark in pairs:
            old, new = optional(before, f"{row.path}.{name}"), optional(by_mark, f"{row.path}.{name}ByMp")
            if old is not None and new is not None and old != new:
                return "entry", f"margins of {raw.symbol} differ from its ByMp fields (transition of 2025)"
    if as_of is not None and as_of < MARK_SINCE:
        return "entry", "captured before 2025-09-02"
    return "mark", "in force since 2025-09-02"


def _margin_mode(bundle: Bundle) -> str:
    part = bundle.one("account-info")
    if part is None:
        return "unknown"
    return envelope.decode(part.body, wire.AccountInfo, part.path).margin_mode or "unknown"


def _read_rows(bundle: Bundle) -> list[_Row]:
    rows: list[_Row] = []
    keys: set[tuple[str, int]] = set()
    sides: set[tuple[str, Side]] = set()
    for part in bundle.parts("position-list"):
        page = envelope.decode(part.body, wire.PositionList, part.path)
        category = page.category or part.params.get("category")
        if category not in (None, "linear", "inverse"):
            raise BadInput(f"{part.path}.category", "linear or inverse", category)
        for index, raw in enumerate(page.rows):
            path = f"{part.path}.list[{index}]"
            key = (raw.symbol, raw.position_idx)
            if key in keys:
                raise BadInput(
                    path, "each symbol and positionIdx once", f"<{raw.symbol} {raw.position_idx} twice>"
                )
            keys.add(key)
            inverse = is_inverse(raw.symbol, category)
            position = _read_position(raw, path, inverse=inverse)
            if position is not None:
                if (raw.symbol, position.side) in sides:
                    raise BadInput(path, "each symbol and side once", f"<{raw.symbol} {position.side} twice>")
                sides.add((raw.symbol, position.side))
            rows.append(_Row(raw, path, inverse, position))
    return rows


def _read_position(raw: wire.Position, path: str, *, inverse: bool) -> Position | None:
    """One position; None for a flat row. An inverse one keeps no entry: its P&L is in the coin."""
    size = parse(raw.size, f"{path}.size", least=0)
    leverage = optional(raw.leverage, f"{path}.leverage", least=0)
    if size == 0:
        return None
    if raw.side not in ("Buy", "Sell"):
        raise BadInput(f"{path}.side", "Buy or Sell", raw.side)
    if (raw.position_idx, raw.side) in ((1, "Sell"), (2, "Buy")):
        raise BadInput(f"{path}.side", f"the side of positionIdx {raw.position_idx}", raw.side)
    if leverage is not None and leverage < 1:
        raise BadInput(f"{path}.leverage", "a number of at least 1", raw.leverage)
    side = Side.LONG if raw.side == "Buy" else Side.SHORT
    return Position(
        instrument=raw.symbol,
        size=size * side.sign,
        price=parse(raw.mark_price, f"{path}.markPrice", above=0),
        entry=None if inverse else _entry(raw, path, size),
        leverage=leverage,
        side=side,
        origin={
            "size": f"{path}.size",
            "price": f"{path}.markPrice",
            "entry": f"{path}.avgPrice",
            "leverage": f"{path}.leverage",
        },
    )


def _entry(raw: wire.Position, path: str, size: Fraction) -> Fraction:
    """The average price, which the venue rounds to eight decimals; from the entry value where the two are one."""
    average = parse(raw.avg_price, f"{path}.avgPrice", above=0)
    value = optional(raw.position_value, f"{path}.positionValue", least=0)
    if value is not None and abs(value - average * size) <= HALF_PLACE * (size + 1):
        return value / size
    return average


def _seen(rows: Iterable[_Row]) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for row in rows:
        mark = row.position.price if row.position else optional(row.raw.mark_price, f"{row.path}.markPrice")
        if row.raw.symbol not in found or found[row.raw.symbol].mark is None:
            found[row.raw.symbol] = Seen(mark or None, row.inverse)
    return found


def _leverages(bundle: Bundle, rows: list[_Row]) -> dict[str, Fraction]:
    """Settings of flat symbols: by symbol where one figure serves both sides, else by symbol/side.

    `symbol-info` states them for every symbol; a held one counts by its own row.
    """
    flat: dict[str, dict[str, Fraction]] = {}
    open_rows = {(row.raw.symbol, row.raw.position_idx) for row in rows if row.position is not None}
    for part in bundle.parts("symbol-info"):
        for index, raw in enumerate(envelope.decode(part.body, wire.LeverageSettings, part.path).rows):
            setting = optional(raw.leverage, f"{part.path}.list[{index}].leverage")
            if setting and (raw.symbol, raw.position_idx) not in open_rows:
                flat.setdefault(raw.symbol, {})[("", "long", "short")[raw.position_idx]] = setting
    for row in rows:
        setting = optional(row.raw.leverage, f"{row.path}.leverage")
        if row.position is None and setting:
            flat.setdefault(row.raw.symbol, {})[("", "long", "short")[row.raw.position_idx]] = setting
    found: dict[str, Fraction] = {}
    for symbol, by_side in flat.items():
        if len(set(by_side.values())) == 1:
            found[symbol] = next(iter(by_side.values()))
        found |= {f"{symbol}/{side}": setting for side, setting in by_side.items() if side}
    return found


def _pools(held: list[_Row], mode: str, wallet: Wallet) -> list[Pool]:
    """Cross: one pool. Isolated: a pool per position, and what is left of the wallet as `cross`."""
    inverse = [_inverse_pool(row) for row in held if row.inverse]
    linear = [row for row in held if not row.inverse]
    apart = [_isolated_pool(row) for row in linear] if mode == "ISOLATED_MARGIN" else []
    shared = [] if apart else [row.position for row in linear if row.position is not None]
    posted = sum((p.cash + _entry_value(p.positions) for p in apart), Fraction(0))
    cash = (wallet.balance or Fraction(0)) - posted - _entry_value(shared)
    cross = Pool(
        name="cross",
        mode=Mode.CROSS,
        cash=cash,
        positions=tuple(shared),
        collateral=_wallet_collateral(wallet, mode),
        numeraire=wallet.numeraire,
        cash_origin=f"{wallet.origin} - " + ("isolated margins" if apart else "sum of size * entry"),
    )
    return [cross, *apart, *inverse]


def _wallet_collateral(wallet: Wallet, mode: str) -> Collateral:
    if wallet.balance is None:
        return Collateral("unknown", Fraction(0), "wallet-balance is not in the bundle")
    if mode == "unknown":
        reason = "account-info is not in the bundle: nobody knows whether positions share their margin"
        return Collateral("unknown", Fraction(0), reason)
    return Collateral()


def _entry_value(positions: Iterable[Position]) -> Fraction:
    return sum((p.size * p.entry for p in positions if p.entry is not None), Fraction(0))


def _isolated_pool(row: _Row) -> Pool:
    """Its cash is the margin that the venue says is posted, less size * entry."""
    position, raw = row.position, row.raw
    assert position is not None
    margin = optional(raw.position_im, f"{row.path}.positionIM")
    balance = optional(raw.position_balance, f"{row.path}.positionBalance")
    origin = f"{row.path}.positionIM"
    if margin is not None and balance is not None and balance > margin:
        margin, origin = balance, f"{row.path}.positionBalance"
    side = f":{position.side}" if raw.position_idx else ""
    reason = f"positionIM of {raw.symbol} is not in the bundle: its isolated margin is not known"
    return Pool(
        name=f"isolated:{raw.symbol}{side}",
        mode=Mode.ISOLATED,
        cash=(margin or Fraction(0)) - _entry_value([position]),
        positions=(position,),
        collateral=Collateral("unknown", Fraction(0), reason) if margin is None else Collateral(),
        cash_origin=f"{origin} - size * entry",
    )


def _inverse_pool(row: _Row) -> Pool:
    assert row.position is not None
    side = f":{row.position.side}" if row.raw.position_idx else ""
    return Pool(
        name=f"inverse:{row.raw.symbol}{side}",
        mode=Mode.CROSS,
        cash=Fraction(0),
        positions=(row.position,),
        collateral=Collateral("unknown", Fraction(0), "inverse contracts are not modelled"),
        numeraire="coin",
    )


def _report_position(row: _Row, key: str, regime: str, mode: str, reported: dict[str, Reported]) -> None:
    """What the venue says of the position; in the mark regime its ByMp fields where they differ."""
    raw = row.raw

    def put(figure: str, kind: str, *fields: tuple[str, Number | None]) -> None:
        for name, value in fields:
            if value not in (None, ""):
                where = f"{row.path}.{name}"
                reported[f"positions.{key}.{figure}"] = Reported(parse_decimal(value, where), kind, where)
                return

    by_mark = regime == "mark"
    margins = [("positionIM", raw.position_im), ("positionIMByMp", raw.position_im_by_mp)]
    asked = [("positionMM", raw.position_mm), ("positionMMByMp", raw.position_mm_by_mp)]
    prices = [("liqPrice", raw.liq_price), ("liqPriceByMp", raw.liq_price_by_mp)]
    for fields in (margins, asked, prices):
        if by_mark:
            fields.reverse()
    put("initial_margin", "margin", *margins)
    put("maintenance_margin", "margin", *asked)
    put("unrealized_pnl", "ratio", ("unrealisedPnl", raw.unrealised_pnl))
    kind = "isolated price" if mode == "ISOLATED_MARGIN" else "price"
    put("liquidation_price", kind, *prices)
    said = reported.get(f"positions.{key}.liquidation_price")
    if raw.liq_price == "" if said is None else said.value == 0:
        reported[f"positions.{key}.liquidation_price"] = Reported(None, kind, f"{row.path}.liqPrice")


def _read_orders(bundle: Bundle) -> tuple[Order, ...] | None:
    """Resting orders; None where they were not recorded. Conditional and market orders rest nowhere."""
    if not bundle.has("open-orders"):
        return None
    orders = []
    for part in bundle.parts("open-orders"):
        for index, raw in enumerate(envelope.decode(part.body, wire.Orders, part.path).rows):
            path = f"{part.path}.list[{index}]"
            quantity = optional(raw.leaves_qty, f"{path}.leavesQty", least=0)
            if quantity is None:
                quantity = parse(raw.qty, f"{path}.qty", least=0)
            price = optional(raw.price, f"{path}.price", least=0)
            if raw.order_status not in RESTING or not price or not quantity:
                continue
            side = (None, Side.LONG, Side.SHORT)[raw.position_idx]
            size = quantity if raw.side == "Buy" else -quantity
            orders.append(
                Order(
                    instrument=raw.symbol,
                    size=size,
                    price=price,
                    reduce_only=raw.reduce_only,
                    side=side,
                )
            )
    return tuple(orders)


__all__ = ["read"]
