"""The sentences of ``kb explain``, in the language of the question."""

from pathlib import Path

from admin.texts import Texts

say = Texts(Path(__file__).parent)
