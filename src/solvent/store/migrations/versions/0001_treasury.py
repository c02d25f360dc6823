"""Balances, snapshots, flows, positions with their settings, reservations, decisions on leverage."""

import sqlalchemy as sa
from alembic import op

from solvent.store.exact import Exact

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "balance_snapshots",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("usdc_balance", Exact(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_balance_snapshots")),
    )
    op.create_index(op.f("ix_balance_snapshots_at"), "balance_snapshots", ["at"], unique=False)
    op.create_table(
        "capital_reservations",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("chain", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("venue", sa.String(length=128), nullable=False),
        sa.Column("strategy", sa.String(length=128), nullable=False),
        sa.Column("instrument", sa.String(length=128), nullable=False),
        sa.Column("amount", Exact(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capital_reservations")),
    )
    op.create_index(op.f("ix_capital_reservations_stage"), "capital_reservations", ["stage"], unique=False)
    op.create_table(
        "flows",
        sa.Column("chain", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("asset", sa.String(length=128), nullable=False),
        sa.Column("amount", Exact(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("inferred", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "account", "id", name=op.f("pk_flows")),
    )
    op.create_index(op.f("ix_flows_at"), "flows", ["at"], unique=False)
    op.create_table(
        "leverage_decisions",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("strategy", sa.String(length=128), nullable=False),
        sa.Column("venue", sa.String(length=128), nullable=False),
        sa.Column("instrument", sa.String(length=128), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("asked", Exact(), nullable=True),
        sa.Column("leverage", Exact(), nullable=True),
        sa.Column("margin_mode", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_leverage_decisions")),
    )
    op.create_index(op.f("ix_leverage_decisions_strategy"), "leverage_decisions", ["strategy"], unique=False)
    op.create_table(
        "position_setting_changes",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("venue", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("instrument", sa.String(length=128), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "seq",
            "venue",
            "account",
            "instrument",
            "side",
            "slot",
            "field",
            name=op.f("pk_position_setting_changes"),
        ),
    )
    op.create_index(
        op.f("ix_position_setting_changes_instrument"), "position_setting_changes", ["instrument"], unique=False
    )
    op.create_table(
        "positions",
        sa.Column("venue", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("instrument", sa.String(length=128), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=False),
        sa.Column("size", Exact(), nullable=False),
        sa.Column("entry", Exact(), nullable=True),
        sa.Column("mark", Exact(), nullable=False),
        sa.Column("margin", Exact(), nullable=True),
        sa.Column("leverage", Exact(), nullable=True),
        sa.Column("margin_mode", sa.String(length=16), nullable=False),
        sa.Column("max_leverage", Exact(), nullable=True),
        sa.Column("liquidation_price", Exact(), nullable=True),
        sa.Column("liquidation_status", sa.String(length=16), nullable=False),
        sa.Column(
            "features", sa.Text(), nullable=False, comment="JSON: <venue>_metadata with leverage and margin_mode"
        ),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("venue", "account", "instrument", "side", "slot", name=op.f("pk_positions")),
    )
    op.create_table(
        "projection",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("journal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projection")),
        comment="how far the journal was followed; journal is the hash of its first record",
    )
    op.create_table(
        "wallet_balances",
        sa.Column("chain", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("asset", sa.String(length=128), nullable=False),
        sa.Column("usdc_balance", Exact(), nullable=True),
        sa.Column("balance", Exact(), nullable=True),
        sa.Column("equity", Exact(), nullable=True),
        sa.Column("free_margin", Exact(), nullable=True),
        sa.Column("order_margin", Exact(), nullable=True),
        sa.Column("available", Exact(), nullable=True),
        sa.Column("withdrawable", Exact(), nullable=True),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "account", "asset", name=op.f("pk_wallet_balances")),
    )
    op.create_table(
        "balance_snapshot_rows",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("asset", sa.String(length=128), nullable=False),
        sa.Column("usdc_balance", Exact(), nullable=True),
        sa.Column("balance", Exact(), nullable=True),
        sa.Column("equity", Exact(), nullable=True),
        sa.Column("free_margin", Exact(), nullable=True),
        sa.Column("order_margin", Exact(), nullable=True),
        sa.Column("available", Exact(), nullable=True),
        sa.Column("withdrawable", Exact(), nullable=True),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"], ["balance_snapshots.seq"], name=op.f("fk_balance_snapshot_rows_balance_snapshots")
        ),
        sa.PrimaryKeyConstraint("seq", "chain", "account", "asset", name=op.f("pk_balance_snapshot_rows")),
    )
