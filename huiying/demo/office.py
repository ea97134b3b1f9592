"""Sets up the fictional city of Yunzhu in a data directory: knowledge, and two desks.

The city, its departments, telephone numbers, fees and rules are invented; every link ends in the
reserved domain ``.example``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from admin import departments, officials
from admin.officials import Role
from bot.channels.web_sessions import new_sign_in_code
from bot.db import Database
from knowledge import articles, importing
from knowledge.revisions import Act

FILES = tuple(Path(__file__).parent / f"knowledge_{lang}.jsonl" for lang in ("zh", "en"))
#: the two who work at the demonstration's desk: account, name by language, department in both
DESKS = (
    ("desk-1", {"zh": "一号窗口", "en": "Desk 1"}, ("值班室", "Duty desk")),
    ("desk-2", {"zh": "二号窗口", "en": "Desk 2"}, ("市户政局", "Civil Registry Bureau")),
)
NAMES = {"name_zh": "云渚市民服务台", "name_en": "Yunzhu Citizens' Desk"}
#: how long a printed sign-in link holds, seconds
LINK_S = 3600


def furnish(database: Database, progress: Callable[[int, int], None]) -> int:
    """Import and publish the sample knowledge if there is none yet; return how many are new."""
    with database.session() as session:
        if any(articles.counts(session).values()):
            return 0
    rows = importing.read_files(FILES)
    with database.transaction() as tx:
        act = Act("demo", tx.now, "sample knowledge")
        done = importing.store_rows(tx.session, rows, act, publish=True, progress=progress)
        tx.journal("kb_imported", {"new": len(done.new), "why": "sample knowledge"})
    return len(done.new)


def staff(database: Database, language: str) -> Sequence[tuple[str, str]]:
    """Appoint the two desks and return a one-time sign-in code for each, with its name."""
    made = []
    with database.transaction() as tx:
        for account, names, (department, in_english) in DESKS:
            name = names[language]
            departments.ensure(tx.session, department, in_english)
            officials.appoint(tx, "desk", account, name, Role.OFFICIAL, department)
            code = new_sign_in_code(tx.session, account, name, tx.now, LINK_S)
            made.append((name, code))
    return made
