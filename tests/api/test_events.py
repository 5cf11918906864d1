"""Events over a websocket and by HTTP: what is recorded, what is not, and when a client is told."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from interlock.engine.intake import MOST_UNDER_WAY
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.invariants import violations
from tests.acceptance.client import wait_until
from tests.api.records import NOWHERE, new_flow_run, new_task_run, set_state
from tests.api.sockets import SECONDS, checkpoint, opened, send
from tests.conftest import LiveServer
from tests.databases import Databases
from tests.events import a_life, captured, event, moment, time_of

INVALID_DATA = 1007
MESSAGE_BYTES = 100_000
MOST_HELD_BYTES = 64 << 20
"""More than a connection and its server can hold."""


@pytest.fixture
def socket(live_server: LiveServer) -> Iterator[ClientConnection]:
    with opened(live_server.url, "/events/in") as socket:
        yield socket


@pytest.fixture(scope="module")
def flow_run_id(api: httpx.Client) -> str:
    run = new_flow_run(api)
    set_state(api, f"/flow_runs/{run['id']}", "RUNNING")
    return str(run["id"])


def new_id() -> str:
    return str(uuid4())


def run_of(api: httpx.Client, run_id: str) -> Any:
    """The task run, None where there is none."""
    answer = api.get(f"/task_runs/{run_id}")
    return answer.json() if answer.status_code == 200 else None


def states_of(api: httpx.Client, run_id: str) -> list[str]:
    return [x["name"] for x in api.get("/task_run_states/", params={"task_run_id": run_id}).json()]


def test_a_run_is_told_of_from_beginning_to_end(api: httpx.Client, socket: ClientConnection, flow_run_id: str) -> None:
    """Each of its states is there when the ping after it is answered."""
    run_id = new_id()
    for told, states in zip(a_life(run_id, flow_run_id), (1, 2, 3), strict=True):
        send(socket, told)
        checkpoint(socket)
        run = run_of(api, run_id)
        assert (run["state_id"], run["state_type"]) == (told["id"], told["payload"]["validated_state"]["type"])
        assert time_of(run["state"]["timestamp"]) == time_of(told["occurred"])
        assert len(states_of(api, run_id)) == states
    assert (run["flow_run_id"], run["run_count"], run["total_run_time"]) == (flow_run_id, 1, 1.0)
    assert (time_of(run["start_time"]), time_of(run["end_time"])) == (time_of(moment(1)), time_of(moment(2)))
    details = run["state"]["state_details"]
    assert (details["task_run_id"], details["flow_run_id"]) == (run_id, flow_run_id)


def test_what_the_published_client_sent_is_recorded_as_it_says(api: httpx.Client, socket: ClientConnection) -> None:
    """Retries, results, a subflow; its flow runs are not known here. What the peer answers was noted beside it."""
    events = captured()
    send(socket, *events)
    checkpoint(socket)
    told = [x for x in events if x["event"].startswith("prefect.task-run.")]
    for run_id in {x["resource"]["prefect.resource.id"].rpartition(".")[2] for x in told}:
        own = [x for x in told if x["resource"]["prefect.resource.id"].endswith(run_id)]
        assert states_of(api, run_id) == [x["resource"]["prefect.state-name"] for x in own]
        run, said = run_of(api, run_id), own[-1]["payload"]["task_run"]
        assert run["state"]["data"] == own[-1]["payload"]["validated_state"]["data"]
        same = ("name", "task_key", "tags", "labels", "task_inputs", "run_count", "flow_run_run_count")
        assert {x: run[x] for x in same} == {x: said[x] for x in same}
        for time in ("expected_start_time", "start_time", "end_time"):
            assert time_of(run[time]) == time_of(said[time])
        assert run["total_run_time"] == said["total_run_time"]
    assert len(told) == 22


def test_a_stale_state_is_kept_and_changes_nothing(
    api: httpx.Client, socket: ClientConnection, flow_run_id: str
) -> None:
    """Whatever it says of the run."""
    run_id = new_id()
    send(socket, event(run_id, flow_run_id, "COMPLETED", 9, run_count=1), event(run_id, flow_run_id, "RUNNING", 5))
    checkpoint(socket)
    assert run_of(api, run_id)["state_type"] == "COMPLETED"
    assert states_of(api, run_id) == ["Running", "Completed"]


def test_what_is_not_said_stays_and_null_is_nothing(
    api: httpx.Client, socket: ClientConnection, flow_run_id: str
) -> None:
    """Compared with the peer."""
    run_id = new_id()
    first = {"name": "square-1", "tags": ["t"], "labels": {"a": 1}, "task_version": "v", "cache_key": "k"}
    send(socket, event(run_id, flow_run_id, "RUNNING", 5, start_time=moment(5), **first))
    nothing = dict.fromkeys(("start_time", "cache_key", "labels"))
    send(socket, event(run_id, flow_run_id, "COMPLETED", 9, run_count=2, **nothing))
    checkpoint(socket)
    run = run_of(api, run_id)
    assert {x: run[x] for x in first} == {**first, "cache_key": None, "labels": {}}
    assert (run["run_count"], run["start_time"]) == (2, None)


def test_events_sent_again_are_known(api: httpx.Client, live_server: LiveServer, flow_run_id: str) -> None:
    """After a lost connection a client sends all that it was not told about."""
    run_id = new_id()
    life = a_life(run_id, flow_run_id)
    for _ in range(2):
        with opened(live_server.url, "/events/in") as socket:
            send(socket, *life)
            checkpoint(socket)
    assert states_of(api, run_id) == ["Pending", "Running", "Completed"]


def test_a_run_that_was_made_by_a_request_takes_the_states(
    api: httpx.Client, socket: ClientConnection, flow_run_id: str
) -> None:
    """By its keys, under whatever id it is told of."""
    made, other = new_task_run(api, flow_run_id), new_id()
    send(socket, event(other, flow_run_id, "RUNNING", 5e8, dynamic_key=made["dynamic_key"], run_count=1))
    checkpoint(socket)
    assert states_of(api, made["id"]) == ["Pending", "Running"]
    assert run_of(api, other) is None


def test_an_unknown_flow_run_is_waited_for(api: httpx.Client, socket: ClientConnection, flow_run_id: str) -> None:
    """Its task runs are kept, and so is what comes with them."""
    lost, other = new_id(), new_id()
    send(socket, event(lost, NOWHERE, "PENDING"), event(other, flow_run_id, "PENDING"))
    checkpoint(socket)
    assert run_of(api, lost)["flow_run_id"] is None
    assert run_of(api, lost)["state"]["state_details"]["flow_run_id"] == NOWHERE
    assert run_of(api, other)["flow_run_id"] == flow_run_id


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "prefect.flow-run.Completed"},
        {"resource": {"prefect.resource.id": f"prefect.task-run.{NOWHERE}"}},
        {"resource": {"prefect.resource.id": "prefect.flow-run.x", "prefect.orchestration": "client"}},
        {"payload": {}},
        {"payload": {"validated_state": {"type": "NONE"}, "task_run": {"task_key": "a", "dynamic_key": "b"}}},
        {"payload": {"validated_state": {"type": "RUNNING"}, "task_run": {"task_key": "a"}}},
    ],
)
def test_other_events_are_kept_as_they_are(
    changes: dict[str, Any], api: httpx.Client, socket: ClientConnection, flow_run_id: str
) -> None:
    """Those of other things, of servers, and those that tell of no state that can be understood."""
    told, other = event(NOWHERE, flow_run_id, "RUNNING") | changes, new_id()
    send(socket, told, event(other, flow_run_id, "RUNNING"))
    checkpoint(socket)
    assert run_of(api, NOWHERE) is None
    assert run_of(api, other) is not None
    asked = {"filter": {"id": {"id": [told["id"]]}, "occurred": {"since": moment(-1)}}}
    (kept,) = api.post("/events/filter", json=asked).json()["events"]
    assert time_of(kept.pop("occurred")) == time_of(told.pop("occurred"))
    assert time_of(kept.pop("received"))
    assert kept == told


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{not json", "Invalid event: Invalid JSON"),
        ("[]", "Invalid event: "),
        ("{}", "Invalid event: occurred: Field required"),
        ({"resource": {"prefect.resource.id": "x", "label": 5}}, "Invalid event: resource.label: "),
        ({"resource": {}}, "Invalid event: resource: "),
        ({"related": [{"prefect.resource.id": "x"}]}, "Invalid event: related.0: "),
        ({"occurred": "yesterday"}, "Invalid event: occurred: "),
        ({"id": "x" * 500}, "Invalid event: id: "),
    ],
)
def test_what_is_no_event_ends_the_connection(
    message: Any, reason: str, api: httpx.Client, socket: ClientConnection, flow_run_id: str
) -> None:
    """With the reason; all that came before it is recorded."""
    run_id = new_id()
    if isinstance(message, dict):
        message = json.dumps(event(new_id(), flow_run_id, "RUNNING") | message)
    send(socket, *a_life(run_id, flow_run_id))
    socket.send(message)
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == INVALID_DATA
    assert closed.value.rcvd.reason.startswith(reason)
    assert states_of(api, run_id) == ["Pending", "Running", "Completed"]


def test_bytes_are_as_good_as_text(api: httpx.Client, socket: ClientConnection, flow_run_id: str) -> None:
    """As long as they are JSON."""
    run_id = new_id()
    socket.send(json.dumps(event(run_id, flow_run_id, "RUNNING")).encode())
    checkpoint(socket)
    assert states_of(api, run_id) == ["Running"]


def test_clients_of_the_2_x_line_come_without_a_greeting(
    api: httpx.Client, live_server: LiveServer, flow_run_id: str
) -> None:
    """They offer no subprotocol, and their first message is an event."""
    run_id = new_id()
    with opened(live_server.url, "/events/in", greets=False) as socket:
        checkpoint(socket)
        send(socket, event(run_id, flow_run_id, "RUNNING"))
        checkpoint(socket)
    assert states_of(api, run_id) == ["Running"]


def test_a_ping_before_the_greeting_is_answered(live_server: LiveServer) -> None:
    """The published client makes sure of its connection before it says who it is."""
    url = live_server.url.replace("http://", "ws://") + "/events/in"
    with connect(url, subprotocols=["prefect"], ping_interval=None) as socket:  # type: ignore[list-item]
        checkpoint(socket)


def test_all_that_came_before_the_end_is_recorded(api: httpx.Client, live_server: LiveServer, flow_run_id: str) -> None:
    """A client that ends waits for no answer."""
    run_ids = [new_id() for _ in range(20)]
    with opened(live_server.url, "/events/in") as socket:
        send(socket, *(x for run_id in run_ids for x in a_life(run_id, flow_run_id)))
    last = run_ids[-1]
    wait_until(lambda: len(states_of(api, last)) == 3 or None, "the last run has its states", SECONDS)
    assert all(states_of(api, x) == ["Pending", "Running", "Completed"] for x in run_ids)


def test_many_events_are_taken_in_one_request(api: httpx.Client, flow_run_id: str) -> None:
    """More than fit into a batch; the answer comes when all are recorded."""
    run_ids = [new_id() for _ in range(MOST_UNDER_WAY // 3 + 10)]
    events = [x for run_id in run_ids for x in a_life(run_id, flow_run_id)]
    answer = api.post("/events", json=events)
    assert (answer.status_code, answer.content) == (204, b"")
    assert all(len(states_of(api, x)) == 3 for x in run_ids[::20])
    assert api.post("/events", json=[]).status_code == 204


def test_a_request_with_what_is_no_event_is_refused(api: httpx.Client, flow_run_id: str) -> None:
    """As a whole, and the fault is told."""
    run_id = new_id()
    answer = api.post("/events", json=[event(run_id, flow_run_id, "RUNNING"), {"id": NOWHERE}])
    assert answer.status_code == 422
    assert ["body", 1, "event"] in [x["loc"] for x in answer.json()["exception_detail"]]
    assert run_of(api, run_id) is None


@pytest.fixture
def own_server(database_url: str) -> Iterator[LiveServer]:
    """A server on a database of this test's own."""
    with LiveServer(Settings(database_url=database_url, max_wait_seconds=0.2)) as server:
        yield server


