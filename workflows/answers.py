"""What people say: hold and release, and their answers to what the order asks, or to a system that does not answer."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.attention import Action, Hold, Resolve
    from workflows.attempts import Attempts
    from workflows.requests import Request, ResolveRequest


class Answers:
    def __init__(self, attempts: Attempts) -> None:
        self.attempts = attempts
        self.story = attempts.story
        self.document = attempts.document
        self.given: ResolveRequest | None = None  # the answer to the question that the order asks now
        self.awaited = False  # whoever asked waits for it, and does not carry out a former answer

    def hold(self, request: Request) -> None:
        self.document.hold = Hold(actor=request.actor, reason=request.reason, since=workflow.now())
        self.story.note(f"held by {request.actor}: {request.reason}")
        request.granted("it is held: what runs now ends, nothing new begins until it is released")

    def release(self, request: Request) -> None:
        if self.document.hold is None:
            request.refused("it is not on hold")
            return
        self.document.hold = None
        self.story.note(f"released by {request.actor}: {request.reason}")
        request.granted("it goes on")

    def take(self, request: ResolveRequest) -> None:
        """An answer to the order's question goes to whoever asked it; the rest is for what is blocked."""
        resolve, question = request.resolve, self.document.attention
        if self.given is not None:
            request.refused("another answer is being carried out")
            return
        if (
            question is not None
            and self.awaited
            and resolve.action in question.can
            and resolve.number in (None, question.number)
        ):
            self._note_answer(resolve)
            self.given = request
            return
        pressed = [stuck for stuck in self.attempts.stuck if resolve.action in stuck.mark.can]
        if resolve.number is not None or not pressed:
            request.refused(self._why_not(resolve))
            return
        for stuck in pressed:
            stuck.pressed = resolve.action
        self._note_answer(resolve)
        systems = ", ".join(sorted({stuck.mark.system for stuck in pressed}))
        request.granted(
            f"{systems}: " + ("asked again now" if resolve.action is Action.RETRY else "gone on without it")
        )

    def take_amendment(self) -> None:
        """What stood in the way may be gone: a question that a retry answers is answered so."""
        question = self.document.attention
        if question is None or not self.awaited or self.given is not None or Action.RETRY not in question.can:
            return
        resolve = Resolve(action=Action.RETRY, actor="amendment", reason="the order was amended")
        self.given = ResolveRequest(resolve.actor, resolve.reason, resolve=resolve)

    def _note_answer(self, resolve: Resolve) -> None:
        outside = f" (outside as {resolve.reference})" if resolve.reference else ""
        self.story.note(f"{resolve.action}{outside} by {resolve.actor}: {resolve.reason}")

    def _why_not(self, resolve: Resolve) -> str:
        question = self.document.attention
        if resolve.number is not None and (question is None or question.number != resolve.number):
            return "that question is answered already"
        if question is not None and not self.awaited:
            return "another answer is being carried out"
        if question is not None:
            return f"{resolve.action} is no answer to this: {', '.join(question.can)}"
        if self.attempts.stuck:
            return f"{resolve.action} does not help while a system is down: retry or cancel"
        return "it needs no person now"
