"""Settings: one ``huiying.toml``, secrets from the environment, read once at start.

Every key is documented in docs/configuration.md, and a test holds the two together. A secret comes
by environment (``HUIYING_TELEGRAM__TOKEN``) or from a file, never by argument.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bot.errors import BadInput


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("it is not a known time zone; write e.g. Asia/Shanghai") from error


def _group_id(given: object) -> str:
    """Take a number too, as somebody may write it; refuse what is no group's id (Bot API)."""
    text = str(given).strip()
    if text and not re.fullmatch(r"-[1-9][0-9]*", text):
        raise ValueError(
            "the id of a group begins with a minus sign and has only digits after it; "
            "write e.g. -1001234567890"
        )
    return text


class OfficeSettings(_Section):
    """The office itself."""

    name_zh: str = Field("回应", description="Name of the office in Chinese, as citizens see it.")
    name_en: str = Field("Huiying", description="Name of the office in English.")
    language: Literal["zh", "en"] = Field("zh", description="Language when none can be told.")
    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "Asia/Shanghai", description="Time zone of the office (IANA name)."
    )
    emergency_zh: str = Field(
        "如遇紧急危险，请立即拨打 110、119 或 120。",
        description="Sentence shown first when a message speaks of danger, in Chinese.",
    )
    emergency_en: str = Field(
        "If you are in danger, call the emergency services (110, 119 or 120) now.",
        description="The same sentence in English.",
    )


class DatabaseSettings(_Section):
    """Where everything is kept."""

    url: str = Field(
        "",
        repr=False,  # it may hold a password
        description="SQLAlchemy URL; empty: a SQLite file in the data directory. "
        "`postgresql://user@host/name` for PostgreSQL.",
    )


