"""The promises, read from the real tables and from what arrived, and held against what was said."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from hypothesis.stateful import invariant

from admin.desk import DeskConfig
from bot import journal
from bot.delivery import REPEAT_MARK
from tests.bot.kit import NAME, Bench, PlayedPlatform

DESK = DeskConfig(NAME, "-100", "值班室", language="en", timezone="Asia/Shanghai")
CITIZENS = ("c1", "c2", "c3")
#: what a citizen says and nobody else: "c1-17"
TOKEN = re.compile(r"\bc\d-\d+\b")
#: what an official says to one citizen: "to-c1-17"
REPLY = re.compile(r"\bto-(c\d)-\d+\b")
#: either of them
WORD = re.compile(r"\b(?:to-)?c\d-\d+\b")


class Promises:
    """What must hold after every step, and what must hold when all has come to rest."""

    bench: Bench
    platform: PlayedPlatform
    model: dict[str, Any]
    run: Callable[[Any], Any]

    @invariant()
    def what_was_acknowledged_is_stored_once(self) -> None:
        """P1 and, for the inbox, P4."""
        stored = [row[0] for row in self.bench.inbox()]
        assert sorted(stored) == sorted(self.model["stored"])

    @invariant()
    def nothing_is_decided_twice(self) -> None:
        """P4."""
        decided = Counter(n for body in self._journal("decided") for n in body["inbox"])
        assert set(decided.values()) <= {1}

    @invariant()
    def nobody_reads_what_is_another_s(self) -> None:
        """P7."""
        topics = self._topics_ever()
        for call in self.platform.arrived:
            address = call.message.address
            reader = address.chat if address.chat in CITIZENS else topics.get(address.thread)
            owners = {token.split("-")[0] for token in TOKEN.findall(_unaddressed(call.text))}
            to = set(REPLY.findall(call.text))
            if (address.chat, address.thread) == (DESK.chat, ""):
                owners = set()  # the desk's own chat, where all officials see all cases
            assert owners | to <= {reader}, (address, call.text)

    @invariant()
    def a_second_copy_is_marked_and_there_is_no_third(self) -> None:
        """P5."""
        copies: dict[str, list[str]] = defaultdict(list)
        for call in self.platform.arrived:
            copies[call.key].append(call.text)
        for texts in copies.values():
            assert len(texts) <= 2, texts
            assert sum(not one.startswith(REPEAT_MARK) for one in texts) <= 1, texts

    def _everything_ended(self) -> None:
        """P2: every message has an outcome, and none is dropped."""
        for external_id, status, outcome in self.bench.inbox():
            assert status == "done", (external_id, status)
            assert outcome not in ("", "failed"), external_id
        with self.bench.database.session() as session:
            assert journal.verify(session.connection()).ok
        decided = sum(len(body["inbox"]) for body in self._journal("decided"))
        assert decided == len(self.model["stored"])

    def _order_was_kept(self) -> None:
        """P3: decided in the order of arrival, sent in the order of decision."""
        decided: dict[str, list[int]] = defaultdict(list)
        for row in self._rows("decided"):
            decided[row["conversation"]] += json.loads(row["body"])["inbox"]
        for numbers in decided.values():
            assert numbers == sorted(numbers)
        first: dict[str, int] = {}
        for place, call in enumerate(self.platform.arrived):
            first.setdefault(call.key, place)
        lanes: dict[str, list[int]] = defaultdict(list)
        for row in self.bench.rows("SELECT id, lane FROM outbox ORDER BY id"):
            if str(row.id) in first:
                lanes[row.lane].append(first[str(row.id)])
        for places in lanes.values():
            assert places == sorted(places)

    def _timers_fired_once_and_not_early(self) -> None:
        """P6."""
        fired = [json.loads(row["body"]) | {"at": row["at"]} for row in self._rows("fired")]
        assert len({(one["key"], one["due"]) for one in fired}) == len(fired)
        assert all(one["at"] >= datetime.fromisoformat(one["due"]) for one in fired)
        for worker in self.bench.workers:
            self.run(worker.tick())
        now = self.bench.clock.now().replace(tzinfo=None) if self.bench.database.is_sqlite else None
        late = self.bench.rows(
            "SELECT count(*) FROM timer WHERE fired_at IS NULL AND due_at <= :now",
            now=str(now) if now else self.bench.clock.now(),
        )
        assert late[0][0] == 0

    def _each_word_counted_once(self) -> None:
        """P4, in the cases: what was said stands there once, what was replied was sent once.

        A later wish for a person may hand over the same question once more: another message.
        """
        said = self.bench.rows(
            "SELECT text, external_id FROM case_event "
            "WHERE kind IN ('opened', 'citizen_wrote', 'replied')"
        )
        counted = Counter((t, by) for words, by in said for t in WORD.findall(words))
        assert set(counted.values()) <= {1}, counted
        tokens = {token for token, _ in counted}
        queued = (o["text"] for o in self._journal("queued") if o["address"]["chat"] in CITIZENS)
        sent = Counter(m[0] for words in queued if (m := re.search(r"\bto-c\d-\d+\b", words)))
        assert sent == {token: 1 for token in tokens if token.startswith("to-")}

    def _rows(self, kind: str) -> list[dict[str, Any]]:
        with self.bench.database.session() as session:
            return [r for r in journal.rows(session.connection()) if r["kind"] == kind]

    def _journal(self, kind: str) -> list[dict[str, Any]]:
        found = self.bench.rows("SELECT body FROM journal WHERE kind = :kind", kind=kind)
        return [json.loads(row[0]) for row in found]

    def _topics_ever(self) -> dict[str, str]:
        """Return whose case each topic is about, also of those that are gone."""
        cases = self.bench.rows("SELECT number, conversation FROM desk_case")
        owners = {f"~{row.number}": row.conversation.split("/")[1] for row in cases}
        opened = enumerate(self.platform.threads, 1)
        return {f"t{n}": owners[address.thread] for n, (address, _) in opened}

    def _topics(self) -> dict[str, str]:
        """Return whose case each open topic is about."""
        found = self.bench.rows(
            "SELECT t.external, c.conversation FROM thread t "
            "JOIN desk_case c ON t.name = '~' || c.number WHERE t.external <> ''"
        )
        return {row[0]: row[1].split("/")[1] for row in found}

    # --- the platform ----------------------------------------------------------------------------


def _unaddressed(words: str) -> str:
    return re.sub(r"\bto-c\d-\d+\b", "", words)
