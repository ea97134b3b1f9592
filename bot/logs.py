"""Logs: one JSON object a line, a sentence for people and fields for machines.

No text of a message and no personal data goes into a log. What looks like a bot token is blotted
out even inside exceptions (their texts carry URLs), and the HTTP library, which logs full URLs, is
kept quiet.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime

#: a Telegram token, alone or inside a URL; and anything that follows "Bearer"
_SECRET = re.compile(r"\d{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}|(?<=Bearer )\S+")
#: what a terminal or a reader of lines takes for more than a character; lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without secrets and without line breaks from outside."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return redact(on_one_line(json.dumps(line, ensure_ascii=False)))


class PlainLines(logging.Formatter):
    """Formats a record for a person in front of a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``time level message``, without secrets."""
        moment = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        text = on_one_line(f"{moment} {record.levelname.lower():7} {record.getMessage()}")
        if record.exc_info and record.levelno >= logging.ERROR:
            lines = self.formatException(record.exc_info).splitlines()
            text += "".join(f"\n  | {on_one_line(line)}" for line in lines)
        return redact(text)


def on_one_line(text: str) -> str:
    """Write out line breaks and other controls: what came from outside forges no line."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def redact(text: str) -> str:
    """Blot out what looks like a secret."""
    return _SECRET.sub("[secret]", text)


def set_up(level: int = logging.INFO, as_json: bool = True) -> None:
    """Send all logs to stderr in our form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "telegram", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It would log what a proxy answered, at length and with a traceback; the adapter says it short.
    logging.getLogger("telegram.request").setLevel(logging.CRITICAL)
