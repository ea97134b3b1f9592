"""Settings are read once, typed, and wrong ones are named by key; secrets show nowhere."""

import os
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings, load_settings
from bot.errors import BadInput

TOKEN = "123456789:" + "Abc-_def" * 5


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HUIYING_")]:
        monkeypatch.delenv(name)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "huiying.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(config: Path | None = None, **more: Any) -> str:
    with pytest.raises(BadInput) as caught:
        load_settings(config, **more)
    sentence = str(caught.value)
    assert "\n" not in sentence.strip()
    return sentence


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/huiying.db"
    assert settings.worker.lease_s == 30


def test_the_environment_beats_the_file_and_the_call_beats_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(tmp_path, 'data_dir = "from-file"\n[web]\nport = 1111\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("HUIYING_WEB__PORT", "2222")
    monkeypatch.setenv("HUIYING_DATA_DIR", "from-environment")
    settings = load_settings(config, tmp_path / "given")
    assert (settings.web.port, settings.web.host) == (2222, "0.0.0.0")  # noqa: S104
    assert settings.data_dir == tmp_path / "given"
    assert load_settings(config).data_dir == Path("from-environment")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[web\nport = 1", "not valid TOML"),
        (b"\xff\xfe\x00", "not valid TOML"),
        ("colour = 1", "Unknown setting colour"),
        ("[web]\nports = 1", "Unknown setting web.ports"),
        ("[web]\nport = 99999", "Setting web.port"),
        ('[web]\nport = "many"', "Setting web.port"),
        ("[worker]\nlease_s = 0", "Setting worker.lease_s"),
        ("[telegram]\npoll_timeout_s = 51", "Setting telegram.poll_timeout_s"),
        ('[office]\nlanguage = "fr"', "Setting office.language"),
        ('[office]\ntimezone = "Mars/Olympus"', "Setting office.timezone"),
        ('[office]\ntimezone = "../../etc/passwd"', "Setting office.timezone"),
        ("web = 3", "Setting web"),
        ('[telegram]\nadmin_chat = "1001234567890"', "begins with a minus sign"),
        ("[telegram]\nadmin_chat = 1001234567890", "begins with a minus sign"),
        ('[telegram]\nadmin_chat = "@duty_desk"', "Setting telegram.admin_chat"),
        ('[telegram]\nadmin_chat = "-100x"', "Setting telegram.admin_chat"),
        ('[telegram]\nadmin_chat = "-"', "Setting telegram.admin_chat"),
        ('[desk]\nchannel = "web"', "Setting desk.channel"),
        ('[desk]\nchannel = "telegram"', "telegram.admin_chat must be set"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert words in refusal(written(tmp_path, content))


@pytest.mark.parametrize("written_as", ['"-1001234567890"', "-1001234567890", '" -1001234567890 "'])
def test_the_group_of_officials_may_be_written_as_a_number(tmp_path: Path, written_as: str) -> None:
    config = written(
        tmp_path, f'[telegram]\nadmin_chat = {written_as}\n[desk]\nchannel = "telegram"'
    )
    assert load_settings(config).telegram.admin_chat == "-1001234567890"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none.toml") in refusal(tmp_path / "none.toml")
    assert str(tmp_path) in refusal(tmp_path)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYING_WEB__PORT", "many")
    assert "web.port" in refusal()


def test_a_broken_section_in_a_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYING_TELEGRAM", '{"token": "' + TOKEN)
    sentence = refusal()
    assert "telegram" in sentence
    assert "environment" in sentence
    assert TOKEN not in sentence


def test_a_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    config = written(tmp_path, f'[telegram]\ntoken_file = "{tmp_path}/token"\n')
    assert load_settings(config).telegram.token.get_secret_value() == TOKEN
    monkeypatch.setenv("HUIYING_TELEGRAM__TOKEN", "1:other")
    assert load_settings(config).telegram.token.get_secret_value() == "1:other"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    config = written(tmp_path, f'[telegram]\ntoken_file = "{path}"\n')
    assert "telegram.token_file" in refusal(config)


def test_no_secret_shows_in_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYING_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("HUIYING_TELEGRAM__WEBHOOK_SECRET", "hush-hush")
    monkeypatch.setenv("HUIYING_DATABASE__URL", "postgresql://huiying:pass-word@db/huiying")
    settings = load_settings()
    for shown in (repr(settings), str(settings), f"{settings.telegram}", repr(settings.database)):
        assert TOKEN not in shown
        assert "hush-hush" not in shown
        assert "pass-word" not in shown
    assert settings.telegram.token.get_secret_value() == TOKEN


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = written(tmp_path, "[telegram]\ntoken = 1234567890\n")
    assert "1234567890" not in refusal(config)


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        sections = getattr(field.annotation, "model_fields", None)
        for key, setting in (sections or {name: field}).items():
            assert setting.description, f"{name}.{key}"
