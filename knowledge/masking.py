"""Masking: personal data in a citizen's words is replaced by the name of its kind.

What has a check digit is checked, so that a label says what stood there; what has none is
known by its form.  Behind them stands one net: seven digits in a row, or nine with blanks
or hyphens between them, are masked whatever they are.  Kept are dates, amounts, emergency
and service numbers (110, 12345, 400-…), and numbers of laws and articles, without which a
question could not be understood.

Rules: resident id GB 11643-1999, cards ISO/IEC 7812-1 (Luhn), Taiwan id (Ministry of the
Interior), Korean registration number, plates GA 36-2018.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from knowledge.masking_names import named
from knowledge.text import has_words, language

#: What is shown in place of each kind, in Chinese and in every other language.
LABELS: dict[str, tuple[str, str]] = {
    "id": ("〔身份证号〕", "[id number]"),
    "card": ("〔银行卡号〕", "[card number]"),
    "phone": ("〔手机号〕", "[phone]"),
    "line": ("〔电话号码〕", "[phone]"),
    "mail": ("〔邮箱〕", "[e-mail]"),
    "passport": ("〔证件号〕", "[passport]"),
    "plate": ("〔车牌号〕", "[licence plate]"),
    "ip": ("〔IP地址〕", "[IP address]"),
    "address": ("〔门牌号〕", "[address]"),
    "name": ("〔姓名〕", "[name]"),
    "number": ("〔号码〕", "[number]"),
}
#: A masked text is at most this many times as long as the text was.
GROWTH = 3
#: Digits that are masked whatever they are: in a row, and with blanks or hyphens between them.
SHORTEST, SPACED = 7, 9

_S = "[ -]{0,2}"  # what may stand between two digits
_ALNUM = "A-Za-z0-9"
_BLANK = re.compile("|".join(re.escape(label) for pair in LABELS.values() for label in pair))
#: Where a clause ends.
_CLAUSE = re.compile(r"(?<=[,，。;；:：!！?？\n])|(?<=\.)(?=\s)")

Test = Callable[[str], bool]
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One way to recognise a kind; the group ``it`` is masked when *test* holds for it."""

    kind: str
    pattern: re.Pattern[str]
    test: Test = lambda _: True


def mask(text: str) -> str:
    """The text with its personal data replaced; masking it again changes nothing."""
    words = "".join(c for c in text if c.isalpha())
    place = 0 if language(words) in ("zh", "") else 1
    while True:
        masked = _once(text, place)
        if masked == text:
            return text
        text = masked


def blanks(text: str) -> tuple[str, ...]:
    """The labels that stand in a masked text, each once, in order."""
    return tuple(dict.fromkeys(_BLANK.findall(text)))


def without_blanks(text: str) -> str:
    """A masked text without the clauses in which something was masked, if others are left.

    They say who asks; the rest says what is asked.
    """
    clauses = _CLAUSE.split(text)
    kept = [clause for clause in clauses if not _BLANK.search(clause)]
    left = "".join(kept).strip()
    return left if len(kept) < len(clauses) and has_words(left) else text


def _once(text: str, place: int) -> str:
    seen, places = _seen(text)
    parts, end = [], 0
    for start, stop, kind in _found(seen):
        first, last = places[start], places[stop - 1] + 1
        if first < end:  # one written character that is seen as several
            continue
        parts += [text[end:first], LABELS[kind][place]]
        end = last
    return "".join([*parts, text[end:]])


def _seen(text: str) -> tuple[str, list[int]]:
    """The text as its reader sees it, plain digits and letters, and where each comes from."""
    seen: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for plain in _plain(char):
            seen.append(plain)
            places.append(place)
    return "".join(seen), places


def _plain(char: str) -> str:
    if char.isascii():
        return " " if char.isspace() else char
    category = unicodedata.category(char)
    if category in ("Cf", "Mn"):
        return ""  # hides between digits, shows nothing
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in ("Pd", "Zs") or char == "−":
        return " " if category == "Zs" else "-"
    return unicodedata.normalize("NFKC", char)


def _found(seen: str) -> list[tuple[int, int, str]]:
    """All that is to be masked, in the order of the text; no two of them overlap."""
    known = _united([*_by_form(seen), *((*span, "name") for span in named(seen))])
    kept = [match.span() for match in _KEPT.finditer(seen)]
    for match in _LONG.finditer(seen):
        for run in _outside(match.span(), [(start, end) for start, end, _ in known]):
            known += [(*span, "number") for span in _long_parts(run, kept, seen)]
    return sorted(known)


