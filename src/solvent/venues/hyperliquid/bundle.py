"""Hyperliquid's bundle -> an account. Sources: the venue's info endpoints; docs/spec/hyperliquid.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

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
)
from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse, parse_decimal
from solvent.venues import envelope
from solvent.venues.envelope import Bundle, Part
from solvent.venues.hyperliquid import wire
from solvent.venues.hyperliquid.instruments import instruments_of, other_collateral

KNOWN = frozenset(
    {
        "clearinghouseState",
        "meta",
        "metaAndAssetCtxs",
        "spotClearinghouseState",
        "userAbstraction",
        "openOrders",
        "frontendOpenOrders",
        "marginTable",
        "activeAssetData",
    }
)
BARE = frozenset({"marginSummary", "assetPositions"})


@dataclass(slots=True)
class _Gathered:
    """What has been read so far, over all dexes."""

    pools: list[Pool] = field(default_factory=list)
    reported: dict[str, Reported] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    limits: dict[str, Fraction] = field(default_factory=dict)
    era_2023: bool = False


def read(source: Path | str | bytes | Mapping[str, Any]) -> Account:
    """The account of a bundle file, of its bytes, or of its decoded JSON. Raises BadInput."""
    bundle = envelope.open_bundle(source, "clearinghouseState", BARE)
    instruments = instruments_of(bundle)
    gathered = _Gathered(notes=[*bundle.notes(KNOWN), *other_collateral(bundle)])
    states = list(bundle.parts("clearinghouseState"))
    for part in states:
        _read_state(part, gathered, several=len(states) > 1)
    if len({pool.name for pool in gathered.pools}) < len(gathered.pools):
        raise BadInput("clearinghouseState", "each dex once", "<the same dex twice>")
    leverages, limits = _read_active(bundle)
    terms = {"abstraction": _abstraction(bundle)}
    if gathered.era_2023:
        terms["era"] = "2023"
    return Account(
        venue=Venue.HYPERLIQUID,
        as_of=max(gathered.times, default=bundle.captured_at),
        pools=tuple(_with_spot(gathered.pools, bundle, terms["abstraction"])),
        instruments=instruments,
        orders=_read_orders(bundle),
        reported=gathered.reported,
        leverages=leverages,
        limits={**gathered.limits, **limits},
        terms=terms,
        notes=tuple(gathered.notes),
    )


def _read_state(part: Part, gathered: _Gathered, *, several: bool) -> None:
    state = envelope.decode(part.body, wire.ClearinghouseState, part.path)
    dex = str(part.params.get("dex") or "")
    cross_name = f"{dex}:cross" if dex else "cross"
    cross: list[Position] = []
    seen: set[str] = set()
    for index, item in enumerate(state.asset_positions):
        path = f"{part.path}.assetPositions[{index}].position"
        position = _read_position(item.position, path)
        if position is None:
            continue
        if position.instrument in seen:
            raise BadInput(f"{path}.coin", "each coin once", position.instrument)
        seen.add(position.instrument)
        if item.position.leverage.type == "cross":
            cross.append(position)
            key = f"{cross_name}/{position.instrument}/{position.side}"
        else:
            pool = _isolated_pool(item.position, position, path)
            gathered.pools.append(pool)
            key = f"{pool.name}/{position.instrument}/{position.side}"
        _report_position(item.position, key, path, gathered.reported)
        if item.position.max_trade_szs is not None:  # only bodies of 2023 carry it
            gathered.era_2023 = True
            sizes = item.position.max_trade_szs
            gathered.limits.update(_trade_limits(position.instrument, sizes, f"{path}.maxTradeSzs"))
    own = parse(state.cross_margin_summary.total_raw_usd, f"{part.path}.crossMarginSummary.totalRawUsd")
    gathered.pools.insert(
        0 if not dex else len(gathered.pools),
        Pool(
            name=cross_name,
            mode=Mode.CROSS,
            cash=own,
            positions=tuple(cross),
            cash_origin=f"{part.path}.crossMarginSummary.totalRawUsd",
        ),
    )
    _report_pools(state, part.path, cross_name, gathered.reported, whole_account=not several)
    time = envelope.milliseconds(state.time, f"{part.path}.time")
    if time is not None:
        gathered.times.append(time)


def _read_position(raw: wire.Position, path: str) -> Position | None:
    """One position; None for a flat row. Mark = positionValue / |szi|; entry = the exact weighted entry."""
    size = parse(raw.szi, f"{path}.szi")
    value = parse(raw.position_value, f"{path}.positionValue", least=0)
    pnl = parse(raw.unrealized_pnl, f"{path}.unrealizedPnl")
    for name, number in (("leverage.value", raw.leverage.value), ("maxLeverage", raw.max_leverage)):
        if number is not None and not 1 <= number <= 1000:
            raise BadInput(f"{path}.{name}", "a whole number from 1 to 1000", number)
    if size == 0:
        return None
    if value == 0:
        raise BadInput(f"{path}.positionValue", "a number above 0", raw.position_value)
    signed = value if size > 0 else -value
    return Position(
        instrument=raw.coin,
        size=size,
        price=value / abs(size),
        entry=(signed - pnl) / size,
        leverage=Fraction(raw.leverage.value),
        max_leverage=None if raw.max_leverage is None else Fraction(raw.max_leverage),
        side=Side.of(size),
        origin={
            "size": f"{path}.szi",
            "price": f"{path}.positionValue / |szi|",
            "entry": f"({path}.positionValue * side - unrealizedPnl) / szi",
            "leverage": f"{path}.leverage.value",
            "max_leverage": f"{path}.maxLeverage",
        },
    )


def _isolated_pool(raw: wire.Position, position: Position, path: str) -> Pool:
    if raw.leverage.raw_usd is None:
        raise BadInput(f"{path}.leverage.rawUsd", "to be there", "<missing>")
    return Pool(
        name=f"isolated:{raw.coin}",
        mode=Mode.ISOLATED,
        cash=parse(raw.leverage.raw_usd, f"{path}.leverage.rawUsd"),
        positions=(position,),
        cash_origin=f"{path}.leverage.rawUsd",
    )


def _report_position(raw: wire.Position, key: str, path: str, reported: dict[str, Reported]) -> None:
    def put(name: str, value: Number | None, kind: str, field_name: str) -> None:
        where = f"{path}.{field_name}"
        number = None if value is None else parse_decimal(value, where)
        reported[f"positions.{key}.{name}"] = Reported(number, kind, where)

    put("margin_used", raw.margin_used, "money", "marginUsed")
    if raw.liquidation_px is not msgspec.UNSET:  # null says that there is none, silence says nothing
        put("liquidation_price", raw.liquidation_px, "price", "liquidationPx")
    if raw.entry_px is not None:
        put("entry_price", raw.entry_px, "entry", "entryPx")
    if raw.return_on_equity is not None:
        put("return_on_equity", raw.return_on_equity, "ratio", "returnOnEquity")


def _report_pools(
    state: wire.ClearinghouseState,
    path: str,
    cross_name: str,
    reported: dict[str, Reported],
    *,
    whole_account: bool,
) -> None:
    def put(figure: str, value: Number, where: str) -> None:
        reported[figure] = Reported(parse_decimal(value, f"{path}.{where}"), "money", f"{path}.{where}")

    def summary(prefix: str, body: wire.Summary, where: str) -> None:
        put(f"{prefix}equity", body.account_value, f"{where}.accountValue")
        put(f"{prefix}notional", body.total_ntl_pos, f"{where}.totalNtlPos")
        put(f"{prefix}initial_margin", body.total_margin_used, f"{where}.totalMarginUsed")

    summary(f"pools.{cross_name}.", state.cross_margin_summary, "crossMarginSummary")
    if state.cross_maintenance_margin_used is not None:
        put(
            f"pools.{cross_name}.maintenance_margin",
            state.cross_maintenance_margin_used,
            "crossMaintenanceMarginUsed",
        )
    if whole_account:
        summary("", state.margin_summary, "marginSummary")
        put("cash", state.margin_summary.total_raw_usd, "marginSummary.totalRawUsd")
        put("withdrawable", state.withdrawable, "withdrawable")
    else:
        put(f"pools.{cross_name}.withdrawable", state.withdrawable, "withdrawable")


def _abstraction(bundle: Bundle) -> str:
    part = bundle.one("userAbstraction")
    if part is None:
        return "unrecorded"
    if not isinstance(part.body, str):
        raise BadInput(part.path, "text", part.body)
    return part.body


def _with_spot(pools: list[Pool], bundle: Bundle, abstraction: str) -> list[Pool]:
    """Name the collateral that stands behind the cross pool outside its body."""
    if abstraction not in ("unifiedAccount", "portfolioMargin"):
        return pools
    part = bundle.one("spotClearinghouseState")
    usdc = None
    if part is not None:
        spot = envelope.decode(part.body, wire.SpotState, part.path)
        usdc = Fraction(0)
        for index, balance in enumerate(spot.balances):
            amount = parse(balance.total, f"{part.path}.balances[{index}].total")
            if balance.coin == "USDC":
                usdc += amount
    shared = sum(pool.mode is Mode.CROSS and bool(pool.positions) for pool in pools) > 1
    if abstraction == "unifiedAccount" and usdc is not None and not shared:
        collateral = Collateral(
            "estimate",
            usdc,
            "unified account: the spot USDC balance is counted as collateral; the venue's rule is not published",
        )
    else:
        missing = "its spot balances are not in the bundle" if usdc is None else "loan-to-value is not modelled"
        if shared and usdc is not None and abstraction == "unifiedAccount":
            missing = "several dexes share it, and how is not published"
        collateral = Collateral("unknown", Fraction(0), f"{abstraction}: collateral stands outside; {missing}")
    return [
        Pool(
            name=pool.name,
            mode=pool.mode,
            cash=pool.cash,
            positions=pool.positions,
            collateral=collateral if pool.mode is Mode.CROSS else pool.collateral,
            cash_origin=pool.cash_origin,
        )
        for pool in pools
    ]


def _read_orders(bundle: Bundle) -> tuple[Order, ...] | None:
    parts = list(bundle.parts("frontendOpenOrders", "openOrders"))
    if not parts:
        return None
    orders = []
    for part in parts:
        for index, raw in enumerate(envelope.decode(part.body, list[wire.OpenOrder], part.path)):
            path = f"{part.path}[{index}]"
            size = parse(raw.sz, f"{path}.sz", least=0)
            if raw.is_trigger or size == 0 or _is_spot(raw.coin):
                continue  # a trigger order reserves nothing until it fires (size 0: all of a position)
            orders.append(
                Order(
                    instrument=raw.coin,
                    size=size if raw.side == "B" else -size,
                    price=parse(raw.limit_px, f"{path}.limitPx", above=0),
                    reduce_only=raw.reduce_only,
                )
            )
    return tuple(orders)


def _is_spot(coin: str) -> bool:
    """Spot pairs are @index or BASE/QUOTE; their orders hold spot balances, no margin."""
    return coin.startswith("@") or "/" in coin


def _trade_limits(coin: str, sizes: list[Number], path: str) -> dict[str, Fraction]:
    if len(sizes) != 2:
        raise BadInput(path, "two sizes", f"<{len(sizes)}>")
    return {f"{coin}/{side}": parse(n, path, least=0) for side, n in zip(("buy", "sell"), sizes, strict=True)}


def _read_active(bundle: Bundle) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """Leverage of flat coins and the venue's own largest order, where activeAssetData was captured."""
    leverages: dict[str, Fraction] = {}
    limits: dict[str, Fraction] = {}
    for part in bundle.parts("activeAssetData"):
        raw = envelope.decode(part.body, wire.ActiveAssetData, part.path)
        leverages[raw.coin] = parse(raw.leverage.value, f"{part.path}.leverage.value", above=0)
        if raw.max_trade_szs:
            limits.update(_trade_limits(raw.coin, raw.max_trade_szs, f"{part.path}.maxTradeSzs"))
    return leverages, limits


__all__ = ["read"]
