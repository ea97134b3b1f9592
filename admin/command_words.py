"""Commands as people type them: ``/name rest``, also as ``/name@bot rest``."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.text import clean

_COMMAND = re.compile(r"[/／](?P<name>[^\s/／@]+)(?:@\S*)?(?P<rest>(?:\s.*)?)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that was typed: its name in lower case, and what stands behind it."""

    name: str
    rest: str = ""


def parse(text: str) -> Typed | None:
    """Return the command a text is, or None. ``//`` begins a note, not a command."""
    found = _COMMAND.match(clean(text).strip())
    return Typed(found["name"].lower(), found["rest"].strip()) if found else None


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return the commands somebody may have meant, best first; all of them when none is like it."""
    known = list(names)
    return difflib.get_close_matches(name, known, count, 0.4) or known
