"""The search attributes of an order: what an operator filters by. No personal data, for they are never encrypted."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.orders import PlacedOrder
from domain.phases import Phase

ORDER_PHASE = SearchAttributeKey.for_keyword("OrderPhase")
ORDER_CHANNEL = SearchAttributeKey.for_keyword("OrderChannel")
ORDER_NUMBER = SearchAttributeKey.for_keyword("OrderNumber")
CUSTOMER_REF = SearchAttributeKey.for_keyword("CustomerRef")
ORDER_CURRENCY = SearchAttributeKey.for_keyword("OrderCurrency")
ORDER_TOTAL = SearchAttributeKey.for_float("OrderTotal")
BLOCKED_ON = SearchAttributeKey.for_keyword_list("BlockedOn")
ATTENTION = SearchAttributeKey.for_keyword("Attention")
BLOCKED_SINCE = SearchAttributeKey.for_datetime("BlockedSince")
ON_HOLD = SearchAttributeKey.for_bool("OnHold")

# Name and type as `temporal operator search-attribute create` and the dev server's flags take them.
REGISTERED = {
    ORDER_PHASE.name: "Keyword",
    ORDER_CHANNEL.name: "Keyword",
    ORDER_NUMBER.name: "Keyword",
    CUSTOMER_REF.name: "Keyword",
    ORDER_CURRENCY.name: "Keyword",
    ORDER_TOTAL.name: "Double",
    BLOCKED_ON.name: "KeywordList",
    ATTENTION.name: "Keyword",
    BLOCKED_SINCE.name: "Datetime",
    ON_HOLD.name: "Bool",
}


# Workflows that carry an order; at most one runs per order.
CARRIERS = "WorkflowType IN ('Order', 'Aftermath')"


def at_start(order: PlacedOrder, phase: Phase = Phase.RECEIVED) -> TypedSearchAttributes:
    """Set with the start itself, where they cost nothing. The total is for filters only, never for arithmetic."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(ORDER_PHASE, phase.value),
            SearchAttributePair(ORDER_CHANNEL, order.channel),
            SearchAttributePair(ORDER_NUMBER, order.number),
            SearchAttributePair(ORDER_CURRENCY, order.currency),
            SearchAttributePair(ORDER_TOTAL, float(order.total.major)),
            SearchAttributePair(ON_HOLD, value=False),
        ]
    )
