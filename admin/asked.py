"""A question that is kept until it is answered: with the buttons below, and for who asks next."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot.messages import Attachment, attachment_from_json

#: characters that are kept
CARRIED = 1_000
#: where a conversation's state keeps the question asked last
LAST = "asked"


def carried(question: str, files: Sequence[Attachment]) -> dict[str, Any]:
    """Return what is kept of a question: its words, and where the files are that came along."""
    return {"question": question[:CARRIED], "files": [asdict(file) for file in files]}


def question_in(kept: Mapping[str, Any]) -> str:
    """Return the words of a kept question, "" when there are none."""
    return str(kept.get("question", ""))


def files_in(kept: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the files of a kept question."""
    return tuple(attachment_from_json(row) for row in kept.get("files", ()))
