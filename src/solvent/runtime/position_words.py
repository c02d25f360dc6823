"""What the journal says of positions: the fields of their records."""

from decimal import Decimal
from typing import Any

from solvent.core.numbers import text
from solvent.positions import Position, Reconciliation


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def named(position: Position) -> dict[str, Any]:
    body: dict[str, Any] = {"symbol": position.symbol, "venue": position.venue, "account": position.account}
    return body if position.position_side is None else {**body, "position_side": str(position.position_side)}


def updated(position: Position) -> dict[str, Any]:
    return {
        **named(position),
        "quantity": text(position.quantity),
        "entry_price": _shown(position.entry_price),
        "realized_pnl": _shown(position.realized_pnl),
        "unrealized_pnl": _shown(position.unrealized_pnl),
        "consistent": position.consistent,
    }


def closed(position: Position) -> dict[str, Any]:
    return {
        **named(position),
        "side": None if position.direction is None else str(position.direction),
        "quantity": text(position.opened_quantity),
        "entry_price": _shown(position.entry_price),
        "exit_price": _shown(position.exit_price),
        "realized_pnl": _shown(position.realized_pnl),
        "fees": {asset: text(paid) for asset, paid in position.fees.items()},
        "funding": text(position.funding),
        "net_pnl": _shown(position.net_pnl),
        "mae": _shown(position.max_adverse_excursion),
        "mfe": _shown(position.max_favorable_excursion),
        "opened_at": position.opened_at,
        "closed_at": position.closed_at,
    }


def reconciled(found: Reconciliation) -> dict[str, Any]:
    return {
        "venue": found.venue,
        "account": found.account,
        "as_of": found.as_of,
        "agrees": found.agrees,
        "items": [
            {
                "symbol": item.key.symbol,
                "position_side": None if item.key.side is None else str(item.key.side),
                "verdict": str(item.verdict),
                "our_size": text(item.our_size),
                "their_size": text(item.their_size),
                "our_entry": _shown(item.our_entry),
                "their_entry": _shown(item.their_entry),
            }
            for item in found.items
        ],
    }


__all__ = ["closed", "named", "reconciled", "updated"]
