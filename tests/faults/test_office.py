"""kill -9 on the whole office as it is served: answers, cases, topics and replies survive."""

import sys
from pathlib import Path

from sqlalchemy import text

from admin import officials
from admin.officials import Role
from bot.db import Database
from knowledge import articles
from knowledge.drafts import ArticleStatus
from knowledge.revisions import Act
from tests.e2e.office import ARTICLES, DEPARTMENT, GROUP, UNKNOWN, WEDDING
from tests.faults.line import Line

ANSWER = "民政局婚姻登记处"
OFFICIAL = 2001
#: where the office dies while two citizens are dealt with
DEATHS = ("before_decision_commit:2", "after_send:3")
#: where it dies while an official's reply is
REPLY_DEATHS = ("after_claim_commit:1", "after_decision_commit:1")


def furnish(database: Database) -> None:
    """Publish the articles and appoint the official."""
    with database.transaction() as tx:
        for draft in ARTICLES:
            articles.save(tx.session, draft, Act("editor", tx.now), ArticleStatus.PUBLISHED)
        officials.appoint(tx, "telegram", str(OFFICIAL), "一号窗口", Role.OFFICIAL, DEPARTMENT)


def office_line(database: Database, data: Path) -> Line:
    """Return a line whose worker is ``huiying serve``."""
    url = database.engine.url.render_as_string(hide_password=False)
    line = Line(url, 30.0 if database.is_sqlite else 2.0)
    line.command = [
        sys.executable,
        "-m",
        "huiying.cli",
        "serve",
        "--data",
        str(data),
        "--port",
        "0",
    ]
    line.environment = {
        "HUIYING_DATABASE__URL": url,
        "HUIYING_TELEGRAM__ADMIN_CHAT": str(GROUP),
        "HUIYING_TELEGRAM__POLL_TIMEOUT_S": "2",
        "HUIYING_TELEGRAM__PER_CHAT": "1000",
        "HUIYING_TELEGRAM__PER_GROUP_MINUTE": "60000",
        "HUIYING_TELEGRAM__PER_SECOND": "1000",
        "HUIYING_TELEGRAM__TOPICS_PER_MINUTE": "60000",
        "HUIYING_WORKER__LEASE_S": str(line.lease_s),
        "HUIYING_WORKER__UNCERTAIN_RETRY_S": "0.3",
    }
    return line


def topics(database: Database) -> dict[int, int]:
    """Return each asking citizen's topic, by the cases and threads of the database."""
    query = (
        "SELECT c.conversation, t.external FROM desk_case c "
        "JOIN thread t ON t.name = '~' || c.number"
    )
    with database.engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    return {int(row.conversation.split("/")[1]): int(row.external) for row in rows}


async def asked_and_killed(line: Line, citizen: int, death: str) -> None:
    """One citizen asks what is known and one what is not, while the office dies."""
    worker = await line.start(death)
    await line.says(citizen, WEDDING)
    await line.says(citizen + 1, UNKNOWN)
    await line.dies(worker)


async def replied_and_killed(line: Line, topic: int, words: str, death: str) -> None:
    """An official writes into a topic, while the office dies."""
    worker = await line.start(death)
    await line.telegram.do("official.writes", topic, words, on=[OFFICIAL])
    await line.dies(worker)


async def test_an_office_killed_at_any_point_still_answers_everybody(
    database: Database, tmp_path: Path
) -> None:
    furnish(database)
    async with office_line(database, tmp_path) as line:
        await line.telegram.do("forum", GROUP)
        for number, death in enumerate(DEATHS):
            await asked_and_killed(line, 1000 + 10 * number, death)
            worker = await line.start()
            await line.rests()
            await line.kill(worker)
        asking = topics(database)
        assert sorted(asking) == [1001, 1011], "each hard question has one case"
        for (citizen, topic), death in zip(asking.items(), REPLY_DEATHS, strict=True):
            await replied_and_killed(line, topic, f"reply to {citizen}", death)
        worker = await line.start()
        findings = await line.findings()
        truth = await line.truth()
        await line.ends(worker)
        assert findings.problems == []
        for number in range(len(DEATHS)):
            assert any(ANSWER in t for t in truth.sent[f"{1000 + 10 * number}/"])
        for citizen, topic in asking.items():
            assert any(UNKNOWN in t for t in truth.sent[f"{GROUP}/{topic}"]), "the card is there"
            private = {p: ts for p, ts in truth.sent.items() if not p.startswith("-")}
            told = [p for p, ts in private.items() if any(f"reply to {citizen}" in t for t in ts)]
            assert told == [f"{citizen}/"], "P7: the one who asked, and nobody else"
