"""What the machine is, which cores each side gets, and what a server's processes have used."""

import os
import platform
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil  # type: ignore[import-untyped,unused-ignore]

BUSY_SAMPLE_SECONDS = 1.0

Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Cores:
    """The split of the cores: the load on one, the server on all others. None: not pinned."""

    load: frozenset[int] | None = None
    server: frozenset[int] | None = None
    all: frozenset[int] | None = None


def split_cores() -> Cores:
    """The last core for the load and the rest for the server; no pinning with one core or without the system call."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return Cores()
    return Cores(frozenset(cores[-1:]), frozenset(cores[:-1]), frozenset(cores))


def pin(cores: frozenset[int] | None) -> None:
    """Keep this process, and those it starts, on these cores."""
    if cores is not None:
        os.sched_setaffinity(0, cores)


class ProcessTree:
    """Processes and their children, whichever there are at the time of asking."""

    def __init__(self, *pids: int) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]

    def _processes(self) -> list[psutil.Process]:
        return [process for root in self._roots for process in (root, *root.children(recursive=True))]

    def _each(self, measure: Callable[[psutil.Process], Measured]) -> list[Measured]:
        """Of all that are still there when their turn comes."""
        found = []
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                found.append(measure(process))
        return found

    def cpu_seconds(self) -> float:
        """User and system time used by all of them so far, and by those that have ended."""
        return sum(self._each(_cpu_seconds))

    def ports(self) -> set[int]:
        """The local ports of their TCP connections."""
        return {each.laddr.port for found in self._each(lambda x: x.net_connections("tcp")) for each in found}

    def resident_mib(self) -> tuple[float, float]:
        """Resident memory in MiB: of the largest process, and of all together."""
        sizes = self._each(lambda process: float(process.memory_info().rss / 2**20))
        return max(sizes), sum(sizes)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def describe() -> dict[str, str]:
    """The facts that a figure means nothing without."""
    return {
        "cores": str(os.cpu_count()),
        "CPU": _cpu_model(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "CPU in use by others before the start": f"{psutil.cpu_percent(BUSY_SAMPLE_SECONDS):.0f} %",
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
