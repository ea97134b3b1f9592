"""A real city's questions: imported by command, asked on Telegram, answered or handed over.

The data set is not ours to publish. ``HUIYING_EVAL_DIR`` names a folder that holds
``zh_kaohsiung_faq/kb.jsonl`` (articles) and ``real_user_questions.jsonl`` (``query`` in each line);
without it ``../shared/eval`` beside the repository is looked for.
"""

import asyncio
import json
import os
import pty
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from bot import inbox
from bot.inbox import InboxRow
from tests.e2e.office import GROUP, LiveOffice, OpenedCase, labels
from tests.servers.telegram_people import Citizen, Official

ROOT = Path(__file__).parents[2]
ARTICLES = 1348
QUESTIONS = 100
#: seconds the import may take
IMPORT_S = 120


@pytest.fixture
def faq() -> Path:
    """The folder of the real set."""
    folder = Path(os.environ.get("HUIYING_EVAL_DIR", ROOT.parent / "shared" / "eval"))
    found = folder / "zh_kaohsiung_faq"
    if not (found / "kb.jsonl").is_file():
        pytest.skip(f"the real questions are not at {found} (HUIYING_EVAL_DIR)")
    return found


async def _huiying(*arguments: str) -> tuple[int, str, str]:
    """Run the command line in a terminal of its own; return exit code, output and terminal."""
    terminal, its_end = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "huiying.cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=its_end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(its_end)
    shown = asyncio.create_task(asyncio.to_thread(_read_all, terminal))
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), await shown


def _read_all(terminal: int) -> str:
    found = b""
    try:
        while piece := os.read(terminal, 65536):
            found += piece
    except OSError:  # Linux says EIO when the other end is closed
        pass
    finally:
        os.close(terminal)
    return found.decode(errors="replace")


class _Count:
    """How the real questions ended."""

    def __init__(self, office: LiveOffice, desk: Official) -> None:
        self.office = office
        self.desk = desk
        self.ended: Counter[str] = Counter()

    async def ask(self, citizen: Citizen, question: str, accept: bool) -> None:
        """Let a citizen ask, and go on until they have an answer or an official's words."""
        citizen.says(question)
        first = await self.office.told(citizen, "")
        if "查询码" in first["text"]:
            self.ended["handed_off"] += 1
            await self._official_answers(citizen, await self.office.handed_off(citizen), question)
        elif "哪一个" in first["text"]:
            self.ended["offered"] += 1
            await self._choose(citizen, labels(first), question, accept)
        else:
            self.ended["answered"] += 1
            assert labels(first)[0] == "有帮助", first["text"]

    async def _choose(
        self, citizen: Citizen, offered: list[str], question: str, accept: bool
    ) -> None:
        """Take the first choice, or none of them."""
        citizen.presses(offered[0] if accept else offered[-1])
        if accept:
            self.ended["of them chosen"] += 1
            answer = await self.office.told(citizen, "", _offer_of(citizen))
            assert labels(answer)[0] == "有帮助", answer["text"]
        else:
            self.ended["of them handed_off"] += 1
            case = await self.office.handed_off(citizen)
            await self._official_answers(citizen, case, question)

    async def _official_answers(self, citizen: Citizen, case: OpenedCase, question: str) -> None:
        assert question in self.office.card(case)["text"]
        self.desk.writes(case.topic, f"承办人答复{citizen.chat.id}")
        await self.office.told(citizen, f"承办人答复{citizen.chat.id}")


def _offer_of(citizen: Citizen) -> int:
    """Return the id of the message with the choices."""
    offers = [m for m in citizen.chat.messages.values() if "哪一个" in m.get("text", "")]
    return int(offers[-1]["message_id"])


async def test_a_real_citys_questions_go_there_and_back(
    faq: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    arguments = ("kb", "import", str(faq / "kb.jsonl"), "--publish", "--json")
    code, output, terminal = await _huiying(*arguments, "--data", str(tmp_path))
    took = time.monotonic() - started
    assert code == 0, terminal
    assert json.loads(output)["new"] == ARTICLES
    assert "100%" in terminal, "no progress bar was shown"
    assert took < IMPORT_S
    lines = (faq / "real_user_questions.jsonl").read_text("utf-8").splitlines()
    questions = [str(json.loads(line)["query"]) for line in lines]
    assert len(questions) == QUESTIONS
    async with LiveOffice(tmp_path, published=()) as office:
        count = _Count(office, await office.official(2001, "一号窗口"))
        started = time.monotonic()
        asked = [(office.tg.citizen(5000 + n), q) for n, q in enumerate(questions)]
        await asyncio.gather(
            *(count.ask(citizen, q, n % 2 == 0) for n, (citizen, q) in enumerate(asked))
        )
        await office.settled()
        seconds = time.monotonic() - started
        _all_is_kept(office, asked)
    code, output, terminal = await _huiying("journal", "verify", "--json", "--data", str(tmp_path))
    verdict = json.loads(output)
    assert (code, verdict["ok"]) == (0, True)
    with capsys.disabled():
        figures = {"import_s": round(took, 1), "questions_s": round(seconds, 1), **count.ended}
        print(json.dumps({**figures, "journal_rows": verdict["rows"]}))  # noqa: T201  the figures


def _all_is_kept(office: LiveOffice, asked: list[tuple[Citizen, str]]) -> None:
    """Every question stands in the journal, was decided, and lost no reply on the way."""
    received = [row["body"]["event"].get("message", {}) for row in office.journal("received")]
    kept = {(m["chat"]["id"], m["text"]) for m in received if "text" in m}
    assert {(citizen.chat.id, question) for citizen, question in asked} <= kept
    assert {row.status for row in office.rows(InboxRow)} == {inbox.DONE}
    assert {row["body"]["state"] for row in office.journal("delivery")} == {"sent"}
    decided = Counter(row["body"]["outcome"] for row in office.journal("decided"))
    assert decided["answered"] + decided["offered"] + decided["handed_off"] >= QUESTIONS
    assert "failed" not in decided
    assert office.tg.sent_to(GROUP, 0) == []
