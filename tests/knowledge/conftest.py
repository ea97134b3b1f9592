"""A small office of a city that does not exist, on a database of its own."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel, create_engine

from knowledge.articles import Article, KbState, Phrasing
from knowledge.drafts import Draft
from knowledge.embedder import BundledEmbedder
from knowledge.questions import TestQuestion
from knowledge.revisions import Act, Revision

TABLES = [
    SQLModel.metadata.tables[str(m.__tablename__)]
    for m in (Article, Revision, Phrasing, KbState, TestQuestion)
]
NOW = dt.datetime(2026, 5, 4, 8, 30, tzinfo=dt.UTC)
ACT = Act("editor", NOW, "test")


@pytest.fixture(scope="session")
def embedder() -> BundledEmbedder:
    """The real bundled encoder, loaded once."""
    return BundledEmbedder()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session on an empty database file."""
    engine = create_engine(f"sqlite:///{tmp_path / 'kb.db'}")
    SQLModel.metadata.create_all(engine, tables=TABLES)
    with Session(engine) as session:
        yield session
    engine.dispose()


def office() -> tuple[Draft, ...]:
    """Articles of the fictional city of Qingwan, in Chinese and English."""
    return (
        Draft(
            id="library-card",
            lang="zh",
            category="图书馆",
            department="青湾市图书馆",
            question="借书证怎么办理？",
            phrasings=("办图书馆的卡要带什么", "想办一张借阅证"),
            answer="请带身份证到市图书馆一楼服务台办理借书证，当场领取，不收费。",
            source_title="青湾市图书馆服务指南",
            source_url="https://qingwan.example/library/card",
            date=dt.date(2026, 1, 5),
        ),
        Draft(
            id="dog-licence",
            lang="zh",
            question="养狗需要办犬证吗？",
            phrasings=("狗狗登记在哪里办",),
            answer="满三个月的犬只须在三十日内到街道办事处登记，领取犬证，每年年检一次。",
        ),
        Draft(
            id="parking-permit",
            lang="zh",
            question="居民停车证如何申请？",
            answer="居民可在青湾停车网上提交行驶证和住址证明，五个工作日内发放居民停车证。",
        ),
        Draft(
            id="bulky-waste",
            lang="en",
            question="How do I have an old sofa or fridge collected?",
            phrasings=("pick up bulky rubbish", "get rid of a mattress"),
            answer="Book a collection of bulky waste by telephone; it is free twice a year.",
        ),
        Draft(
            id="noise-rule",
            lang="en",
            answer="Construction noise is forbidden between 22:00 and 06:00 on working days.",
        ),
    )
