"""Alembic's entry: runs the migrations on the connection that huiying/schema.py hands over."""

from alembic import context
from sqlmodel import SQLModel

from huiying import tables

assert tables.ALL, "every module with a table must be imported"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_type=True,
    render_item=context.config.attributes.get("render_item"),
)
with context.begin_transaction():
    context.run_migrations()
