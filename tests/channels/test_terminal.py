"""The terminal: lines in, replies out, choices by number."""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.channels.base import Malformed
from bot.channels.terminal import TerminalChannel
from bot.channels.terminal_screen import Screen
from bot.messages import (
    Address,
    Attachment,
    AttachmentKind,
    Button,
    IncomingMessage,
    MessageKind,
    OutgoingMessage,
    Span,
    SpanKind,
)
from tests.channels.harness import RecordingIntake
from tests.channels.harness_terminal import Terminal

HERE = Address("terminal", "local")


class Sitting:
    """A person at a running terminal."""

    def __init__(self, terminal: Terminal, intake: RecordingIntake) -> None:
        self.terminal = terminal
        self.intake = intake
        self.sent = 0

    async def say(self, line: str) -> IncomingMessage:
        count = len(self.intake.events)
        self.terminal.keyboard.type(line)
        await self.intake.wait_for(lambda: len(self.intake.events) > count)
        message = self.terminal.channel.read(self.intake.events[-1].body)
        assert message is not None
        return message

    async def answer(self, text: str, *labels: str) -> None:
        self.sent += 1
        buttons = tuple((Button(label, f"token-{label}"),) for label in labels)
        message = OutgoingMessage(HERE, text, buttons=buttons)
        await self.terminal.channel.send(message, str(self.sent))


@pytest.fixture
async def sitting() -> AsyncIterator[Sitting]:
    terminal, intake, stop = Terminal(), RecordingIntake(), asyncio.Event()
    running = asyncio.create_task(terminal.channel.run(intake, stop))
    yield Sitting(terminal, intake)
    stop.set()
    await running
    terminal.keyboard.end()


async def test_a_line_is_a_message(sitting: Sitting) -> None:
    message = await sitting.say("  社保卡丢了怎么办？ ")
    assert (message.kind, message.text) == (MessageKind.TEXT, "社保卡丢了怎么办？")
    assert (message.address, message.sender.id) == (HERE, "local")
    assert message.private


async def test_a_number_presses_the_button_it_stands_for(sitting: Sitting) -> None:
    await sitting.say("落户")
    await sitting.answer("您想办哪一项？", "新生儿落户", "夫妻投靠")
    await sitting.answer("也可以：", "转人工")
    message = await sitting.say("3")
    assert (message.kind, message.button) == (MessageKind.BUTTON, "token-转人工")
    assert message.external_id == "2"
    assert sitting.terminal.lines == [
        "您想办哪一项？",
        "  [1] 新生儿落户",
        "  [2] 夫妻投靠",
        "也可以：",
        "  [3] 转人工",
    ]


async def test_a_number_without_a_choice_is_a_text(sitting: Sitting) -> None:
    await sitting.say("落户")
    await sitting.answer("您想办哪一项？", "新生儿落户")
    assert (await sitting.say("2")).text == "2"
    await sitting.answer("没有新的选项。")
    assert (await sitting.say("1")).kind is MessageKind.TEXT


async def test_the_next_line_waits_for_the_reply(sitting: Sitting) -> None:
    sitting.terminal.keyboard.type("一")
    sitting.terminal.keyboard.type("二")
    await sitting.intake.wait_for(lambda: sitting.intake.events)
    assert sitting.terminal.taken == 0
    await sitting.answer("答一")
    await sitting.intake.wait_for(lambda: len(sitting.intake.events) == 2)
    assert sitting.terminal.lines == ["答一"]


async def test_a_late_reply_is_said_to_be_late() -> None:
    terminal, intake = Terminal(reply_timeout_s=0.01, language="en"), RecordingIntake()
    terminal.keyboard.type("hello")
    terminal.keyboard.end()
    await terminal.channel.run(intake, asyncio.Event())
    assert terminal.lines == [
        "No reply yet; go on typing, the reply will be shown here when it comes."
    ]


async def test_the_end_of_the_input_ends_the_program() -> None:
    terminal, intake, stop = Terminal(), RecordingIntake(), asyncio.Event()
    terminal.keyboard.type("   ")
    terminal.keyboard.end()
    await asyncio.wait_for(terminal.channel.run(intake, stop), 5)
    assert not intake.events
    assert stop.is_set()


async def test_a_line_is_kept_until_it_can_be_stored(sitting: Sitting) -> None:
    sitting.intake.broken = True
    sitting.terminal.keyboard.type("你好")
    await sitting.intake.wait_for(lambda: sitting.intake.attempts >= 1)
    assert sitting.terminal.taken == 0
    sitting.intake.broken = False
    await sitting.intake.wait_for(lambda: sitting.intake.events)
    assert sitting.terminal.lines == ["暂时无法接收，正在重试……"]


async def test_a_repeated_send_prints_nothing_new(sitting: Sitting) -> None:
    channel = sitting.terminal.channel
    for _ in range(2):
        receipt = await channel.send(OutgoingMessage(HERE, "收到"), "7")
        assert receipt.external_ids == ("7",)
    receipt = await channel.send(OutgoingMessage(HERE, "收到了"), "8", edits="7")
    assert receipt.external_ids == ("7",)
    assert sitting.terminal.lines == ["收到", "收到了"]


async def test_nothing_sent_can_take_over_the_terminal(sitting: Sitting) -> None:
    await sitting.answer("红\x1b[31m色\x07\x9b2J\u202e倒\ud800", "按\x1b]0;x\x07钮")
    shown = sitting.terminal.screen.getvalue()
    assert not set(shown) & set("\x1b\x07\x9b\u202e\ud800")
    assert "红[31m色" in shown


async def test_links_and_files_are_named(sitting: Sitting) -> None:
    message = OutgoingMessage(
        HERE,
        "见指南。",
        spans=(Span(SpanKind.LINK, 1, 2, "https://office.example/a"),),
        buttons=((Button("官网", url="https://office.example"), Button("好", "t")),),
        attachments=(
            Attachment(AttachmentKind.DOCUMENT, "web", "f", "表格.pdf"),
            Attachment(AttachmentKind.LOCATION, "web", data={"latitude": 1.5, "longitude": 2}),
        ),
    )
    await sitting.terminal.channel.send(message, "1")
    assert sitting.terminal.lines == [
        "见指南 <https://office.example/a>。",
        "  ⎘ 表格.pdf",
        "  ⌖ 1.5, 2",
        "  ↗ 官网 <https://office.example>",
        "  [1] 好",
    ]


def test_wide_characters_are_counted_as_wide() -> None:
    shown = io.StringIO()
    console = Console(file=shown, width=40, force_terminal=True, highlight=False)
    text = "新生儿落户须在出生后一个月内由父亲或母亲申报。" * 4
    Screen(console, by_hand=True).message(OutgoingMessage(HERE, text), 1)
    lines = [line for line in shown.getvalue().splitlines() if line.strip()]
    assert len(lines) > 4
    assert {cell_len(line) for line in lines} <= set(range(41))
    assert "".join("".join(lines).split()) == text


def test_a_piped_text_is_never_broken_into_lines() -> None:
    shown = io.StringIO()
    screen = Screen(Console(file=shown, width=40, highlight=False), by_hand=False)
    screen.message(OutgoingMessage(HERE, "长" * 500), 1)
    assert shown.getvalue() == "长" * 500 + "\n"


def test_a_stored_line_that_is_not_ours_is_malformed() -> None:
    with pytest.raises(Malformed):
        TerminalChannel(stdin=io.StringIO(), stdout=io.StringIO()).read({"kind": "text"})
