"""The fixed sentences of the conversation with a citizen."""

from pathlib import Path

from admin.texts import Texts

say = Texts(Path(__file__).parent)
