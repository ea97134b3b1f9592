"""The desk: where officials work and by which settings."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.messages import Address


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """The admin chat and its rules, fixed at start.

    ``language`` is what officials read. ``department`` owns a case until it is transferred;
    English texts call it ``department_en``.
    """

    channel: str
    chat: str
    department: str
    language: str = "zh"
    timezone: str = "Asia/Shanghai"
    claim_minutes: float = 30
    department_en: str = ""

    @property
    def address(self) -> Address:
        """The admin chat itself."""
        return Address(self.channel, self.chat)

    def is_here(self, address: Address) -> bool:
        """Say whether a place lies in the admin chat."""
        return (address.channel, address.chat) == (self.channel, self.chat)

    def topic(self, number: str) -> Address:
        """Return the place where a case is worked on."""
        return Address(self.channel, self.chat, f"~{number}")

    def local(self, moment: datetime) -> str:
        """Return a moment as people of the office write it."""
        return moment.astimezone(ZoneInfo(self.timezone)).strftime("%Y-%m-%d %H:%M")

    def today(self, moment: datetime) -> date:
        """Return the day it is at the office."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()
