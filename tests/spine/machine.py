"""Two workers, three citizens, one official and a platform, moved one step at a time in any order.

The model is a plain dict of what was said and what the platform acknowledged. Everything else is
read from the real tables and from what arrived on the platform, and held against the promises
P1–P7 of the architecture.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import text

from admin import callouts, officials
from admin.delivery_notices import DeliveryNotices
from bot.channels.base import (
    NotSent,
    RawEvent,
    Refused,
    RetryLater,
    ThreadGone,
    Unconfirmed,
    Unreachable,
)
from bot.db import Database
from bot.messages import Address
from bot.timers import Fire, Timer
from bot.transaction import Transaction
from handlers import policy
from handlers.context import Office, OfficeContext
from handlers.failure import on_failure
from knowledge import articles
from knowledge.drafts import ArticleStatus
from knowledge.revisions import Act
from tests.bot.kit import NAME, Bench, Worker
from tests.scenarios.library import Library
from tests.scenarios.office import ARTICLES
from tests.spine.promises import CITIZENS, DESK, Promises

ERRORS: dict[str, Callable[[], Exception]] = {
    "patience": lambda: RetryLater(0.0),
    "not sent": lambda: NotSent("refused"),
    "unanswered": lambda: Unconfirmed("cut"),
    "refused": lambda: Refused("bad request"),
    "thread gone": lambda: ThreadGone("deleted"),
    "fault of our own": lambda: KeyError("bug"),
}
workers = st.integers(0, 1)
citizens = st.sampled_from(CITIZENS)


def furnish(database: Database) -> None:
    """Publish the articles and enrol the official."""
    with database.transaction() as tx:
        for draft in ARTICLES:
            articles.save(tx.session, draft, Act("editor", tx.now), ArticleStatus.PUBLISHED)
        officials.appoint(tx, NAME, "o1", "Desk 1", officials.Role.OFFICIAL, DESK.department)


class SpineMachine(Promises, RuleBasedStateMachine):
    """Rules are what people, platforms and processes do; invariants are the promises."""

    def __init__(self, database: Database, run: Callable[[Any], Any]) -> None:
        super().__init__()
        self.run = run
        self.bench = Bench(database)
        self.platform = self.bench.platform
        self.office = Office(
            DESK, Library(ARTICLES), {"en": "Test City"}, {"en": "Call 110."}, "en", 100_000
        )
        #: the platform's side: every event it has, by update id, and who acknowledged it
        self.model: dict[str, Any] = {"offered": [], "stored": {}, "said": {}, "next": 1}
        self.claims: list[tuple[Worker, Any]] = []
        self.takes: list[tuple[Worker, Any]] = []

    @initialize()
    def workers_start(self) -> None:
        for _ in range(2):
            self._start()

    def _start(self) -> Worker:
        fires = {kind: _on_record(fire) for kind, fire in callouts.timer_functions(DESK).items()}
        context = partial(OfficeContext, office=self.office)
        worker: Worker = self.run(
            self.bench.worker(
                policy(self.office),
                on_failure,
                fires=fires,
                settled=DeliveryNotices(DESK),
                context=context,
            )
        )
        return worker

    def _number(self) -> int:
        self.model["next"] += 1
        return int(self.model["next"])

    def _offer(self, chat: str, body: dict[str, Any]) -> None:
        number = str(self._number())
        key = Address(NAME, chat, body.get("thread", "")).key
        # The reading twin of the channel takes the message's own id from "id".
        self.model["offered"].append(RawEvent(number, key, {"chat": chat, **body}))

    # --- people ----------------------------------------------------------------------------------

    @rule(who=citizens, known=st.booleans())
    def citizen_says(self, who: str, known: bool) -> None:
        number = self._number()
        words = ARTICLES[0].question if known else f"{who}-{number} about my dog"
        self.model["said"][f"m{number}"] = (who, words)
        self._offer(who, {"id": f"m{number}", "text": words, "language": "en"})

    @rule(who=citizens)
    def citizen_wants_a_person(self, who: str) -> None:
        self._offer(who, {"id": f"m{self._number()}", "text": "/human", "language": "en"})

    @rule(data=st.data())
    def citizen_edits(self, data: st.DataObject) -> None:
        if not self.model["said"]:
            return
        message = data.draw(st.sampled_from(sorted(self.model["said"])))
        who, _ = self.model["said"][message]
        words = f"{who}-{self._number()} about my cat"
        self._offer(who, {"id": message, "kind": "edit", "text": words, "language": "en"})

    @rule(who=citizens)
    def citizen_blocks(self, who: str) -> None:
        self.platform.gone[who] = Unreachable("blocked")

    @rule(who=citizens)
    def citizen_unblocks(self, who: str) -> None:
        self.platform.gone.pop(who, None)

    @rule(
        which=st.integers(0, 99),
        words=st.sampled_from(["reply", "reply", "note", "/claim", "/close done"]),
    )
    def official_writes(self, which: int, words: str) -> None:
        topics = self._topics()
        if not topics:
            return
        # Which of several messages meets an error is chance, and so is how many topics there are:
        # what is drawn must not depend on it.
        thread = sorted(topics)[which % len(topics)]
        if words == "reply":
            words = f"to-{topics[thread]}-{self._number()} it is not taxed"
        elif words == "note":
            words = f"// only for us {self._number()}"
        body = {"id": f"o{self._number()}", "text": words, "sender": "o1", "private": False}
        self._offer("-100", {**body, "thread": thread})

    @rule(i=workers, who=citizens, words=st.sampled_from(["it is not taxed", "it is taxed"]))
    def official_answers(self, i: int, who: str, words: str) -> None:
        """A question, its case, and the answer, with nothing in between but what was before."""
        self.citizen_says(who, known=False)
        self._work_off(i)
        mine = [thread for thread, owner in self._topics().items() if owner == who]
        if mine:
            text = f"to-{who}-{self._number()} {words}"
            body = {"id": f"o{self._number()}", "text": text, "sender": "o1", "private": False}
            self._offer("-100", {**body, "thread": mine[0]})
            self._work_off(i)

    def _work_off(self, i: int) -> None:
        self.worker_receives(i, 1000, backwards=False)
        self.worker_step(i)

    @rule(i=workers, most=st.integers(1, 5), backwards=st.booleans())
    def worker_receives(self, i: int, most: int, backwards: bool) -> None:
        offered = self.model["offered"]
        batch, self.model["offered"] = offered[:most], offered[most:]
        if backwards:
            batch.reverse()
        self.run(self.bench.workers[i].receive(*batch))
        for raw in batch:
            self.model["stored"][raw.external_id] = raw

    @rule(i=workers, data=st.data())
    def platform_repeats(self, i: int, data: st.DataObject) -> None:
        if self.model["stored"]:
            which = data.draw(st.sampled_from(sorted(self.model["stored"])))
            raw = self.model["stored"][which]
            assert self.run(self.bench.workers[i].receive(raw, raw)) == 0

    @rule(name=st.sampled_from(sorted(ERRORS)), arrives=st.booleans(), times=st.integers(1, 4))
    def next_sends_fail(self, name: str, arrives: bool, times: int) -> None:
        for _ in range(times):
            error = ERRORS[name]()
            if arrives and name in ("unanswered", "fault of our own"):
                self.platform.loses_the_answer(error)
            else:
                self.platform.answers.append(error)

    @rule(i=workers, who=citizens)
    def answers_are_lost_for_a_while(self, i: int, who: str) -> None:
        """All the ways of a reply with nobody hearing whether it arrived."""
        self.citizen_says(who, known=True)
        self.worker_receives(i, 5, backwards=False)
        for _ in range(3):
            self.platform.loses_the_answer(Unconfirmed("cut"))
            self.worker_step(i)
            self.clock_jumps(31)

    # --- processes and time ----------------------------------------------------------------------

    @rule(i=workers)
    def worker_step(self, i: int) -> None:
        self.run(self.bench.workers[i].turn())

    @rule(i=workers)
    def worker_decides(self, i: int) -> None:
        self.run(self.bench.workers[i].decide())

    @rule(i=workers)
    def worker_delivers(self, i: int) -> None:
        self.run(self.bench.workers[i].deliver())

    @rule(i=workers)
    def worker_claims_and_sleeps(self, i: int) -> None:
        worker = self.bench.workers[i]
        self.claims.append((worker, self.run(worker.claim())))

    @rule(i=workers)
    def worker_takes_and_sleeps(self, i: int) -> None:
        worker = self.bench.workers[i]
        self.takes.append((worker, self.run(worker.take())))

    @rule()
    def sleepers_wake(self) -> None:
        """Let whoever slept go on with what it had claimed, in time or not."""
        claims, self.claims = self.claims, []
        takes, self.takes = self.takes, []
        for worker, claimed in claims:
            self.run(worker.work(claimed))
        for worker, (taken, epoch) in takes:
            self.run(worker.send(taken, epoch))

    @rule(i=workers, sends_first=st.booleans())
    def worker_dies(self, i: int, sends_first: bool) -> None:
        """Kill a worker, perhaps between its send and the record of it."""
        dead = self.bench.workers[i]
        taken, epoch = self.run(dead.take())
        for outgoing in taken if sends_first else ():
            self.run(_sent_and_lost(dead, outgoing, epoch))
        dead.writer.stop()
        self.claims = [c for c in self.claims if c[0] is not dead]
        self.takes = [t for t in self.takes if t[0] is not dead]
        self._start()
        self.bench.workers[i] = self.bench.workers.pop()

    @rule()
    def leases_expire(self) -> None:
        self.bench.expire_leases()
        for worker in self.bench.workers:  # each knows by its own watch that its lease is over
            worker.deliverer._held_until = 0.0

    @rule(seconds=st.sampled_from([-3600, -1, 1, 31, 61, 1000, 1800, 90_000]))
    def clock_jumps(self, seconds: int) -> None:
        self.bench.clock.advance(seconds=seconds)

    def teardown(self) -> None:
        """Let everything recover, then hold the rest of the promises."""
        try:
            self._recover()
            self._everything_ended()
            self._order_was_kept()
            self._timers_fired_once_and_not_early()
            self._each_word_counted_once()
        finally:
            self.bench.close()
            self.bench.database.close()

    def _recover(self) -> None:
        self.platform.answers.clear()
        self.platform.gone.clear()
        self.sleepers_wake()
        while self.model["offered"]:
            self.worker_receives(0, 5, backwards=False)
        self.bench.clock.advance(hours=2)
        for _ in range(40):
            self.leases_expire()
            for worker in self.bench.workers:
                self.run(worker.turn())
            waiting = self.bench.rows(
                "SELECT (SELECT count(*) FROM inbox WHERE status = 'pending')"
                " + (SELECT count(*) FROM outbox WHERE NOT settled)"
            )
            if not waiting[0][0]:
                return
            self.bench.clock.advance(seconds=40)
        raise AssertionError(f"still waiting: {self.bench.inbox()} {self.bench.outbox()}")


def _on_record(fire: Fire) -> Fire:
    def recorded(tx: Transaction, timer: Timer) -> None:
        tx.journal("fired", {"key": timer.key, "due": timer.due_at.isoformat()})
        fire(tx, timer)

    return recorded


async def _sent_and_lost(dead: Worker, outgoing: Any, epoch: int) -> None:
    """Send as delivery does, and die before the answer is written down."""
    with contextlib.suppress(Exception):  # the dead tell nobody
        await dead.deliverer._send(outgoing, epoch)


def integrity(database: Database) -> str:
    """Return SQLite's own word on the file."""
    with database.engine.connect() as connection:
        return str(connection.scalar(text("PRAGMA integrity_check")))


def in_runner() -> tuple[asyncio.Runner, Callable[[Any], Any]]:
    """Return an event loop that outlives one example."""
    runner = asyncio.Runner()
    return runner, runner.run
