"""How a message looks in a terminal: wide characters, numbered choices, no control codes."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bot.channels.web_fields import clean
from bot.messages import Attachment, AttachmentKind, Button, OutgoingMessage, Span, SpanKind
from bot.text import clean as without_controls

PROMPT = "› "
_STYLES = {
    SpanKind.BOLD: "bold",
    SpanKind.ITALIC: "italic",
    SpanKind.CODE: "cyan",
    SpanKind.QUOTE: "dim",
    SpanKind.LINK: "underline",
}


class Screen:
    """Prints messages; plainly, a line as it is, when nobody sits at the terminal."""

    def __init__(self, console: Console, by_hand: bool) -> None:
        self._console = console
        self._by_hand = by_hand

    def note(self, sentence: str) -> None:
        """Print a sentence of the program's own."""
        self._print(Text(sentence, style="dim"))

    def message(self, message: OutgoingMessage, first_number: int) -> None:
        """Print a message; its choices are numbered from ``first_number``."""
        if message.text:
            self._print(styled(message.text, message.spans))
        for attachment in message.attachments:
            self._print(Text(_attachment(attachment), style="dim"))
        number = first_number
        for button in (button for line in message.buttons for button in line):
            self._print(_choice(button, number))
            number += not button.url
        if self._by_hand:
            self._console.print()

    def interrupt(self, asking: bool) -> None:
        """Leave the prompt's line before a message that came unasked is printed."""
        if asking:
            self._console.print()

    def ask_again(self, asking: bool) -> None:
        """Show the prompt again below that message."""
        if asking:
            self._console.print(PROMPT, end="")

    def _print(self, text: Text) -> None:
        if self._by_hand:
            self._console.print(Padding(text, (0, 2)))
        else:
            self._console.print(text, soft_wrap=True)


def styled(text: str, spans: tuple[Span, ...]) -> Text:
    """Return the text with its formatting; the address of a link follows its words."""
    found = Text()
    at = 0
    for span in sorted(spans, key=lambda span: span.offset):
        end = span.offset + span.length
        if span.offset < at or end > len(text):
            continue
        words = _shown(text[span.offset : end])
        found.append(_shown(text[at : span.offset])).append(words, _STYLES[span.kind])
        if span.url and span.url != words:
            found.append(f" <{_shown(span.url)}>")
        at = end
    return found.append(_shown(text[at:]))


def _choice(button: Button, number: int) -> Text:
    label = _shown(button.label)
    if button.url:
        return Text(f"  ↗ {label} <{_shown(button.url)}>")
    return Text.assemble(("  "), (f"[{number}]", "bold cyan"), f" {label}")


def _attachment(attachment: Attachment) -> str:
    if attachment.kind is AttachmentKind.LOCATION:
        data = attachment.data
        return f"  ⌖ {data.get('latitude', '')}, {data.get('longitude', '')}"
    return f"  ⎘ {_shown(attachment.name or attachment.kind)}"


def _shown(text: str) -> str:
    """Return the text without what would move the cursor or turn the line."""
    return without_controls(clean(text))
