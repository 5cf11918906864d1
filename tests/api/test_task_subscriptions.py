"""The websocket of scheduled task runs, as task workers use it, and what is shown of the queue."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from interlock.settings import Settings
from tests.api.records import made
from tests.conftest import FreshDatabase, LiveServer

SECONDS = 30
"""How long to wait for what must come."""

NOT_AT_ONCE = 0.3
"""How long nothing may come where nothing is due."""

_keys = iter(range(10**6))


def new_key() -> str:
    return f"task-{next(_keys)}"


def schedule(api: httpx.Client, key: str, **state: Any) -> Any:
    run = {"task_key": key, "dynamic_key": f"run-{next(_keys)}", "flow_run_id": None}
    return made(api, "/task_runs/", run | {"state": {"type": "SCHEDULED", **state}})


@contextmanager
def socket_to(api: httpx.Client, *, protocols: tuple[str, ...] = ("prefect",)) -> Iterator[ClientConnection]:
    url = str(api.base_url).replace("http", "ws", 1) + "task_runs/subscriptions/scheduled"
    with connect(url, subprotocols=protocols or None) as socket:  # type: ignore[arg-type]
        yield socket


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=SECONDS))


@contextmanager
def worker(api: httpx.Client, *keys: str, client_id: str | None = None) -> Iterator[ClientConnection]:
    with socket_to(api) as socket:
        say(socket, type="auth", token=None)
        assert hear(socket) == {"type": "auth_success"}
        named = {} if client_id is None else {"client_id": client_id}
        say(socket, type="subscribe", keys=list(keys), **named)
        yield socket


def next_run(socket: ClientConnection) -> str:
    """The id of the run that comes next, which is acknowledged."""
    run: str = hear(socket)["id"]
    say(socket, type="ack")
    return run


def expect_nothing(socket: ClientConnection) -> None:
    with pytest.raises(TimeoutError):
        socket.recv(timeout=NOT_AT_ONCE)


def test_a_worker_is_sent_the_run_as_it_is_shown(api: httpx.Client) -> None:
    """The bare task run, with its state and the id of its parameters."""
    key = new_key()
    parameters = "00000000-0000-4000-8000-000000000001"
    run = schedule(api, key, state_details={"task_parameters_id": parameters})
    with worker(api, key) as socket:
        sent = hear(socket)
    shown = api.get(f"/task_runs/{run['id']}").json()
    changing = {"estimated_start_time_delta"}
    assert {k: v for k, v in sent.items() if k not in changing} == {k: v for k, v in shown.items() if k not in changing}
    assert sent["state"]["state_details"]["task_parameters_id"] == parameters


def test_a_worker_that_waits_is_sent_what_is_scheduled_now(api: httpx.Client) -> None:
    key = new_key()
    with worker(api, key) as socket:
        expect_nothing(socket)
        assert schedule(api, key)["id"] == next_run(socket)


def test_one_run_is_in_flight_until_it_is_acknowledged(api: httpx.Client) -> None:
    key = new_key()
    first, second = schedule(api, key)["id"], schedule(api, key)["id"]
    with worker(api, key) as socket:
        assert hear(socket)["id"] == first
        expect_nothing(socket)
        say(socket, type="ack")
        assert next_run(socket) == second


def test_a_worker_is_sent_only_what_it_subscribed_to(api: httpx.Client) -> None:
    mine, other = new_key(), new_key()
    schedule(api, other)
    with worker(api, mine) as socket:
        expect_nothing(socket)


def test_a_worker_that_goes_without_an_acknowledgement_leaves_the_run_to_the_next(api: httpx.Client) -> None:
    key = new_key()
    run = schedule(api, key)["id"]
    with worker(api, key) as waiting:
        assert hear(waiting)["id"] == run
        with worker(api, key) as other:
            waiting.close()
            assert next_run(other) == run


def test_a_worker_that_quits_leaves_the_run_to_the_next(api: httpx.Client) -> None:
    key = new_key()
    run = schedule(api, key)["id"]
    with worker(api, key) as socket:
        assert hear(socket)["id"] == run
        say(socket, type="quit")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
    with worker(api, key) as socket:
        assert next_run(socket) == run


def test_a_worker_can_quit_while_it_waits(api: httpx.Client) -> None:
    with worker(api, new_key()) as socket:
        say(socket, type="quit")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=SECONDS)


def test_a_run_for_later_is_not_delivered_before_its_time(api: httpx.Client) -> None:
    """Those behind it need not wait for it."""
    key = new_key()
    due = datetime.now(UTC) + timedelta(seconds=1)
    later = schedule(api, key, state_details={"scheduled_time": due.isoformat()})["id"]
    now = schedule(api, key)["id"]
    with worker(api, key) as socket:
        assert [next_run(socket), next_run(socket)] == [now, later]
        assert datetime.now(UTC) >= due


def test_a_run_that_was_deleted_while_it_waited_is_not_delivered(api: httpx.Client) -> None:
    key = new_key()
    first, deleted, last = (schedule(api, key)["id"] for _ in range(3))
    assert api.delete(f"/task_runs/{deleted}").status_code == 204
    with worker(api, key) as socket:
        assert [next_run(socket), next_run(socket)] == [first, last]
        expect_nothing(socket)


def test_every_tenth_run_is_of_the_task_that_waited_longest(api: httpx.Client) -> None:
    """However many runs there are of the task that the worker names first."""
    full, other = new_key(), new_key()
    for _ in range(12):
        schedule(api, full)
    waiting = schedule(api, other)["id"]
    with worker(api, full, other) as socket:
        assert [next_run(socket) for _ in range(12)].index(waiting) == 9


def test_what_was_acknowledged_is_given_to_nobody_else(api: httpx.Client) -> None:
    key = new_key()
    schedule(api, key)
    with worker(api, key) as first:
        next_run(first)
        with worker(api, key) as second:
            expect_nothing(second)


def test_many_runs_go_to_many_workers_each_once(api: httpx.Client) -> None:
    key = new_key()
    scheduled = {schedule(api, key)["id"] for _ in range(30)}
    with worker(api, key) as a, worker(api, key) as b, worker(api, key) as c:
        delivered = [next_run(socket) for _ in range(10) for socket in (a, b, c)]
    assert len(delivered) == len(set(delivered)) == 30
    assert set(delivered) == scheduled


@pytest.mark.parametrize("message", ['{"type":"subscribe","keys":["a"]}', "not json", "[]", "{}"])
def test_who_does_not_authenticate_first_is_closed_with_1008(api: httpx.Client, message: str) -> None:
    with socket_to(api) as socket:
        socket.send(message)
        assert _closed(socket) == (1008, "Expected 'auth' message")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "ack"}, "expected 'subscribe' message"),
        ({}, "expected 'subscribe' message"),
        ({"type": "subscribe"}, "expected 'keys' in subscribe message"),
        ({"type": "subscribe", "keys": []}, "expected 'keys' in subscribe message"),
        ({"type": "subscribe", "keys": "a"}, "expected 'keys' in subscribe message"),
        ({"type": "subscribe", "keys": [1]}, "expected 'keys' in subscribe message"),
        ({"type": "subscribe", "keys": ["nul\0"]}, "expected 'keys' in subscribe message"),
    ],
)
def test_who_does_not_subscribe_is_closed_with_4001(api: httpx.Client, message: Any, expected: str) -> None:
    with socket_to(api) as socket:
        say(socket, type="auth", token=None)
        hear(socket)
        say(socket, **message)
        assert _closed(socket) == (4001, f"Protocol violation: {expected}")


def test_a_wrong_answer_to_a_run_is_closed_with_4001_and_the_run_goes_back(api: httpx.Client) -> None:
    key = new_key()
    run = schedule(api, key)["id"]
    with worker(api, key) as socket:
        hear(socket)
        say(socket, type="what?")
        assert _closed(socket) == (4001, "Protocol violation: expected 'ack' message")
    with worker(api, key) as socket:
        assert next_run(socket) == run


def test_without_the_subprotocol_nobody_is_let_in(api: httpx.Client) -> None:
    with pytest.raises(InvalidStatus) as refused, socket_to(api, protocols=()):
        pass
    assert refused.value.response.status_code == 403


def _closed(socket: ClientConnection) -> tuple[int, str]:
    """The code and reason with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=SECONDS)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def test_where_a_password_is_set_the_token_must_be_it(fresh_database: FreshDatabase) -> None:
    with fresh_database() as url, LiveServer(_guarded(url)) as server, server.client() as api:
        for token, reason in ((None, "Auth required but no token provided"), ("wrong", "Invalid token")):
            with socket_to(api) as socket:
                say(socket, type="auth", token=token)
                assert _closed(socket) == (1008, reason)
        with socket_to(api) as socket:
            say(socket, type="auth", token="admin:päss")
            assert hear(socket) == {"type": "auth_success"}


