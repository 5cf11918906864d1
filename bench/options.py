"""The command line of the benchmark: its options, their defaults, and the command that repeats a scenario."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.servers import VENV

SERVERS = ("peer", "Interlock")
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
CONNECTIONS = (1, 10, 50)
SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (10_000,)


@dataclass(frozen=True, slots=True)
class Length:
    """An option that says how long or how large, with its defaults."""

    name: str
    kind: type
    full: float
    quick: float
    help: str


LENGTHS = (
    Length("seconds", float, 10, 3, "writes, queue, fleet, bare: measured seconds of each cell (drivers: a quarter)"),
    Length("warm_up", float, 2, 1, "writes, queue, fleet, bare: seconds of load before them"),
    Length("rounds", int, 3, 1, "writes, queue, flow, fleet: rounds of peer, Interlock; medians are shown"),
    Length("backlog", int, 20_000, 2_000, "queue: runs posted before the subscribers come"),
    Length(
        "waiting_runs", int, 1_000_000, 50_000, "queue: runs that wait from before, in the second half of the cells"
    ),
    Length("mapped_tasks", int, 500, 100, "flow: tasks of the flow"),
    Length("stored_runs", int, 100_000, 10_000, "start, overload: task runs stored"),
    Length("peer_runs", int, 100_000, 10_000, "scale: the largest size that the peer is measured at"),
    Length("overload_seconds", float, 20, 3, "overload: seconds of ten times the load, of each kind"),
    Length("overload_connections", int, 5000, 200, "overload: connections of the load, and obedient clients"),
    Length("deployments", int, 10_000, 500, "deployments: how many of them"),
    Length("repeats", int, 50, 10, "scale, deployments: requests of each kind"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the scenarios are told; lengths in seconds. `repeat` are the options that make the same figures again."""

    seconds: float
    warm_up: float
    rounds: int
    backlog: int
    waiting_runs: int
    mapped_tasks: int
    stored_runs: int
    peer_runs: int
    overload_seconds: float
    overload_connections: int
    deployments: int
    repeats: int
    connections: tuple[int, ...]
    sizes: tuple[int, ...]
    servers: tuple[str, ...]
    interlock: str
    interlock_url: str | None
    databases: tuple[str, ...]
    filled: Path | None
    only: tuple[str, ...]
    json: Path | None
    markdown: bool
    repeat: str


def parse(arguments: list[str], description: str, scenarios: tuple[str, ...]) -> Options:
    """Options from the command line; exits with a message if it is wrong."""
    parsed = _parser(description, scenarios).parse_args(arguments)
    values = vars(parsed)
    quick = values.pop("quick")
    repeat = ["--quick"] if quick else []
    for length in LENGTHS:
        if values[length.name] is None:
            values[length.name] = length.kind(length.quick if quick else length.full)
        else:
            repeat.append(f"{_flag(length.name)} {values[length.name]:g}")
    if values["connections"] != CONNECTIONS:
        repeat.append(f"--connections {','.join(map(str, values['connections']))}")
    if values["sizes"] is None:
        values["sizes"] = QUICK_SIZES if quick else SIZES
    else:
        repeat.append(f"--sizes {','.join(map(str, values['sizes']))}")
    if values["servers"] != SERVERS:
        repeat.append(f"--servers {','.join(values['servers'])}")
    return Options(**values, repeat=" ".join(repeat))


def _parser(description: str, scenarios: tuple[str, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=description,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=120),
    )
    add = parser.add_argument
    add("--only", type=_names(scenarios), default=scenarios, metavar="NAMES", help="scenarios, separated by commas")
    add("--servers", type=_names(SERVERS), default=SERVERS, metavar="NAMES", help="peer, Interlock, or both (default)")
    add("--quick", action="store_true", help="short windows and small data: to see that it works, not for figures")
    for length in LENGTHS:
        help_text = f"{length.help} (default {length.full:g}, quick {length.quick:g})"
        add(_flag(length.name), type=length.kind, metavar="N", help=help_text)
    add("--connections", type=_numbers, default=CONNECTIONS, metavar="N,N", help="writes (default 1,10,50)")
    full, quick = (",".join(map(str, sizes)) for sizes in (SIZES, QUICK_SIZES))
    help_text = f"scale: task runs stored (default {full}, quick {quick})"
    add("--sizes", type=_numbers, metavar="N,N", help=help_text)
    databases = tuple(DATABASES)
    help_text = "sqlite, postgresql, or both (default): writes, queue, flow, scale, start, overload"
    add("--databases", type=_names(databases), default=databases, metavar="NAMES", help=help_text)
    help_text = "scale, start, overload: keep filled SQLite databases here, use those found"
    add("--filled", type=Path, metavar="FOLDER", help=help_text)
    add("--interlock", default=str(VENV / "interlock"), metavar="PROGRAM", help="the program to start")
    help_text = (
        "measure a running Interlock: its API's base URL, such as .../api (scale, overload: filled by `interlock demo`)"
    )
    add("--interlock-url", metavar="URL", help=help_text)
    add("--json", type=Path, metavar="FILE", help="write all figures, those of each round too, to this file")
    add("--markdown", action="store_true", help="print Markdown")
    return parser


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _names(allowed: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse_names(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(allowed):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}: there are {', '.join(allowed)}")
        return names

    return parse_names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
