"""The worker that puts missed questions into gaps, beside the answering of citizens.

Several processes may run it: a lease lets one work at a time, and each batch is committed only
while the lease is held.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from sqlmodel import Session

from admin import learning
from bot import leases
from bot.spine import Spine
from bot.transaction import Transaction
from knowledge import gaps
from knowledge.gathering import Batch, Gatherer
from knowledge.search import Knowledge, Outcome

T = TypeVar("T")

log = logging.getLogger("huiying.gathering")

#: seconds between two looks whether there is something to gather
LOOK_S = 2.0
#: and after an error
FAULT_PAUSE_S = 30.0
#: who closes the gaps whose article was published without the commands
WHO = "huiying"
_ROLE, _LEASE = "gaps", timedelta(seconds=60)


def gatherer(knowledge: Knowledge) -> Gatherer:
    """Return what gathers for this knowledge, with its encoder."""
    return Gatherer(knowledge.embedder, lambda text, lang: outright(knowledge, text, lang))


def outright(knowledge: Knowledge, text: str, lang: str) -> str | None:
    """Return the article that answers a question outright, if one does."""
    decision = knowledge.ask(text, lang or None)
    sure = decision.outcome is Outcome.ANSWERED and decision.match is not None
    return decision.match.article if sure and decision.match else None


class Gathering:
    """Gathers what has been missed, as long as the office runs."""

    def __init__(self, spine: Spine, gatherer: Gatherer) -> None:
        self._spine, self._gatherer = spine, gatherer
        self._epoch = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Gather until ``stop`` is set."""
        while not stop.is_set():
            try:
                pause = 0.0 if await self.step() else LOOK_S
            except Exception as error:  # noqa: BLE001  boundary: what was missed is kept and waits
                log.error("missed questions were not gathered: %s", type(error).__name__)
                pause = FAULT_PAUSE_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def step(self) -> bool:
        """Do one batch; False when there is nothing to do, or another process does it."""
        if not await asyncio.to_thread(self._read, self._has_work):
            return False
        if not await self._hold():
            return False
        batch = await asyncio.to_thread(self._read, self._gatherer.prepare)
        await self._spine.writer.write(lambda tx: self._commit(tx, batch))
        return batch is not None

    async def _hold(self) -> bool:
        """Take or renew the lease; what another holder changed meanwhile is read anew."""
        owner = self._spine.owner
        epoch = await self._spine.writer.write(
            lambda tx: leases.take(tx.connection, _ROLE, owner, tx.lease_now, _LEASE)
        )
        if epoch is None:
            return False
        if epoch != self._epoch:
            self._gatherer.forget()
            self._epoch = epoch
        return True

    def _commit(self, tx: Transaction, batch: Batch | None) -> None:
        leases.fence(tx, _ROLE, self._spine.owner, self._epoch, _LEASE)
        learning.close_published(tx, WHO)
        done = self._gatherer.place(tx.session, batch or Batch())
        if done.questions:
            body = {"opened": done.opened, "joined": done.joined, "answered": done.answered}
            tx.journal("gap_gathered", body)

    def _has_work(self, session: Session) -> bool:
        return self._gatherer.has_work(session) or bool(gaps.drafted_and_published(session))

    def _read(self, query: Callable[[Session], T]) -> T:
        with self._spine.database.session() as session:
            return query(session)
