"""What a citizen gets: the policy of the office, one ordered list.

Each handler decides the message or leaves it to the next. What none of them decides goes to
:func:`handlers.failure.on_failure`, and from there to an official.
"""

from typing import Any

from admin.chat import AdminChat
from bot.context import Handler
from handlers.answer import answer
from handlers.buttons import pressed
from handlers.commands import command
from handlers.context import Office
from handlers.emergency import emergency
from handlers.flood import Flood
from handlers.media import media
from handlers.open_case import open_case
from handlers.presence import events, groups, presence
from handlers.unreadable import unreadable


def policy(office: Office) -> list[Handler[Any]]:
    """Return the handlers in their order."""
    return [
        AdminChat(office.desk),  # what officials write in their chat ends here
        groups,  # in other groups we only say: write to me in private
        presence,  # who left, who is back, and whether a case is running here
        events,  # what happens in a chat without anybody saying anything
        emergency,  # danger to life: the emergency numbers first, then on as usual
        Flood(office.messages_per_minute),  # too much at once is refused, and said so
        unreadable,  # nothing to read, or far too much
        command,  # /start /help /status /human /lang /enroll
        pressed,  # buttons under our answers
        open_case,  # while an official has the case, the bot is silent and passes on
        media,  # a picture without a word
        answer,  # published word for word, or choices, or an official
    ]
