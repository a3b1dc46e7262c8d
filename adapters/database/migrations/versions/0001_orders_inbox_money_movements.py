"""Orders, inbox, money movements, SKU mappings, sweep cursors."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(160), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("platform_id", sa.String(100), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("placed", sa.JSON(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closed_document", sa.Text()),
        sa.PrimaryKeyConstraint("order_id", name="pk_orders"),
        sa.UniqueConstraint("channel", "platform_id", name="uq_orders_channel_platform_id"),
    )
    op.create_index("ix_orders_accepted_at", "orders", ["accepted_at"])
    op.create_index("ix_orders_state_accepted_at", "orders", ["state", "accepted_at"])

    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("system", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("dedupe_key", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("order_id", sa.String(160)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("forwarded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("dedupe_key", name="uq_inbox_dedupe_key"),
    )
    op.create_index("ix_inbox_state_next_attempt_at", "inbox", ["state", "next_attempt_at"])

    op.create_table(
        "money_movements",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(160), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("payment", sa.String(255), nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("shipment", sa.String(180)),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_money_movements"),
    )
    op.create_index("ix_money_movements_order_id", "money_movements", ["order_id"])
    op.create_index("ix_money_movements_recorded_at", "money_movements", ["recorded_at"])

    op.create_table(
        "sku_mappings",
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("platform_key", sa.String(160), nullable=False),
        sa.Column("sku", sa.String(160), nullable=False),
        sa.PrimaryKeyConstraint("channel", "platform_key", name="pk_sku_mappings"),
    )

    op.create_table(
        "sweep_cursors",
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sweep_cursors"),
    )
