"""What can go wrong with the knowledge.

    KnowledgeError
    ├── ArticleError          an article breaks a rule of its own
    │   └── UnknownArticle    no article has this id
    ├── GapError              a gap does not allow what was asked of it
    │   └── UnknownGap        no gap has this number
    ├── ImportRefused         a file has bad rows; nothing of it was kept
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

    def __str__(self) -> str:
        place = f"{self.path}, line {self.line}" if self.line else self.path
        return f"{place}: {self.reason}"


class ImportRefused(KnowledgeError):
    """The import has bad rows, so nothing was kept; mend the rows and import again."""

    def __init__(self, bad: tuple[BadRow, ...]) -> None:
        self.bad = bad
        rows = "1 row is" if len(bad) == 1 else f"{len(bad)} rows are"
        super().__init__(f"{rows} bad and nothing was imported; mend them and import again.")


class EmbedderError(KnowledgeError):
    """The embedding model cannot be loaded; install it or name another one."""


class IndexUnusable(KnowledgeError):
    """The saved index does not fit the knowledge or the model; it has to be rebuilt."""
