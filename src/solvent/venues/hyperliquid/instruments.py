"""Hyperliquid's universe and margin tables -> instruments with tiers."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from solvent.core.account import Instrument, Note, Tier
from solvent.core.errors import BadInput
from solvent.core.numbers import parse
from solvent.core.tiers import continuous_tiers
from solvent.venues import envelope
from solvent.venues.envelope import Bundle, Part
from solvent.venues.hyperliquid import wire

SINGLE_TIER_BELOW = 50
"""A margin table id under 50 is not listed: it is one tier, and the id is its maximum leverage."""


def instruments_of(bundle: Bundle) -> dict[str, Instrument]:
    """Instrument by coin, over all dexes; empty where the bundle has no `meta`."""
    extra = _single_tables(bundle)
    found: dict[str, Instrument] = {}
    for part in bundle.parts("metaAndAssetCtxs", "meta"):
        body, marks = _meta_body(part, with_contexts=bundle.has("metaAndAssetCtxs"))
        meta = envelope.decode(body, wire.Meta, part.path)
        tables = {**extra, **_tables(meta, part.path)}
        for index, asset in enumerate(meta.universe):
            path = f"{part.path}.universe[{index}]"
            if asset.name in found:
                raise BadInput(f"{path}.name", "each coin once", asset.name)
            found[asset.name] = _instrument(asset, tables, marks.get(index), path)
    return found


def other_collateral(bundle: Bundle) -> list[Note]:
    """Dexes that settle in another token than USDC: their money is counted at par, and that must be said."""
    notes = []
    for part in bundle.parts("metaAndAssetCtxs", "meta"):
        body, _ = _meta_body(part, with_contexts=bundle.has("metaAndAssetCtxs"))
        token = envelope.decode(body, wire.Meta, part.path).collateral_token
        if token:
            dex = part.params.get("dex") or "main"
            notes.append(
                Note("other-collateral", f"dex {dex} settles in token {token}, counted here one for one with USDC")
            )
    return notes


def _meta_body(part: Part, *, with_contexts: bool) -> tuple[Any, dict[int, Fraction]]:
    if not with_contexts:
        return part.body, {}
    if not isinstance(part.body, list) or len(part.body) != 2 or not isinstance(part.body[1], list):
        raise BadInput(part.path, "a pair of meta and contexts", f"<{type(part.body).__name__}>")
    marks = {}
    for index, raw in enumerate(part.body[1]):
        context = envelope.decode(raw, wire.AssetContext, f"{part.path}[1][{index}]")
        if context.mark_px is not None:
            marks[index] = parse(context.mark_px, f"{part.path}[1][{index}].markPx", least=0)
    return part.body[0], marks


def _tables(meta: wire.Meta, path: str) -> dict[int, tuple[Tier, ...]]:
    tables: dict[int, tuple[Tier, ...]] = {}
    for index, (table_id, table) in enumerate(meta.margin_tables):
        where = f"{path}.marginTables[{index}]"
        if table_id in tables:
            raise BadInput(where, "each table once", table_id)
        tables[table_id] = _tiers(table, f"{where}[1].marginTiers")
    return tables


def _single_tables(bundle: Bundle) -> dict[int, tuple[Tier, ...]]:
    """`marginTable` answers: one table each, named by the id that was asked for."""
    found: dict[int, tuple[Tier, ...]] = {}
    for part in bundle.parts("marginTable"):
        table_id = part.params.get("id")
        if isinstance(table_id, bool) or not isinstance(table_id, int):
            if part.params:
                raise BadInput(f"{part.path.removesuffix('.body')}.params.id", "the table's number", table_id)
            continue  # a bare answer does not say which table it is
        table = envelope.decode(part.body, wire.MarginTable, part.path)
        found[table_id] = _tiers(table, f"{part.path}.marginTiers")
    return found


def _tiers(table: wire.MarginTable, path: str) -> tuple[Tier, ...]:
    rows = []
    for index, tier in enumerate(table.margin_tiers):
        lower = parse(tier.lower_bound, f"{path}[{index}].lowerBound", least=0)
        if tier.max_leverage < 1:
            raise BadInput(f"{path}[{index}].maxLeverage", "a whole number from 1 on", tier.max_leverage)
        rows.append((lower, Fraction(1, 2 * tier.max_leverage), Fraction(tier.max_leverage)))
    return continuous_tiers(rows, path)


def _instrument(
    asset: wire.Asset, tables: Mapping[int, tuple[Tier, ...]], mark: Fraction | None, path: str
) -> Instrument:
    if asset.max_leverage < 1:
        raise BadInput(f"{path}.maxLeverage", "a whole number from 1 on", asset.max_leverage)
    if not 0 <= asset.sz_decimals <= 6:
        raise BadInput(f"{path}.szDecimals", "a whole number from 0 to 6", asset.sz_decimals)
    table_id = asset.margin_table_id
    if table_id is None:
        tiers, source = single_tier(Fraction(asset.max_leverage)), f"{path}.maxLeverage (one tier)"
    elif table_id in tables:
        tiers, source = tables[table_id], f"margin table {table_id}"
    elif 1 <= table_id < SINGLE_TIER_BELOW:
        tiers, source = single_tier(Fraction(table_id)), f"margin table {table_id} (one implicit tier)"
    else:
        tiers, source = (), f"margin table {table_id} is not in the bundle"
    return Instrument(
        name=asset.name,
        underlying=asset.name,
        price=mark,
        size_step=Fraction(1, 10**asset.sz_decimals),
        min_notional=Fraction(10),
        leverage_step=Fraction(1),
        max_leverage=Fraction(asset.max_leverage),
        tiers=tiers,
        tiers_source=source,
        isolated_only=asset.only_isolated or asset.margin_mode in ("strictIsolated", "noCross"),
        strict_isolated=asset.margin_mode == "strictIsolated",
    )


def single_tier(max_leverage: Fraction) -> tuple[Tier, ...]:
    """One tier: maintenance is half of the initial margin at maximum leverage (HL-MM)."""
    return (Tier(Fraction(0), 1 / (2 * max_leverage), Fraction(0), max_leverage),)


__all__ = ["instruments_of", "other_collateral", "single_tier"]