class WebSettings(_Section):
    """The web server: citizen chat, webhooks, desk page."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    enabled: bool = Field(True, description="Serve the web chat page at `/`.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses of reverse proxies whose `X-Forwarded-For` is believed, "
        "separated by commas; `*` for all.",
    )
    public_url: str = Field(
        "", description="URL under which citizens and platforms reach this server (for webhooks)."
    )


class TelegramSettings(_Section):
    """A Telegram bot account."""

    token: SecretStr = Field(SecretStr(""), description="Bot token from BotFather; secret.")
    token_file: Path | None = Field(None, description="File that holds the token instead.")
    api_base_url: str = Field(
        "https://api.telegram.org/bot",
        description="Bot API base; the token is appended. Point it at a local Bot API server.",
    )
    file_base_url: str = Field(
        "https://api.telegram.org/file/bot", description="Where files are downloaded from."
    )
    mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Secret Telegram sends in its header (16–256 of A-Z a-z 0-9 _ -).",
    )
    poll_timeout_s: int = Field(25, ge=0, le=50, description="Long-poll time, seconds.")
    admin_chat: Annotated[str, BeforeValidator(_group_id)] = Field(
        "", description="Id of the forum group where officials work; it begins with a minus sign."
    )
    per_chat: float = Field(1.0, gt=0, description="Messages a second to one private chat.")
    per_group_minute: float = Field(20, gt=0, description="Messages a minute to one group.")
    per_second: float = Field(28.0, gt=0, description="Messages a second over all chats.")
    topics_per_minute: float = Field(10, gt=0, description="Forum topics opened a minute.")


class KnowledgeSettings(_Section):
    """How questions are matched to articles."""

    embedder: str = Field(
        "bundled",
        description="`bundled`, or name or path of a sentence-transformers model "
        "(extra `transformers`).",
    )
    max_wrong_answers: float = Field(
        0.05, gt=0, lt=1, description="Highest accepted share of wrong among outright answers."
    )
    four_eyes: bool = Field(
        False,
        description="Nobody publishes what they wrote; every edit then names its editor (`--as`).",
    )
    past_questions: int = Field(
        200,
        ge=0,
        le=5_000,
        description="Latest questions of citizens that every publish is tried on first; 0: none.",
    )


class WorkerSettings(_Section):
    """How the spine works."""

    lease_s: float = Field(30.0, gt=0, description="Lease on a conversation, seconds.")
    concurrency: int = Field(32, ge=1, description="Conversations handled side by side.")
    handler_timeout_s: float = Field(
        20.0, gt=0, description="Longest time one message may take to be decided, seconds."
    )
    uncertain_retry_s: float = Field(
        30.0, ge=0, description="Wait before the one repeat of an unanswered send, seconds."
    )
    max_attempts: int = Field(8, ge=1, description="Tries before a message is put aside as dead.")
    messages_per_minute: int = Field(
        20,
        ge=1,
        description="Messages one person may have handled a minute (burst 5 beyond); "
        "to a running case five times as many.",
    )


class DeskSettings(_Section):
    """The officials' side."""

    channel: Literal["", "telegram", "desk"] = Field(
        "",
        description="Channel of the admin chat: `telegram` or `desk`; empty: `telegram` "
        "when telegram.admin_chat is set, else the desk page `/desk`.",
    )
    department: str = Field(
        "值班室", max_length=200, description="Department that owns a case at first."
    )
    department_en: str = Field(
        "Duty desk", max_length=200, description="The same department's name in English."
    )
    claim_minutes: float = Field(
        30, gt=0, description="Minutes before an unclaimed case is called out again."
    )


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(
        env_prefix="HUIYING_", env_nested_delimiter="__", extra="forbid"
    )

    data_dir: Path = Field(
        Path("huiying-data"), description="Directory for the database, index and files."
    )
    office: OfficeSettings = OfficeSettings()
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    telegram: TelegramSettings = TelegramSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    worker: WorkerSettings = WorkerSettings()
    desk: DeskSettings = DeskSettings()

    @model_validator(mode="after")
    def _desk_has_a_place(self) -> Self:
        if self.desk.channel == "telegram" and not self.telegram.admin_chat:
            raise ValueError("desk.channel is telegram, so telegram.admin_chat must be set")
        return self

    @property
    def database_url(self) -> str:
        """Return the configured database, or the SQLite file in the data directory."""
        return self.database.url or f"sqlite:///{self.data_dir / 'huiying.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(
    config: Path | None = None, data_dir: Path | None = None, **overrides: Any
) -> Settings:
    """Read ``huiying.toml`` and the environment; raise :class:`BadInput` naming the bad key."""
    if config is not None and not config.is_file():
        raise BadInput(f"There is no configuration file at {config}; check --config.")
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    try:
        settings = _settings_class(config)(**overrides)
        return _with_token_file(settings)
    except ValidationError as error:
        raise BadInput(_first_problem(error)) from error
    except SettingsError as error:  # a whole section in one variable; its text names the field
        raise BadInput(
            f"The environment cannot be read: {error}; see docs/configuration.md."
        ) from (error)
    except OSError as error:
        raise BadInput(f"{config} cannot be read ({error.strerror}); check --config.") from error
    except ValueError as error:  # tomllib.TOMLDecodeError
        raise BadInput(f"{config} is not valid TOML: {error}.") from error


def _settings_class(config: Path | None) -> type[Settings]:
    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    return FileSettings


def _with_token_file(settings: Settings) -> Settings:
    path = settings.telegram.token_file
    if path is None or settings.telegram.token.get_secret_value():
        return settings
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or "it is not text"
        raise BadInput(
            f"telegram.token_file {path} cannot be read ({why}); "
            "make that file, or remove the setting."
        ) from error
    telegram = settings.telegram.model_copy(update={"token": SecretStr(token)})
    return settings.model_copy(update={"telegram": telegram})


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if not key:
        return f"These settings do not go together: {first['msg']}."
    if first["type"] == "extra_forbidden":
        return f"Unknown setting {key}; remove it or correct its name (docs/configuration.md)."
    return f"Setting {key} is not usable: {first['msg']}."
