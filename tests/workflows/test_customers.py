"""One customer makes one record in the ERP and one in the CRM, however many first orders arrive together."""

import asyncio
from typing import Any

from domain.orders import Customer
from tests.workflows.world import World

FIRST_ORDERS = 20


async def test_twenty_first_orders_of_one_new_customer_make_one_record_each(world: World) -> None:
    """Some give the VAT id and some only the mail address, as people do."""
    whole = Customer(name="Neu GmbH", company="Neu GmbH", email="neu@example.com", vat_id="DE129273398")
    by_mail = whole.model_copy(update={"vat_id": "", "email": "NEU@example.com"})
    stories = await asyncio.gather(
        *(world.begin(customer=by_mail if number % 3 else whole) for number in range(FIRST_ORDERS))
    )
    known = [await story.waits_for("the warehouse to pack") for story in stories]
    assert len({document.erp_customer for document in known}) == 1
    assert len({document.crm_customer for document in known}) == 1

    def same(record: dict[str, Any]) -> bool:
        return str(record["customer"]["email"]).casefold() == whole.email

    records = [record["system"] for record in world.simulator.books()["customers"] if same(record)]
    assert sorted(records) == ["crm", "erp"]


async def test_a_customer_is_found_by_account_number_then_vat_id_then_mail(world: World) -> None:
    """An order that gives several is its account's: the most exact identifier decides."""
    one, two = world.buyer(), world.buyer()
    known = world.customer_by_hand(
        one.model_copy(update={"account_number": "A-1", "email": "a1@example.com"})
    )
    mixed = Customer(name="X", account_number="A-1", vat_id=two.vat_id, email=two.email)
    story = await world.begin(customer=mixed)
    document = await story.waits_for("the warehouse to pack")
    assert document.erp_customer == known
