"""Records of funding-arbitrage pairs and the tables they fill: each pair as it stands, and all its events."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.orders.arbitrage import Status, Subscription
from solvent.store import arbitrage_fold as fold
from solvent.store import schema
from solvent.store.rows import put

FRAME: Final = frozenset({"timestamp", "type", "v", "seq", "prev", "hash", "id", "at_ms"})
"""What every record has beside what it says."""


async def _record(connection: AsyncConnection, record: Mapping[str, Any], seq: int) -> None:
    made = fold.apply(await subscription(connection, record["id"]), record)
    await put(connection, schema.arbitrage_subscriptions, _row(made, seq))
    said = {name: value for name, value in record.items() if name not in FRAME}
    await connection.execute(
        insert(schema.arbitrage_events),
        {
            "seq": seq,
            "subscription": made.id,
            "kind": record["type"],
            "status": str(made.status),
            "at": record["at_ms"],
            "data": json.dumps(said, sort_keys=True),
        },
    )


def _row(sub: Subscription, seq: int) -> dict[str, Any]:
    return {
        "id": sub.id,
        "status": str(sub.status),
        "error_message": sub.reason if sub.status is Status.ERROR else "",
        "long_leg": sub.request.long.name,
        "short_leg": sub.request.short.name,
        "size": sub.request.size,
        "leverage": sub.rules.leverage,
        "created": sub.created_ms,
        "since": sub.since_ms,
        "ended": sub.status.ended,
        "state": json.dumps(fold.to_data(sub), sort_keys=True),
        "seq": seq,
    }


async def subscription(connection: AsyncConnection, id: str) -> Subscription | None:  # noqa: A002
    """One pair as it stands; None where there is none."""
    table = schema.arbitrage_subscriptions
    row = (await connection.execute(select(table.c.state).where(table.c.id == id))).first()
    return None if row is None else fold.from_data(json.loads(row.state))


async def subscriptions(connection: AsyncConnection, *, ended: bool | None = None) -> tuple[Subscription, ...]:
    """Pairs as they stand, oldest first; `ended` None: all."""
    table = schema.arbitrage_subscriptions
    asked = select(table.c.state).order_by(table.c.created, table.c.id)
    if ended is not None:
        asked = asked.where(table.c.ended == ended)
    rows = (await connection.execute(asked)).all()
    return tuple(fold.from_data(json.loads(row.state)) for row in rows)


async def events(connection: AsyncConnection, id: str) -> tuple[dict[str, Any], ...]:  # noqa: A002
    """What happened to one pair, oldest first: seq, kind, status, at, and the record's own fields."""
    table = schema.arbitrage_events
    asked = select(table).where(table.c.subscription == id).order_by(table.c.seq)
    return tuple(
        {"seq": row.seq, "kind": row.kind, "status": row.status, "at": row.at, **json.loads(row.data)}
        for row in (await connection.execute(asked)).all()
    )


PROJECTORS: Final = dict.fromkeys(fold.KINDS, _record)

__all__ = ["PROJECTORS", "events", "subscription", "subscriptions"]
