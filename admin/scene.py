"""A message in the admin chat, as the commands and buttons of the desk see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from admin import cases, officials
from admin.actions import By, Result
from admin.case_events import source_of
from admin.desk import DeskConfig
from admin.permissions import Act, check
from admin.refusals import ActRefused
from admin.texts import say
from bot import buttons
from bot.buttons import Choice
from bot.context import Context, Outcome
from bot.messages import IncomingMessage, MessageKind, OutgoingMessage
from bot.transaction import Transaction

#: what an act does once it may
Deed = Callable[[Transaction], Result]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who writes in the admin chat, and about which case ("" for none)."""

    desk: DeskConfig
    ctx: Context
    official: int
    number: str

    @property
    def by(self) -> By:
        """Who acts, by which message or album."""
        return self.by_way_of((self.ctx.message, *self.ctx.album))

    def by_way_of(self, messages: Sequence[IncomingMessage]) -> By:
        """Who acts, by these messages alone."""
        pressed = self.ctx.message.kind is MessageKind.BUTTON
        said = () if pressed else tuple(map(source_of, messages))
        return By(self.official, self.ctx.message.place, said)

    def say(self, key: str, **values: object) -> str:
        """Return a sentence in the desk's language."""
        return say(self.desk.language, key, **values)

    def tell(self, text: str, choices: Sequence[Sequence[Choice]] = ()) -> None:
        """Answer in the place the message came from."""
        if text:
            self.ctx.reply(text, choices, subject=self.number)

    def refuse(self, key: str, **values: object) -> Outcome:
        """Say in one sentence why not, and write it down."""
        number, official = self.number, self.official
        self.tell(self.say(f"refused.{key}", **values))
        body = {"why": key, "official": official}
        self.ctx.do(lambda tx: tx.journal("case_refused", body, subject=number))
        self.ctx.note(refused=key)
        return Outcome.REFUSED

    async def act(self, act: Act, deed: Deed, outcome: Outcome = Outcome.HANDLED) -> Outcome:
        """Do an act in the deciding transaction and tell its result here.

        What is known beforehand to be refused ends as ``refused``; the act itself asks again.
        """
        refused = await self.ctx.read(self.refusal, act)
        self.ctx.do(lambda tx: self._do(tx, act, deed))
        if refused is not None:
            self.ctx.note(refused=refused.key)
        return outcome if refused is None else Outcome.REFUSED

    def _do(self, tx: Transaction, act: Act, deed: Deed) -> None:
        if self._pressed_before(tx, act):
            return
        result = deed(tx)
        if result.text:
            tx.send(OutgoingMessage(self.ctx.address, result.text), self.number)

    def _pressed_before(self, tx: Transaction, act: Act) -> bool:
        """Use up a button that counts once; an act that is refused does not use it up."""
        press = self.ctx.press
        if press is None or not press.once or self.refusal(tx.session, act) is not None:
            return False
        return not buttons.use_up(tx.connection, press.token, tx.now)

    def refusal(self, session: Session, act: Act) -> ActRefused | None:
        """Return why the act may not be done now, or None."""
        case = cases.find(session, self.number)
        official = officials.get(session, self.official)
        if case is None or official is None:
            return ActRefused("unknown_case", number=self.number)
        try:
            check(session, act, case, official)
        except ActRefused as refused:
            return refused
        return None
