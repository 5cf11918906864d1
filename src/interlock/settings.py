"""The server's settings: frozen, and read from the environment once.

What lives here: every setting with its default and meaning. What does not: what is done with it.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from interlock.orchestration.scheduling import Horizon

ENV_PREFIX = "INTERLOCK_"
SECRETS = frozenset({"auth_string"})
HIDDEN = "********"
POSTGRES_SCHEMES = ("postgresql://", "postgres://", "postgresql+asyncpg://")


def default_database_url() -> str:
    """A file in the user's own data directory."""
    return f"sqlite:///{user_data_path('interlock', appauthor=False) / 'interlock.db'}"


class Settings(BaseSettings):
    """Each setting is read from INTERLOCK_<NAME>; the command line goes before the environment."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(4200, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    database_url: str = Field(
        default_factory=default_database_url,
        description="Where the ledger is kept: sqlite:///PATH, or postgresql://USER:PASSWORD@HOST:PORT/NAME with the "
        "options of libpq (several hosts, sslmode, target_session_attrs, ...).",
    )
    database_connections: int = Field(
        10,
        ge=1,
        description="On PostgreSQL, how many connections a server process may use for reads and plain writes; "
        "four more are for decisions, the leader's lock and changes of the schema.",
    )
    statement_seconds: float = Field(
        30,
        gt=0,
        description="How long a query may take before it is ended, and the answer is 503; on PostgreSQL also a change.",
    )
    workers: int = Field(1, ge=1, description="How many processes serve the port. More than one needs PostgreSQL.")
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
    max_connections: int = Field(
        10_000, ge=1, description="How many connections a server process serves; on others the answer is 503."
    )
    client_seconds: float = Field(
        30, gt=0, description="How long a client may take to send a request, or to take an answer."
    )
    max_waiting_writes: int = Field(
        10_000, ge=1, description="How many writes may wait; beyond that the answer is 503 with Retry-After."
    )
    max_waiting_reads: int = Field(
        10_000, ge=1, description="How many reads may wait; beyond that the answer is 503 with Retry-After."
    )
    max_wait_seconds: float = Field(
        5, gt=0, description="How long a write or read may wait for its turn; after that the answer is 503."
    )
    tag_slot_wait_seconds: int = Field(
        30, ge=1, description="How long a task run is told to wait for a full concurrency limit."
    )
    deployment_slot_wait_seconds: float = Field(
        30, ge=0, description="For how long a flow run is put off while its deployment's concurrency limit is full."
    )
    deployment_lease_seconds: float = Field(
        300,
        ge=30,
        le=3600,
        description="How long a flow run that was given a slot of its deployment's limit may take to begin, where the "
        "deployment doesn't say.",
    )

    task_grace_seconds: float = Field(
        30,
        ge=0,
        description="How long a task worker that lost its connection may still begin the background task runs that it "
        "had acknowledged, or retry those that it runs; then others are given them.",
    )
    task_pending_seconds: float = Field(
        30, gt=0, description="How long a background task run may be PENDING before others are given it."
    )

    worker_heartbeat_seconds: float = Field(
        30, gt=0, description="How often a worker that doesn't say how often it will is expected to tell that it lives."
    )
    worker_missed_heartbeats: int = Field(
        3, ge=1, description="After so many heartbeats that did not come, a worker is OFFLINE."
    )
    work_queue_poll_seconds: float = Field(60, gt=0, description="How long a work queue that nobody polls is READY.")
    deployment_poll_seconds: float = Field(
        60, gt=0, description="How long a deployment is READY whose runs nobody asks for."
    )

    event_retention_days: float = Field(
        7, gt=0, le=36_500, description="For how many days events are kept. The states of runs stay with their runs."
    )

    scheduler_loop_seconds: float = Field(
        60, ge=0, description="How long the scheduler leaves a schedule alone that nobody changes."
    )
    scheduler_recent_seconds: float = Field(
        5, ge=0, description="How often the scheduler looks for schedules that are due, or were changed; 0: never."
    )
    scheduler_min_runs: int = Field(3, ge=1, description="So many runs of a schedule are made ahead at least.")
    scheduler_max_runs: int = Field(100, ge=1, description="So many runs of a schedule are made ahead at most.")
    scheduler_min_scheduled_seconds: float = Field(
        3_600, ge=0, description="How far ahead the runs of a schedule are made at least."
    )
    scheduler_max_scheduled_seconds: float = Field(
        8_640_000, gt=0, le=3_153_600_000, description="How far ahead runs are made at most: 100 days."
    )
    late_runs_after_seconds: float = Field(
        15, ge=0, description="How long after its time a flow run that has not begun is marked late."
    )
    late_runs_loop_seconds: float = Field(5, ge=0, description="How often late flow runs are looked for; 0: never.")
    pause_expirations_loop_seconds: float = Field(
        5, ge=0, description="How often paused flow runs are looked for that nobody resumed in time; 0: never."
    )
    cancellation_cleanup_loop_seconds: float = Field(
        20, ge=0, description="How often it is looked for what goes on in cancelled flow runs; 0: never."
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value.startswith(POSTGRES_SCHEMES):
            return _as_libpq_has_it(value)
        if not value.startswith("sqlite:///") or len(value) == len("sqlite:///"):
            raise ValueError(f"must look like sqlite:///PATH or postgresql://HOST/NAME, not {value!r}")
        if value.endswith(":memory:"):
            raise ValueError("a ledger in memory would be lost with the server: name a file")
        return value

    @field_validator("workers")
    @classmethod
    def _can_share(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and not info.data.get("database_url", "").startswith("postgresql://"):
            raise ValueError(
                "the embedded database has one writer, which processes can't share: use 1 worker, or PostgreSQL with "
                "--database-url postgresql://..."
            )
        return value

    def shown(self) -> dict[str, Any]:
        """Every setting by its name. A secret that is set is hidden."""
        values = self.model_dump() | {"database_url": self.shown_database_url}
        return values | {name: HIDDEN for name in SECRETS if values[name]}

    @property
    def shown_database_url(self) -> str:
        """The database without its password."""
        hidden = re.sub(r"(?<=://)([^/@]*?):[^/]*@", rf"\1:{HIDDEN}@", self.database_url)
        return re.sub(r"(?<=[?&]password=)[^&]*", HIDDEN, hidden)

    @property
    def shown_database(self) -> str:
        """The database for people: the file's path, or where PostgreSQL is."""
        return self.shown_database_url if self.is_postgres else str(self.sqlite_path)

    @property
    def horizon(self) -> Horizon:
        """How far ahead the scheduler makes runs."""
        return Horizon(
            min_runs=self.scheduler_min_runs,
            max_runs=self.scheduler_max_runs,
            min_time=timedelta(seconds=self.scheduler_min_scheduled_seconds),
            max_time=timedelta(seconds=self.scheduler_max_scheduled_seconds),
            pause=timedelta(seconds=self.scheduler_loop_seconds),
        )

    @property
    def is_postgres(self) -> bool:
        """Whether the ledger is on PostgreSQL."""
        return self.database_url.startswith("postgresql://")

    @property
    def sqlite_path(self) -> Path:
        """The file of the embedded database."""
        return Path(self.database_url.removeprefix("sqlite:///"))


def _as_libpq_has_it(url: str) -> str:
    """A connection string of SQLAlchemy's kind, as the peer takes, in the form that PostgreSQL's own tools take."""
    rest = url.partition("://")[2]
    return "postgresql://" + re.sub(r"(?<=[?&])ssl=", "sslmode=", rest)
