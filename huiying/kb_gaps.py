"""The commands about gaps: ``huiying kb gaps …``."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from admin import learning, waiting
from bot.config import Settings
from bot.db import Database
from bot.errors import BadInput
from bot.text import one_line
from huiying.kb_office import office, plain_kb_errors
from huiying.say import Config, Data, Json, show_json
from knowledge import gap_questions, gaps, suggested_answers
from knowledge.errors import GapError
from knowledge.gap_questions import GapQuestion
from knowledge.gaps import Gap
from knowledge.masking import blanks
from knowledge.suggested_answers import SuggestedAnswer

gaps_app = typer.Typer(help="Questions that the knowledge could not answer.")

GapId = Annotated[int, typer.Argument(metavar="ID", help="Number of a gap.")]


@gaps_app.callback(invoke_without_command=True)
def list_command(
    ctx: typer.Context,
    lang: Annotated[str | None, typer.Option(help="Only this language, as zh or en.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="At most so many.")] = 50,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the gaps, those that most citizens asked first."""
    if ctx.invoked_subcommand is not None:
        return
    with _office(data, config) as (_, database), database.session() as session:
        rows = [_row(gap) for gap in gaps.listing(session, lang, everything, most)]
        new = gap_questions.count_pending(session)
        if as_json:
            show_json({"gaps": rows, "not_gathered": new})
            return
        for row in rows:
            title = one_line(row["title"], 80)
            typer.echo(f"{row['gap']}\t{row['citizens']}\t{row['lang']}\t{row['status']}\t{title}")
        typer.echo(f"{len(rows)} gaps" + (f", {new} questions not gathered yet" if new else ""))


@gaps_app.command("show")
def show_command(
    gap_id: GapId, data: Data = None, config: Config = None, as_json: Json = False
) -> None:
    """Show a gap: its questions, and what officials answered, the best first."""
    with _office(data, config) as (_, database), database.session() as session:
        gap = gaps.get(session, gap_id)
        asked = [_question(q) for q in gap_questions.of_gap(session, gap_id)]
        found = suggested_answers.of_gap(session, gap_id)
        answers = [_answer(n, answer) for n, answer in enumerate(found, 1)]
        waits = len(waiting.of_gap(session, gap))
        if as_json:
            show_json(_row(gap) | {"questions": asked, "answers": answers, "waiting": waits})
            return
        typer.echo(f"{gap.id}\t{gap.citizens}\t{gap.lang}\t{gap.status}\t{gap.title}")
        for row in asked:
            typer.echo("question {question}\t{reason}\t{case}\t{text}".format(**row))
        for row in answers:
            typer.echo("answer {answer}\t{verdict}\t{department}\t{text}".format(**row))
        typer.echo(f"{waits} citizens still wait")


@gaps_app.command("draft")
def draft_command(
    gap_id: GapId,
    number: Annotated[int | None, typer.Option("--answer", min=1, help="Not the first.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a draft article of a gap and an answer to it; an editor edits and publishes it."""
    with _office(data, config) as (settings, database):
        with database.transaction() as tx:
            answer = _chosen(tx.session, gap_id, number)
            today = tx.now.astimezone(ZoneInfo(settings.office.timezone)).date()
            made = learning.draft(tx, gap_id, answer, getpass.getuser(), today)
        hidden = blanks(f"{made.question}\n{made.answer}")
        if as_json:
            show_json({"gap": gap_id, "article": made.id, "blanks": list(hidden)})
            return
        typer.echo(f"Gap {gap_id} is drafted as article {made.id}.")
        if hidden:
            typer.echo(f"Fill in before publishing: {' '.join(hidden)}")


@gaps_app.command("merge")
def merge_command(
    kept: Annotated[int, typer.Argument(metavar="A", help="The gap that stays.")],
    gone: Annotated[int, typer.Argument(metavar="B", help="The gap that goes into it.")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put the questions of gap B into gap A; later ones that are like B's go there too."""
    with _office(data, config) as (_, database):
        with database.transaction() as tx:
            row = _row(gaps.merge(tx.session, kept, gone))
            tx.journal("gap_merged", {"who": getpass.getuser(), "gone": gone}, subject=str(kept))
        _show(as_json, row, f"Gap {gone} went into gap {kept}, asked by {row['citizens']} now.")


@gaps_app.command("move")
def move_command(
    question: Annotated[int, typer.Argument(metavar="QUESTION", help="From `kb gaps show`.")],
    target: Annotated[str, typer.Argument(metavar="GAP", help="A gap, or `new`.")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put one question into another gap, or into a new one."""
    if target != "new" and not (target.isascii() and target.isdecimal()):
        raise typer.BadParameter("GAP is the number of a gap, or new.")
    with _office(data, config) as (_, database):
        with database.transaction() as tx:
            gap = gaps.move(tx.session, question, None if target == "new" else int(target))
            row = _row(gap)
            body = {"who": getpass.getuser(), "question": question}
            tx.journal("gap_moved", body, subject=str(gap.id))
        _show(as_json, row, f"Question {question} is in gap {row['gap']} now.")


@gaps_app.command("close")
def close_command(
    gap_id: GapId,
    why: Annotated[str, typer.Option("--why", help="Reason, kept with the gap.")],
    data: Data = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Dismiss a gap that needs no article."""
    with _office(data, config) as (_, database):
        if not why.strip():
            raise BadInput("A gap is closed for a reason: --why REASON.")
        with database.transaction() as tx:
            row = _row(learning.close(tx, gap_id, getpass.getuser(), why.strip()))
        _show(as_json, row, f"Gap {gap_id} is closed.")


def _row(gap: Gap) -> dict[str, Any]:
    return {
        "gap": gap.id,
        "title": gap.title,
        "lang": gap.lang,
        "status": gap.status,
        "citizens": gap.citizens,
        "first": gap.first_at.isoformat(),
        "last": gap.last_at.isoformat(),
        "article": gap.article,
        "why": gap.why,
    }


def _question(question: GapQuestion) -> dict[str, Any]:
    return {
        "question": question.id,
        "text": question.text,
        "reason": question.reason,
        "case": question.case_number,
        "at": question.at.isoformat(),
    }


def _answer(number: int, answer: SuggestedAnswer) -> dict[str, Any]:
    return {
        "answer": number,
        "text": answer.text,
        "department": answer.department,
        "case": answer.case_number,
        "article": answer.article,
        "verdict": answer.verdict,
        "at": answer.at.isoformat(),
    }


def _chosen(session: Session, gap_id: int, number: int | None) -> SuggestedAnswer:
    """The answer to make an article of: the named one, else the first that was written."""
    gaps.get(session, gap_id)
    found = suggested_answers.of_gap(session, gap_id)
    if number is None:
        answer = suggested_answers.written(found)
    else:
        answer = found[number - 1] if number <= len(found) else None
    if answer is None:
        raise GapError(
            f"Gap {gap_id} has no such answer; `huiying kb gaps show {gap_id}` lists them, and "
            "a reply to one of its cases becomes one."
        )
    if answer.article is not None:
        raise GapError(
            f"Answer {number} is article {answer.article!r} as it is; add the gap's questions "
            "to its phrasings instead."
        )
    return answer


def _show(as_json: bool, values: dict[str, Any], text: str) -> None:
    if as_json:
        show_json(values)
    else:
        typer.echo(text)


@contextmanager
def _office(data: Path | None, config: Path | None) -> Iterator[tuple[Settings, Database]]:
    with plain_kb_errors(), office(data, config) as opened:
        try:
            yield opened
        except GapError as error:
            raise BadInput(str(error)) from error
