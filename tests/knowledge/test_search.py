"""Questions and the decisions about them, with the real encoder and the shipped weights."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session

from knowledge import articles, index_files
from knowledge.drafts import ArticleStatus, Draft
from knowledge.embedder import BundledEmbedder, Kind, Vectors
from knowledge.errors import IndexUnusable
from knowledge.search import Knowledge, Outcome, Reason
from tests.knowledge.conftest import ACT, office
from tests.knowledge.twins import LetterEmbedder

TODAY = dt.date(2026, 5, 4)
PUBLISHED, RETIRED = ArticleStatus.PUBLISHED, ArticleStatus.RETIRED


@pytest.fixture(scope="module")
def desk(embedder: BundledEmbedder) -> Knowledge:
    known = Knowledge(embedder, today=lambda: TODAY)
    known.load(office(), kb_version=5)
    return known


def only(*drafts: Draft, today: dt.date = TODAY) -> Knowledge:
    known = Knowledge(LetterEmbedder(), today=lambda: today)
    known.load(drafts)
    return known


def shown(known: Knowledge, text: str) -> list[str]:
    return [c.article for c in known.ask(text, depth=50).candidates]


def test_an_articles_own_words_are_answered_with_its_text(desk: Knowledge) -> None:
    decision = desk.ask("想办一张借阅证")
    assert (decision.outcome, decision.reason) == (Outcome.ANSWERED, Reason.EXACT)
    assert decision.match is not None
    assert decision.match.answer == office()[0].answer
    assert decision.match.source == "https://qingwan.example/library/card"
    assert decision.match.date == dt.date(2026, 1, 5)
    assert decision.match.department == "青湾市图书馆"


def test_the_other_script_and_other_punctuation_are_the_same_words(desk: Knowledge) -> None:
    decision = desk.ask("借書證怎麼辦理!!")
    assert decision.reason is Reason.EXACT
    assert decision.confidence == 1


@pytest.mark.parametrize(
    ("text", "article"),
    [
        ("我要去办借书的卡", "library-card"),
        ("家里的狗要不要登记", "dog-licence"),
        ("车停在小区怎么申请证", "parking-permit"),
        ("who takes away my old mattress", "bulky-waste"),
        ("building site is loud at night", "noise-rule"),
    ],
)
def test_the_right_article_comes_first(desk: Knowledge, text: str, article: str) -> None:
    assert shown(desk, text)[0] == article


@pytest.mark.parametrize(
    "text", ["今天晚上吃什么好", "who won the football match yesterday", "给我讲个笑话"]
)
def test_foreign_questions_are_never_answered(desk: Knowledge, text: str) -> None:
    assert desk.ask(text).outcome is not Outcome.ANSWERED


def test_one_article_alone_does_not_answer_everything(embedder: BundledEmbedder) -> None:
    known = Knowledge(embedder, today=lambda: TODAY)
    known.load(office()[:1])
    assert known.ask("护照过期了怎么换").outcome is not Outcome.ANSWERED


@pytest.mark.parametrize("text", ["", "   ", "😀🎉", "？！", "\x00", "\ud800", "\u202e\u200b"])
def test_a_message_without_words_is_handed_off(desk: Knowledge, text: str) -> None:
    decision = desk.ask(text)
    assert (decision.outcome, decision.reason) == (Outcome.HANDED_OFF, Reason.NO_WORDS)
    assert decision.candidates == ()


@pytest.mark.parametrize(
    "text",
    ["a", "证", "怎么办" * 2_700, "x" * 8_000, "狐狸\x00星云\ud83d", "\u202e星云狐狸", "①②③"],
)
def test_odd_questions_get_a_decision_and_no_answer(desk: Knowledge, text: str) -> None:
    decision = desk.ask(text)
    assert decision.outcome is not Outcome.ANSWERED
    assert 0 <= decision.confidence <= 1


def test_a_decision_says_what_it_was_made_of(desk: Knowledge) -> None:
    decision = desk.ask("我要去办借书的卡")
    assert decision.kb_version == 5
    assert "use-multilingual" in decision.model
    assert "ranker-" in decision.model
    assert decision.lang == "zh"
    assert decision.thresholds.answer > decision.thresholds.offer > 0
    assert {"dense_best", "cover", "score", "share"} <= set(decision.candidates[0].features)
    again = desk.ask("我要去办借书的卡")
    assert replace(again, ms=0.0) == replace(decision, ms=0.0)


def test_a_stricter_office_answers_less(embedder: BundledEmbedder) -> None:
    lax = Knowledge(embedder, max_wrong_answers=0.2).thresholds
    strict = Knowledge(embedder, max_wrong_answers=0.02).thresholds
    assert strict.answer > lax.answer


def test_only_todays_articles_are_candidates() -> None:
    card = office()[0]
    over = replace(card, id="over", valid_to=TODAY - dt.timedelta(days=1))
    coming = replace(card, id="coming", valid_from=TODAY + dt.timedelta(days=1))
    known = only(card, over, coming)
    assert shown(known, "借书证") == [card.id]
    assert known.ask(card.question).match is not None


def test_the_day_turns_while_the_snapshot_stays() -> None:
    days = [TODAY]
    known = Knowledge(LetterEmbedder(), today=lambda: days[0])
    known.load([replace(office()[0], valid_to=TODAY)])
    assert known.ask("借书证").candidates
    days[0] = TODAY + dt.timedelta(days=1)
    assert known.ask("借书证").reason is Reason.NO_ARTICLES


def test_a_superseded_article_is_not_served() -> None:
    card = office()[0]
    assert shown(only(card, replace(card, id="new", supersedes=card.id)), "借书证") == ["new"]


def test_two_articles_with_the_same_question_are_not_an_exact_answer() -> None:
    card = office()[0]
    decision = only(card, replace(card, id="twin", answer="请到二楼。")).ask(card.question)
    assert decision.reason is not Reason.EXACT


def test_the_askers_language_comes_first_and_another_when_it_is_surer(
    embedder: BundledEmbedder,
) -> None:
    zh, en = office()[0], Draft(id="card-en", lang="en", question="Library card?", answer="Desk.")
    known = Knowledge(embedder, today=lambda: TODAY)
    known.load([zh, en, *office()[1:]])
    assert known.ask("怎么办借书证呢").candidates[0].lang == "zh"
    assert known.ask("how to get a library card").candidates[0].article == "card-en"
    found = known.ask("do I need a permit to park my car as a resident").candidates
    assert "parking-permit" in [c.article for c in found]


def test_nothing_published_is_handed_off() -> None:
    assert only().ask("借书证").reason is Reason.NO_ARTICLES


def test_refresh_follows_the_version(session: Session) -> None:
    known = Knowledge(LetterEmbedder(), today=lambda: TODAY)
    assert known.kb_version == -1
    assert known.refresh(session)
    assert known.ask("借书证").reason is Reason.NO_ARTICLES
    articles.save(session, office()[0], ACT, PUBLISHED)
    session.commit()
    assert known.refresh(session)
    assert not known.refresh(session)
    assert known.ask("借书证怎么办理").match is not None
    articles.set_status(session, "library-card", RETIRED, ACT)
    session.commit()
    assert known.refresh(session)
    assert known.ask("借书证怎么办理").reason is Reason.NO_ARTICLES


def test_only_articles_with_a_new_revision_are_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for draft in office():
        articles.save(session, draft, ACT, PUBLISHED)
    session.commit()
    known = Knowledge(LetterEmbedder(), today=lambda: TODAY)
    known.refresh(session)
    read: list[str] = []
    contents = articles.contents

    def noting(session: Session, ids: Sequence[str]) -> dict[str, Draft]:
        read.extend(ids)
        return contents(session, ids)

    monkeypatch.setattr(articles, "contents", noting)
    articles.save(session, replace(office()[1], answer="请到街道。"), ACT, PUBLISHED)
    articles.set_status(session, "library-card", RETIRED, ACT)
    session.commit()
    known.refresh(session)
    assert read == ["dog-licence"]
    assert known.snapshot.articles == articles.published(session)


def test_a_refresh_that_fails_is_made_up_for(session: Session) -> None:
    class Failing(LetterEmbedder):
        def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
            """Fail once, for the changed answer."""
            found = super().encode(texts, kind)
            if any("二楼" in text for text in texts) and len(self.encoded) < 60:
                self.encoded.extend(["once"] * 60)
                raise MemoryError
            return found

    articles.save(session, office()[0], ACT, PUBLISHED)
    session.commit()
    known = Knowledge(Failing(), today=lambda: TODAY)
    known.refresh(session)
    articles.save(session, replace(office()[0], answer="请到二楼。"), ACT, PUBLISHED)
    session.commit()
    with pytest.raises(MemoryError):
        known.refresh(session)
    assert known.refresh(session)
    found = known.ask("借书证怎么办理").match
    assert found is not None
    assert found.answer == "请到二楼。"


def test_a_restart_encodes_nothing_again(session: Session, tmp_path: Path) -> None:
    for draft in office():
        articles.save(session, draft, ACT, PUBLISHED)
    session.commit()
    Knowledge(LetterEmbedder(), folder=tmp_path).refresh(session)
    second = LetterEmbedder()
    Knowledge(second, folder=tmp_path).refresh(session)
    assert second.encoded == []


def test_a_damaged_index_is_built_anew(session: Session, tmp_path: Path) -> None:
    articles.save(session, office()[0], ACT, PUBLISHED)
    session.commit()
    Knowledge(LetterEmbedder(), folder=tmp_path).refresh(session)
    for path in tmp_path.glob("*.faiss"):
        path.write_bytes(b"rubbish")
    known = Knowledge(LetterEmbedder(), folder=tmp_path, today=lambda: TODAY)
    assert known.refresh(session)
    assert known.ask("借书证怎么办理").match is not None
    third = LetterEmbedder()
    Knowledge(third, folder=tmp_path).refresh(session)
    assert third.encoded == []


def test_a_changed_model_encodes_everything_anew_and_keeps_only_its_own(
    session: Session, tmp_path: Path
) -> None:
    for draft in office():
        articles.save(session, draft, ACT, PUBLISHED)
    session.commit()
    first = LetterEmbedder()
    Knowledge(first, folder=tmp_path).refresh(session)
    other = LetterEmbedder("letters/2")
    known = Knowledge(other, folder=tmp_path, today=lambda: TODAY)
    known.refresh(session)
    assert sorted(other.encoded) == sorted(first.encoded)
    assert index_files.load(tmp_path, "letters/2").fingerprint == "letters/2"
    with pytest.raises(IndexUnusable, match="another model"):
        index_files.load(tmp_path, "letters/1")
    assert known.over(office()[:2]).snapshot.corpus.index.fingerprint == "letters/2"


def test_many_ask_at_once_while_the_snapshot_is_swapped(desk: Knowledge) -> None:
    texts = ["办借书证", "养狗登记", "申请停车证", "old sofa", "night noise"] * 12
    alone = [desk.ask(t).candidates for t in texts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(desk.ask, texts))
        pool.submit(desk.load, office(), 5).result()
    assert [d.candidates for d in found] == alone
