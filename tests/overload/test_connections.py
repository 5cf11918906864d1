"""The connections of a server: their number, and clients that leave them half used."""

import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests.acceptance.client import wait_until
from tests.overload.http import SECONDS, connect, exchange, served_until, serving

HALF_A_HEAD = b"POST /api/flows/ HTTP/1.1\r\nHost: here\r\nContent-Le"
HALF_A_BODY = b'POST /api/flows/ HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n\r\n{"name":'
ANSWER_BYTES = 12 << 20
HEALTH = b"GET /api/health HTTP/1.1\r\nHost: here\r\n\r\n"


def is_cut(connection: socket.socket) -> bool:
    """Waits for the server's end of the connection to go, without taking what it sent."""
    poll = select.poll()
    poll.register(connection, getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(SECONDS * 1000))


def is_held_by_server(connection: socket.socket) -> bool:
    """Whether the server, which is in this process, still has its end of the connection."""
    return any(x.raddr == connection.getsockname() for x in psutil.Process().net_connections("tcp"))


UPGRADE = (
    b"GET /api/events/in HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to a server that serves ten, and one more to refuse it."""
    with serving(tmp_path, max_connections=10) as server, ExitStack() as stack:
        yield lambda: stack.enter_context(connect(server))


def test_websockets_are_connections_too(connections: Callable[[], socket.socket]) -> None:
    """They count, and one too many is cut."""
    within = [connections() for _ in range(10)]
    assert all(b" 101 " in exchange(x, UPGRADE) for x in within)
    assert exchange(connections(), UPGRADE) == b""


def test_past_the_bound_a_request_is_refused_and_told_when_to_try_again(
    connections: Callable[[], socket.socket],
) -> None:
    """In the wire's shape, and on a connection that ends with it; those within the bound are served as ever."""
    within = [connections() for _ in range(10)]
    assert all(b" 200 " in exchange(x, HEALTH) for x in within)
    refused = connections()
    answer = exchange(refused, HEALTH.replace(b"health", b"hello"))
    while chunk := refused.recv(65536):
        answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1" in head.lower()
    assert b"\r\nconnection: close" in head.lower()
    assert body.startswith(b'{"exception_message":"Service Unavailable"')
    assert all(b" 200 " in exchange(x, HEALTH.replace(b"health", b"hello")) for x in within)


@pytest.mark.parametrize("path", [b"health", b"ready"])
def test_past_the_bound_who_asks_for_its_health_is_answered(
    connections: Callable[[], socket.socket], path: bytes
) -> None:
    """A server that has much to do must not be taken for dead."""
    assert all(b" 200 " in exchange(connections(), HEALTH) for _ in range(10))
    assert b" 200 " in exchange(connections(), HEALTH.replace(b"health", path))


def test_far_past_the_bound_connections_are_cut_at_once(connections: Callable[[], socket.socket]) -> None:
    """Even refusals take room."""
    held = [connections() for _ in range(10)]
    assert all(b" 200 " in exchange(x, HEALTH) for x in held)
    assert b" 200 " in exchange(connections(), HEALTH)
    assert exchange(connections(), HEALTH) == b""


def test_a_connection_that_ends_makes_room_for_another(connections: Callable[[], socket.socket]) -> None:
    """The bound is on those that are there."""
    held = [connections() for _ in range(10)]
    hello = HEALTH.replace(b"health", b"hello")
    assert all(b" 200 " in exchange(x, hello) for x in held)
    assert b" 503 " in exchange(connections(), hello)
    held[0].close()
    assert served_until(lambda: exchange(connections(), hello), b" 200 ")


@pytest.mark.parametrize("begun", [b"", HALF_A_HEAD, HALF_A_BODY, HEALTH + HALF_A_HEAD])
def test_a_client_that_leaves_its_request_half_sent_is_cut_off(tmp_path: Path, begun: bytes) -> None:
    """Its first request or a later one, and if it has sent nothing at all."""
    with serving(tmp_path, client_seconds=0.1) as server, connect(server) as connection:
        connection.sendall(begun)
        assert is_cut(connection)


def test_a_client_that_sends_what_is_no_request_is_cut_off(tmp_path: Path) -> None:
    """Empty lines between requests are no reason to keep a connection."""
    with serving(tmp_path, client_seconds=0.1) as server, connect(server) as connection:
        assert b" 200 " in exchange(connection, HEALTH)
        connection.sendall(b"\r\n")
        assert is_cut(connection)


def test_a_client_that_does_not_take_its_answer_is_cut_off(tmp_path: Path) -> None:
    """The answer is larger than what the system keeps for a connection: the server would hold the rest for ever."""
    with serving(tmp_path, client_seconds=0.1) as server, httpx.Client(base_url=server.url, timeout=SECONDS) as api:
        flow = api.post("/flows/", json={"name": "f"}).json()
        body = {"flow_id": flow["id"], "parameters": {"x": "x" * ANSWER_BYTES}, "state": {"type": "PENDING"}}
        run = api.post("/flow_runs/", json=body).json()["id"]
        with connect(server) as connection:
            connection.sendall(f"GET /api/flow_runs/{run} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            wait_until(lambda: not is_held_by_server(connection), "the connection is cut", SECONDS)


def test_a_client_with_nothing_to_ask_is_left_alone(tmp_path: Path) -> None:
    """Between two requests a connection owes nothing, while others are cut off."""
    with serving(tmp_path, client_seconds=0.1) as server, connect(server) as idle, connect(server) as other:
        assert b" 200 " in exchange(idle, HEALTH)
        other.sendall(HALF_A_HEAD)
        assert is_cut(other)
        assert b" 200 " in exchange(idle, HEALTH)


def test_while_connections_are_scarce_clients_have_less_time(tmp_path: Path) -> None:
    """Those that only hold one make room for others long before their time."""
    with serving(tmp_path, max_connections=2, client_seconds=40) as server, ExitStack() as stack:
        holding = [stack.enter_context(connect(server)) for _ in range(2)]
        for connection in holding:
            connection.sendall(HALF_A_HEAD)
        assert all(is_cut(x) for x in holding)
        with connect(server) as third:
            assert b" 200 " in exchange(third, HEALTH.replace(b"health", b"hello"))


@pytest.mark.parametrize(
    ("limits", "wanted", "expected"),
    [
        ((256, 1024), 10_000, "814 1024"),
        ((256, 4096), 1000, "1000 1228"),
        ((2048, 4096), 1000, "1000 2048"),
        ((64, 100), 10, "1 100"),
    ],
)
def test_there_are_no_more_connections_than_files(limits: tuple[int, int], wanted: int, expected: str) -> None:
    """The system is asked for as many as it takes; where it gives less, some are kept back for the database."""
    program = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, {limits});"
        f"from interlock.connections import connections_allowed; print(connections_allowed({wanted}),"
        " resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == expected