def _by_form(seen: str) -> Iterator[tuple[int, int, str]]:
    """What the rules recognise, the surest first; spans may overlap."""
    rules = (*_FORMS, *_NUMBERS) if _LONG.search(seen) else _FORMS
    for rule in rules:
        for match in rule.pattern.finditer(seen):
            if rule.test(match["it"]):
                yield (*match.span("it"), rule.kind)


def _united(found: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Overlapping spans made one under the surest name, so that no half of a number is left."""
    united: list[tuple[int, int, str]] = []
    for start, end, kind in found:
        touching = [span for span in united if span[0] < end and start < span[1]]
        united = [span for span in united if span not in touching]
        ends = [(start, end), *((first, last) for first, last, _ in touching)]
        name = touching[0][2] if touching else kind
        united.append((min(s for s, _ in ends), max(e for _, e in ends), name))
    return united


def _long_parts(span: _Span, kept: Iterable[_Span], seen: str) -> list[_Span]:
    """What of a run of digits is long when dates, amounts and service numbers are left out.

    When only the parts together are, what looks like a date in it is a piece of a number.
    """
    parts = _outside(span, kept)
    long = [part for part in parts if _is_long(seen[slice(*part)])]
    if long or _count("".join(seen[slice(*part)] for part in parts)) < SHORTEST:
        return long
    return [span]


def _outside(span: _Span, taken: Iterable[_Span]) -> list[_Span]:
    """The parts of a span that no taken one covers."""
    start, end = span
    parts = []
    for first, last in sorted(taken):
        if start < first < end:
            parts.append((start, first))
        if first < end:
            start = max(start, last)
    return [*parts, (start, end)] if start < end else parts


def _is_long(run: str) -> bool:
    return _count(run) >= SPACED or re.search(rf"\d{{{SHORTEST}}}", run) is not None


def _count(run: str) -> int:
    return sum(c.isdigit() for c in run)


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def _is_resident_id(text: str) -> bool:
    """GB 11643-1999: 18 places, ISO 7064 mod 11-2; the old 15 places have no check digit."""
    number = _digits(text).upper()
    if len(number) == 15:
        return _is_day(f"19{number[6:12]}")
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(w * int(c) for w, c in zip(weights, number, strict=False))
    return "10X98765432"[total % 11] == number[17]


def _is_day(day: str) -> bool:
    """Whether eight digits are a day of the years 1900 to 2099."""
    return day[:2] in ("19", "20") and "01" <= day[4:6] <= "12" and "01" <= day[6:] <= "31"


def _is_luhn(text: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right doubled, the sum a multiple of ten."""
    digits = [int(c) for c in reversed(_digits(text))]
    doubled = (d * 2 - 9 * (d > 4) for d in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_taiwan_id(text: str) -> bool:
    """The letter stands for two digits; weights 1, 9, 8 … 1, 1; a multiple of ten."""
    letters = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
    number = _digits(text).upper()
    code = letters.index(number[0]) + 10
    weights = (8, 7, 6, 5, 4, 3, 2, 1, 1)
    rest = sum(w * int(c) for w, c in zip(weights, number[1:], strict=True))
    return (code // 10 + code % 10 * 9 + rest) % 10 == 0


def _is_korean_id(text: str) -> bool:
    """Six digits of the birthday and seven; numbers given out since October 2020 have no check."""
    number = _digits(text)
    return "01" <= number[2:4] <= "12" and "01" <= number[4:6] <= "31" and number[6] in "12345678"


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_no_date(text: str) -> bool:
    """Whether eight digits are neither a day nor two years."""
    digits = _digits(text)
    years = all(digits[i : i + 2] in ("19", "20") for i in (0, 4))
    return not years and not _is_day(digits)


def _run(count: int, last: str = r"\d") -> str:
    """So many digits with blanks or hyphens between; overlapping ones are found as well."""
    return rf"(?<!\d)(?=(?P<it>\d(?:{_S}\d){{{count - 2}}}{_S}{last})(?!\d))"


def _rule(kind: str, pattern: str, test: Test = lambda _: True) -> _Rule:
    return _Rule(kind, re.compile(pattern, re.IGNORECASE), test)


_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳"
_STREET = "路街道巷弄里村段胡同屯组庄苑园区"
_UNIT = "号院|号楼|号|栋|幢|座|单元|楼|层|室|户|房|弄|巷|组"

_HOUSE = (
    rf" ?\d{{1,5}}(?:[-之]\d{{1,4}}){{0,3}} ?(?:{_UNIT})"
    rf"(?: ?[A-Z]?\d{{1,5}}(?:-\d{{1,4}})? ?(?:{_UNIT}|(?!\d))){{0,5}}"
)
_ROAD = "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct"
_MAIL = rf"[{_ALNUM}._%+-]{{1,64}}@[{_ALNUM}-]{{1,63}}(?:\.[{_ALNUM}-]{{1,63}}){{1,4}}"

#: What is known by its form, with few digits or none.
_FORMS: tuple[_Rule, ...] = (
    _rule("mail", rf"(?P<it>{_MAIL})"),
    _rule("ip", r"(?<![\d.])(?P<it>\d{1,3}(?:\.\d{1,3}){3})(?!\.?\d)", _is_ip),
    _rule("ip", r"(?<![0-9a-f:])(?P<it>[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![0-9a-f:])", _is_ip),
    _rule(
        "plate",
        rf"(?P<it>[{_PROVINCES}][A-Z][·. -]?(?=[A-Z]{{0,5}}\d)[A-Z0-9]{{4,6}}[学警挂领使]?)",
    ),
    _rule("address", rf"(?<=[{_STREET}])(?<![国省县乡]道)(?P<it>{_HOUSE})"),
    _rule("address", rf"\b(?P<it>\d{{1,5}}[A-Z]? (?:[A-Z][a-z]{{1,20}} ){{1,3}}(?:{_ROAD}))\b"),
    _rule("number", r"(?P<it>[〇零一二三四五六七八九幺]{7,})"),
)
#: What has many digits, the surest first: of two that overlap the first gives the name.
_NUMBERS: tuple[_Rule, ...] = (
    _rule("id", _run(18, r"[\dX]"), _is_resident_id),
    _rule("id", rf"(?<![{_ALNUM}])(?P<it>[A-Z]{_S}[1289](?:{_S}\d){{8}})(?!\d)", _is_taiwan_id),
    _rule("id", rf"(?<!\d)(?P<it>\d{{6}}{_S}[1-8]\d{{6}})(?!\d)", _is_korean_id),
    *(_rule("card", _run(count), _is_luhn) for count in (19, 18, 17, 16)),
    _rule("id", _run(15), _is_resident_id),
    *(_rule("card", _run(count), _is_luhn) for count in (15, 14, 13)),
    _rule("phone", rf"(?<!\d)(?=(?P<it>(?:\+?86{_S})?1{_S}[3-9](?:{_S}\d){{9}})(?!\d))"),
    _rule("phone", r"(?P<it>\+\d{1,3}(?:[ ()-]{0,3}\d){6,12})(?!\d)"),
    _rule("phone", rf"(?<!\d)(?=(?P<it>09\d\d{_S}\d{{3}}{_S}\d{{3}})(?!\d))"),
    _rule("line", rf"(?<!\d)(?<!\d-)(?=(?P<it>\(?0\d{{1,3}}\)?{_S}\d(?:{_S}\d){{5,8}})(?!\d))"),
    _rule("line", r"(?<!\d)(?<!\d-)(?P<it>[2-9]\d{3}[ -]?\d{4})(?!\d)", _is_no_date),
    _rule("passport", rf"(?<![{_ALNUM}])(?P<it>[A-Z]{{1,2}} ?\d{{7,10}})(?!\d)"),
)

#: At least seven digits, with blanks or hyphens between them or not.
_LONG = re.compile(rf"\d(?:{_S}\d){{6,}}")
_UNITS = "元|块|万|亿|角|美元|港币|台币|韩元|%|yuan|rmb|dollars|won|원|円"
#: What a question needs and nobody is known by.
_KEPT = re.compile(
    r"(?<!\d)(?<!\d-)(?:"
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:19|20)\d\d ?[-./年 ] ?(?:0?[1-9]|1[0-2]) ?[-./月 ] ?"
    r"(?:[12]\d|3[01]|0?[1-9])(?!\d)(?: ?[日号])?"
    r"|(?:400|800)[ -]?\d{3}[ -]?\d{4}(?!\d)|(?:400|800)[ -]?\d{4}[ -]?\d{3}(?!\d)"
    rf"|\d{{1,8}}(?:\.\d{{1,4}})? ?(?:{_UNITS})"
    # A service number right behind other digits is a piece of a longer one.
    r"|(?<!\d[ -])(?<!\d[ -][ -])"
    r"(?:(?:11\d|12[0-2]|911|999|12345|9\d{4}|(?:19|20)\d\d)(?!\d)[ -]?)+"
    r")|(?:[¥￥$€£]|RMB|CNY|人民币) ?\d{1,8}(?!\d)",
    re.IGNORECASE,
)
