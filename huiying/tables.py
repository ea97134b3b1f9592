"""Every module that has a table, imported: the whole schema in one place, for the migrations."""

from admin import case_events, cases, departments, officials
from bot import (
    buttons,
    conversations,
    inbox,
    intake,
    journal,
    leases,
    outbox,
    persons,
    threads,
    timers,
)
from bot.channels import web_sessions, web_transcript
from knowledge import articles, gap_questions, gaps, questions, revisions, suggested_answers

ALL = (
    articles,
    buttons,
    case_events,
    cases,
    conversations,
    departments,
    gap_questions,
    gaps,
    inbox,
    intake,
    journal,
    leases,
    officials,
    outbox,
    persons,
    questions,
    revisions,
    suggested_answers,
    threads,
    timers,
    web_sessions,
    web_transcript,
)
