"""An office in one process: real tables, real handlers, and a platform that is only a list.

``citizen`` and ``official`` say something and get back what the office sent because of it.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from admin import callouts, officials
from admin.cases import Case
from admin.delivery_notices import DeliveryNotices
from admin.desk import DeskConfig
from admin.officials import Role
from bot import buttons, conversations, journal, outbox, persons, timers
from bot.clock import ManualClock
from bot.context import Handler, Outcome
from bot.conversations import Conversation, ConversationRow
from bot.db import Database
from bot.messages import (
    Address,
    Attachment,
    AttachmentKind,
    IncomingMessage,
    MessageKind,
    OutgoingMessage,
    Sender,
    outgoing_from_json,
)
from bot.outbox import Delivery, OutboxRow
from handlers import policy
from handlers.context import Office, OfficeContext
from handlers.failure import on_failure
from knowledge import articles
from knowledge.drafts import ArticleStatus, Draft
from knowledge.gathering import Gatherer
from knowledge.revisions import Act
from tests.scenarios.library import Library
from tests.scenarios.topics import Topics

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESK = DeskConfig("telegram", "-100", "值班室", language="en", timezone="Asia/Shanghai")
ARTICLES = (
    Draft(
        "permit",
        "Bring your identity card and the lease to any service hall.",
        "How do I get a residence permit?",
        lang="en",
        department="Registration",
        source_title="Residence rules",
        source_url="https://example.org/permit",
    ),
    Draft("school", "Apply in June.", "How do I enrol my child in school?", lang="en"),
    Draft("pass", "到办事大厅办理。", "怎么办居住证？", lang="zh", department="户政科"),
)


class PlayedOffice:
    """Everything between a platform's message in and a platform's message out."""

    def __init__(self, url: str, desk: DeskConfig = DESK) -> None:
        self.clock = ManualClock(START)
        self.database = Database.open(url, self.clock)
        SQLModel.metadata.create_all(self.database.engine)
        self.desk = desk
        self.library = Library(ARTICLES)
        self.topics = Topics()
        self.gatherer = Gatherer(self.topics, self.library.outright)
        self.office = Office(
            desk,
            self.library,
            {"zh": "测试市", "en": "Test City"},
            {"zh": "请立即拨打 110 或 120。", "en": "Call 110 or 120 now."},
            language="en",
        )
        self.handlers: Sequence[Handler[Any]] = policy(self.office)
        self.timers = callouts.timer_functions(desk)
        self.notices = DeliveryNotices(desk)
        self.states: dict[str, dict[str, Any]] = {}
        self._outcome: Outcome | None = None
        self.why: dict[str, Any] = {}
        self._ids = itertools.count(1000)
        self._seen = 0
        self._publish()
        self.enrol("o1", "Desk 1")
        self.enrol("o2", "Desk 2")

    def _publish(self) -> None:
        with self.database.transaction() as tx:
            act = Act("editor", tx.now)
            for draft in ARTICLES:
                articles.save(tx.session, draft, act, ArticleStatus.PUBLISHED)

    def enrol(
        self, account: str, name: str, role: Role = Role.OFFICIAL, department: str = "值班室"
    ) -> None:
        """Make an account an official's."""
        with self.database.transaction() as tx:
            officials.appoint(tx, self.desk.channel, account, name, role, department)

    def close(self) -> None:
        """Give the database back."""
        self.database.close()

    def ended(self) -> Outcome | None:
        """Return how the last message ended."""
        return self._outcome

    async def citizen(
        self, text: str = "", who: str = "c1", channel: str = "telegram", **more: Any
    ) -> list[OutgoingMessage]:
        """A citizen writes in private."""
        sender = Sender(who, language=more.pop("language", "en"))
        attempt = more.pop("attempt", 0)
        message = self._message(Address(channel, who), sender, text, **more)
        return await self.arrive(message, attempt=attempt)

    async def official(
        self, text: str = "", case: str = "", who: str = "o1", **more: Any
    ) -> list[OutgoingMessage]:
        """Somebody writes in the admin chat, in a case's topic when ``case`` is given."""
        sender = more.pop("sender", Sender(who))
        place = self.desk.topic(case) if case else self.desk.address
        return await self.arrive(self._message(place, sender, text, private=False, **more))

    async def press(
        self, label: str, who: str = "c1", channel: str = "telegram", case: str | None = None
    ) -> list[OutgoingMessage]:
        """Somebody presses the newest button of this label: a citizen, or an official."""
        private = case is None
        place = Address(channel, who) if case is None else self.desk.topic(case)
        if case == "":
            place = self.desk.address
        token = self.token(label, place)
        message = self._message(
            place, Sender(who), "", kind=MessageKind.BUTTON, button=token, private=private
        )
        return await self.arrive(message)

    def token(self, label: str, place: Address) -> str:
        """Return the newest button of this label in a place."""
        for message in reversed(self.sent()):
            for button in itertools.chain(*message.buttons):
                if message.address == place and button.label == label:
                    return button.token
        raise AssertionError(f"no button {label!r} in {place.key}")

    def _message(self, place: Address, sender: Sender, text: str, **more: Any) -> IncomingMessage:
        more.setdefault("external_id", str(next(self._ids)))
        return IncomingMessage(place, sender=sender, text=text, **more)

    async def album(self, case: str, *messages: tuple[str, Attachment]) -> list[OutgoingMessage]:
        """An official sends an album of pictures with their captions into a case's topic."""
        place = self.desk.topic(case)
        first, *rest = (
            self._message(
                place, Sender("o1"), text, private=False, attachments=(file,), group_id="g"
            )
            for text, file in messages
        )
        return await self.arrive(first, rest)

    async def arrive(
        self, message: IncomingMessage, album: Sequence[IncomingMessage] = (), attempt: int = 0
    ) -> list[OutgoingMessage]:
        """Decide a message as the dispatcher does; return what was sent because of it."""
        ctx = self._context(message, album, attempt)
        self._outcome = await self._decide(message, ctx)
        with self.database.transaction() as tx:
            for effect in ctx.effects:
                effect(tx)
            row = tx.session.get(ConversationRow, message.address.key)
            assert row is not None
            row.state = json.dumps(ctx.conversation.state)
        self.states[message.address.key] = ctx.conversation.state
        self.why = ctx.why
        self.clock.advance(seconds=5)
        return self.delivered()

    async def _decide(self, message: IncomingMessage, ctx: OfficeContext) -> Outcome:
        if ctx.attempt >= 3:
            return await on_failure(message, ctx)
        for handler in self.handlers:
            outcome = await handler(message, ctx)
            if outcome is not None:
                return outcome
        return await on_failure(message, ctx)

    def _context(
        self, message: IncomingMessage, album: Sequence[IncomingMessage], attempt: int
    ) -> OfficeContext:
        person = self._met(message)
        state = dict(self.states.get(message.address.key, {}))
        return OfficeContext(
            message,
            Conversation(message.address, "test", 1, person, state=state),
            person,
            self.clock,
            self._read,
            press=self._press_of(message),
            album=album,
            attempt=attempt,
            office=self.office,
        )

    def _met(self, message: IncomingMessage) -> str:
        address = message.address
        with self.database.transaction() as tx:
            if tx.session.get(ConversationRow, address.key) is None:
                conversations.wake(tx.connection, {address.key: tx.now}, tx.now)
            if not message.private:
                return ""
            person = persons.resolve(tx.connection, address.channel, message.sender.id, tx.now)
            persons.settle_in(tx.connection, address.key, person, message.sender.language)
            return person

    def _press_of(self, message: IncomingMessage) -> buttons.Press | None:
        with self.database.session() as session:
            connection, now = session.connection(), self.clock.now()
            return buttons.find(connection, message.button, message.address.key, now)

    async def _read(self, query: Callable[[Session], Any]) -> Any:
        with self.database.session() as session:
            return query(session)

    def delivered(self) -> list[OutgoingMessage]:
        """Play the platform: take what waits and give each message an id; return it."""
        with self.database.transaction() as tx:
            query = select(OutboxRow).where(col(OutboxRow.id) > self._seen)
            rows = tx.session.exec(query.order_by(col(OutboxRow.id))).all()
            for row in rows:
                row.external_id, row.status, row.settled = f"m{row.id}", Delivery.SENT, True
                self._seen = row.id or 0
            return [outgoing_from_json(json.loads(row.body)) for row in rows]

    def undelivered(
        self, state: Delivery, error: str, reachable: bool = False
    ) -> list[OutgoingMessage]:
        """Play the platform refusing the newest message to a citizen."""
        with self.database.transaction() as tx:
            query = select(OutboxRow).where(~col(OutboxRow.lane).contains(self.desk.chat))
            row = tx.session.exec(query.order_by(col(OutboxRow.id).desc())).first()
            assert row is not None
            message = outgoing_from_json(json.loads(row.body))
            conversations.set_reachable(tx.connection, [message.address.key], reachable)
            fate = outbox.Outgoing(
                row.id or 0, row.lane, row.subject, message, 1, 0, (), row.queued_at
            )
            self.notices(tx, fate, state, error)
        return self.delivered()

    def wait(self, **delta: float) -> list[OutgoingMessage]:
        """Let time pass and fire what falls due on the way, each at its moment."""
        end = self.clock.now() + timedelta(**delta)
        while self._fire_next(end):
            pass
        self.clock.advance(seconds=(end - self.clock.now()).total_seconds())
        return self.delivered()

    def _fire_next(self, end: datetime) -> bool:
        with self.database.session() as session:
            due = timers.next_due(session.connection())
        if due is None or due > end:
            return False
        self.clock.advance(seconds=max(0.0, (due - self.clock.now()).total_seconds()))
        with self.database.transaction() as tx:
            timer = timers.due(tx.connection, tx.now, 1)[0]
            self.timers[timer.kind](tx, timer)
            timers.mark_fired(tx.connection, timer.id, tx.now)
        return True

    def gather(self) -> None:
        """Put what was missed into gaps, as the worker does beside the citizens."""
        while True:
            with self.database.session() as session:
                batch = self.gatherer.prepare(session)
            if batch is None:
                return
            with self.database.transaction() as tx:
                self.gatherer.place(tx.session, batch)

    def sent(self) -> list[OutgoingMessage]:
        """Return everything ever sent, in order."""
        with self.database.session() as session:
            query = select(OutboxRow.body).order_by(col(OutboxRow.id))
            return [outgoing_from_json(json.loads(body)) for body in session.exec(query)]

    def sent_id(self, text: str) -> str:
        """Return the platform's id of the newest message that holds ``text``."""
        with self.database.session() as session:
            rows = session.exec(select(OutboxRow).order_by(col(OutboxRow.id).desc())).all()
        held = [r for r in rows if text in outgoing_from_json(json.loads(r.body)).text]
        return held[0].external_id

    def case(self, number: str = "") -> Case:
        """Return a case, the newest when no number is given."""
        with self.database.session() as session:
            query = select(Case).order_by(col(Case.id).desc())
            if number:
                query = query.where(Case.number == number)
            found = session.exec(query).first()
            assert found is not None
            return found

    def cases(self) -> int:
        """Return how many cases there are."""
        with self.database.session() as session:
            return len(session.exec(select(Case)).all())

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of the journal rows of a kind, in order, from a proven chain."""
        with self.database.session() as session:
            connection = session.connection()
            assert journal.verify(connection).ok
            return [json.loads(r["body"]) for r in journal.rows(connection) if r["kind"] == kind]

    async def handed_off(self, question: str = "Is my dog taxed?", **more: Any) -> str:
        """A citizen asks what nobody has written down; return the number of the case."""
        await self.citizen(question, **more)
        return self.case().number


def to_citizen(messages: Sequence[OutgoingMessage], who: str = "c1") -> list[str]:
    """Return the texts that reached a citizen."""
    return [m.text for m in messages if m.address.chat == who]


def to_topic(messages: Sequence[OutgoingMessage], number: str) -> list[str]:
    """Return the texts that reached a case's topic."""
    return [m.text for m in messages if m.address.thread == f"~{number}"]


def in_main_chat(messages: Sequence[OutgoingMessage]) -> list[str]:
    """Return the texts that reached the admin chat outside all topics."""
    return [m.text for m in messages if m.address.chat == DESK.chat and not m.address.thread]


def labels(message: OutgoingMessage) -> list[str]:
    """Return the labels of a message's buttons."""
    return [button.label for button in itertools.chain(*message.buttons)]


def photo(name: str = "form.jpg", file: str = "file-1") -> Attachment:
    """Return a picture as a platform hands it over."""
    return Attachment(AttachmentKind.PHOTO, "telegram", file, name)
