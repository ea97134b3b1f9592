"""Questions that were missed, the gaps they gather into, and what officials answered to them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "gap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lang", sa.String(12), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("citizens", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("article", sa.String(200), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_gap_article"), "gap", ["article"], unique=False)
    op.create_index(op.f("ix_gap_status"), "gap", ["status"], unique=False)
    op.create_table(
        "suggested_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_number", sa.String(12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("department", sa.String(200), nullable=False),
        sa.Column("who", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("article", sa.String(200), nullable=True),
        sa.Column("verdict", sa.String(12), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_suggested_answer_case_number"), "suggested_answer", ["case_number"], unique=False
    )
    op.create_table(
        "gap_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gap_id", sa.Integer(), nullable=True),
        sa.Column("lang", sa.String(12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asker", sa.String(64), nullable=False),
        sa.Column("case_number", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gap_id"],
            ["gap.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("gap_question_asker", "gap_question", ["gap_id", "asker"], unique=False)
    op.create_index(
        "gap_question_new",
        "gap_question",
        ["id"],
        unique=False,
        sqlite_where=sa.text("placed = 0"),
        postgresql_where=sa.text("NOT placed"),
    )
    op.create_index(
        op.f("ix_gap_question_case_number"), "gap_question", ["case_number"], unique=False
    )


def downgrade() -> None:
    """Go back by restoring a backup."""
    raise NotImplementedError("restore a backup instead")
