"""Putting what Telegram gave us where it is safe, whatever a single update does to the database."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from bot.channels.base import Intake, IntakeUnavailable
from bot.channels.telegram_read import event

log = logging.getLogger(__name__)


async def keep(intake: Intake, name: str, updates: Sequence[Any]) -> None:
    """Store updates; one that cannot be stored is put aside. Raise :class:`IntakeUnavailable`.

    Telegram offers what is not acknowledged again for a day, and nothing behind it: one update
    that can never be stored would silence the whole account.
    """
    try:
        await intake.store(name, [event(name, update) for update in updates])
    except IntakeUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  boundary: each update below meets its own
        log.warning("updates are stored one by one (%s)", type(error).__name__)
    else:
        return
    for update in updates:
        await _keep_one(intake, name, update)


async def _keep_one(intake: Intake, name: str, update: Any) -> None:
    try:
        await intake.store(name, [event(name, update)])
    except IntakeUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  boundary: what an update holds is not ours
        reason = f"cannot be stored: {type(error).__name__}"
        log.error("an update was put aside: it %s", reason)
        found = update.get("update_id", "") if isinstance(update, dict) else ""
        await intake.quarantine(name, f"{found}", json.dumps(update).encode(), reason)
