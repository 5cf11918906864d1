"""Sockets on which clients are sent events and log lines: who is let in, what is sent of what was, and what of what
comes."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from interlock.api import event_streams
from interlock.settings import Settings
from tests.api.records import NOWHERE, new_flow_run, new_task_run, set_state, unique
from tests.api.sockets import SECONDS, opened, send
from tests.conftest import FreshDatabase, LiveServer
from tests.databases import PostgresDatabases
from tests.events import a_life

PROTOCOL_ERROR, POLICY_VIOLATION = 1002, 1008
MOST_WRITTEN = 300
PASSWORD = "a password"


def sent(name: str, **fields: Any) -> dict[str, Any]:
    """An event of now."""
    resource = {"prefect.resource.id": "shop.1"}
    values = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": name, "resource": resource}
    return {**values, "related": [], "payload": {}, "follows": None, **fields}


def kept(api: httpx.Client, *events: dict[str, Any]) -> list[str]:
    """Their ids."""
    assert api.post("/events", json=events).status_code == 204
    return [x["id"] for x in events]


def named(name: str, **parts: Any) -> dict[str, Any]:
    return {"event": {"name": [name]}, **parts}


@contextmanager
def subscribed(url: str, asked: Any, path: str = "/events/out", **more: Any) -> Iterator[ClientConnection]:
    with opened(url, path) as socket:
        send(socket, {"type": "filter", "filter": asked, **more})
        yield socket


def next_one(socket: ClientConnection, kind: str = "event") -> Any:
    message = json.loads(socket.recv(SECONDS))
    assert message["type"] == kind
    return message[kind]


def heard(socket: ClientConnection, number: int) -> list[str]:
    """The ids of the next so many events."""
    return [next_one(socket)["id"] for _ in range(number)]


def closed(socket: ClientConnection) -> tuple[int, str]:
    """How the server ended the connection."""
    with pytest.raises(ConnectionClosed) as error:
        socket.recv(SECONDS)
    assert error.value.rcvd is not None
    return error.value.rcvd.code, error.value.rcvd.reason


def is_silent(socket: ClientConnection) -> bool:
    """Whether nothing more has come: what had been sent would be there before the answer to a ping."""
    assert socket.ping().wait(SECONDS)
    try:
        socket.recv(0)
    except TimeoutError:
        return True
    return False


PATHS = pytest.mark.parametrize("path", ["/events/out", "/logs/out"])


@pytest.fixture(scope="module")
def guarded(fresh_database: FreshDatabase) -> Iterator[LiveServer]:
    """A server that asks for a password."""
    with fresh_database() as url, LiveServer(Settings(database_url=url, auth_string=PASSWORD)) as server:
        yield server


@contextmanager
def greeted(url: str, path: str, message: Any) -> Iterator[ClientConnection]:
    """A socket whose first message is this one."""
    address = url.replace("http://", "ws://") + path
    with connect(address, subprotocols=["prefect"], ping_interval=None) as socket:  # type: ignore[list-item]
        send(socket, message)
        yield socket


@PATHS
@pytest.mark.parametrize("token", [None, "", "another password", 5])
def test_who_has_not_the_password_is_sent_away(path: str, token: Any, guarded: LiveServer) -> None:
    """With 1008."""
    with greeted(guarded.url, path, {"type": "auth", "token": token}) as socket:
        assert closed(socket)[0] == POLICY_VIOLATION


@PATHS
def test_who_has_the_password_is_let_in(path: str, guarded: LiveServer) -> None:
    """And may say what it wants."""
    with greeted(guarded.url, path, {"type": "auth", "token": PASSWORD}) as socket:
        assert json.loads(socket.recv(SECONDS)) == {"type": "auth_success"}
        send(socket, {"type": "filter", "filter": {}})
        assert is_silent(socket)


@PATHS
def test_who_does_not_greet_is_not_let_in(path: str, live_server: LiveServer) -> None:
    """Neither with another message first, nor without the subprotocol."""
    with greeted(live_server.url, path, {"type": "filter", "filter": {}}) as socket:
        assert closed(socket) == (POLICY_VIOLATION, "Expected 'auth' message")
    with pytest.raises(InvalidStatus), opened(live_server.url, path, greets=False):
        pass


@PATHS
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "subscribe"}, "Expected 'filter' message"),
        ({}, "Expected 'filter' message"),
        ([], "Expected 'filter' message"),
        ({"type": "filter"}, "Invalid filter: "),
        ({"type": "filter", "filter": {"nothing": 1}}, "Invalid filter: nothing: "),
        ({"type": "filter", "filter": 5}, "Invalid filter: "),
    ],
)
def test_what_is_no_filter_ends_the_connection(path: str, message: Any, reason: str, live_server: LiveServer) -> None:
    """With 1002 and what is wrong."""
    with opened(live_server.url, path) as socket:
        send(socket, message)
        code, told = closed(socket)
        assert (code, told[: len(reason)]) == (PROTOCOL_ERROR, reason)


def test_what_was_and_what_comes_is_sent_once_and_in_order(api: httpx.Client, live_server: LiveServer) -> None:
    """What was by the times of the events, what comes as it is stored; each as it is found by a request."""
    name = unique("shop")
    now = datetime.now(UTC)
    early = [sent(name, occurred=(now - timedelta(seconds=x)).isoformat()) for x in (3, 1, 2)]
    ids = kept(api, *early)
    with subscribed(live_server.url, named(name)) as socket:
        first = next_one(socket)
        assert first == api.post("/events/filter", json={"filter": {"id": {"id": [ids[0]]}}}).json()["events"][0]
        assert heard(socket, 2) == [ids[2], ids[1]]
        late = [sent(name, occurred=(now - timedelta(seconds=x)).isoformat()) for x in (5, 9, 7)]
        for event in late:
            kept(api, event)
        assert heard(socket, 3) == [x["id"] for x in late]
        assert is_silent(socket)


@pytest.mark.parametrize(("minutes", "expected"), [(None, [14, 10]), (100_000, [14, 10]), (11, [10])])
def test_what_happened_long_ago_is_not_sent(
    minutes: int | None, expected: list[int], api: httpx.Client, live_server: LiveServer
) -> None:
    """Fifteen minutes are looked back, whatever the filter says; and less where it says so."""
    name, now = unique("shop"), datetime.now(UTC)
    times = {x: (now - timedelta(minutes=x)).isoformat() for x in (20, 14, 10)}
    ids = dict(zip(times, kept(api, *(sent(name, occurred=x) for x in times.values())), strict=True))
    since = {} if minutes is None else {"since": (now - timedelta(minutes=minutes)).isoformat()}
    with subscribed(live_server.url, named(name, occurred=since)) as socket:
        assert heard(socket, len(expected)) == [ids[x] for x in expected]
        kept(api, sent(name, occurred=times[20]))
        assert heard_after(api, socket, [new := sent(name)]) == [new["id"]]


def test_only_what_meets_the_filter_is_sent(api: httpx.Client, live_server: LiveServer) -> None:
    """Of what was and of what comes: all parts of the filter decide; also those about related resources."""
    name = unique("shop")
    asked = {
        "event": {"prefix": [name]},
        "resource": {"id_prefix": ["shop."], "labels": {"color": "r?d"}},
        "related": {"role": ["owner"]},
        "any_resource": [{"id": ["ann"]}],
        "text": {"query": "cheap -rotten"},
    }
    owner = [{"prefect.resource.id": "ann", "prefect.resource.role": "owner"}]
    met = {"resource": {"prefect.resource.id": "shop.5", "color": "red"}, "related": owner, "payload": {"is": "cheap"}}
    unmet = (
        {"resource": {"prefect.resource.id": "door.5", "color": "red"}},
        {"resource": {"prefect.resource.id": "shop.5", "color": "green"}},
        {"related": [owner[0] | {"prefect.resource.role": "visitor"}]},
        {"related": [owner[0] | {"prefect.resource.id": "bob"}]},
        {"payload": {"is": "cheap and rotten"}},
        {"event": "other"},
    )
    past = [kept(api, *(sent(name, **met | x) for x in unmet), sent(name, **met)) for _ in range(2)]
    with subscribed(live_server.url, asked) as socket:
        assert heard(socket, 2) == [past[0][-1], past[1][-1]]
        coming = kept(api, *(sent(name, **met | x) for x in unmet), sent(f"{name}.more", **met))
        assert heard(socket, 1) == coming[-1:]
        assert is_silent(socket)


def test_nothing_comes_after_the_end_of_the_time_that_is_asked_for(api: httpx.Client, live_server: LiveServer) -> None:
    """An end in the past is one of what was alone."""
    name = unique("shop")
    past = kept(api, sent(name))
    with subscribed(live_server.url, named(name, occurred={"until": datetime.now(UTC).isoformat()})) as socket:
        assert heard(socket, 1) == past
        kept(api, sent(name))
        early = kept(api, sent(name, occurred=(datetime.now(UTC) - timedelta(minutes=1)).isoformat()))
        assert heard(socket, 1) == early


def test_a_client_may_want_only_what_comes(api: httpx.Client, live_server: LiveServer) -> None:
    """From the time on at which it is heard."""
    name = unique("shop")
    kept(api, sent(name), sent(name))
    with subscribed(live_server.url, named(name), backfill=False) as socket:
        ids = []
        for _ in count():
            ids += kept(api, sent(name))
            try:
                first = json.loads(socket.recv(0.5))["event"]["id"]
                break
            except TimeoutError:
                continue
        following = ids[ids.index(first) + 1 :] + kept(api, sent(name)) + kept(api, sent(name))
        assert heard(socket, len(following)) == following


def test_several_clients_hear_all_that_each_of_them_asks_for(api: httpx.Client, live_server: LiveServer) -> None:
    """One that goes takes nothing from the others."""
    names = [unique("shop") for _ in range(3)]
    with ExitStack() as stack:
        sockets = [stack.enter_context(subscribed(live_server.url, named(x))) for x in names]
        both = stack.enter_context(subscribed(live_server.url, {"event": {"name": names}}))
        first = [kept(api, sent(x))[0] for x in names]
        assert heard(both, 3) == first
        assert [heard(x, 1) for x in sockets] == [[x] for x in first]
        sockets[0].close()
        second = [kept(api, sent(x))[0] for x in names]
        assert heard(both, 3) == second
        assert [heard(x, 1) for x in sockets[1:]] == [[x] for x in second[1:]]


def test_nothing_is_missed_or_sent_twice_while_the_past_is_told(
    api: httpx.Client, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events go on coming, with any times, while a page after another of what was is sent."""
    monkeypatch.setattr(event_streams, "BACKFILL_PAGE", 17)
    name, now, stop = unique("shop"), datetime.now(UTC), threading.Event()
    ids: list[str] = []

    def go_on() -> None:
        with live_server.client() as own:
            for number in range(MOST_WRITTEN):
                at = now - timedelta(seconds=number * 37 % 600)
                ids.extend(kept(own, sent(name, occurred=at.isoformat())))
                if stop.is_set():
                    return

    kept_before = kept(api, *(sent(name, occurred=(now - timedelta(seconds=x)).isoformat()) for x in range(200)))
    writing = threading.Thread(target=go_on)
    writing.start()
    try:
        for _ in range(3):
            with subscribed(live_server.url, named(name)) as socket:
                assert_heard_once(socket, {*kept_before, *ids})
    finally:
        stop.set()
        writing.join()
    with subscribed(live_server.url, named(name)) as socket:
        everything = heard(socket, 200 + len(ids))
        assert is_silent(socket)
    assert sorted(everything) == sorted([*kept_before, *ids])


