"""Holds what the platform saw against what the database says: promises P1 to P5 and P7.

The platform's side is the truth: which updates it was told to forget, which calls it acted on and
in which order. :func:`problems` returns one sentence for every difference, and none when the
promises hold.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from bot import journal
from bot.conversations import address_of
from bot.db import Database
from bot.delivery import REPEAT_MARK
from bot.outbox import Delivery


@dataclass
class Truth:
    """What the played platform kept: confirmed update ids, and each chat's messages in order."""

    confirmed: list[int]
    lost: list[int]
    calls: list[dict[str, Any]]
    sent: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.sent = defaultdict(list)
        for call in self.calls:
            if call["method"].startswith("send"):
                params = call["params"]
                place = f"{params['chat_id']}/{params.get('message_thread_id', '')}"
                self.sent[place].append(params.get("text", params.get("caption", "")))


@dataclass
class Row:
    """An outgoing message as the database has it."""

    id: int
    text: str
    status: str
    queued_at: datetime
    attempts: int


@dataclass
class Findings:
    """What was found; ``copies`` were marked, ``uncertain`` were given up and said so."""

    problems: list[str] = field(default_factory=list)
    copies: int = 0
    uncertain: int = 0

    def say(self, problem: str) -> None:
        """Note a broken promise."""
        self.problems.append(problem)


def examine(database: Database, truth: Truth) -> Findings:
    """Compare; the line must have come to rest (:func:`unfinished` says whether it has)."""
    findings = Findings()
    with database.engine.connect() as connection:
        _confirmed_is_journalled(connection, truth, findings)
        _decided_once(connection, findings)
        _decided_in_order(connection, findings)
        _sent_as_queued(connection, truth, findings)
        _settled_once(connection, findings)
        _sound(connection, findings)
    return findings


def unfinished(database: Database) -> str:
    """Return what is still under way, or "" when all has come to rest."""
    with database.engine.connect() as connection:
        waiting = _count(connection, "inbox WHERE status = 'pending'")
        unsent = _count(connection, "outbox WHERE NOT settled")
    return f"{waiting} undecided, {unsent} unsent" if waiting or unsent else ""


def said(database: Database) -> set[str]:
    """Return the texts of all stored messages."""
    with database.engine.connect() as connection:
        bodies = connection.execute(text("SELECT body FROM inbox")).scalars()
        return {json.loads(b).get("message", {}).get("text", "") for b in bodies}


def relayed(database: Database) -> list[str]:
    """Return what is wrong with a relay that says every message back, and counts them."""
    wrong = []
    with database.engine.connect() as connection:
        came: dict[str, list[str]] = defaultdict(list)
        query = "SELECT conversation, body FROM inbox ORDER BY id"
        for row in connection.execute(text(query)):
            came[row.conversation].append(json.loads(row.body)["message"]["text"])
        lanes = _lanes(connection)
        rows = connection.execute(text("SELECT key, state FROM conversation"))
        states = {row.key: row.state for row in rows}
    for key, texts in came.items():
        if [r.text for r in lanes[key] if not r.text.startswith("due ")] != texts:
            wrong.append(f"P4: {key} was not said back once, in order")
        if json.loads(states[key])["seen"] != len(texts):
            wrong.append(f"P4: {key} counted {states[key]} for {len(texts)} messages")
    return wrong


def _confirmed_is_journalled(connection: Connection, truth: Truth, findings: Findings) -> None:
    """P1: what was acknowledged is in the inbox, and in the journal once."""
    stored = connection.execute(text("SELECT external_id FROM inbox")).scalars().all()
    journalled = [b["external_id"] for _, b in _journal(connection, "received")]
    if sorted(stored) != sorted(journalled):
        findings.say("P1: inbox and journal tell different stories about what came")
    known = {external_id.partition(":")[0] for external_id in journalled}
    for update_id in truth.confirmed:
        if str(update_id) not in known:
            findings.say(f"P1: update {update_id} was acknowledged, the journal has it not")
    if truth.lost:
        findings.say(f"P1: updates {truth.lost} were acknowledged unseen")


