"""The server's settings: frozen, and read from the environment once.

What lives here: every setting with its default and meaning. What does not: what is done with it.
"""

from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_PREFIX = "INTERLOCK_"
SECRETS = frozenset({"auth_string"})
HIDDEN = "********"


def default_database_url() -> str:
    """A file in the user's own data directory."""
    return f"sqlite:///{user_data_path('interlock', appauthor=False) / 'interlock.db'}"


class Settings(BaseSettings):
    """Each setting is read from INTERLOCK_<NAME>; the command line goes before the environment."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(4200, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    database_url: str = Field(
        default_factory=default_database_url, description="Where the ledger is kept, as sqlite:///PATH."
    )
    durability: Literal["full", "normal"] = Field(
        "full",
        description="full: what was acknowledged survives a power cut. normal: the last moments may be lost in one, "
        "though not in a crash of the server; writes are faster on slow disks.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="The least severe log lines to write, as JSON lines on stderr."
    )
    auth_string: str | None = Field(
        None, description="A password that every request must bring, as Basic or Bearer credentials. None: open."
    )
    max_body_bytes: int = Field(16 << 20, ge=1024, description="The largest body of a request, in bytes.")
    max_waiting_writes: int = Field(
        10_000, ge=1, description="How many writes may wait; beyond that the answer is 503 with Retry-After."
    )
    tag_slot_wait_seconds: int = Field(
        30, ge=1, description="How long a task run is told to wait for a full concurrency limit."
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith("sqlite:///") or len(value) == len("sqlite:///"):
            raise ValueError(f"must look like sqlite:///PATH, not {value!r}")
        if value.endswith(":memory:"):
            raise ValueError("a ledger in memory would be lost with the server: name a file")
        return value

    def shown(self) -> dict[str, Any]:
        """Every setting by its name. A secret that is set is hidden."""
        values = self.model_dump()
        return values | {name: HIDDEN for name in SECRETS if values[name]}

    @property
    def sqlite_path(self) -> Path:
        """The file of the embedded database."""
        return Path(self.database_url.removeprefix("sqlite:///"))
