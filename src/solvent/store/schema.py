"""The tables, once for both databases. A change here wants a migration beside it; a test compares the two.

Times are milliseconds since 1970 UTC. `seq` is the number of the journal's record that a row is of.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from solvent.store.exact import Exact

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


def _money(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Exact(), nullable=nullable)


def _word(name: str) -> Column[Any]:
    return Column(name, String(128), nullable=False)


def _seq() -> Column[Any]:
    return Column("seq", BigInteger, nullable=False)


projection = Table(
    "projection",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("journal", String(64), nullable=False),
    comment="how far the journal was followed; journal is the hash of its first record",
)

wallet_balances = Table(
    "wallet_balances",
    metadata,
    _word("chain"),
    _word("account"),
    _word("asset"),
    _money("usdc_balance"),
    _money("balance"),
    _money("equity"),
    _money("free_margin"),
    _money("order_margin"),
    _money("available"),
    _money("withdrawable"),
    _word("source"),
    Column("as_of", BigInteger),
    Column("stale", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Column("note", Text, nullable=False),
    _seq(),
    PrimaryKeyConstraint("chain", "account", "asset"),
)

balance_snapshots = Table(
    "balance_snapshots",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    _money("usdc_balance", nullable=False),
    Column("complete", Boolean, nullable=False),
    Index(None, "at"),
)

balance_snapshot_rows = Table(
    "balance_snapshot_rows",
    metadata,
    _seq(),
    _word("chain"),
    _word("account"),
    _word("asset"),
    _money("usdc_balance"),
    _money("balance"),
    _money("equity"),
    _money("free_margin"),
    _money("order_margin"),
    _money("available"),
    _money("withdrawable"),
    _word("source"),
    Column("as_of", BigInteger),
    Column("stale", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("seq", "chain", "account", "asset"),
    ForeignKeyConstraint(["seq"], ["balance_snapshots.seq"]),
)

flows = Table(
    "flows",
    metadata,
    _word("chain"),
    _word("account"),
    _word("id"),
    _word("asset"),
    _money("amount", nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("inferred", Boolean, nullable=False),
    _seq(),
    PrimaryKeyConstraint("chain", "account", "id"),
    Index(None, "at"),
)

positions = Table(
    "positions",
    metadata,
    _word("venue"),
    _word("account"),
    _word("instrument"),
    Column("side", String(8), nullable=False),
    Column("slot", String(16), nullable=False),
    _money("size", nullable=False),
    _money("entry"),
    _money("mark", nullable=False),
    _money("margin"),
    _money("leverage"),
    Column("margin_mode", String(16), nullable=False),
    _money("max_leverage"),
    _money("liquidation_price"),
    Column("liquidation_status", String(16), nullable=False),
    Column("features", Text, nullable=False, comment="JSON: <venue>_metadata with leverage and margin_mode"),
    Column("as_of", BigInteger),
    _seq(),
    PrimaryKeyConstraint("venue", "account", "instrument", "side", "slot"),
)

position_setting_changes = Table(
    "position_setting_changes",
    metadata,
    _seq(),
    _word("venue"),
    _word("account"),
    _word("instrument"),
    Column("side", String(8), nullable=False),
    Column("slot", String(16), nullable=False),
    Column("field", String(32), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("seq", "venue", "account", "instrument", "side", "slot", "field"),
    Index(None, "instrument"),
)

capital_reservations = Table(
    "capital_reservations",
    metadata,
    Column("id", String(128), primary_key=True),
    _word("chain"),
    _word("account"),
    _word("venue"),
    _word("strategy"),
    _word("instrument"),
    _money("amount", nullable=False),
    Column("stage", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    _seq(),
    Index(None, "stage"),
)

leverage_decisions = Table(
    "leverage_decisions",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _word("strategy"),
    _word("venue"),
    _word("instrument"),
    Column("policy", String(16), nullable=False),
    _money("asked"),
    _money("leverage"),
    Column("margin_mode", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "strategy"),
)

arbitrage_subscriptions = Table(
    "arbitrage_subscriptions",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("error_message", Text, nullable=False),
    _word("long_leg"),
    _word("short_leg"),
    _money("size", nullable=False),
    _money("leverage", nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("state", Text, nullable=False, comment="JSON: the whole subscription"),
    _seq(),
    Index(None, "ended"),
)

arbitrage_events = Table(
    "arbitrage_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _word("subscription"),
    Column("kind", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("data", Text, nullable=False, comment="JSON: the record's own fields"),
    Index(None, "subscription"),
)

__all__ = [
    "arbitrage_events",
    "arbitrage_subscriptions",
    "balance_snapshot_rows",
    "balance_snapshots",
    "capital_reservations",
    "flows",
    "leverage_decisions",
    "metadata",
    "position_setting_changes",
    "positions",
    "projection",
    "wallet_balances",
]
