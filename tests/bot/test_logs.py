"""One line a record whatever comes from outside; no token in it, wherever it came from."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from bot.context import Context, Outcome
from bot.logs import JsonLines, PlainLines, redact, set_up
from bot.messages import IncomingMessage
from tests.bot.kit import Bench, event

WORDS = {"words": "my neighbour at number 7"}
TOKEN = "123456789:" + "Abc-_def" * 5
FORGED = 'ok\n12:00:00 error   all is lost\r\x1b[2J\u2028{"level": "error"}\x00\ud800'


@pytest.fixture(params=["json", "plain"])
def lines(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger and what it writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if request.param == "json" else PlainLines())
    logger = logging.getLogger("huiying.test")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_a_line_says_when_who_and_what() -> None:
    record = logging.LogRecord("huiying.x", logging.WARNING, "", 1, "%d left", (3,), None)
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["logger"], line["message"]) == ("warning", "huiying.x", "3 left")
    assert line["at"].endswith("+00:00")
    assert PlainLines().format(record).endswith("warning 3 left")


def test_what_comes_from_outside_forges_no_line(
    lines: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = lines
    logger.error("a channel says %s", FORGED)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert len(written.splitlines()) == 1
    assert "\x1b" not in written
    written.encode()


def test_an_exception_forges_no_line_either(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = lines
    try:
        raise ValueError(FORGED)
    except ValueError as error:
        logger.error("it failed", exc_info=error)
    first, *rest = stream.getvalue().splitlines()
    assert "it failed" in first
    assert all(line.startswith("  | ") for line in rest)


def test_no_token_gets_into_a_line(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = lines
    url = f"https://api.telegram.org/bot{TOKEN}/getUpdates"
    try:
        try:
            raise httpx.ConnectError(f"cannot reach {url}", request=httpx.Request("GET", url))
        except httpx.ConnectError as inner:
            raise RuntimeError(f"Bearer {TOKEN}x") from inner
    except RuntimeError as error:
        logger.error("polling %s failed", url, exc_info=error)
    written = stream.getvalue()
    assert TOKEN not in written
    assert TOKEN.split(":")[1] not in written
    assert "[secret]" in written


@pytest.mark.parametrize(
    "line", [TOKEN, f"token={TOKEN.replace(':', '%3A')}", f"Bearer {'x' * 8}", f"/bot{TOKEN}/x"]
)
def test_what_looks_like_a_secret_is_blotted_out(line: str) -> None:
    assert "[secret]" in redact(line)
    assert "Abc-_def" not in redact(line)


@pytest.mark.parametrize("line", ["12:34:56 a clock", "case K7Q2M", "id 123456789 of a chat"])
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact(line) == line


async def test_what_people_write_is_not_in_the_log_of_an_error(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(message: IncomingMessage, ctx: Context) -> Outcome:
        ctx.do(lambda tx: tx.connection.execute(text("SELECT :words FROM nowhere"), WORDS))
        return Outcome.HANDLED

    worker = await bench.worker([fails])
    await worker.receive(event(1, said=WORDS["words"]))
    await worker.decide()
    assert "could not be decided" in caplog.text
    assert WORDS["words"] not in caplog.text


def test_the_http_library_does_not_log_its_urls(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = [logging.getLogger(name) for name in ("httpx", "httpcore", "telegram", "alembic")]
    levels = [logger.level for logger in quiet]
    try:
        set_up(as_json=True)
        for logger in quiet:
            logger.info("GET https://api.telegram.org/bot%s/getMe", TOKEN)
        logging.getLogger("huiying").info("ready")
        sys.stderr.flush()
    finally:
        root.handlers[:], root.level = handlers, level
        for logger, before in zip(quiet, levels, strict=True):
            logger.setLevel(before)
    assert [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines()] == [
        "ready"
    ]
