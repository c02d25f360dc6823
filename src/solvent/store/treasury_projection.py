"""The treasury's records and the tables they fill."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.store import schema
from solvent.store.rows import put, values_of

Record = Mapping[str, Any]
NEVER_ANSWERED: Final = "none"


async def _wallet_balance(connection: AsyncConnection, record: Record, seq: int) -> None:
    """The row of a source; the one that stood for a source that never answered goes, whatever its asset was."""
    table = schema.wallet_balances
    same = and_(table.c.chain == record["chain"], table.c.account == record["account"])
    await connection.execute(delete(table).where(same, table.c.source == NEVER_ANSWERED))
    await put(connection, schema.wallet_balances, values_of(schema.wallet_balances, record, seq))


async def _snapshot(connection: AsyncConnection, record: Record, seq: int) -> None:
    table = schema.balance_snapshot_rows
    await connection.execute(insert(schema.balance_snapshots), values_of(schema.balance_snapshots, record, seq))
    rows = [values_of(table, row, seq) for row in record["rows"]]
    if rows:
        await connection.execute(insert(table), rows)


async def _flow(connection: AsyncConnection, record: Record, seq: int) -> None:
    """A flow has one id for ever: told twice, it is counted once."""
    table = schema.flows
    row = values_of(table, record, seq)
    same = and_(*(c == row[c.name] for c in table.primary_key.columns))
    if (await connection.execute(select(table.c.id).where(same))).first() is None:
        await connection.execute(insert(table), row)


async def _positions_seen(connection: AsyncConnection, record: Record, seq: int) -> None:
    """All positions of one account as they were seen, in place of those seen before."""
    table, changed = schema.positions, schema.position_setting_changes
    own = and_(table.c.venue == record["venue"], table.c.account == record["account"])
    await connection.execute(delete(table).where(own))
    for position in record["positions"]:
        row = values_of(table, {**record, **position}, seq)
        row["features"] = json.dumps(position["features"], sort_keys=True)
        await connection.execute(insert(table), row)
    for change in record["changes"]:
        await connection.execute(insert(changed), values_of(changed, {**record, **change}, seq))


async def _reserved(connection: AsyncConnection, record: Record, seq: int) -> None:
    await put(connection, schema.capital_reservations, values_of(schema.capital_reservations, record, seq))


async def _staged(connection: AsyncConnection, record: Record, seq: int) -> None:
    """Deployed (with what was really used) or released."""
    table = schema.capital_reservations
    changed: dict[str, Any] = {"stage": record["stage"], "since": record["since"], "seq": seq}
    if record.get("amount") is not None:
        changed["amount"] = Decimal(record["amount"])
    await connection.execute(update(table).where(table.c.id == record["id"]).values(changed))


async def _leverage_decided(connection: AsyncConnection, record: Record, seq: int) -> None:
    table = schema.leverage_decisions
    await connection.execute(insert(table), values_of(table, record, seq))


PROJECTORS: Final = {
    "wallet_balance": _wallet_balance,
    "balance_snapshot": _snapshot,
    "flow": _flow,
    "positions_seen": _positions_seen,
    "capital_reserved": _reserved,
    "capital_staged": _staged,
    "leverage_decided": _leverage_decided,
}

__all__ = ["PROJECTORS"]
