"""What every scenario is given: the options, the cores, a folder for scratch data, the servers, and their databases."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.http_client import Target
from bench.machine import Cores, ProcessTree
from bench.options import Options
from bench.postgres import Postgres
from bench.servers import Launch, RunningServer, Server, Storage

AnyServer = Server | RunningServer


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark; `stack` ends at its end."""

    options: Options
    cores: Cores
    folder: Path
    launches: tuple[Launch, ...]
    stack: ExitStack

    @cached_property
    def postgres(self) -> Postgres:
        """The PostgreSQL of this run, started at its first use."""
        return self.stack.enter_context(Postgres(self.cores.server))

    def command(self, scenario: str, database: str | None = None) -> str:
        """The command that makes a scenario's figures again."""
        databases = "" if database is None else f"--databases {database}"
        return " ".join(filter(None, (f"./run bench --only {scenario}", databases, self.options.repeat)))

    def is_ours(self, launch: Launch) -> bool:
        """Whether this server is started here (and not a running one, by its URL)."""
        return launch.name != "Interlock" or self.options.interlock_url is None

    @contextmanager
    def storage(self, database: str, name: str) -> Iterator[Storage]:
        """A fresh storage on this kind of database."""
        folder = self.folder / f"{name}-{database}"
        if database == "sqlite":
            yield Storage(folder)
        else:
            with self.database() as url:
                yield Storage(folder, url)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh database on this run's PostgreSQL."""
        url = self.postgres.create_database()
        yield url
        self.postgres.drop_database(url)

    @contextmanager
    def server(self, launch: Launch, storage: Storage) -> Iterator[AnyServer]:
        """The server on this storage, ready; ended afterwards if it was started here."""
        if self.options.interlock_url is not None and not self.is_ours(launch):
            yield RunningServer(Target.parse(self.options.interlock_url))
            return
        with Server(launch, storage, self.cores.server) as server:
            yield server

    def watched(self, storage: Storage, *servers: AnyServer) -> dict[str, ProcessTree]:
        """The processes whose CPU time is reported: of the servers, where they are ours, and of their PostgreSQL."""
        pids = [server.pid for server in servers if isinstance(server, Server)]
        found = {"server": ProcessTree(*pids)} if pids else {}
        return found if storage.postgresql is None or not pids else found | {"database": self.postgres.processes()}