def _decided_once(connection: Connection, findings: Findings) -> None:
    """P2 and P4: every event ends in a visible state, by one decision."""
    decisions: dict[int, int] = defaultdict(int)
    for _, body in _journal(connection, "decided", "quarantined"):
        for row in body.get("inbox", ()):
            decisions[row] += 1
    for row in connection.execute(text("SELECT id, status, outcome, attempts FROM inbox")):
        if row.status not in ("done", "quarantined") or not row.outcome:
            findings.say(f"P2: event {row.id} ended as {row.status!r}/{row.outcome!r}")
        if decisions[row.id] != 1:
            findings.say(f"P4: event {row.id} was decided {decisions[row.id]} times")


def _decided_in_order(connection: Connection, findings: Findings) -> None:
    """P3: inside a conversation, decisions follow the order of arrival."""
    last: dict[str, int] = defaultdict(int)
    for conversation, body in _journal(connection, "decided", "quarantined"):
        for row in body.get("inbox", ()):
            if row < last[conversation]:
                findings.say(f"P3: event {row} was decided after {last[conversation]}")
            last[conversation] = row


def _sent_as_queued(connection: Connection, truth: Truth, findings: Findings) -> None:
    """P3, P5 and P7: each private chat shows its own lane, whole, in order, copies marked."""
    lanes = _lanes(connection)
    for lane, rows in lanes.items():
        address = address_of(lane)
        if not address.chat.startswith("-"):
            _compare(f"{address.chat}/{address.thread}", rows, truth, findings)
    known = {f"{a.chat}/{a.thread}" for a in map(address_of, lanes)}
    for place, texts in truth.sent.items():
        if place not in known and not place.startswith("-"):
            findings.say(f"P7: {len(texts)} messages reached {place}, which has no lane")


def _settled_once(connection: Connection, findings: Findings) -> None:
    """P4: the journal tells the end of each message once."""
    ends: dict[int, int] = defaultdict(int)
    for _, body in _journal(connection, "delivery"):
        ends[body["outbox"]] += body["settled"]
    for row in connection.execute(text("SELECT id, status FROM outbox")):
        if ends[row.id] != 1:
            findings.say(f"P4: message {row.id} ({row.status}) was settled {ends[row.id]} times")


def _compare(place: str, rows: Iterable[Row], truth: Truth, findings: Findings) -> None:
    shown = iter([*truth.sent[place], None, None])
    current = next(shown)
    for row in rows:
        arrived = 0
        if current == row.text:
            arrived, current = 1, next(shown)
        if current == REPEAT_MARK + row.text:
            findings.copies += arrived
            arrived, current = arrived + 1, next(shown)
        if not arrived:
            _absent(place, row, findings)
    left = [t for t in (current, *shown) if t is not None]
    if left:
        findings.say(f"P3/P5/P7: {place} was sent, beyond or out of order: {left[:4]}")


def _absent(place: str, row: Row, findings: Findings) -> None:
    """A message nobody received: only after two unanswered tries, and then it says so."""
    if row.status == Delivery.UNCERTAIN and row.attempts >= 2:
        findings.uncertain += 1
    else:
        findings.say(f"P5: {row.text!r} is {row.status} and never reached {place} in its turn")


def _lanes(connection: Connection) -> dict[str, list[Row]]:
    lanes: dict[str, list[Row]] = defaultdict(list)
    query = "SELECT id, lane, body, status, queued_at, attempts FROM outbox ORDER BY id"
    for row in connection.execute(text(query)):
        body = json.loads(row.body)
        if not body.get("answers_press"):
            found = Row(row.id, body["text"], row.status, row.queued_at, row.attempts)
            lanes[row.lane].append(found)
    return lanes


def _sound(connection: Connection, findings: Findings) -> None:
    """The chain holds, and so does the file."""
    verdict = journal.verify(connection)
    if not verdict.ok:
        findings.say(f"the journal does not hold at row {verdict.bad_row}: {verdict.reason}")
    if connection.dialect.name == "sqlite":
        answer = connection.scalar(text("PRAGMA integrity_check"))
        if answer != "ok":
            findings.say(f"integrity_check: {answer}")


def _journal(connection: Connection, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield conversation and body of the rows of these kinds, in order."""
    names = ",".join(f"'{kind}'" for kind in kinds)
    query = f"SELECT conversation, body FROM journal WHERE kind IN ({names}) ORDER BY seq"
    for row in connection.execute(text(query)):
        yield row.conversation, json.loads(row.body)


def _count(connection: Connection, what: str) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {what}")) or 0)
