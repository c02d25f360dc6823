"""Rows from records, and values back from rows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, and_, delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.store.exact import Exact


def values_of(table: Table, record: Mapping[str, Any], seq: int | None = None) -> dict[str, Any]:
    """The record's fields as a row of the table: amounts from text to decimals, what is not said to None."""
    row = {c.name: _value(c.type, record.get(c.name)) for c in table.columns}
    return row if seq is None else row | {"seq": seq}


def _value(kind: Any, value: Any) -> Any:
    return Decimal(value) if isinstance(kind, Exact) and value is not None else value


async def put(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert the row, in place of the one with its key."""
    same = and_(*(c == row[c.name] for c in table.primary_key.columns))
    await connection.execute(delete(table).where(same))
    await connection.execute(insert(table), dict(row))


__all__ = ["put", "values_of"]
