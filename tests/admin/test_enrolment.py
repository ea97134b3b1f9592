"""Who becomes an official, and who does not."""

from pathlib import Path

import pytest

from admin import officials
from admin.officials import Role
from bot.config import load_settings
from bot.context import Outcome
from bot.errors import BadInput
from bot.messages import Sender
from huiying.staff import add_official, list_officials
from tests.scenarios.office import PlayedOffice, in_main_chat, to_citizen


def code(office: PlayedOffice) -> str:
    """Make a code for a third desk, as the operator does."""
    with office.database.transaction() as tx:
        return officials.new_code(tx, "Desk 3", Role.OFFICIAL, "Tax")


async def may_claim(office: PlayedOffice, who: str) -> bool:
    """Try to claim a fresh case."""
    number = await office.handed_off(who=f"asker-{who}")
    await office.official("/claim", number, who=who)
    return office.case(number).holder is not None


async def test_a_code_sent_in_private_makes_an_official(office: PlayedOffice) -> None:
    sent = await office.citizen(f"/enroll {code(office).lower()}", who="o3")
    assert "Desk 3" in to_citizen(sent, "o3")[0]
    assert await may_claim(office, "o3")


async def test_a_code_sent_where_no_official_works_is_not_used(office: PlayedOffice) -> None:
    given = code(office)
    sent = await office.citizen(f"/enroll {given}", who="w1", channel="web")
    assert office.ended() is Outcome.REFUSED
    assert "Telegram" in to_citizen(sent, "w1")[0]
    assert "Desk 3" in to_citizen(await office.citizen(f"/enroll {given}", who="o3"), "o3")[0]


async def test_a_code_sent_in_the_admin_chat_does_too(office: PlayedOffice) -> None:
    sent = await office.official(f"/enroll {code(office)}", who="o3")
    assert "Tax" in in_main_chat(sent)[0]
    assert await may_claim(office, "o3")


async def test_a_code_counts_once(office: PlayedOffice) -> None:
    shared = code(office)
    await office.citizen(f"/enroll {shared}", who="o3")
    await office.citizen(f"/enroll {shared}", who="thief")
    assert office.ended() is Outcome.REFUSED
    assert not await may_claim(office, "thief")


async def test_a_code_is_too_old_after_ten_minutes(office: PlayedOffice) -> None:
    late = code(office)
    office.wait(minutes=10)
    await office.citizen(f"/enroll {late}", who="o3")
    assert not await may_claim(office, "o3")


async def test_a_made_up_code_is_refused_and_journalled(office: PlayedOffice) -> None:
    await office.citizen("/enroll AAAAAAAAAA", who="thief")
    assert office.ended() is Outcome.REFUSED
    assert office.journal("official_refused")[0]["account"] == "thief"


async def test_a_forwarded_code_enrols_nobody(office: PlayedOffice) -> None:
    fresh = code(office)
    await office.official(f"/enroll {fresh}", sender=Sender("o3", verified=False))
    assert office.ended() is Outcome.REFUSED
    await office.citizen(f"/enroll {fresh}", who="o3")
    assert await may_claim(office, "o3")


async def test_only_the_hash_of_a_code_is_stored_when_it_is_made(office: PlayedOffice) -> None:
    fresh = code(office)
    with office.database.session() as session:
        row = session.get(officials.EnrolCode, officials._hashed(fresh))
        assert row is not None
        assert fresh not in str(row.model_dump())
    assert fresh not in str(office.journal("official_code"))


async def test_a_dismissed_official_can_do_nothing(office: PlayedOffice) -> None:
    with office.database.transaction() as tx:
        officials.dismiss(tx, 1)
    assert not await may_claim(office, "o1")


async def test_an_official_is_one_only_on_their_own_channel(office: PlayedOffice) -> None:
    number = await office.handed_off()
    await office.citizen("/claim", who="o1", channel="web")
    assert office.case(number).holder is None


def test_a_name_or_department_too_long_to_keep_is_refused_in_a_sentence(tmp_path: Path) -> None:
    settings = load_settings(None, tmp_path)
    with pytest.raises(BadInput, match="81 characters; at most 80"):
        add_official(settings, "名" * 81, Role.OFFICIAL)
    with pytest.raises(BadInput, match="201 characters; at most 200"):
        add_official(settings, "Desk 3", Role.OFFICIAL, "科" * 201)
    add_official(settings, "名" * 80, Role.OFFICIAL, "科" * 200)
    assert [o["name"] for o in list_officials(settings)] == ["名" * 80]


@pytest.mark.parametrize("key", ["department", "department_en"])
def test_a_department_too_long_to_keep_is_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(f"HUIYING_DESK__{key.upper()}", "科" * 201)
    with pytest.raises(BadInput, match=f"desk.{key}"):
        load_settings(None, tmp_path)
