"""How far the demo is: every order with its kind, its play and its phase."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.documents import PARSERS, load
from domain.ids import ChannelId
from domain.orders import PaymentTerm
from domain.phases import Phase
from entrypoints.demo.cart import cart
from entrypoints.demo.documents import CURRENCIES, demo_document
from entrypoints.demo.kinds import Kind, chosen, playable
from entrypoints.demo.scene import Scene, Stage
from entrypoints.demo.watching import DemoFailed, Watch

# So often a question is seen that nobody in the demo answers, before it counts as the order's end.
_UNANSWERED_LOOKS = 4


@dataclass
class Part:
    """One order. `trouble`: why its play could not go on."""

    kind: Kind
    scene: Scene
    play: asyncio.Task[None] | None = None
    trouble: str = ""
    unanswered: int = 0

    @property
    def order(self) -> str:
        return self.scene.order

    @property
    def played(self) -> bool:
        return self.play is not None and self.play.done()

    async def perform(self) -> None:
        try:
            await self.scene.is_accepted()
            await self.kind.act(self.scene)
        except DemoFailed as failed:
            self.trouble = str(failed)


@dataclass
class Progress:
    """What a person may watch."""

    stage: Stage
    parts: list[Part]
    worker_kills: int = 0

    @property
    def watch(self) -> Watch:
        return self.stage.watch

    @property
    def at_rest(self) -> bool:
        return all(part.played and self._rests(part) for part in self.parts)

    @property
    def picture(self) -> list[tuple[str, bool, bool]]:
        """It changes as long as anything moves."""
        return [(self.phase(part), part.order in self.watch.closed, part.played) for part in self.parts]

    def phase(self, part: Part) -> str:
        return self.watch.phase(part.order)

    def note_questions(self) -> None:
        for part in self.parts:
            seen = self.watch.standing.get(part.order)
            part.unanswered = part.unanswered + 1 if part.played and seen and seen.needs else 0

    def otherwise(self) -> list[str]:
        """Every order that was not played as its kind is, or did not end so."""
        return [
            part.trouble or f"{part.order} ({part.kind.name}) is {self.phase(part)}, not {part.kind.ends}"
            for part in self.parts
            if part.trouble or self.phase(part) != part.kind.ends
        ]

    async def waited_for(self) -> list[str]:
        """Every order that is not at rest, and what it says of itself."""
        return [
            f"{part.order} ({part.kind.name}) is {'' if part.played else 'not '}played to its end: "
            + await part.scene.stands()
            for part in self.parts
            if not (part.played and self._rests(part))
        ] + ([self.watch.unanswered] if self.watch.unanswered else [])

    def _rests(self, part: Part) -> bool:
        """Ended, or cancelled and only watching for a late transfer, or asking what nobody here answers."""
        transfer = part.kind.term is PaymentTerm.BANK_TRANSFER
        watching = transfer and self.phase(part) == Phase.CANCELLED
        return part.order in self.watch.closed or watching or part.unanswered >= _UNANSWERED_LOOKS


def parts_of(
    count: int, counterparts: frozenset[str], stage: Stage, kinds: Sequence[Kind] | None = None
) -> list[Part]:
    """So many of the usual kinds, or one of each of these.

    Shopify's documents name no payment, so they are not for Stripe; the real ERP keeps its books in euros.
    """
    left_out = {"shopify"} if "stripe" in counterparts else set()
    currencies = ["EUR"] if "tryton" in counterparts else CURRENCIES
    parts = []
    for index, kind in enumerate(kinds or chosen(count, playable(counterparts))):
        platforms = [platform for platform in kind.platforms if platform not in left_out]
        platform = platforms[index % len(platforms)]
        content = kind.cart(cart(index, currencies))
        sent = demo_document(content, platform, kind.term, channel=kind.channel)
        document = load(json.dumps(sent.document).encode())
        placed = PARSERS[platform](document, channel=ChannelId(sent.channel), skus={})
        parts.append(Part(kind, Scene(stage, sent, placed)))
    return parts
