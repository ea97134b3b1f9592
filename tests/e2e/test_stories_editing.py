"""What citizens asked is tried before a publish, and every decision can be made again later."""

import json
from functools import partial

import pytest

from bot.config import Settings
from bot.db import Database
from bot.errors import BadInput, Failure
from bot.transaction import Transaction
from huiying.editors import Editor
from huiying.kb_office import open_knowledge, ready, refresh
from huiying.past import past_questions
from huiying.publishing import How, make, publish
from huiying.replay import Replay, replay
from knowledge import articles
from knowledge.drafts import ArticleStatus
from knowledge.search import Knowledge
from tests.e2e.office import ARTICLES, PARKING, UNKNOWN, WEDDING, LiveOffice
from tests.knowledge.twins import LetterEmbedder

ASKED = (
    WEDDING,
    "结婚要去哪里登记",
    PARKING,
    UNKNOWN,
    "x" * 300 + "结婚",
    "😀",
    "wo bringe ich müll hin",
)


async def decided(office: LiveOffice) -> list[int]:
    """Let citizens ask, each one thing; the journal rows of the decisions."""
    for user, text in enumerate(ASKED, 1001):
        office.tg.citizen(user).says(text)
    await office.settled()
    return [r["seq"] for r in office.journal("decided") if "question" in r["body"].get("why", {})]


def again(settings: Settings, database: Database, seq: int) -> Replay:
    with database.session() as session:
        return replay(session, open_knowledge(settings), seq)


def retire(article: str, tx: Transaction, editor: Editor) -> bool:
    return articles.set_status(tx.session, article, ArticleStatus.RETIRED, editor.act(tx.now))


async def test_every_decision_is_made_again_years_later(office: LiveOffice) -> None:
    rows = await decided(office)
    assert len(rows) == len(ASKED)
    settings = office.settings()
    await office.stop()
    office.write(lambda tx: [retire(a.id, tx, Editor("li", "li", "", False)) for a in ARTICLES])
    database = Database.open(settings.database_url)
    for seq in rows:
        found = again(settings, database, seq)
        assert found.is_same, found.to_json()
        assert found.differences == ()
        assert json.dumps(found.to_json())
        assert str(seq) in found.told()
    database.close()
    await office.start()


async def test_a_replay_says_what_is_not_as_it_was(office: LiveOffice) -> None:
    await decided(office)
    (wedding,) = [
        r["seq"] for r in office.journal("decided") if r["body"]["why"].get("question") == WEDDING
    ]
    settings = office.settings()
    strict = settings.knowledge.model_copy(update={"max_wrong_answers": 1e-9})
    found = again(settings.model_copy(update={"knowledge": strict}), office.database, wedding)
    assert [d.what for d in found.differences] == ["answer"]
    assert found.says() == "决定相同；不同的数字：1 个。"
    with office.database.session() as session:
        letters = Knowledge(LetterEmbedder())
        found = replay(session, letters, wedding)
        assert found.model_changed
        assert "当时的模型是 use-multilingual" in found.says()
        assert "wedding dense_answer" in [d.what for d in found.differences]
        assert "与答案的语义" in found.told()
        for seq in (1, 10**9):
            with pytest.raises(BadInput, match="no decision of the knowledge"):
                replay(session, letters, seq)


async def test_what_citizens_asked_is_tried_before_a_publish(office: LiveOffice) -> None:
    await decided(office)
    with office.database.session() as session:
        asked = {p.text for p in past_questions(session, 100)}
    assert asked == {*ASKED} - {"😀"}

    withdraw = partial(retire, "wedding")
    done = publish(office.settings(), office.database, withdraw, How())
    assert done.rehearsal is not None
    changed = {t.text: (t.before.articles, t.after.articles) for t in done.rehearsal.changed}
    assert changed[WEDDING][0] == ("wedding",)
    assert "wedding" not in changed[WEDDING][1]
    assert UNKNOWN not in changed
    (row,) = office.journal("kb_rehearsed")
    assert row["body"]["past"] == len(asked)


async def test_a_publish_gives_way_to_one_that_came_between(office: LiveOffice) -> None:
    settings, li = office.settings(), Editor("li", "li", "", False)
    known = ready(settings, office.database)
    office.write(lambda tx: retire("guest", tx, li))
    with pytest.raises(Failure, match="Somebody else published meanwhile"):
        make(office.database, known, partial(retire, "wedding"), li)
    refresh(known, office.database)
    assert make(office.database, known, partial(retire, "wedding"), li)
