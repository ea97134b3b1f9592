"""Folders of Markdown: a file an article, its fields in front, its answer below."""

from itertools import pairwise
from pathlib import Path

import pytest

from knowledge import exporting
from knowledge.drafts import Draft
from knowledge.errors import ArticleError, ImportRefused
from knowledge.formats.markdown_file import name_of, text_of
from knowledge.importing import read_files


def read(path: Path, text: str) -> Draft:
    path.write_bytes(text.encode())
    (row,) = read_files([path])
    return row.draft


def test_front_matter_and_text(tmp_path: Path) -> None:
    draft = read(
        tmp_path / "card.md",
        "---\r\nid: 007\r\nlang: no\r\nquestion: 借书证怎么办？\r\nphrasings:\r\n- 办卡\r\n"
        "- 借阅证\r\ndate: 2026-03-02\r\nsource: https://yunzhu.example/card\r\ncategory:\r\n---\r\n"
        "\r\n# 不是问题\r\n一楼办理。\r\n",
    )
    assert (draft.id, draft.lang, draft.question) == ("007", "no", "借书证怎么办？")
    assert (draft.phrasings, str(draft.date), draft.category) == (
        ("办卡", "借阅证"),
        "2026-03-02",
        "",
    )
    assert draft.source_url == "https://yunzhu.example/card"
    assert draft.answer == "# 不是问题\n一楼办理。"


def test_a_file_without_front_matter(tmp_path: Path) -> None:
    draft = read(tmp_path / "借书证.md", "\n# 借书证怎么办？ #\n\n一楼办理。\n\n## 费用\n免费。\n")
    assert (draft.id, draft.question) == ("借书证", "借书证怎么办？")
    assert draft.answer == "一楼办理。\n\n## 费用\n免费。"
    assert read(tmp_path / "b.md", "只有正文。\n# 后面的标题").question == ""


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("---\nid: a\n答案", 1, "no end"),
        ("---\nid: a\nquestion: [x\n---\n答案", 4, "not YAML"),
        ("---\n- a\n---\n答案", 1, "no list of fields"),
        ("---\n" + "[" * 100_000 + "\n---\n答案", 1, "not YAML"),
        ("---\nid: !!python/object/apply:os.system [true]\n---\n答案", 2, "not YAML"),
        ("---\nphrasings:\n- [a]\n---\n答案", 0, "must be a text"),
        ("---\ndate: soon\n---\n答案", 0, "a date like"),
        ("答" * 500_001, 0, "longer than"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / "a.md"
    path.write_text(text, "utf-8")
    with pytest.raises(ImportRefused) as refused:
        read_files([path])
    (bad,) = refused.value.bad
    assert (bad.line, reason in bad.reason) == (line, True), bad


def test_aliases_are_never_multiplied(tmp_path: Path) -> None:
    names = "abcdefghij"
    lists = "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in pairwise(names))
    path = tmp_path / "a.md"
    path.write_text(f"---\na: &a [x]\n{lists}phrasings: *j\n---\n答案", "utf-8")
    with pytest.raises(ImportRefused, match="must be a text"):
        read_files([path])


def test_a_folder_is_read_with_the_folders_below(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.md", "sub/a.md", ".git/c.md", "~$d.docx", "picture.png", ".hidden.md"):
        (tmp_path / name).write_text("答案", "utf-8")
    (tmp_path / "e.csv").write_text("id,answer\ne,x\n", "utf-8")
    assert [row.draft.id for row in read_files([tmp_path])] == ["b", "e", "a"]


def test_a_folder_without_articles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match="name another folder"):
        read_files([tmp_path])


def test_every_id_has_a_file_name_of_its_own() -> None:
    ids = (
        "a",
        "A",
        "a/b",
        "a-b",
        "a\\b",
        "..",
        "con",
        "é",
        "e\u0301",
        "长" * 200,
        "长" * 199,
        "户籍-1",
    )
    names = [name_of(article_id) for article_id in ids]
    assert len({name.casefold() for name in names}) == len(ids)
    assert all(len(name.encode()) < 200 and "/" not in name for name in names)
    assert not any(name.startswith((".", "con.")) for name in names)
    assert (name_of("a"), name_of("户籍-1")) == ("a.md", "户籍-1.md")


def test_a_file_is_made_to_be_read(tmp_path: Path) -> None:
    told = Draft(
        id="card",
        answer="一楼办理。",
        question="怎么办？",
        phrasings=("办卡",),
        source_title="“指南”: 1",
    )
    assert exporting.write_folder([told], tmp_path / "new" / "folder") == 1
    text = (tmp_path / "new" / "folder" / "card.md").read_text("utf-8")
    assert text == text_of(told)
    assert text == (
        "---\nid: card\nquestion: 怎么办？\nphrasings:\n- 办卡\nsource_title: '“指南”: 1'\n---\n\n"
        "一楼办理。\n"
    )
