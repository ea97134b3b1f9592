"""What a citizen says of themselves is masked, and what a question needs is left."""

import ipaddress
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from knowledge.masking import GROWTH, LABELS, blanks, mask, without_blanks

ALL_LABELS = [label for pair in LABELS.values() for label in pair]


def digits(count: int) -> SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    """GB 11643: the check digit makes the weighted sum one modulo eleven."""
    day = f"{draw(st.integers(1900, 2099))}{draw(st.integers(1, 12)):02}"
    body = f"{draw(st.integers(110000, 659999))}{day}{draw(st.integers(1, 31)):02}"
    body += draw(digits(3))
    total = sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(body))
    check = (12 - total) % 11
    return body + ("X" if check == 10 else str(check))


@st.composite
def old_resident_ids(draw: st.DrawFn) -> str:
    place, year = draw(st.integers(110000, 659999)), draw(digits(2))
    month, day = draw(st.integers(1, 12)), draw(st.integers(1, 31))
    return f"{place}{year}{month:02}{day:02}{draw(digits(3))}"


@st.composite
def cards(draw: st.DrawFn) -> str:
    """Luhn: try the ten check digits."""
    body = "6" + draw(digits(draw(st.integers(14, 17))))
    (check,) = [c for c in "0123456789" if _luhn(body + c) == 0]
    return body + check


def _luhn(number: str) -> int:
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char) * (1 + place % 2)
        total += value // 10 + value % 10
    return total % 10


@st.composite
def taiwan_ids(draw: st.DrawFn) -> str:
    letter = draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    code = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(letter)
    body = draw(st.sampled_from("12")) + draw(digits(7))
    total = code // 10 + code % 10 * 9 + sum(int(c) * (8 - i) for i, c in enumerate(body))
    return f"{letter}{body}{-total % 10}"


@st.composite
def korean_ids(draw: st.DrawFn) -> str:
    """The old numbers' last digit is eleven less the weighted sum."""
    month, day = draw(st.integers(1, 12)), draw(st.integers(1, 31))
    body = f"{draw(digits(2))}{month:02}{day:02}{draw(st.sampled_from('1234'))}{draw(digits(5))}"
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    total = sum(w * int(c) for w, c in zip(weights, body, strict=True))
    return f"{body[:6]}-{body[6:]}{(11 - total % 11) % 10}"


MOBILES = st.builds(lambda a, b: f"1{a}{b}", st.sampled_from("3456789"), digits(9))
LANDLINES = st.builds(
    lambda area, first, rest: f"{area}-{first}{rest}",
    st.sampled_from(["010", "0755", "0571", "021"]),
    st.sampled_from("2345678"),
    digits(7),
)
HONG_KONG = st.builds(lambda a, b: f"{a}{b}", st.sampled_from("5679"), digits(7))
TAIWAN_MOBILES = st.builds(lambda a: f"09{a}", digits(8))
#: eight digits are known for a number of Hong Kong only when they stand together
LONG = st.one_of(
    resident_ids(), old_resident_ids(), cards(), taiwan_ids(), korean_ids(), MOBILES, LANDLINES,
    TAIWAN_MOBILES,
)  # fmt: skip
NUMBERS = LONG | HONG_KONG
MAILS = st.from_regex(r"[a-z0-9._-]{1,20}@[a-z0-9-]{1,20}\.(com|cn|gov\.cn)", fullmatch=True)
PLATES = st.from_regex(r"[京粤沪苏川][A-Z]·?([0-9][A-Z0-9]{4}|[DF][0-9]{5})", fullmatch=True)
PASSPORTS = st.from_regex(r"[EGDSPHM][0-9]{8}", fullmatch=True)


def left_of(number: str, masked: str) -> bool:
    """Whether seven neighbouring digits of a number can still be read."""
    have = re.sub(r"\D", "", number)
    seen = re.sub(r"[ \-－]", "", masked)
    return any(have[i : i + 7] in seen for i in range(len(have) - 6))


def apart(number: str, how: list[str]) -> str:
    """A number with something between its digits."""
    return "".join(c + how[i % len(how)] for i, c in enumerate(number)).rstrip(" -")


