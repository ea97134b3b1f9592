"""What can go wrong with the knowledge.

    KnowledgeError
    ├── ArticleError          an article breaks a rule of its own
    │   ├── UnknownArticle    no article has this id
    │   ├── NotText           a file that should be text is not UTF-8
    │   ├── Damaged           a file is not what its name says
    │   └── SecondPairOfEyes  somebody else must publish this
    ├── GapError              a gap does not allow what was asked of it
    │   └── UnknownGap        no gap has this number
    ├── ImportRefused         a file has bad rows; nothing was done with it
    ├── EmbedderError         the embedding model cannot be loaded or run
    └── IndexUnusable         the saved index cannot be used and must be rebuilt

Every message is one plain sentence that says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


class KnowledgeError(Exception):
    """Something is wrong with the knowledge; see the message."""


class ArticleError(KnowledgeError):
    """This article breaks a rule; change it as the message says."""


class UnknownArticle(ArticleError):
    """No article has this id."""

    def __init__(self, article_id: str) -> None:
        super().__init__(
            f"There is no article {article_id!r}; `huiying kb list` shows the ids there are."
        )


class NotText(ArticleError):
    """This is not UTF-8; save the file as UTF-8."""

    def __init__(self, line: int) -> None:
        super().__init__("this is not UTF-8; save the file as UTF-8.")
        self.line = line


class Damaged(ArticleError):
    """The file is damaged; open it in its program and save it again."""

    def __init__(self) -> None:
        super().__init__("the file is damaged; open it in its program and save it again.")


class SecondPairOfEyes(ArticleError):
    """Whoever wrote what an article says may not publish it; let somebody else do it."""

    def __init__(self, article_id: str, way: str) -> None:
        """*way* is what to do instead."""
        super().__init__(
            f"Whoever wrote what article {article_id!r} says may not publish it; {way}."
        )


class GapError(KnowledgeError):
    """The gap does not allow this; do what the message says."""


class UnknownGap(GapError):
    """No gap has this number."""

    def __init__(self, gap_id: int) -> None:
        super().__init__(f"There is no gap {gap_id}; `huiying kb gaps` lists them.")


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row of an import file that cannot be taken, and why."""

    path: str
    #: Line in the file, counted from 1; 0 stands for the file as a whole.
    line: int
    reason: str
    #: What *line* counts: lines, the rows of a sheet, paragraphs, pages.
    unit: str = "line"

    def __str__(self) -> str:
        place = f"{self.path}, {self.unit} {self.line}" if self.line else self.path
        return f"{place}: {self.reason}"


class ImportRefused(KnowledgeError):
    """A file has bad rows, so nothing was *done* with it; mend the rows and try again."""

    def __init__(self, bad: tuple[BadRow, ...], done: str = "imported") -> None:
        places = dict.fromkeys((row.path, row.unit) for row in bad)
        order = {place: n for n, place in enumerate(places)}
        self.bad = tuple(sorted(bad, key=lambda row: (order[row.path, row.unit], row.line)))
        if len(bad) == 1:
            super().__init__(f"{str(bad[0]).rstrip('.')}; nothing was {done}.")
        else:
            super().__init__(f"{len(bad)} rows are bad and nothing was {done}; mend them all.")


class EmbedderError(KnowledgeError):
    """The embedding model cannot be loaded; install it or name another one."""


class IndexUnusable(KnowledgeError):
    """The saved index does not fit the knowledge or the model; it has to be rebuilt."""
