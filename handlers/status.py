"""``/status``: a citizen's own cases; with number and code, a case from another channel."""

from sqlmodel import Session

from admin import case_numbers, cases, departments, intake, relay
from admin.cases import Case, CaseStatus
from admin.texts import say as say_of_case
from bot.context import Outcome
from bot.messages import IncomingMessage, OutgoingMessage
from bot.transaction import Transaction
from handlers.context import Office, OfficeContext
from handlers.texts import say


async def status(_message: IncomingMessage, ctx: OfficeContext, rest: str) -> Outcome:
    """List the citizen's running cases, else the last one; or fetch one by its code."""
    words = rest.split()
    if len(words) == 1:
        ctx.say("code_usage")
    elif words:
        _follow(ctx, case_numbers.normal(words[0]), case_numbers.normal(words[1]))
    else:
        key, person = ctx.address.key, ctx.person
        ctx.do(lambda tx: _list(tx, ctx, _of_citizen(tx.session, key, person)))
    return Outcome.HANDLED


def _of_citizen(session: Session, key: str, person: str) -> list[Case]:
    last = cases.last_of_citizen(session, key, person)
    return cases.of_citizen(session, key, person) or ([last] if last else [])


def _follow(ctx: OfficeContext, number: str, code: str) -> None:
    desk, words = ctx.office.desk, ctx.words()

    def effect(tx: Transaction) -> None:
        if intake.follow(tx, desk, number, code, words):
            _list(tx, ctx, [cases.lock(tx.session, number)])
        else:
            tx.send(OutgoingMessage(ctx.address, say(ctx.lang, "wrong_code")))

    ctx.do(effect)


def _list(tx: Transaction, ctx: OfficeContext, found: list[Case]) -> None:
    if not found:
        tx.send(OutgoingMessage(ctx.address, say(ctx.lang, "no_cases")))
    for case in found:
        # Only where the case is answered to can the citizen say whether it is solved.
        mine = case.conversation == ctx.address.key and case.status == CaseStatus.ANSWERED
        lines = relay.solved_choices(case) if mine else ()
        text = line(tx.session, ctx.office, case, ctx.lang)
        buttons = tx.buttons(ctx.address, lines)
        tx.send(OutgoingMessage(ctx.address, text, buttons=buttons), case.number)


def line(session: Session, office: Office, case: Case, language: str) -> str:
    """Return how a case stands, in the citizen's words; officials are not named."""
    return say(
        language,
        "case_line",
        number=case.number,
        status=say_of_case(language, f"status.{case.status}"),
        department=departments.called(session, case.department, language),
        opened=office.desk.local(case.opened_at),
    )
