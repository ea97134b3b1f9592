"""What the handlers of a citizen's message work with: the office, and verbs in its words."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from admin import asked, intake
from admin.answers import Answer
from admin.case_events import source_of
from admin.cases import HandoffReason, Suggestion
from admin.command_words import Typed, parse
from admin.desk import DeskConfig
from bot.buttons import Choice
from bot.context import Context
from bot.messages import Attachment, MessageKind
from bot.text import clean
from handlers.texts import say
from knowledge.gap_questions import Missed
from knowledge.search import Decision, Match
from knowledge.text import language


class Knowledge(Protocol):
    """What can be asked: :class:`knowledge.search.Knowledge`, or a stand-in of a test."""

    def ask(self, text: str, lang: str | None = None) -> Decision:
        """Decide about a question."""


@dataclass(frozen=True, slots=True)
class Office:
    """The office that answers. ``names`` and ``emergency`` are by language (``zh``, ``en``)."""

    desk: DeskConfig
    knowledge: Knowledge
    names: Mapping[str, str]
    emergency: Mapping[str, str]
    language: str = "zh"
    messages_per_minute: int = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a conversation: its running case, and whether it was cut off."""

    case: str = ""
    unreachable: bool = False


@dataclass(kw_only=True)
class OfficeContext(Context):
    """The context of one message at this office."""

    office: Office
    standing: Standing = field(default_factory=Standing)

    @cached_property
    def text(self) -> str:
        """The words of the message, or of its whole album, safe to show and to store."""
        words = (clean(m.text).strip() for m in (self.message, *self.album))
        return "\n".join(w for w in words if w)

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """What came with the message or its album."""
        return tuple(a for m in (self.message, *self.album) for a in m.attachments)

    @property
    def command(self) -> Typed | None:
        """The command the message is, if it is one."""
        return parse(self.text) if self.is_new else None

    @property
    def is_new(self) -> bool:
        """Whether these words are read for the first time.

        An edit is a correction of what an official has seen while a case runs; else it is read
        like a new message.
        """
        if self.message.kind is MessageKind.EDIT:
            return not self.standing.case
        return self.message.kind is MessageKind.TEXT

    @cached_property
    def lang(self) -> str:
        """The language to answer in: chosen, else written, else as before, else the office's."""
        state = self.state
        if chosen := state.get("lang"):
            return str(chosen)
        before = state.get("spoke") or self._account_language()
        written = self._written_language(bool(before))
        if written and written != state.get("spoke"):
            self.remember(spoke=written)
        return str(written or before or self.office.language)

    def _account_language(self) -> str:
        tag = (self.message.sender.language or self.conversation.language)[:2].lower()
        return tag if tag in ("zh", "en") else ""

    def _written_language(self, known: bool) -> str:
        if self.message.kind is MessageKind.BUTTON or self.command is not None:
            return ""
        found = language(self.text[: asked.CARRIED])
        if found == "en" and known and len(self.text.split()) < 2:
            return ""  # one Latin word ("OK", a number plate) does not change the language
        return found if found in ("zh", "en") else ""

    @property
    def today(self) -> date:
        """The day it is at the office."""
        return self.office.desk.today(self.now)

    def words(
        self, text: str | None = None, files: Sequence[Attachment] | None = None
    ) -> intake.Words:
        """Return what the citizen says, or said before, as the desk takes it in."""
        pressed = self.message.kind is MessageKind.BUTTON
        return intake.Words(
            self.address,
            self.person,
            self.lang,
            self.text if text is None else text,
            self.attachments if files is None else files,
            () if pressed else tuple(map(source_of, (self.message, *self.album))),
        )

    def kept_words(self, kept: Mapping[str, Any]) -> intake.Words:
        """Return a kept question as what the citizen says now, with what comes along now."""
        files = (*asked.files_in(kept), *self.attachments)
        return self.words(asked.question_in(kept), files)

    def last_words(self) -> intake.Words:
        """Return the question asked last, without words when there is none."""
        return self.kept_words(self.state.get(asked.LAST, {}))

    def say(self, key: str, choices: Sequence[Sequence[Choice]] = (), **values: object) -> None:
        """Answer with a fixed sentence."""
        self.reply(say(self.lang, key, **values), choices)

    async def search(self, text: str) -> Decision:
        """Ask the knowledge, and keep for the journal all that is needed to decide again."""
        day = self.today
        decision = await asyncio.to_thread(self.office.knowledge.ask, text, self.state.get("lang"))
        self.note(
            question=text,
            lang=decision.lang,
            day=day.isoformat(),
            reason=str(decision.reason),
            confidence=round(decision.confidence, 4),
            offer_confidence=round(decision.offer_confidence, 4),
            thresholds=asdict(decision.thresholds),
            candidates=[_scored(match) for match in decision.candidates],
            kb_version=decision.kb_version,
            model=decision.model,
            search_ms=round(decision.ms, 1),
        )
        return decision

    def answer(self, answer: Answer, words: intake.Words) -> None:
        """Send an article, word for word, and ask whether it helped."""
        text, spans = answer.words(self.lang)
        payload = {"article": answer.article, **asked.carried(words.text, words.attachments)}
        line = [
            Choice(say(self.lang, key), action, payload, once=True)
            for key, action in (
                ("helpful", "answer.helpful"),
                ("not_helpful", "answer.not_helpful"),
                ("human", "answer.human"),
            )
        ]
        self.note(article=answer.article)
        self.reply(text, [line], spans)

    def hand_off(
        self,
        reason: HandoffReason,
        words: intake.Words | None = None,
        matches: Sequence[Match] = (),
        missed: Missed | None = Missed.UNANSWERED,
    ) -> None:
        """Give the question to an official: a case is opened, or the running one joined.

        ``missed``: in which way the knowledge missed it; None when nothing was asked.
        """
        suggestions = [Suggestion(m.article, m.question, m.confidence) for m in matches[:3]]
        handoff = intake.Handoff(words or self.words(), reason, suggestions, missed)
        desk = self.office.desk
        self.note(handoff=str(reason))
        self.do(lambda tx: intake.hand_off(tx, desk, handoff))


def _scored(match: Match) -> dict[str, object]:
    return {
        "article": match.article,
        "confidence": round(float(match.confidence), 4),
        "features": {name: round(float(value), 4) for name, value in match.features.items()},
    }
