"""``huiying kb explain``: what a decision is made of, now or as it was journalled."""

from typing import Annotated

import typer

from bot.errors import BadInput
from huiying.explaining import explained
from huiying.kb_office import office, open_knowledge, plain_kb_errors, ready, show
from huiying.replay import replay
from huiying.say import Config, Data, Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain")(explain_command)


def explain_command(
    text: Annotated[str | None, typer.Argument(metavar="QUESTION", help="A question.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the asker.")] = None,
    row: Annotated[
        int | None, typer.Option("--journal", help="Decide again what this journal row decided.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what a decision is made of: features, scores, thresholds; now, or as journalled."""
    with plain_kb_errors(), office(data, config) as (settings, database):
        if (text is None) == (row is None):
            raise BadInput("Give a question, or a row of the journal with --journal.")
        if row is not None:
            with database.session() as session:
                found = replay(session, open_knowledge(settings), row)
            show(as_json, found.to_json(), found.told)
        elif text is not None:
            record = ready(settings, database).ask(text, lang).to_record()
            show(as_json, record, lambda: explained(record))
