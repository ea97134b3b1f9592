"""Text as search sees it: cleaned, folded, cut, and its language guessed.

What a citizen or an editor wrote is never changed in store; these functions make
the copy that is compared.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: Longest text that is searched, in characters; of a longer one the beginning and the end count.
SEARCH_CHARS = 600
_HEAD = 400

_GAPS = re.compile(r"\s+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_SENTENCE_END = re.compile(r"(?<=[。！？!?；\n])|(?<=[.;])\s")

#: Scripts that name their language, the most telling first.
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile("[\u3040-\u30ff\uff66-\uff9d]")),
    ("ko", re.compile("[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]")),
    ("zh", _HAN),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("ar", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)

#: Small words that tell Latin-script languages apart.
_SMALL_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset("the of to and is in what how do i my for can where a it are you".split()),
    "de": frozenset("der die das und ist nicht wie ich wo ein eine für mein zu kann den".split()),
    "fr": frozenset("le la les et est je où comment un une des pour mon ma du puis quel".split()),
    "es": frozenset("el la los y es cómo dónde un una para mi qué puedo por del las".split()),
    "pt": frozenset("o a os e é como onde um uma para meu minha que posso não do da".split()),
    "it": frozenset("il la i e è come dove un una per mio mia che posso non di del".split()),
    "nl": frozenset("de het een en is hoe ik waar mijn voor kan niet van naar wat".split()),
    "pl": frozenset("jak gdzie i w na nie jest mój moja do co czy mogę się z o".split()),
    "tr": frozenset("ve bir bu nasıl nerede ne için mi mı ben benim var yok ile".split()),
}


class _Shown(dict[int, str]):
    """For str.translate: what is shown of each character, asked of Unicode once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        hidden = unicodedata.category(char)[0] == "C"
        self[code] = shown = char if not hidden else " " if char in "\t\n\r\x0b\x0c" else ""
        return shown


_SHOWN = _Shown()


def clean(text: str) -> str:
    """Drop what no reader sees (NULs, controls, lone surrogates, direction marks), fold width."""
    folded = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode("utf-8"))
    return _GAPS.sub(" ", folded.translate(_SHOWN)).strip()


def cut(text: str) -> str:
    """At most SEARCH_CHARS characters: a long story's beginning and its end."""
    if len(text) <= SEARCH_CHARS:
        return text
    return f"{text[:_HEAD]} {text[_HEAD - SEARCH_CHARS + 1 :]}"


def normalise(text: str) -> str:
    """The form in which two texts are compared: clean, lower case, simplified Chinese."""
    return clean(text).lower().translate(_simplified())


def fold(text: str) -> str:
    """A text without what changes nothing: width, case, script variant, blanks, punctuation."""
    return "".join(c for c in normalise(text) if c.isalnum())


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit to search for at all."""
    return any(unicodedata.category(c)[0] in "LN" for c in text)


def language(text: str) -> str:
    """The two-letter code, guessed from script and small words; "" when there are no words."""
    for code, script in _SCRIPTS:
        found = len(script.findall(text))
        if found and found * 6 >= len(_GAPS.sub("", text)):
            return code
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not words:
        return ""
    votes = {code: sum(w in small for w in words) for code, small in _SMALL_WORDS.items()}
    return max(votes, key=lambda code: votes[code])


def passages(text: str, size: int) -> list[str]:
    """Split a text at sentence ends into pieces of about *size* characters (at most twice)."""
    pieces: list[str] = []
    held = ""
    for sentence in _SENTENCE_END.split(text):
        if held and len(held) + len(sentence) > size:
            pieces.append(held)
            held = ""
        held = f"{held} {sentence}" if held else sentence
        while len(held) > 2 * size:
            pieces.append(held[: 2 * size])
            held = held[2 * size :]
    pieces.append(held)
    return [p.strip() for p in pieces if p.strip()]


def is_dense_script(text: str) -> bool:
    """Whether a character carries about a syllable or a word (Chinese, Japanese, Korean)."""
    return language(text) in ("zh", "ja", "ko")


@cache
def _simplified() -> dict[int, str]:
    """Traditional to simplified Chinese, character by character.

    The table is read as data from the conversion package: 5 ms, against 130 ms and
    26 MB for its whole converter, whose phrase rules search does not need.
    """
    spec = find_spec("opencc_purepy")
    if spec is None or spec.origin is None:
        return {}
    table = Path(spec.origin).parent / "dicts" / "TSCharacters.txt"
    rows = (line.split("\t") for line in table.read_text("utf-8").splitlines() if "\t" in line)
    return {ord(old): new.split()[0] for old, new in rows if len(old) == 1}
