"""Fixed sentences, one file a language. Nothing else is ever put into the office's mouth."""

import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: the languages that every sentence exists in
LANGUAGES = ("zh", "en")


class Texts:
    """The sentences of one folder: ``zh.toml`` and ``en.toml``, tables flattened to ``a.b``."""

    def __init__(self, folder: Path) -> None:
        self.sentences: dict[str, Mapping[str, str]] = {
            language: _flat(tomllib.loads((folder / f"{language}.toml").read_text("utf-8")))
            for language in LANGUAGES
        }

    def __call__(self, language: str, key: str, /, **values: object) -> str:
        """Return the sentence ``key`` with its values filled in.

        Values are put in as they are: a brace or a percent sign in them means nothing.
        """
        return self.sentences[known(language)][key].format_map(values)


def known(language: str) -> str:
    """Return the language we speak for a language tag: Chinese for zh-*, else English."""
    return "zh" if language.lower().startswith("zh") else "en"


def placeholders(sentence: str) -> set[str]:
    """Return the names of the values a sentence needs."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value.strip("\n")
    return flat


#: what officials read, and what citizens read about their case
say = Texts(Path(__file__).parent)
