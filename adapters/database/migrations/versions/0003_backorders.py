"""Who waits for which article."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backorders",
        sa.Column("adapter", sa.String(80), nullable=False),
        sa.Column("order_id", sa.String(160), nullable=False),
        sa.Column("sku", sa.String(160), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("adapter", "order_id", "sku", name="pk_backorders"),
    )
    op.create_index("ix_backorders_adapter_sku", "backorders", ["adapter", "sku"])
