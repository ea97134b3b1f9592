"""What an editor is shown before citizens see it."""

import datetime as dt
import time
from dataclasses import replace

import pytest

from knowledge.checking import check
from knowledge.drafts import Draft
from knowledge.embedder import BundledEmbedder
from knowledge.findings import Finding, Trouble
from knowledge.form import fault_of_link, is_short
from knowledge.search import Knowledge
from tests.knowledge.conftest import office
from tests.knowledge.test_search import TODAY, only
from tests.knowledge.twins import LetterEmbedder

CARD, DOG, PERMIT = office()[:3]
SOURCED = {"source_title": "指南", "date": TODAY, "source_url": "https://city.gov.cn/a"}


def sound(draft: Draft, **changes: object) -> Draft:
    """An article without any fault of form, unless *changes* bring one in."""
    return replace(draft, **SOURCED | changes)  # type: ignore[arg-type]


def told(found: tuple[Finding, ...]) -> set[tuple[Trouble, tuple[str, ...]]]:
    return {(f.trouble, f.articles) for f in found}


def test_a_sound_office_has_no_findings(embedder: BundledEmbedder) -> None:
    known = Knowledge(embedder, today=lambda: TODAY)
    known.load([sound(a) for a in office()])
    assert check(known) == ()


def test_twins_dates_and_what_is_superseded() -> None:
    known = only(
        sound(CARD, phrasings=()),
        sound(CARD, id="twin", phrasings=()),
        sound(CARD, id="other", answer="请到三楼办理借书证。", phrasings=()),
        sound(DOG, valid_to=TODAY, phrasings=()),
        sound(DOG, id="over", valid_to=TODAY - dt.timedelta(days=1)),
        sound(PERMIT, supersedes="gone"),
    )
    assert told(check(known, days=7)) == {
        (Trouble.DUPLICATE, ("library-card", "twin")),
        (Trouble.CONTRADICTION, ("library-card", "other")),
        (Trouble.CONTRADICTION, ("twin", "other")),
        (Trouble.EXPIRING, ("dog-licence",)),
        (Trouble.EXPIRED, ("over",)),
        (Trouble.DANGLING, ("parking-permit",)),
    }


def test_an_article_that_its_own_words_do_not_find(embedder: BundledEmbedder) -> None:
    lost = sound(
        PERMIT,
        id="lost",
        question="火星上有没有水？",
        phrasings=("怎么烤面包",),
        answer="请致电咨询台询问。",
    )
    known = Knowledge(embedder, today=lambda: TODAY)
    known.load([*(sound(a) for a in office()), lost])
    seen: list[tuple[int, int]] = []
    found = check(known, progress=lambda done, total: seen.append((done, total)))
    assert told(found) == {(Trouble.UNFOUND, ("lost",))}
    assert "'火星上有没有水？' finds" in found[0].detail
    assert seen[-1] == (10, 10)


def test_an_article_that_another_one_answers_for() -> None:
    shadow = sound(
        DOG, id="shadow", question="借书证怎么办理", phrasings=(), answer="另一个完整的答案。"
    )
    found = told(check(only(sound(CARD), shadow, sound(PERMIT))))
    assert (Trouble.SHADOWED, ("library-card", "shadow")) in found


def test_what_is_not_served_today_is_not_asked_for() -> None:
    gone = sound(CARD, valid_to=TODAY - dt.timedelta(days=400))
    assert told(check(only(gone, sound(DOG)), days=0)) == {(Trouble.EXPIRED, ("library-card",))}


def test_what_waits_is_looked_at_by_its_form() -> None:
    waiting = Draft(id="new", question="什么时候开门？", answer="")
    assert told(check(only(sound(DOG)), [waiting])) == {
        (Trouble.UNSOURCED, ("new",)),
        (Trouble.UNDATED, ("new",)),
        (Trouble.SHORT, ("new",)),
    }


def test_each_link_of_an_article_is_looked_at() -> None:
    answer = "养狗登记请见 https://city.gov.cn/a，或 http://city.gov.cn/b（旧），或 https:///c。"
    found = check(only(sound(DOG, answer=answer)))
    assert [f.detail.split(": ")[0] for f in found] == ["http://city.gov.cn/b", "https:///c"]


@pytest.mark.parametrize(
    "link",
    [
        "https://city.gov.cn",
        "https://city.gov.cn:8443/a?b=c#d",
        "https://政务.中国/服务",
        "mailto:desk@city.gov.cn",
        "tel:+8612345",
    ],
)
def test_sound_links(link: str) -> None:
    assert fault_of_link(link) == ""


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("http://city.gov.cn/a", "not encrypted"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://city", "can exist"),
        ("https://-city.gov/a", "can exist"),
        ("https://city..gov/a", "can exist"),
        ("https://city.gov.cn/a b", "blank"),
        ("https://[::1", "cannot be read"),
        ("https://city.gov:99999/", "cannot be read"),
        ("https://www.example.com/a", "never filled in"),
        ("https://localhost/a", "never filled in"),
        ("https://xxx.gov.cn", "never filled in"),
        ("https://192.168.0.1/a", "number"),
        ("desk@city.gov.cn", "mailto"),
        ("mailto:desk", "no mail address"),
        ("city.gov.cn/a", "https://"),
        ("javascript:alert(1)", "https://"),
        ("ftp://city.gov.cn/a", "https://"),
    ],
)
def test_links_that_cannot_work(link: str, fault: str) -> None:
    assert fault in fault_of_link(link)


@pytest.mark.parametrize(
    "answer", ["", "见网站。", "See here.", "https://city.gov.cn/a/b/c/d", "- - - -"]
)
def test_answers_that_are_no_sentence(answer: str) -> None:
    assert is_short(answer)


@pytest.mark.parametrize(
    "answer", ["请到一楼大厅办理。", "Ask at the desk.", "주민센터에 신청하세요"]
)
def test_answers_that_are_one(answer: str) -> None:
    assert not is_short(answer)


def test_twice_the_articles_take_about_twice_as_long() -> None:
    def seconds(size: int) -> float:
        known = Knowledge(LetterEmbedder(), today=lambda: TODAY)
        known.load([_numbered(n) for n in range(size)])
        began = time.process_time()
        check(known)
        return time.process_time() - began

    seconds(50)
    assert seconds(800) < 8 * seconds(200)


def _numbered(n: int) -> Draft:
    words = " ".join(f"w{(n * 7919 + k * 104_729) % 5_000}" for k in range(6))
    return Draft(
        id=str(n),
        question=words,
        phrasings=(f"{words} now",),
        answer=f"{words} and so on.",
        lang="en",
    )
