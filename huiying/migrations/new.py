"""Write the next migration from what the tables have become.

    python -m huiying.migrations.new "add the column x" 0002

Compares the tables in the code with an empty database brought to the last migration. Read the
result, put it right, set ``HEAD`` in huiying/schema.py, and commit both.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from sqlmodel.sql.sqltypes import AutoString

from bot.db import Database
from huiying.schema import upgrade


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our own column types as what they are in the database."""
    if kind == "type" and type(item).__name__ == "UtcDateTime":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String({item.length or ''})"
    return False


def main() -> None:
    """Write one file into versions/."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/empty.db")
        upgrade(database)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent))
        config.attributes["render_item"] = render
        with database.writing() as connection:
            config.attributes["connection"] = connection
            command.revision(config, sys.argv[1], autogenerate=True, rev_id=sys.argv[2])


if __name__ == "__main__":
    main()
