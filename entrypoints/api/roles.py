"""Which role may what: this table, and nothing else."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Value
from domain.ids import ChannelId

CHANNEL = r"^[a-z0-9][a-z0-9-]{0,39}$"


class Role(StrEnum):
    STOREFRONT = "storefront"
    CUSTOMER_SERVICE = "customer_service"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


class May(StrEnum):
    """What one may do; the audit trail calls it by the same name. `UNLIMITED`: whatever it is worth."""

    READ = "orders.read"
    PLACE = "orders.place"
    CANCEL = "orders.cancel"
    AMEND = "orders.amend"
    HOLD = "orders.hold"
    RELEASE = "orders.release"
    RETURN = "orders.return"
    SEE_ATTENTION = "attention.read"
    RESOLVE = "attention.resolve"
    SEE_TRAIL = "audit.read"
    MANAGE_TOKENS = "tokens.manage"
    UNLIMITED = "money.unlimited"


_SERVICE = {May.READ, May.AMEND, May.CANCEL, May.HOLD, May.RELEASE, May.RETURN, May.SEE_ATTENTION}

MAY: Mapping[Role, frozenset[May]] = {
    Role.STOREFRONT: frozenset({May.READ, May.PLACE}),
    Role.CUSTOMER_SERVICE: frozenset(_SERVICE),
    Role.OPERATOR: frozenset(_SERVICE | {May.PLACE, May.RESOLVE, May.UNLIMITED}),
    Role.AUDITOR: frozenset({May.READ, May.SEE_ATTENTION, May.SEE_TRAIL}),
    Role.ADMIN: frozenset(May),
}


class Principal(Value):
    """Who asks. Orders of other channels than theirs do not exist for them; `channels` None: they see all."""

    name: str
    role: Role
    channels: frozenset[Annotated[ChannelId, Field(pattern=CHANNEL)]] | None

    def may(self, what: May) -> bool:
        return what in MAY[self.role]

    def sees(self, channel: str) -> bool:
        return self.channels is None or channel in self.channels
