"""The effects of a return, and of money that is given back without one."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities, PostCreditNote
    from activities.fulfilment import CreateReturnLabel, ExpectReturn, FulfilmentActivities, LookUpReturn
    from activities.stock import Restock, StockActivities
    from activities.storefront import StorefrontActivities
    from domain.erp import Invoice
    from domain.ids import ReturnId, System, return_name
    from domain.returns import CreditNote, Receipt, Return, ReturnNotice, ReturnParcel
    from domain.shipments import Labels
    from workflows.messages import Messages
    from workflows.todo import Todo


class ReturnEffects(Messages):
    def look_at_return(self, back: ReturnId) -> LookUpReturn:
        return LookUpReturn(adapter=self._adapter(System.WAREHOUSE), order_id=self._id, return_id=back)

    def expect_return(self, back: Return) -> Todo[None]:
        notice = ReturnNotice(
            return_id=back.return_id,
            order_id=self._id,
            order_number=self._order.number,
            lines=back.lines,
            location=back.location,
        )
        name = return_name(back.return_id)
        call = ExpectReturn(**self._call(System.WAREHOUSE, "return", name), notice=notice)
        return Todo(
            FulfilmentActivities.expect_return, call, f"return-{name}", "Tell the warehouse of the return"
        )

    def create_return_label(self, back: Return) -> Todo[Labels]:
        parcel = ReturnParcel(
            return_id=back.return_id, order_id=self._id, ship_from=self._order.shipping or self._order.billing
        )
        name = return_name(back.return_id)
        call = CreateReturnLabel(**self._call(System.CARRIER, "return-label", name), parcel=parcel)
        return Todo(
            FulfilmentActivities.create_return_label,
            call,
            f"return-label-{name}",
            "Get a label for the return",
            may_skip=True,
        )

    def restock(self, back: Return, receipt: Receipt) -> Todo[None]:
        name = return_name(back.return_id)
        call = Restock(**self._call(System.STOCK, "restock", name), receipt=receipt, location=back.location)
        return Todo(
            StockActivities.restock, call, f"restock-{name}", "Put the goods back on the shelf", may_skip=True
        )

    def post_credit_note(self, note: CreditNote) -> Todo[Invoice]:
        name = return_name(note.return_id)
        call = PostCreditNote(**self._call(System.ERP, "credit-note", name), note=note)
        return Todo(
            ErpActivities.post_credit_note,
            call,
            f"credit-note-{name}",
            "Post the credit note",
            may_skip=True,
        )

    def record_refund_in_shop(self, note: CreditNote) -> Todo[None]:
        name = return_name(note.return_id)
        call = PostCreditNote(**self._call(System.STOREFRONT, "shop-refund", name), note=note)
        return Todo(
            StorefrontActivities.record_refund_in_shop,
            call,
            f"shop-refund-{name}",
            "Show the shop what came back",
            may_skip=True,
        )
