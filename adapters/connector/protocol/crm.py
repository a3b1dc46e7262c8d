from adapters.connector.protocol.common import Model, OrderId, Text


class Note(Model):
    customer: str
    order_id: OrderId
    text: Text