def _guarded(url: str) -> Settings:
    return Settings(database_url=url, auth_string="admin:päss")


def test_workers_are_listed_while_they_are_connected(api: httpx.Client) -> None:
    key, other = new_key(), new_key()
    with worker(api, key, client_id="one"), worker(api, other, key, client_id="two"):
        until(lambda: len(workers(api, key)) == 2)
        assert {x["identifier"]: x["task_keys"] for x in workers(api, key)} == {"one": [key], "two": [other, key]}
        assert [x["identifier"] for x in workers(api, other)] == ["two"]
    until(lambda: workers(api, key) == [])


def workers(api: httpx.Client, key: str) -> Any:
    answer = api.post("/task_workers/filter", json={"task_worker_filter": {"task_keys": [key]}})
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(condition: Callable[[], bool]) -> None:
    """Ask again until it is so; the test's own time limit ends it."""
    while not condition():
        pass


def test_the_queue_of_a_task_is_shown(api: httpx.Client) -> None:
    key = new_key()
    schedule(api, key)
    schedule(api, key, state_details={"scheduled_time": "2099-01-01T00:00:00Z"})
    schedule(api, key)
    with worker(api, key) as socket:
        next_run(socket)
        next_run(socket)
        until(lambda: queue(api, key)["leased"] == 2)
        shown = queue(api, key)
    assert (shown["depth"], shown["delayed"], shown["oldest_age"], shown["workers"]) == (1, 1, None, 1)


def queue(api: httpx.Client, key: str) -> Any:
    answer = api.get("/task_runs/queues")
    assert answer.status_code == 200, answer.text
    return next(x for x in answer.json() if x["task_key"] == key)


def test_what_waits_survives_a_restart(fresh_database: FreshDatabase) -> None:
    """Also what was in flight when the server stopped."""
    key = new_key()
    with fresh_database() as url:
        with LiveServer(Settings(database_url=url)) as server, server.client() as api:
            runs = [schedule(api, key)["id"] for _ in range(3)]
            with worker(api, key) as socket:
                assert hear(socket)["id"] == runs[0]
        with LiveServer(Settings(database_url=url)) as server, server.client() as api, worker(api, key) as socket:
            assert [next_run(socket) for _ in range(3)] == runs
