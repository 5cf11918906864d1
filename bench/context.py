"""What every scenario is given: the options, the cores, a folder for scratch data, and the servers by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.http_client import Target
from bench.machine import Cores
from bench.options import Options
from bench.servers import Launch, RunningServer, Server

AnyServer = Server | RunningServer


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark."""

    options: Options
    cores: Cores
    folder: Path
    launches: tuple[Launch, ...]

    def command(self, scenario: str) -> str:
        """The command that makes a scenario's figures again."""
        return f"./run bench --only {scenario} {self.options.repeat}".strip()

    def is_ours(self, launch: Launch) -> bool:
        """Whether this server is started here (and not a running one, by its URL)."""
        return launch.name != "Interlock" or self.options.interlock_url is None

    @contextmanager
    def server(self, launch: Launch, storage: Path) -> Iterator[AnyServer]:
        """The server on data in `storage`, ready; ended afterwards if it was started here."""
        if self.options.interlock_url is not None and not self.is_ours(launch):
            yield RunningServer(Target.parse(self.options.interlock_url))
            return
        with Server(launch, storage, self.cores.server) as server:
            yield server
