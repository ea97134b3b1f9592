"""What began with a revision: the version of the knowledge, and who wrote the content.

Revision ID: 0002
Revises: 0001
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REVISION = sa.table(
    "revision",
    sa.column("id", sa.Integer()),
    sa.column("article_id", sa.String()),
    sa.column("number", sa.Integer()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("who", sa.String()),
    sa.column("author", sa.String()),
    sa.column("kb_version", sa.Integer()),
    sa.column("snapshot", sa.Text()),
)
_STATE = sa.table("kb_state", sa.column("id", sa.Integer()), sa.column("kb_version", sa.Integer()))


def upgrade() -> None:
    """Make the columns and the table of test questions, and fill in what earlier rows tell."""
    op.create_table(
        "test_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(600), nullable=False),
        sa.Column("lang", sa.String(12), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("text", "lang", name="test_question_once"),
    )
    op.add_column(
        "revision", sa.Column("author", sa.String(200), nullable=False, server_default="")
    )
    op.add_column("revision", sa.Column("kb_version", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_revision_kb_version"), "revision", ["kb_version"], unique=False)
    _fill_in()


def downgrade() -> None:
    """Go back by restoring a backup."""
    raise NotImplementedError("restore a backup instead")


def _fill_in() -> None:
    """Tell authors and versions of the revisions there are.

    The version moved once in each transaction that changed what was served, and all revisions of
    a transaction carry its moment; counted back from the newest version they get their own.
    """
    connection = op.get_bind()
    moments: dict[Any, list[int]] = {}
    values: list[dict[str, Any]] = []
    article, was, before, author = "", "draft", None, ""
    query = sa.select(_REVISION).order_by(_REVISION.c.article_id, _REVISION.c.number)
    for row in connection.execute(query):
        if row.article_id != article:
            article, was, before = row.article_id, "draft", None
        content = json.loads(row.snapshot)
        now = content.pop("status")
        author = author if content == before else row.who
        if "published" in (was, now):
            moments.setdefault(row.at, []).append(row.id)
        values.append({"row": row.id, "author": author})
        was, before = now, content
    _write("author", values)
    newest = connection.scalar(sa.select(_STATE.c.kb_version)) or 0
    ordered = [moments[moment] for moment in sorted(moments, reverse=True)]
    versions = [
        {"row": row, "kb_version": max(newest - back, 1)}
        for back, rows in enumerate(ordered)
        for row in rows
    ]
    _write("kb_version", versions)


def _write(column: str, values: list[dict[str, Any]]) -> None:
    if values:
        change = sa.update(_REVISION).where(_REVISION.c.id == sa.bindparam("row"))
        op.get_bind().execute(change.values({column: sa.bindparam(column)}), values)
