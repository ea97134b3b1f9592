"""Documents of an office become passages with their headings as source."""

from pathlib import Path

import pytest
from sqlmodel import Session

from knowledge import articles
from knowledge.drafts import Draft
from knowledge.errors import ImportRefused
from knowledge.formats.passages import PASSAGE_CHARS
from knowledge.importing import read_files, store_rows
from tests.knowledge.conftest import ACT
from tests.knowledge.formats.made import LINK, OFFICE, Part, Set, W, docx, packed, pdf

CARD: list[Part] = [
    ("1", "第一章 借书证"),
    ("", "请带身份证到市图书馆一楼办理，当场领取。"),
    ("2", "1.1 补办"),
    ("", "补办借书证收工本费，三天后领取："),
    [["项目", "费用"], ["补办", "10元"]],
]
HOURS: list[Part] = [("1", "第二章 开放时间"), ("", "周一闭馆，其余各日九点到十七点开放。")]


def passages(path: Path) -> dict[str, Draft]:
    return {row.draft.id: row.draft for row in read_files([path])}


def test_a_word_document_is_cut_at_its_headings(tmp_path: Path) -> None:
    path = docx(tmp_path / "guide.docx", [("a3", "云渚市图书馆指南"), ("", "序。"), *CARD, *HOURS])
    found = passages(path)
    assert list(found) == ["guide", "guide/借书证", "guide/借书证/补办", "guide/开放时间"]
    again = found["guide/借书证/补办"]
    assert again.question == "借书证 › 补办"
    assert again.answer == "补办借书证收工本费，三天后领取：\n项目 | 费用\n补办 | 10元"
    assert again.source_title == "云渚市图书馆指南 › 第一章 借书证 › 1.1 补办"
    assert again.lang == "zh"
    assert found["guide"].question == ""


def test_lists_links_and_tables_stay_readable(tmp_path: Path) -> None:
    def item(depth: int, text: str) -> str:
        place = f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="1"/></w:numPr>'
        return f"<w:p><w:pPr>{place}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"

    link = '<w:p><w:hyperlink r:id="r3"><w:r><w:t>详见网站</w:t></w:r></w:hyperlink></w:p>'
    cell = "<w:tc><w:p><w:r><w:t>免费</w:t><w:br/><w:t>当场</w:t></w:r></w:p></w:tc>"
    body = f"{item(0, '带证件')}{item(1, '身份证')}{item(0, '到窗口')}{link}"
    body += f"<w:tbl><w:tr>{cell}{cell}</w:tr></w:tbl>"
    document = f'<w:document xmlns:w="{W}" xmlns:r="{OFFICE}"><w:body>{body}</w:body></w:document>'
    path = packed(tmp_path / "a.docx", {"word/document.xml": document})
    assert passages(path)["a"].answer.splitlines() == [
        "1. 带证件",
        "  - 身份证",
        "2. 到窗口",
        f"详见网站 ({LINK})",
        "免费 当场 | 免费 当场",
    ]


def test_a_passage_keeps_its_id_when_others_come_before_it(tmp_path: Path) -> None:
    before = passages(docx(tmp_path / "guide.docx", [*CARD, *HOURS]))
    new: list[Part] = [("1", "第一章 入馆须知"), ("", "请先寄存背包。")]
    moved: list[Part] = [("1", "第二章 借书证"), *CARD[1:], ("1", "第三章 开放时间"), HOURS[1]]
    after = passages(docx(tmp_path / "guide.docx", [*new, *moved]))
    assert set(after) - set(before) == {"guide/入馆须知"}
    assert set(before) <= set(after)


@pytest.mark.parametrize(
    ("parts", "told", "title"),
    [
        ([("a3", "按样式"), *CARD], "按属性", "按样式"),
        ([("1", "按标题"), ("2", "补办"), ("", "三天。")], "按属性", "按标题"),
        ([*CARD, *HOURS], "按属性", "按属性"),
        ([*CARD, *HOURS], "", "guide"),
    ],
)
def test_what_a_document_is_called(
    tmp_path: Path, parts: list[Part], told: str, title: str
) -> None:
    found = passages(docx(tmp_path / "guide.docx", parts, told))
    assert {draft.source_title.partition(" › ")[0] for draft in found.values()} == {title}


def test_a_long_section_is_cut_between_paragraphs(tmp_path: Path) -> None:
    texts = [f"第{n}段。" + "说明" * 300 for n in range(6)]
    parts: list[Part] = [("1", "甲"), *(("", text) for text in texts), ("1", "乙"), ("", "丙")]
    found = passages(docx(tmp_path / "guide.docx", parts))
    assert list(found) == ["guide/甲", "guide/甲#2", "guide/甲#3", "guide/乙"]
    assert all(len(draft.answer) <= PASSAGE_CHARS for draft in found.values())
    assert [draft.question for draft in found.values()] == ["甲", "", "", "乙"]
    told = "\n".join(draft.answer for draft in list(found.values())[:3])
    assert told == "\n".join(texts)


