"""Incidents, the outages of orders that they are made of, and what operators were told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "incidents",
        sa.Column("number", number, nullable=False),
        sa.Column("system", sa.String(16), nullable=False),
        sa.Column("adapter", sa.String(80), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("operators", sa.String(320), nullable=False),
        sa.Column("notifier", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_incidents"),
    )
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["system", "adapter"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )

    op.create_table(
        "outages",
        sa.Column("incident", number, nullable=False),
        sa.Column("order_id", sa.String(160), nullable=False),
        sa.Column("step", sa.String(200), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("incident", "order_id", "step", name="pk_outages"),
        sa.ForeignKeyConstraint(["incident"], ["incidents.number"], name="fk_outages_incident_incidents"),
    )
    op.create_index("ix_outages_order_id", "outages", ["order_id"])

    op.create_table(
        "incident_notices",
        sa.Column("incident", number, nullable=False),
        sa.Column("occasion", sa.String(16), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("incident", "occasion", name="pk_incident_notices"),
        sa.ForeignKeyConstraint(
            ["incident"], ["incidents.number"], name="fk_incident_notices_incident_incidents"
        ),
    )