def assert_heard_once(socket: ClientConnection, wanted: set[str]) -> None:
    """All that is wanted comes, whatever comes besides, and nothing comes twice."""
    found: list[str] = []
    while not wanted <= set(found):
        found += heard(socket, 1)
    assert len(found) == len(set(found))


def test_while_a_client_is_told_of_the_past_all_that_comes_waits_for_it(
    api: httpx.Client, live_server: LiveServer
) -> None:
    """It hears each event of a stream once, though it began somewhere in the middle of it."""
    name = unique("shop")
    with live_server.client() as own, ExitStack() as stack:
        ids: list[str] = []
        sockets = []
        for _ in range(10):
            ids += kept(own, *(sent(name) for _ in range(20)))
            sockets.append(stack.enter_context(subscribed(live_server.url, named(name))))
            ids += kept(own, *(sent(name) for _ in range(20)))
        for socket in sockets:
            assert sorted(heard(socket, len(ids))) == sorted(ids)
            assert is_silent(socket)


def test_the_states_of_runs_are_told_as_they_come(api: httpx.Client, live_server: LiveServer) -> None:
    """Of flow runs and of task runs, decided by requests or told of by clients: what a client that waits for a run's
    end listens for."""
    flow_run = new_flow_run(api)
    ours = {"any_resource": {"id": [f"prefect.flow-run.{flow_run['id']}"]}}
    with subscribed(live_server.url, ours) as socket:
        assert next_one(socket)["event"] == "prefect.flow-run.Pending"
        state = set_state(api, f"/flow_runs/{flow_run['id']}", "RUNNING")["state"]
        event = next_one(socket)
        assert (event["event"], event["id"]) == ("prefect.flow-run.Running", state["id"])
        task_run = new_task_run(api, flow_run["id"])
        set_state(api, f"/task_runs/{task_run['id']}", "RUNNING")
        events = [next_one(socket) for _ in range(2)]
        assert [x["event"] for x in events] == ["prefect.task-run.Pending", "prefect.task-run.Running"]
        assert {x["resource"]["prefect.resource.id"] for x in events} == {f"prefect.task-run.{task_run['id']}"}
        life = a_life(str(uuid4()), flow_run["id"])
        now = datetime.now(UTC)
        life = [x | {"occurred": (now + timedelta(seconds=number)).isoformat()} for number, x in enumerate(life)]
        assert [heard_after(api, socket, [x]) for x in life] == [[x["id"]] for x in life]
        set_state(api, f"/flow_runs/{flow_run['id']}", "COMPLETED", name="Done")
        assert next_one(socket)["event"] == "prefect.flow-run.Done"


