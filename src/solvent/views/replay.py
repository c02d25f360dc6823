"""A replay as plain data and for the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from solvent.core.numbers import text
from solvent.positions import Position
from solvent.replay.run import Difference, Replayed, fees_of
from solvent.views.document import as_of, shown
from solvent.views.tables import money, plain_table, price

MOST_ROWS = 20


def fill_data(done: Replayed) -> dict[str, Any]:
    fill = done.fill
    return {
        "id": fill.id,
        "instrument": fill.symbol,
        "side": str(fill.side),
        "size": text(fill.quantity),
        "price": text(fill.price),
        "fee": text(fill.fee),
        "fee_asset": fill.fee_asset or None,
        "time": fill.time,
        "kind": str(fill.kind),
        "position_before": text(done.before),
        "position_after": text(done.booking.after),
        "direction": done.direction,
        "closed_pnl": shown(done.closed_pnl),
        "realized_pnl": shown(done.booking.realized_pnl),
        "gap": done.booking.gap or None,
    }


def difference_data(found: Difference) -> dict[str, str]:
    return {
        "fill": found.fill,
        "instrument": found.instrument,
        "figure": found.figure,
        "ours": found.ours,
        "theirs": found.theirs,
    }


def _common(position: Position) -> dict[str, Any]:
    return {
        "venue": position.venue,
        "account": position.account or None,
        "position_side": None if position.position_side is None else str(position.position_side),
        "realized_pnl": shown(position.realized_pnl),
        "fees": {asset or position.settle: text(paid) for asset, paid in sorted(position.fees.items())},
        "funding": text(position.funding),
        "net_pnl": shown(position.net_pnl),
        "mae": shown(position.max_adverse_excursion),
        "mfe": shown(position.max_favorable_excursion),
        "opened_at": position.opened_at,
        "fills": position.fills,
        "consistent": position.consistent,
        "reason": position.reason or None,
    }


def position_data(position: Position) -> dict[str, Any]:
    """One open position."""
    return {
        "instrument": position.symbol,
        "size": text(position.quantity),
        "entry_price": shown(position.entry_price),
        "mark_price": shown(position.mark),
        "unrealized_pnl": shown(position.unrealized_pnl),
        **_common(position),
    }


def closed_data(position: Position) -> dict[str, Any]:
    """One closed position."""
    return {
        "instrument": position.symbol,
        "side": str(position.direction),
        "quantity": text(position.opened_quantity),
        "entry_price": shown(position.entry_price),
        "exit_price": shown(position.exit_price),
        "closed_at": position.closed_at,
        **_common(position),
    }


def replay_view(
    fills: int,
    duplicates: int,
    positions: Sequence[Position],
    closed: Sequence[Position],
    closed_count: int,
    differences: Sequence[Difference],
    difference_count: int,
    inconsistent: Sequence[Position],
) -> RenderableType:
    """Open positions, the last closed ones, and what does not fit."""
    parts: list[RenderableType] = [
        Text(f"{fills} fills, {closed_count} closed positions, {len(positions)} open", style="bold")
    ]
    if duplicates:
        parts.append(Text(f"{duplicates} fills were there before and counted once"))
    held = plain_table("Open", "instrument", "size", "entry", "realised", "net", "MAE", "MFE", "since")
    for p in positions:
        held.add_row(
            p.symbol,
            text(p.quantity),
            price(p.entry_price),
            *(money(v) for v in (p.realized_pnl, p.net_pnl, p.max_adverse_excursion, p.max_favorable_excursion)),
            as_of(p.opened_at) or "–",
        )
    if positions:
        parts.append(held)
    done = plain_table(
        "Closed" if closed_count <= len(closed) else f"Closed, the last {len(closed)}",
        *("instrument", "side", "quantity", "entry", "exit", "realised", "net", "MAE", "MFE", "closed"),
    )
    for p in closed:
        done.add_row(
            p.symbol,
            str(p.direction),
            text(p.opened_quantity),
            price(p.entry_price),
            price(p.exit_price),
            *(money(v) for v in (p.realized_pnl, p.net_pnl, p.max_adverse_excursion, p.max_favorable_excursion)),
            as_of(p.closed_at) or "–",
        )
    if closed:
        parts.append(done)
    for asset, paid in fees_of([*positions, *closed]).items() if closed_count <= len(closed) else ():
        parts.append(Text(f"fees: {money(paid, 6)} {asset}".rstrip()))
    parts += [
        Text(f"differs: fill {d.fill} {d.instrument} {d.figure}: ours {d.ours}, theirs {d.theirs}", style="yellow")
        for d in differences
    ]
    if difference_count > len(differences):
        parts.append(Text(f"and {difference_count - len(differences)} differences more: --json has all", "yellow"))
    parts += [Text(f"inconsistent: {p.symbol}: {p.reason}", style="red") for p in inconsistent]
    return Group(*parts)


__all__ = ["MOST_ROWS", "closed_data", "difference_data", "fill_data", "position_data", "replay_view"]