def test_a_ping_is_answered_when_all_before_it_is_recorded(
    own_server: LiveServer, databases: Databases, database_url: str
) -> None:
    """And not before, however long the database takes."""
    run_id = new_id()
    with opened(own_server.url, "/events/in") as socket:
        with databases.without_writes(database_url):
            send(socket, *a_life(run_id, None))
            answered = socket.ping()
            assert not answered.wait(1.5)
        assert answered.wait(SECONDS)
        with httpx.Client(base_url=own_server.url) as api:
            assert states_of(api, run_id) == ["Pending", "Running", "Completed"]


def test_a_client_is_not_heard_while_too_much_of_it_waits(
    own_server: LiveServer, databases: Databases, database_url: str
) -> None:
    """It can send no more than a bounded number of events, and what its connection holds."""
    sent = 0

    def flood() -> None:
        nonlocal sent
        while sent < MOST_HELD_BYTES:
            send(socket, event(new_id(), None, "RUNNING", labels={"long": "x" * MESSAGE_BYTES}))
            sent += MESSAGE_BYTES

    with opened(own_server.url, "/events/in") as socket, databases.without_writes(database_url):
        socket.socket.settimeout(1.0)
        with pytest.raises((TimeoutError, ConnectionClosed)):
            flood()
    assert sent > MESSAGE_BYTES


def test_the_ledger_is_in_order(live_server: LiveServer) -> None:
    """After all this."""

    async def found() -> Any:
        store = create_store(live_server.settings)
        try:
            return await store.read(violations)
        finally:
            await store.close()

    assert asyncio.run(found()) == []