def test_a_long_paragraph_is_cut_after_a_sentence_and_stays_word_for_word(tmp_path: Path) -> None:
    text = "请带身份证到一楼办理。" * 400
    found = passages(docx(tmp_path / "a.docx", [("", text)]))
    assert "".join(draft.answer for draft in found.values()) == text
    assert all(draft.answer.endswith("。") for draft in found.values())
    assert max(len(draft.answer) for draft in found.values()) <= PASSAGE_CHARS
    solid = passages(docx(tmp_path / "a.docx", [("", "长" * 4_000)]))
    assert "".join(draft.answer for draft in solid.values()) == "长" * 4_000


def test_headings_too_long_for_an_id_are_kept_apart(tmp_path: Path) -> None:
    long = "很长" * 200
    parts: list[Part] = [("1", f"{long}一"), ("", "甲"), ("1", f"{long}二"), ("", "乙")]
    assert [d.answer for d in passages(docx(tmp_path / "a.docx", parts)).values()] == ["甲", "乙"]


def test_what_an_editor_added_stays_when_the_document_comes_again(
    session: Session, tmp_path: Path
) -> None:
    path = docx(tmp_path / "guide.docx", HOURS)
    store_rows(session, read_files([path]), ACT, publish=True)
    (row,) = read_files([path])
    mended = Draft(
        id=row.draft.id,
        answer=row.draft.answer,
        question="图书馆几点开门？",
        phrasings=("周一开吗",),
        lang="zh",
        department="市图书馆",
        source_title=row.draft.source_title,
    )
    articles.save(session, mended, ACT)
    assert store_rows(session, read_files([path]), ACT).unchanged == (row.draft.id,)
    docx(path, [HOURS[0], ("", "周一也开放。")])
    assert store_rows(session, read_files([path]), ACT).changed == (row.draft.id,)
    (now,) = articles.published(session)
    assert (now.answer, now.question, now.phrasings) == (
        "周一也开放。",
        "图书馆几点开门？",
        ("周一开吗",),
    )


#: 16 Chinese characters of 30 points fill the width of a page of 600.
FULL = "请带身份证到市图书馆一楼服务台办"


def page(number: int, *lines: Set) -> list[Set]:
    return [(10, "云渚市图书馆"), *lines, (10, f"第 {number} 页")]


def test_a_pdf_is_cut_where_the_letters_are_larger(tmp_path: Path) -> None:
    path = pdf(
        tmp_path / "guide.pdf",
        [
            page(1, (40, "图书馆指南"), (30, FULL), (30, "理借书证。"), (30, "当场领取。")),
            page(2, (36, "一、补办"), (30, FULL)),
            page(3, (30, "理补证。"), (36, "二、开放时间"), (30, "Closed on Mondays.")),
        ],
    )
    rows = read_files([path])
    assert [(r.draft.id, r.line, r.unit) for r in rows] == [
        ("guide", 1, "page"),
        ("guide/补办", 2, "page"),
        ("guide/开放时间", 3, "page"),
    ]
    assert [r.draft.answer for r in rows] == [
        f"{FULL}理借书证。\n当场领取。",
        f"{FULL}理补证。",
        "Closed on Mondays.",
    ]
    assert rows[1].draft.source_title == "图书馆指南 › 一、补办"


def test_a_word_divided_at_the_end_of_a_line_is_one_again(tmp_path: Path) -> None:
    lines: list[Set] = [(30, "Please bring cor-"), (30, "rect papers"), (30, "to-"), (30, "- x")]
    (row,) = read_files([pdf(tmp_path / "a.pdf", [lines])])
    assert row.draft.answer == "Please bring correct papers\nto-\n- x"


def test_a_line_goes_on_when_the_next_word_had_no_room(tmp_path: Path) -> None:
    lines = ["Bring your card and", "identification papers", "in time.", "Thank you."]
    (row,) = read_files([pdf(tmp_path / "a.pdf", [[(20, line) for line in lines]])])
    assert row.draft.answer.splitlines() == [" ".join(lines[:3]), "Thank you."]


def test_the_title_of_a_pdf_is_not_the_name_of_a_file(tmp_path: Path) -> None:
    def title(told: str) -> str:
        path = pdf(tmp_path / "guide.pdf", [[(12, "周一闭馆。")]], told)
        return read_files([path])[0].draft.source_title

    assert title("开放时间") == "开放时间"
    assert title("Microsoft Word - 新建.docx") == "guide"


@pytest.mark.parametrize("name", ["a.docx", "a.pdf"])
def test_a_document_without_text_is_refused(tmp_path: Path, name: str) -> None:
    path = docx(tmp_path / name, []) if name == "a.docx" else pdf(tmp_path / name, [[]])
    with pytest.raises(ImportRefused) as refused:
        read_files([path])
    assert "has no text" in refused.value.bad[0].reason


def test_a_passage_that_is_there_already_is_named_by_its_page(tmp_path: Path) -> None:
    first = pdf(tmp_path / "guide.pdf", [[(12, "周一闭馆。")]])
    (tmp_path / "old").mkdir()
    second = pdf(tmp_path / "old" / "guide.pdf", [[(12, "周二闭馆。")]])
    with pytest.raises(ImportRefused) as refused:
        read_files([first, second])
    (bad,) = refused.value.bad
    assert str(bad) == f'{second}, page 1: id "guide" is already at {first}, page 1.'
