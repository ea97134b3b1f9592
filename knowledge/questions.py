"""Test questions: what the office itself wants to be answered with which article, or not at all.

They are asked before every publish; see :mod:`knowledge.rehearsal`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import Text
from sqlmodel import Field, Session, SQLModel, UniqueConstraint, col, select

from knowledge.drafts import LIMITS
from knowledge.errors import ArticleError
from knowledge.revisions import Act, UtcDateTime
from knowledge.text import SEARCH_CHARS, clean, has_words

#: What no database keeps.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


class TestQuestion(SQLModel, table=True):
    """A question with the articles of which one must answer it; with none: no answer is right."""

    __test__: ClassVar[bool] = False  # pytest takes a class of this name for tests of its own
    __tablename__ = "test_question"
    __table_args__ = (UniqueConstraint("text", "lang", name="test_question_once"),)

    id: int | None = Field(default=None, primary_key=True)
    text: str = Field(max_length=SEARCH_CHARS)
    #: Language of the asker where the text does not tell it.
    lang: str = Field(default="", max_length=LIMITS["lang"])
    #: Ids of articles as a JSON list.
    expected: str = Field(default="[]", sa_type=Text)
    at: dt.datetime = Field(sa_type=UtcDateTime)
    who: str = Field(max_length=200)

    @property
    def articles(self) -> tuple[str, ...]:
        """Ids of the articles of which one must answer."""
        return tuple(json.loads(self.expected))


def listing(session: Session) -> Sequence[TestQuestion]:
    """All test questions in the order they came."""
    return session.exec(select(TestQuestion).order_by(col(TestQuestion.id))).all()


def put(
    session: Session, text: str, articles: Sequence[str], act: Act, lang: str = ""
) -> tuple[TestQuestion, bool]:
    """Add a test question, or change what is expected of a known one; (it, whether it is new).

    The articles need not exist yet.  Raises ArticleError for a text nobody can search for.
    """
    text = " ".join(text.split())
    if _NO_TEXT.search(text) or not has_words(clean(text)):
        raise ArticleError("The test question holds no words; write it as a citizen would.")
    if len(text) > SEARCH_CHARS:
        raise ArticleError(f"The test question is longer than {SEARCH_CHARS} characters.")
    query = select(TestQuestion).where(TestQuestion.text == text, TestQuestion.lang == lang)
    found = session.exec(query).first()
    row = found or TestQuestion(text=text, lang=lang, at=act.at, who=act.who)
    row.expected = json.dumps(list(dict.fromkeys(articles)), ensure_ascii=False)
    row.at, row.who = act.at, act.who
    session.add(row)
    session.flush()
    return row, found is None


def remove(session: Session, number: int) -> TestQuestion:
    """Take a test question away; raises ArticleError when there is none of this number."""
    row = session.get(TestQuestion, number)
    if row is None:
        raise ArticleError(
            f"There is no test question {number}; `huiying kb test list` shows those there are."
        )
    session.delete(row)
    return row
