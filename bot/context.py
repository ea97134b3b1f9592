"""What a handler may do: verbs that are gathered now and done in one transaction later.

A handler runs outside any transaction and may wait (for the knowledge, for a read). What it
decides is an *effect*: a function over the :class:`Transaction`. All effects of a message, its
journal row and its place in the inbox are committed together, after the lease was checked. An
effect re-reads the state it changes: what a handler read earlier may be old by then.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlmodel import Session

from bot.buttons import Choice, Press
from bot.clock import Clock
from bot.conversations import Conversation
from bot.messages import Address, Attachment, IncomingMessage, OutgoingMessage, Span
from bot.transaction import Transaction

T = TypeVar("T")
P = ParamSpec("P")

#: something to do in the deciding transaction
Effect = Callable[[Transaction], Any]


class Outcome(StrEnum):
    """How a message ended; every message has exactly one."""

    #: an approved article was sent
    ANSWERED = "answered"
    #: two or three choices were sent
    OFFERED = "offered"
    #: a case was opened, an official has it
    HANDED_OFF = "handed_off"
    #: passed on between citizen and official
    RELAYED = "relayed"
    #: a command or a button did its work
    HANDLED = "handled"
    #: not served, and the sender was told why
    REFUSED = "refused"
    #: could not be decided; an official was told
    FAILED = "failed"


@dataclass
class Context:
    """One message's workplace. ``person`` is the sender's person id.

    ``press`` is what the pressed button stands for (None: no button, or a forged or stale one).
    ``album`` holds the further messages of an album, in order, when ``message`` is its first.
    """

    message: IncomingMessage
    conversation: Conversation
    person: str
    clock: Clock
    read_runner: Callable[[Callable[[Session], Any]], Awaitable[Any]]
    press: Press | None = None
    album: Sequence[IncomingMessage] = ()
    #: how often this message was tried before (0 at first)
    attempt: int = 0
    effects: list[Effect] = field(default_factory=list)
    why: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """Return the present moment, UTC."""
        return self.clock.now()

    @property
    def address(self) -> Address:
        """Return where the message came from."""
        return self.message.address

    @property
    def state(self) -> dict[str, Any]:
        """Return the conversation's remembered state (read it; change it with :meth:`remember`)."""
        return self.conversation.state

    async def read(
        self, query: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a reading function over a session and return what it found."""
        result: T = await self.read_runner(lambda session: query(session, *args, **kwargs))
        return result

    def do(self, effect: Effect) -> None:
        """Do this in the deciding transaction, after what was given before."""
        self.effects.append(effect)

    def reply(
        self,
        text: str,
        choices: Sequence[Sequence[Choice]] = (),
        spans: Sequence[Span] = (),
        attachments: Sequence[Attachment] = (),
        subject: str = "",
    ) -> None:
        """Answer in the place the message came from; ``subject`` names the case it belongs to."""
        lines = tuple(tuple(line) for line in choices)

        def send(tx: Transaction) -> None:
            tx.send(
                OutgoingMessage(
                    self.address,
                    text,
                    spans=tuple(spans),
                    buttons=tx.buttons(self.address, lines),
                    attachments=tuple(attachments),
                ),
                subject,
            )

        self.do(send)

    def remember(self, **values: Any) -> None:
        """Keep values in the conversation's state; None forgets one."""
        for key, value in values.items():
            if value is None:
                self.conversation.state.pop(key, None)
            else:
                self.conversation.state[key] = value

    def note(self, **reasons: Any) -> None:
        """Add to the reasons the journal keeps with the decision (scores, versions, grounds)."""
        self.why.update(reasons)


C = TypeVar("C", bound=Context, contravariant=True)


class Handler(Protocol[C]):
    """One step of the policy: an outcome, or None for "not mine"."""

    async def __call__(self, message: IncomingMessage, ctx: C, /) -> Outcome | None:
        """Decide the message, or leave it to the next handler."""
