"""Where officials work, as the settings say."""

from admin.desk import DeskConfig
from bot.channels.web_sessions import DESK_CHAT
from bot.config import Settings


def desk_config(settings: Settings) -> DeskConfig:
    """Say where officials work: the Telegram group if there is one, else our own desk page."""
    telegram = settings.telegram.admin_chat
    channel = settings.desk.channel or ("telegram" if telegram else "desk")
    return DeskConfig(
        channel,
        telegram if channel == "telegram" else DESK_CHAT,
        settings.desk.department,
        settings.office.language,
        settings.office.timezone,
        settings.desk.claim_minutes,
        settings.desk.department_en,
    )
