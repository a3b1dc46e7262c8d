"""Which order a payment is of; what sweeps found; orders whose workflow somebody ended."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("payment", sa.String(255), nullable=True))
    told = (
        "placed->'payment'->>'reference'"
        if op.get_bind().dialect.name == "postgresql"
        else "json_extract(placed, '$.payment.reference')"
    )
    op.execute(f"UPDATE orders SET payment = {told}")
    op.create_index("ix_orders_payment", "orders", ["payment"])
    op.create_index("ix_money_movements_payment", "money_movements", ["payment"])
    op.create_table(
        "sweep_counts",
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("missed", sa.Integer, nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sweep_counts"),
    )
    op.create_table(
        "stranded_orders",
        sa.Column("order_id", sa.String(160), nullable=False),
        sa.Column("ended", sa.String(40), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_open", sa.Text, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name="pk_stranded_orders"),
    )

