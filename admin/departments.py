"""Departments: the parts of the office that own cases."""

from sqlmodel import Field, Session, SQLModel, col, select

from admin.refusals import ActRefused


class Department(SQLModel, table=True):
    """A part of the office. ``name`` is as articles write it; ``duty`` is the official on duty."""

    __tablename__ = "department"

    name: str = Field(primary_key=True, max_length=200)
    name_en: str = Field(default="", max_length=200)
    duty: int | None = Field(default=None)


def ensure(session: Session, name: str, name_en: str = "") -> Department:
    """Return the department of this name, making it when it is new."""
    found = session.get(Department, name)
    if found is None:
        found = Department(name=name, name_en=name_en)
        session.add(found)
        session.flush()
    elif name_en:
        found.name_en = name_en
    return found


def called(session: Session, name: str, language: str) -> str:
    """Return how a department is called in a language."""
    found = session.get(Department, name)
    return found.name_en if found and found.name_en and language != "zh" else name


def known(session: Session) -> list[str]:
    """Return the names of all departments."""
    return list(session.exec(select(Department.name).order_by(col(Department.name))))


def named(session: Session, words: str) -> str:
    """Return the one department meant by ``words``: its name, or an unmistakable part of one."""
    wanted = words.strip().casefold()
    rows = session.exec(select(Department)).all()
    exact = [d.name for d in rows if wanted in (d.name.casefold(), d.name_en.casefold())]
    part = [d.name for d in rows if wanted in d.name.casefold() or wanted in d.name_en.casefold()]
    found = exact or part
    if not wanted or len(found) != 1:
        raise ActRefused("unknown_target", names="、".join(sorted(found or known(session))))
    return found[0]
