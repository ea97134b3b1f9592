"""Where officials work: the group goes by the id it had first, whatever the settings call it."""

import pytest

from bot import threads
from bot.channels.web_sessions import DESK_CHAT
from bot.config import Settings, TelegramSettings
from bot.db import Database
from huiying.desk import desk_config


@pytest.mark.parametrize("configured", ["-100", "-1002000"])
def test_a_group_that_moved_is_known_by_either_id(database: Database, configured: str) -> None:
    settings = Settings(telegram=TelegramSettings(admin_chat=configured))
    with database.transaction() as tx:
        threads.move_chat(tx.connection, "telegram", "-100", "-1002000")
        desk = desk_config(settings, tx.connection)
    assert (desk.channel, desk.chat) == ("telegram", "-100")


def test_without_a_group_officials_work_at_the_desk_page(database: Database) -> None:
    with database.transaction() as tx:
        desk = desk_config(Settings(), tx.connection)
    assert (desk.channel, desk.chat) == ("desk", DESK_CHAT)
