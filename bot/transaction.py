"""One transaction: state, journal, outbox and timers change together or not at all."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Update, text
from sqlmodel import Session

from bot import buttons, journal, outbox, timers
from bot.buttons import Choice
from bot.errors import LeaseLost
from bot.messages import Address, Button, OutgoingMessage

_DATABASE_TIME = text("SELECT clock_timestamp()")


class Transaction:
    """What a deciding function may do to the world; nothing is visible before the commit.

    Journal rows and outgoing messages are gathered and written just before the commit, in the
    order given: the chain's lock is held as shortly as possible.
    """

    def __init__(
        self, connection: Connection, now: datetime, whole: "Transaction | None" = None
    ) -> None:
        self.connection = connection
        #: the transaction this one is a unit of
        self._whole = whole
        self._lease_now: datetime | None = None
        #: the office's clock
        self.now = now
        self._entries: list[journal.Entry] = []
        self._outgoing: list[dict[str, Any]] = []
        self._session: Session | None = None
        self._required: dict[Any, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self._later: dict[Any, list[dict[str, Any]]] = {}
        #: who is to be woken after the commit: ``inbox``, ``timers``, ``out:<channel>``
        self.woken: set[str] = set()

    @property
    def session(self) -> Session:
        """A session on this transaction, for rules that work with SQLModel objects."""
        if self._session is None:
            self._session = Session(
                bind=self.connection, join_transaction_mode="conditional_savepoint"
            )
        return self._session

    @property
    def lease_now(self) -> datetime:
        """The time leases are measured by: the database's own on PostgreSQL."""
        if self._whole is not None:
            return self._whole.lease_now
        if self._lease_now is None:
            self._lease_now = self.now
            if self.connection.dialect.name == "postgresql":
                self._lease_now = self.connection.scalar(_DATABASE_TIME)
        assert self._lease_now is not None
        return self._lease_now

    def require(self, statement: Update, values: dict[str, Any], name: str) -> None:
        """Let the commit happen only if ``statement`` still finds its row (a held lease).

        Statements are gathered and run together just before the commit, ahead of everything
        :meth:`later`; rows are taken in sorted order. Equal values count once.
        """
        rows = self._required.setdefault(statement, {})
        rows[(name, *values.values())] = values

    def later(self, statement: Update, values: dict[str, Any]) -> None:
        """Run ``statement`` just before the commit, together with its like."""
        self._later.setdefault(statement, []).append(values)

    def journal(
        self,
        kind: str,
        body: dict[str, Any],
        subject: str = "",
        conversation: str = "",
        person: str = "",
    ) -> None:
        """Write a journal row with this transaction."""
        self._entries.append(journal.Entry(kind, body, conversation, person, subject))

    def send(self, message: OutgoingMessage, subject: str = "") -> None:
        """Queue a message; ``subject`` names the case it belongs to.

        The journal gets the row ``queued`` with its whole content; a secret in its text stands
        there as dots. The outbox keeps the text as it is sent.
        """
        self._outgoing.append(outbox.new_row(message, subject, self.now))
        body = replace(message, text=message.shown, secret="").to_json()
        self.journal("queued", body, subject, message.address.key)
        self.woken.add(f"out:{message.address.channel}")

    def buttons(
        self, address: Address, lines: tuple[tuple[Choice, ...], ...]
    ) -> tuple[tuple[Button, ...], ...]:
        """Make the buttons for a message to ``address``; they can only be pressed there."""
        return tuple(tuple(self._button(address, choice) for choice in line) for line in lines)

    def _button(self, address: Address, choice: Choice) -> Button:
        token = buttons.new_token()
        expires = self.now + timedelta(days=choice.days)
        buttons.insert(self.connection, token, choice, address.key, expires)
        return Button(choice.label, token)

    def timer(
        self, key: str, kind: str, due_at: datetime, subject: str = "", **payload: Any
    ) -> None:
        """Set or move the timer ``key``."""
        timers.set_timer(self.connection, key, kind, due_at, subject, payload)
        self.woken.add("timers")

    def finish(self) -> None:
        """Write what was gathered; the owner of the transaction commits after it.

        Raise :class:`LeaseLost` when a required row is no longer ours.
        """
        self.flush()
        for statement, by_name in self._required.items():
            rows = [by_name[name] for name in sorted(by_name)]
            if self.connection.execute(statement, rows).rowcount != len(rows):
                raise LeaseLost("Another worker has taken this work over.")
        for statement, values in self._later.items():
            self.connection.execute(statement, values)
        outbox.insert_rows(self.connection, self._outgoing)
        journal.append(self.connection, self._entries, self.now)

    def flush(self) -> None:
        """Send the session's changes to the database (errors show here, not at the commit)."""
        if self._session is not None:
            self._session.flush()
            self._session.close()
            self._session = None

    def absorb(self, other: "Transaction") -> None:
        """Take over what another unit on the same connection has gathered."""
        for statement, rows in other._required.items():
            self._required.setdefault(statement, {}).update(rows)
        for statement, values in other._later.items():
            self._later.setdefault(statement, []).extend(values)
        self._entries += other._entries
        self._outgoing += other._outgoing
        self.woken |= other.woken
