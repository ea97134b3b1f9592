"""Who acts when knowledge is edited on the command line: an enrolled editor, or the account."""

import getpass
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from admin import officials
from admin.officials import Role
from bot.config import Settings
from bot.errors import BadInput
from knowledge.revisions import Act

#: who may edit what is published
EDITING = frozenset({Role.EDITOR, Role.MANAGER})


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody at the command line: the name that counts, the machine's account, and a reason."""

    name: str
    account: str
    why: str
    four_eyes: bool

    def act(self, at: datetime) -> Act:
        """What goes into the revisions of a change."""
        return Act(self.name, at, self.why, self.four_eyes)

    @property
    def journalled(self) -> dict[str, Any]:
        """What the journal says about who changed something, and why."""
        return {"who": self.name, "account": self.account, "why": self.why}


def editor_of(settings: Settings, session: Session, name: str, why: str) -> Editor:
    """The one who acts: *name* if it is an editor's or manager's; "" stands for the account.

    Raises BadInput when nobody enrolled has the name, and when four eyes need one.
    """
    four_eyes, account = settings.knowledge.four_eyes, getpass.getuser()
    if name:
        named = (o for o in officials.active(session) if o.name == name)
        if not any(Role(o.role) in EDITING for o in named):
            raise BadInput(
                f"Nobody named {name!r} may edit; `huiying official add NAME --role editor` "
                "enrols an editor, `huiying official list` shows who there is."
            )
    elif four_eyes:
        raise BadInput("knowledge.four_eyes is set, so say which editor you are with --as NAME.")
    return Editor(name or account, account, why, four_eyes)
