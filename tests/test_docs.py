"""The documents say what is true: settings, links, commands, words."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from typer.main import get_command

from admin.cases import CaseStatus
from bot.config import Settings
from huiying.cli import app

ROOT = Path(__file__).parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| `([a-z_.0-9]+)` \| (.+?) \|", re.MULTILINE)
COMMAND = re.compile(r"\bhuiying ((?:[a-z]+ ?)+)")
MAKE = re.compile(r"\bmake ([a-z]+)\b")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def settings_defaults(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key that ``huiying.toml`` may hold, dotted, with its default as TOML."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from settings_defaults(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", as_toml(value)


def as_toml(value: Any) -> str:
    """Write a default the way an operator would."""
    if value is None or value == [] or isinstance(value, SecretStr):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if isinstance(value, int | float) else f'`"{value}"`'


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def links(path: Path) -> list[str]:
    """The relative links of a document, code blocks left out."""
    found = LINK.findall(FENCE.sub("", text_of(path)))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, made the way code hosts make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in HEADING.findall(FENCE.sub("", text_of(path)))
    }


def code(path: Path) -> str:
    """The code of a document, in blocks and in lines: what a reader may type."""
    text = text_of(path)
    return "\n".join([*FENCE.findall(text), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])


def test_every_setting_is_documented_with_its_default() -> None:
    documented = dict(ROW.findall(text_of(ROOT / "docs" / "configuration.md")))
    assert documented == dict(settings_defaults(Settings.model_construct()))


def test_every_setting_explains_itself() -> None:
    def silent(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
        for name, field in model.model_fields.items():
            section = field.annotation
            if isinstance(section, type) and issubclass(section, BaseModel):
                yield from silent(section, f"{prefix}{name}.")
            elif not field.description:
                yield f"{prefix}{name}"

    assert list(silent(Settings)) == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert set(MAKE.findall(code(path))) <= targets


def test_the_first_screen_gives_two_commands_and_a_picture() -> None:
    first = "\n".join(text_of(ROOT / "README.md").splitlines()[:40])
    assert "make demo" in first
    assert "make test" in first
    assert "![" in first


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_named_exists(path: Path) -> None:
    unknown = [words for words in COMMAND.findall(code(path)) if not _is_command(words.split())]
    assert not unknown


def _is_command(words: list[str]) -> bool:
    """Whether the words begin with a command of ours; arguments may follow it."""
    node: Any = get_command(app)
    for word in words:
        subcommands = getattr(node, "commands", None)
        if subcommands is None:
            return True
        if word not in subcommands:
            return False
        node = subcommands[word]
    return True


def test_the_glossary_names_no_status_that_a_case_never_reaches() -> None:
    (row,) = re.findall(r"^\| `CaseStatus` \|.*", text_of(ROOT / "docs/glossary.md"), re.MULTILINE)
    named = {word for word in re.findall(r"[a-z]+", row) if word in set(CaseStatus)}
    acts = "".join(path.read_text("utf-8") for path in (ROOT / "admin").glob("*.py"))
    reached = re.findall(r"(?:move\(.*|end = |else )CaseStatus\.([A-Z]+)", acts)
    assert named
    assert named <= {CaseStatus[name] for name in reached}


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=lambda path: path.stem
)
def test_a_decision_has_context_decision_and_consequences(path: Path) -> None:
    headings = HEADING.findall(text_of(path))
    assert headings[1:] == ["Context", "Decision", "Consequences"]


def test_all_installed_versions_are_pinned() -> None:
    """What pyproject.toml asks for, constraints.txt pins exactly."""
    asked = re.findall(r'^\s*"?([a-z0-9-]+)(?:\[binary\])?>=', _dependencies(), re.MULTILINE)
    pinned = re.findall(r"^([a-z0-9-]+)==", text_of(ROOT / "constraints.txt"), re.MULTILINE)
    assert asked
    assert set(asked) <= set(pinned)


def _dependencies() -> str:
    text = text_of(ROOT / "pyproject.toml")
    found = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    return re.sub(r'[\[,] *"', '\n"', found)
