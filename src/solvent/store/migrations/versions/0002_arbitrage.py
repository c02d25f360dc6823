"""Funding-arbitrage subscriptions as they stand, and every event of theirs."""

import sqlalchemy as sa
from alembic import op

from solvent.store.exact import Exact

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "arbitrage_subscriptions",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("long_leg", sa.String(length=128), nullable=False),
        sa.Column("short_leg", sa.String(length=128), nullable=False),
        sa.Column("size", Exact(), nullable=False),
        sa.Column("leverage", Exact(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="JSON: the whole subscription"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arbitrage_subscriptions")),
    )
    op.create_index(op.f("ix_arbitrage_subscriptions_ended"), "arbitrage_subscriptions", ["ended"], unique=False)
    op.create_table(
        "arbitrage_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False, comment="JSON: the record's own fields"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_arbitrage_events")),
    )
    op.create_index(op.f("ix_arbitrage_events_subscription"), "arbitrage_events", ["subscription"], unique=False)
