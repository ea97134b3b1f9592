"""What the tests of delivery write, and to whom."""

from typing import Any

from bot.messages import Address, OutgoingMessage
from tests.bot.kit import NAME, Bench, Worker

ALICE, BOB, GROUP = Address(NAME, "alice"), Address(NAME, "bob"), Address(NAME, "-100")
TOPIC = GROUP.with_thread("~K7Q2M")


def queue(bench: Bench, *messages: OutgoingMessage, subject: str = "") -> None:
    """Put messages into the outbox."""
    with bench.database.transaction() as tx:
        for message in messages:
            tx.send(message, subject)


def words(*texts: str, to: Address = ALICE, **more: Any) -> list[OutgoingMessage]:
    """Return a message for each text."""
    return [OutgoingMessage(to, text, **more) for text in texts]


async def wait_and_deliver(bench: Bench, worker: Worker, seconds: float) -> None:
    """Let the clock go on and send what may be sent then."""
    bench.clock.advance(seconds=seconds)
    await worker.deliver()
