"""The tables. What is an order's state lives in its workflow; here is what must outlive it or come before it.

A change here needs its migration in `migrations/versions`, written by hand; a test tells what the two differ in.

No foreign keys to orders on purpose: a webhook may name an order that is not known yet, and a movement of money is
recorded whatever else is missing.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.ids import System
from domain.notifications import Occasion
from domain.records import MovementKind, OrderState


class InboxKind(StrEnum):
    DOCUMENT = "document"  # an order as a storefront's platform writes it
    WEBHOOK = "webhook"  # a hint that a system has news of an order
    COMMAND = "command"  # what a person asks of an order


class InboxState(StrEnum):
    WAITING = "waiting"
    FORWARDED = "forwarded"
    PARKED = "parked"


class UtcTime(TypeDecorator[datetime]):
    """A moment. Goes in with its zone and comes out in UTC; SQLite itself keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


def _words(kind: type[StrEnum]) -> Enum:
    """The values of an enumeration as plain text: a new one needs no migration."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own declaration of it is an instance variable
        datetime: UtcTime(),
        OrderState: _words(OrderState),
        MovementKind: _words(MovementKind),
        InboxKind: _words(InboxKind),
        InboxState: _words(InboxState),
        System: _words(System),
        Occasion: _words(Occasion),
        dict[str, Any]: JSON(),
        list[dict[str, str]]: JSON(),
        dict[str, str]: JSON(),
        list[str]: JSON(),
    }


class OrderRow(Base):
    """One row per storefront order, for ever: it outlives Temporal's retention, so that nothing starts twice."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("channel", "platform_id"),
        Index(None, "state", "accepted_at"),
        Index(None, "accepted_at"),
        Index(None, "payment"),
    )

    order_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    platform_id: Mapped[str] = mapped_column(String(100))
    number: Mapped[str] = mapped_column(String(64))
    payment: Mapped[str | None] = mapped_column(
        String(255)
    )  # the gateway's reference, where the shop tells it
    state: Mapped[OrderState]
    placed: Mapped[dict[str, Any]]
    accepted_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_document: Mapped[str | None] = mapped_column(Text)


class InboxRow(Base):
    """Everything that was accepted from outside, as the bytes that came, before anything is done about it."""

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("dedupe_key"), Index(None, "state", "next_attempt_at"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    system: Mapped[str] = mapped_column(String(40))
    kind: Mapped[InboxKind]
    dedupe_key: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime]
    headers: Mapped[dict[str, str]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[InboxState]
    reason: Mapped[str] = mapped_column(Text)
    problems: Mapped[list[dict[str, str]]]
    order_id: Mapped[str | None] = mapped_column(String(160))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    forwarded_at: Mapped[datetime | None]


class MovementRow(Base):
    __tablename__ = "money_movements"
    __table_args__ = (Index(None, "order_id"), Index(None, "recorded_at"), Index(None, "payment"))

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    order_id: Mapped[str] = mapped_column(String(160))
    kind: Mapped[MovementKind]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    payment: Mapped[str] = mapped_column(String(255))
    reference: Mapped[str] = mapped_column(String(255))
    shipment: Mapped[str | None] = mapped_column(String(180))
    recorded_at: Mapped[datetime]


class SkuMappingRow(Base):
    """What a storefront's line without a SKU is: `platform_key` is "variant:39072856" or "product:632910392"."""

    __tablename__ = "sku_mappings"

    channel: Mapped[str] = mapped_column(String(40), primary_key=True)
    platform_key: Mapped[str] = mapped_column(String(160), primary_key=True)
    sku: Mapped[str] = mapped_column(String(160))


class SweepCursorRow(Base):
    __tablename__ = "sweep_cursors"

    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    cursor: Mapped[str] = mapped_column(Text)


class SweepCountRow(Base):
    """What a sweep has found since it began: `missed` is what no webhook had told of when it looked."""

    __tablename__ = "sweep_counts"

    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    looks: Mapped[int]
    changed: Mapped[int]
    missed: Mapped[int]
    looked_at: Mapped[datetime]


class StrandedRow(Base):
    """An open order whose workflow somebody ended in Temporal: nobody carries it any more. `left_open` in plain words."""

    __tablename__ = "stranded_orders"

    order_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    ended: Mapped[str] = mapped_column(String(40))
    found_at: Mapped[datetime]
    left_open: Mapped[str] = mapped_column(Text)
    told_at: Mapped[datetime | None]


class IncidentRow(Base):
    """A system that was down for some time. At most one is open per system and adapter."""

    __tablename__ = "incidents"

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    system: Mapped[System]
    adapter: Mapped[str] = mapped_column(String(80))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    operators: Mapped[str] = mapped_column(String(320))
    notifier: Mapped[str] = mapped_column(String(80))


INCIDENT_OPEN = IncidentRow.closed_at.is_(None)
Index(
    "uq_incidents_open",
    IncidentRow.system,
    IncidentRow.adapter,
    unique=True,
    sqlite_where=INCIDENT_OPEN,
    postgresql_where=INCIDENT_OPEN,
)


class OutageRow(Base):
    """One order's effect that an incident stops, or stopped until `ended_at`."""

    __tablename__ = "outages"
    __table_args__ = (Index(None, "order_id"),)

    incident: Mapped[int] = mapped_column(ForeignKey(IncidentRow.number), primary_key=True)
    order_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    step: Mapped[str] = mapped_column(String(200), primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class IncidentNoticeRow(Base):
    """What operators were told of an incident."""

    __tablename__ = "incident_notices"

    incident: Mapped[int] = mapped_column(ForeignKey(IncidentRow.number), primary_key=True)
    occasion: Mapped[Occasion] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class BackorderRow(Base):
    """Units of an article that an order waits for, at the stock system that `adapter` names."""

    __tablename__ = "backorders"
    __table_args__ = (Index(None, "adapter", "sku"),)

    adapter: Mapped[str] = mapped_column(String(80), primary_key=True)
    order_id: Mapped[str] = mapped_column(String(160), primary_key=True)
    sku: Mapped[str] = mapped_column(String(160), primary_key=True)
    units: Mapped[int]
    promised_at: Mapped[datetime]


class TokenRow(Base):
    """An API token. Of the token itself only its SHA-256 is kept, which is enough for 256 random bits."""

    __tablename__ = "api_tokens"
    __table_args__ = (UniqueConstraint("digest"),)

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(32))
    channels: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class DecisionRow(Base):
    """Who asked for what, and what became of it. No texts that people wrote, for they may name a customer."""

    __tablename__ = "audit_trail"
    __table_args__ = (UniqueConstraint("order_id", "command"), Index(None, "channel", "id"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(160))
    role: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(40))
    order_id: Mapped[str] = mapped_column(String(160))
    command: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(40))