def heard_after(api: httpx.Client, socket: ClientConnection, events: list[dict[str, Any]]) -> list[str]:
    return heard(socket, len(kept(api, *events)))


def test_two_servers_on_one_database_tell_what_either_takes(postgres_databases: PostgresDatabases) -> None:
    """Events and states of runs."""
    url, name = postgres_databases.create(), unique("shop")
    with (
        LiveServer(Settings(database_url=url)) as one,
        LiveServer(Settings(database_url=url)) as other,
        one.client() as api,
        subscribed(other.url, {"event": {"prefix": [name, "prefect."]}}) as socket,
    ):
        first = kept(api, sent(name))
        assert heard(socket, 1) == first
        new_flow_run(api)
        assert next_one(socket)["event"] == "prefect.flow-run.Pending"
        with other.client() as own:
            second = kept(own, sent(name))
        assert heard(socket, 1) == second
    postgres_databases.drop(url)


def line(flow_run_id: str, message: str, **fields: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"name": "x", "level": 20, "message": message, "timestamp": now, "flow_run_id": flow_run_id, **fields}


def logged(api: httpx.Client, *lines: dict[str, Any]) -> list[str]:
    """Their messages."""
    assert api.post("/logs/", json=lines).status_code == 201
    return [x["message"] for x in lines]


