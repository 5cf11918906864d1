"""What a server did for all of them, its background services, is done by another one when it is killed: how soon?"""

import time

import psycopg

from bench.context import Bench
from bench.report import Row, Section, median
from bench.servers import Server, Storage, interlock

KILLS = 5
POLL_SECONDS = 0.02
TIMEOUT_SECONDS = 60.0

LEADERS = """
SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND datname = current_database()
"""
"""Where the holder of the only lock of this kind that is kept is connected from."""


def run(bench: Bench) -> Section:
    """The leader of two servers is killed (SIGKILL), time and again, and replaced by a new server."""
    with bench.storage("postgresql", "takeover") as storage:
        servers = [_start(bench, storage) for _ in range(2)]
        try:
            seconds = [_take_over(bench, storage, servers) for _ in range(KILLS)]
        finally:
            for server in servers:
                server.stop()
    section = Section("A killed leader's work is taken over", bench.command("takeover"), ("result",), raw=seconds)
    section.rows = [
        Row("from the kill until the other server leads: median", "s", (median(seconds),), "less"),
        Row("from the kill until the other server leads: longest", "s", (max(seconds),), "less"),
    ]
    section.notes = [f"{KILLS} kills; the leader is whose connection holds the advisory lock."]
    return section


def _start(bench: Bench, storage: Storage) -> Server:
    return Server(interlock(bench.options.interlock), storage, bench.cores.server)


def _take_over(bench: Bench, storage: Storage, servers: list[Server]) -> float:
    """Seconds until the other server leads; a new one has come for the killed one then."""
    leader = _wait_for_leader(storage, servers)
    servers.remove(leader)
    killed = time.perf_counter()
    leader.kill()
    _wait_for_leader(storage, servers)
    seconds = time.perf_counter() - killed
    servers.append(_start(bench, storage))
    return seconds


def _wait_for_leader(storage: Storage, servers: list[Server]) -> Server:
    """The server that leads, as soon as one of these does."""
    deadline = time.perf_counter() + TIMEOUT_SECONDS
    with psycopg.connect(storage.postgresql or "", autocommit=True) as connection:
        while time.perf_counter() < deadline:
            ports = {port for (port,) in connection.execute(LEADERS)}
            for server in servers:
                if ports & server.processes().ports():
                    return server
            time.sleep(POLL_SECONDS)
    raise RuntimeError(f"no server leads after {TIMEOUT_SECONDS:g} s")
