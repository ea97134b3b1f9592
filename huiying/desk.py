"""Where officials work, as the settings say."""

from sqlalchemy import Connection

from admin.desk import DeskConfig
from bot import threads
from bot.channels.web_sessions import DESK_CHAT
from bot.config import Settings


def desk_config(settings: Settings, connection: Connection) -> DeskConfig:
    """Say where officials work: the Telegram group if there is one, else our own desk page.

    A group that has moved goes by the id it had first, also when the settings name the new one.
    """
    telegram = settings.telegram.admin_chat
    channel = settings.desk.channel or ("telegram" if telegram else "desk")
    chat = threads.known_as(connection, channel, telegram) if channel == "telegram" else DESK_CHAT
    return DeskConfig(
        channel,
        chat,
        settings.desk.department,
        settings.office.language,
        settings.office.timezone,
        settings.desk.claim_minutes,
        settings.desk.department_en,
    )