def wide(text: str) -> str:
    """ASCII as full-width characters."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@given(st.text(), NUMBERS, st.text())
@example("0", "11010119900307803X", "0")
@example("1234567890 138 ", "13800138000", " 12")
def test_every_valid_number_is_masked_in_any_text(before: str, number: str, after: str) -> None:
    assert not left_of(number, mask(before + number + after))


@given(st.text(), LONG, st.lists(st.sampled_from(["", " ", "-", "  "]), min_size=1), st.text())
@example("", "0900000000", [" ", "", "", "", ""], "")
@example("", "0901100000", ["", "", "  ", "", ""], "")
def test_blanks_hyphens_and_full_width_do_not_hide_it(
    before: str, number: str, how: list[str], after: str
) -> None:
    assume(not re.search(r"\w[ -]*\Z", before) and not re.match(r"[ -]*\w", after))
    hidden = apart(number.replace("-", ""), how)
    assert not left_of(number, mask(before + hidden + after))
    masked = mask(f"{before}，{wide(hidden)}，{after}")
    assert not left_of(wide(number), masked)
    assert blanks(masked)


@given(st.text(), MAILS | PLATES | PASSPORTS, st.text())
def test_mail_plates_and_passports_are_masked_in_any_text(
    before: str, datum: str, after: str
) -> None:
    assert datum not in mask(before + datum + after)


@given(st.ip_addresses(), st.text("你好 ，。", max_size=5))
def test_addresses_of_machines_are_masked(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, around: str
) -> None:
    assert str(address) not in mask(f"{around}{address}{around}")


@given(st.lists(st.text() | NUMBERS | MAILS | PLATES | st.sampled_from(
    ["我叫", "张伟", "my name is ", "John Smith", "东湖路", "12号", " ", "-", "2026-03-02", "元"]
), max_size=8))  # fmt: skip
def test_masking_again_changes_nothing_and_the_text_stays_short(parts: list[str]) -> None:
    text = "".join(parts)
    masked = mask(text)
    assert mask(masked) == masked
    assert len(masked) <= GROWTH * len(text)


@pytest.mark.parametrize(
    "text",
    [
        "请拨打110、119、120或12345，110 119 120 也行",
        "客服电话400-820-8820或8008208820，银行95588",
        "2026年3月2日、2026-03-02、2026/3/2、20260302几点上班，14:30-17:00吗？",
        "2024年到2026年，2025 2026 2027三年",
        "罚款12345678元合理吗，一共¥12345678，占35.5%",
        "根据国办发〔2020〕53号第12条第3款",
        "坐10号线到107国道12公里处",
        "国道107号公路封路了吗",
        "我叫车去医院能报销吗",
        "我叫救护车要多少钱",
        "我是江苏人，怎么落户",
        "我是高中生，可以考驾照吗",
        "I am American, can I vote?",
        "My name is misspelled on my card",
        "Form 1040 of 2025, section 12.3.4, call 911",
        "",
    ],
)
def test_what_a_question_needs_is_left(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我叫张伟，手机13800138000", "我叫〔姓名〕，手机〔手机号〕"),
        ("我叫欧阳娜娜想落户", "我叫〔姓名〕想落户"),
        ("我叫阿依古丽·买买提，办护照", "我叫〔姓名〕，办护照"),
        ("我是王芳，怎么办", "我是〔姓名〕，怎么办"),
        ("姓名：李四", "姓名：〔姓名〕"),
        ("身份证11010119900307803X", "身份证〔身份证号〕"),
        ("卡号6222021234567890128", "卡号〔银行卡号〕"),
        ("我住东湖路12号3栋402室，太吵", "我住东湖路〔门牌号〕，太吵"),
        ("一三八零零一三八零零零", "〔号码〕"),
        ("申请号20260302001234", "申请号〔号码〕"),
        ("My name is John Smith, +44 20 7946 0958", "My name is [name], [phone]"),
        ("my name is john smith and I wait", "my name is [name] and I wait"),
        ("I'm Mary Jones. I live at 12 Main Street.", "I'm [name]. I live at [address]."),
        ("write to a.b@example.org", "write to [e-mail]"),
        ("13800138000 25岁", "〔手机号〕 25岁"),
        ("手机1\u200b3\u200b8\u200b00138000", "手机〔手机号〕"),
    ],
)
def test_each_kind_gets_its_name_in_the_texts_language(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_blanks_name_what_an_editor_must_fill_in() -> None:
    masked = mask("请到东湖路12号，电话0755-87654321或0755-87654322")
    assert blanks(masked) == ("〔门牌号〕", "〔电话号码〕")
    assert blanks("国办发〔2020〕53号") == ()


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("我叫〔姓名〕,电话〔手机号〕,石狮子去哪里认领?", "石狮子去哪里认领?"),
        ("My name is [name], [phone]: is my dog taxed?", "is my dog taxed?"),
        ("I'm [name]. Is my dog taxed?", "Is my dog taxed?"),
        ("我叫〔姓名〕，我叫〔姓名〕", "我叫〔姓名〕，我叫〔姓名〕"),
        ("怎么换绑〔手机号〕", "怎么换绑〔手机号〕"),
        ("怎么办？急，急！", "怎么办？急，急！"),
        ("", ""),
    ],
)
def test_what_is_asked_is_told_from_who_asks(text: str, asks: str) -> None:
    assert without_blanks(text) == asks


@pytest.mark.parametrize("label", ALL_LABELS)
def test_a_label_is_not_masked_itself(label: str) -> None:
    assert mask(f"我叫{label}，{label}路{label}") == f"我叫{label}，{label}路{label}"