@contextmanager
def listening(api: httpx.Client, url: str, flow_run_id: str, **parts: Any) -> Iterator[ClientConnection]:
    """A client that hears the lines of a run, once it does. What is like a `probe` of it is passed over."""
    asked = {"flow_run_id": {"any_": [flow_run_id]}, **parts}
    with subscribed(url, asked, "/logs/out") as socket:
        for number in count():
            logged(api, line(flow_run_id, f"probe {number}"))
            try:
                assert json.loads(socket.recv(0.5))["log"]["message"].startswith("probe")
            except TimeoutError:
                continue
            yield socket
            return


def messages(socket: ClientConnection, number: int) -> list[str]:
    """So many of the next lines, without probes."""
    found: list[str] = []
    while len(found) < number:
        message = next_one(socket, "log")["message"]
        if not message.startswith("probe"):
            found.append(message)
    return found


def test_lines_are_sent_as_they_come(api: httpx.Client, live_server: LiveServer) -> None:
    """Once, in the order in which they were stored, and as they are found by a request; none that was before."""
    run = str(uuid4())
    logged(api, line(run, "before"))
    with listening(api, live_server.url, run) as socket:
        expected = logged(api, *(line(run, str(number)) for number in range(20)))
        assert messages(socket, 20) == expected
        logged(api, line(run, "the last"), line(str(uuid4()), "another run's"))
        while (sent_line := next_one(socket, "log"))["message"] != "the last":
            pass
        asked = {"logs": {"flow_run_id": {"any_": [run]}, "text": {"like_": "the last"}}}
        assert [sent_line] == api.post("/logs/filter", json=asked).json()


def test_only_lines_that_meet_the_filter_are_sent(api: httpx.Client, live_server: LiveServer) -> None:
    """By run, task run, level and time."""
    run, task = str(uuid4()), str(uuid4())
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with (
        listening(api, live_server.url, run, level={"ge_": 20, "le_": 30}) as by_level,
        listening(api, live_server.url, run, timestamp={"before_": soon}) as by_time,
        subscribed(live_server.url, {"task_run_id": {"any_": [task, NOWHERE]}}, "/logs/out") as by_task,
    ):
        later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        lines = [line(run, str(level), level=level) for level in (10, 20, 30, 40)]
        logged(api, *lines, line(run, "later", timestamp=later), line(run, "task", task_run_id=task), line(task, "x"))
        assert messages(by_level, 4) == ["20", "30", "later", "task"]
        assert messages(by_time, 5) == ["10", "20", "30", "40", "task"]
        assert messages(by_task, 1) == ["task"]


def test_two_servers_on_one_database_tell_the_lines_of_either(postgres_databases: PostgresDatabases) -> None:
    """Each once."""
    url, run = postgres_databases.create(), str(uuid4())
    with (
        LiveServer(Settings(database_url=url)) as one,
        LiveServer(Settings(database_url=url)) as other,
        one.client() as api,
        other.client() as own,
        listening(api, other.url, run) as socket,
    ):
        expected = [logged(x, line(run, str(number)))[0] for number in range(10) for x in (api, own)]
        assert messages(socket, 20) == expected
    postgres_databases.drop(url)
