"""Money that a customer takes back through their bank: booked at once, and fought over by people."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.attention import Action, Reason
    from domain.charges import amount_shares
    from domain.document import MovedOutside
    from domain.ids import System
    from domain.keys import Key
    from domain.ledger import Cause, Entry, EntryKind, Part, Share
    from domain.money import Money, total
    from domain.payments import Dispute, DisputeState
    from workflows.attention import Desk, asks_a_person

if TYPE_CHECKING:
    from workflows.payments import OrderPayments


class Disputes:
    def __init__(self, payments: "OrderPayments") -> None:
        self.payments = payments
        self.owner = payments.owner
        self.effects = payments.effects
        self.desk: Desk = payments.desk

    @asks_a_person()
    async def see(self) -> None:
        """Money that customers took back through their bank is booked as credited, and as charged when it comes back.

        As far as it was still ours: of what had been refunded already the ledger has no charge left.
        """
        document = self.owner.document
        for dispute in document.payments.disputes:
            taken = self.effects.key("dispute", dispute.reference)
            won = self.effects.key("dispute-won", dispute.reference)
            known = {entry.key: entry for entry in document.ledger.entries}
            if taken not in known:
                ours = min(dispute.amount, document.ledger.balance)
                shares = amount_shares(document.ledger, ours, Part.DISPUTE)
                self._enter(taken, EntryKind.CREDIT, shares)
                await self._say_disputed(dispute)
            elif dispute.state is DisputeState.WON and won not in known:
                self._enter(won, EntryKind.CHARGE, known[taken].shares)
                self.owner.note(f"the dispute over {dispute.amount} was won")

    def _enter(self, key: Key, kind: EntryKind, shares: tuple[Share, ...]) -> None:
        document = self.owner.document
        amount = total((share.amount for share in shares), document.order.currency)
        entry = Entry(key=key, kind=kind, amount=amount, shares=shares, cause=Cause.DISPUTE)
        document.ledger = document.ledger.with_entry(entry)

    @asks_a_person()
    async def until_decided(self) -> None:
        """What comes of an open dispute is booked, however long a bank takes."""
        while self.owner.document.payments.in_dispute:
            await self.owner.hinted(System.PAYMENTS, "the end of a dispute", since=self.payments.news)
            await self.payments.look()
            await self.see()

    @asks_a_person()
    async def make_up(self, keep: Callable[[], Money]) -> None:
        """More went back than was credited, refunded and disputed perhaps: a person tells how we got it, or that we will not."""
        document = self.owner.document
        while (missing := keep() - document.kept).minor > 0:
            what = f"{missing} more went back than the order credits, refunded and disputed perhaps"
            request = await self.desk.ask(Reason.BOOKS_DISAGREE, (Action.RETRY, Action.DONE), what)
            if request.resolve.action is Action.DONE:
                made_up = MovedOutside(amount=missing, reference=request.resolve.reference)
                document.paid_outside += (made_up,)
            await self.payments.look()

    async def _say_disputed(self, dispute: Dispute) -> None:
        what = f"{dispute.amount} are disputed ({dispute.reference}): answer it at the gateway, then go on"
        await self.desk.ask(Reason.DISPUTED, (Action.RETRY,), what)

    async def goes_on(self) -> bool:
        """Whether a person has it refunded although the customer took money back through their bank, or is trying to."""
        what = "a dispute is open: what is refunded now could go back twice. Go on when it is decided"
        request = await self.desk.ask(Reason.DISPUTED, (Action.RETRY, Action.SKIP), what)
        return request.resolve.action is Action.SKIP
