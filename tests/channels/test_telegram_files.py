"""A file that Telegram does not take, or that is gone, never takes the words with it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.channels import base
from bot.channels.telegram import TelegramChannel
from bot.errors import BadInput
from bot.messages import Address, Attachment, AttachmentKind, Button, OutgoingMessage, Receipt
from tests.channels.harness_telegram import telegram_channel
from tests.servers.telegram import PlayedTelegram

ANN = Address("telegram", "1001")
TOO_BIG = "Bad Request: file is too big for a photo; the maximum size is 10485760 bytes"


@dataclass
class Files:
    """An account, and whether the files it is to send are still there."""

    tg: PlayedTelegram
    channel: TelegramChannel
    gone: bool = False

    async def send(self, text: str, *attachments: Attachment, **more: Any) -> Receipt:
        message = OutgoingMessage(ANN, text, attachments=attachments, **more)
        return await self.channel.send(message, "key")

    def seen(self) -> list[dict[str, Any]]:
        return self.tg.sent_to(1001)


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    async def open_file(attachment: Attachment) -> bytes:
        if made.gone:
            raise BadInput("This file is no longer here.")
        return b"bytes"

    async with PlayedTelegram() as tg:
        tg.citizen(1001)
        made = Files(tg, telegram_channel(tg, open_file=open_file))
        yield made
        await made.channel.close()


def photo(name: str = "street.jpg", size: int = 1_000) -> Attachment:
    return Attachment(AttachmentKind.PHOTO, "web", name, name, "image/jpeg", size)


async def test_a_picture_too_large_for_one_goes_as_a_document(files: Files) -> None:
    await files.send("the hole", photo(size=10_000_001))
    (message,) = files.seen()
    assert message["document"]["file_name"] == "street.jpg"
    assert message["caption"] == "the hole"


@pytest.mark.parametrize(
    "refusal",
    ["Bad Request: PHOTO_INVALID_DIMENSIONS", TOO_BIG, "Bad Request: IMAGE_PROCESS_FAILED"],
)
async def test_a_picture_that_is_refused_as_one_goes_as_a_document(
    files: Files, refusal: str
) -> None:
    files.tg.plant(method="sendphoto", status=400, description=refusal)
    await files.send("the hole", photo())
    files.tg.plant(method="sendmediagroup", status=400, description=refusal)
    receipt = await files.send("two", photo("a.jpg"), photo("b.jpg"))
    one, *two = files.seen()
    assert (one["caption"], "document" in one) == ("the hole", True)
    assert [m["document"]["file_name"] for m in two] == ["a.jpg", "b.jpg"]
    assert len(receipt.external_ids) == 2


async def test_the_words_go_without_a_file_that_is_refused(files: Files) -> None:
    yes = ((Button("Yes", token="t1"),),)
    files.tg.plant(method="sendphoto", status=400, description="Bad Request: not enough rights")
    await files.send("the hole", photo(), buttons=yes)
    (message,) = files.seen()
    assert message["text"] == "the hole\n📎 ✗ street.jpg"
    assert "reply_markup" in message


async def test_the_words_go_without_a_file_that_is_too_large(files: Files) -> None:
    files.tg.plant(method="sendphoto", status=413, description="Request Entity Too Large")
    await files.send("the hole", photo())
    assert files.seen()[0]["text"] == "the hole\n📎 ✗ street.jpg"


async def test_the_words_go_without_files_that_are_gone(files: Files) -> None:
    files.gone = True
    await files.send("the hole", photo())
    receipt = await files.send("two", photo("a.jpg"), photo("b.jpg"))
    await files.send("", photo("c.jpg"))
    texts = [message["text"] for message in files.seen()]
    assert texts == ["the hole\n📎 ✗ street.jpg", "two\n📎 ✗ a.jpg\n📎 ✗ b.jpg", "📎 ✗ c.jpg"]
    assert len(receipt.external_ids) == 2, "the next try counts the messages of an album"


async def test_words_that_are_refused_as_well_are_refused(files: Files) -> None:
    files.gone = True
    files.tg.plant(method="sendmessage", status=400, description="Bad Request: odd")
    with pytest.raises(base.Refused):
        await files.send("the hole", photo())
