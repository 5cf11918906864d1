"""Flows of the 3.x line beside their tasks' states: events, logs, transactions, subflows, crashes, results that are
waited for."""

import json
from collections import Counter
from typing import Any

import pytest

from .api import Api
from .client import FLOWS, Client, Running, wait_until

COUNT = 20


@pytest.fixture(scope="module")
def stream(client_3: Client, word: str) -> Running:
    """The client's command line, which prints events as they come."""
    command = (client_3.interpreter.with_name("prefect"), "events", "stream", "--format", "json")
    stream = client_3.start(*command, env={"PYTHONUNBUFFERED": "1"})
    wait_until(lambda: "Subscribing" in stream.stdout.read_text(), "the command line listens")
    return stream


@pytest.fixture(scope="module")
def report(client_3: Client, api: Api, word: str, stream: Running) -> Any:
    """What `flows/line_3.py` saw, once what it told last is there."""
    report = client_3.script("line_3", word, str(COUNT), str(client_3.home))
    wait_until(lambda: len(ended(api, report["id"])) == COUNT + 6, "all task runs have ended", 30)
    return report


def ended(api: Api, flow_run_id: str) -> list[Any]:
    return [x for x in api.task_runs(flow_run_id) if x["state_type"] in ("COMPLETED", "FAILED")]


def events(api: Api, **asked: Any) -> list[Any]:
    """All events that meet a filter, page by page; the last comes first."""
    page = api.post("/events/filter", {"filter": asked})
    found = page["events"]
    while page["next_page"]:
        page = api.http.get(page["next_page"]).json()
        found += page["events"]
    assert len(found) == page["total"]
    return list(found)


def test_the_flow_ends_as_it_should(report: Any, api: Api) -> None:
    """A transaction that failed is rolled back, and the next one is kept."""
    assert report["type"] == "COMPLETED"
    result = report["result"]
    assert (result["sold"], result["kept"], report["written"]) == (list(range(COUNT)), "right", "right")
    assert (result["hung"], result["nested"]) == ("TimedOut", ["COMPLETED", "FAILED"])


def test_all_its_task_runs_are_there(report: Any, api: Api) -> None:
    """Those that were rolled back say so; two stand for the subflows."""
    counts = api.state_counts(report["id"])
    assert counts["Completed"] == COUNT + 2
    assert counts["TimedOut"] == 1
    assert counts["Failed"] == 2
    assert counts["RolledBack"] == 1


def test_what_it_logs_is_there(report: Any, api: Api, word: str) -> None:
    lines = Counter(x["message"] for x in api.logs(report["id"]))
    assert all(lines[f"sold {number} in {word}"] == 1 for number in range(COUNT))
    assert lines[f"begun in {word}"] == 1


def test_events_of_a_user_are_kept_as_they_are(report: Any, api: Api, word: str) -> None:
    """With what the client relates them to: their flow run, and the task run that emitted them."""
    found = events(api, event={"name": [f"shop-{word}.sold"]})
    assert sorted(x["payload"]["number"] for x in found) == list(range(COUNT))
    for event in found:
        number = event["payload"]["number"]
        assert event["payload"]["nested"] == {"list": [number, None, "text"]}
        assert event["resource"]["prefect.resource.name"] == f"Shop {number}"
        roles = {x["prefect.resource.role"]: x["prefect.resource.id"] for x in event["related"]}
        assert (roles["town"], roles["flow-run"]) == (f"town-{word}", f"prefect.flow-run.{report['id']}")
        assert "task-run" in roles


def test_events_are_found_by_what_they_have_to_do_with(report: Any, api: Api, word: str) -> None:
    """A resource, a related one, any one; the states of runs as well."""
    assert len(events(api, resource={"id": [f"shop-{word}.3"]})) == 1
    assert len(events(api, related={"id": [f"town-{word}"]})) == COUNT
    flow_run = {"id": [f"prefect.flow-run.{report['id']}"]}
    names = Counter(x["event"] for x in events(api, any_resource=flow_run))
    assert names[f"shop-{word}.sold"] == COUNT
    assert names["prefect.task-run.Completed"] == COUNT + 3
    assert [names[f"prefect.flow-run.{x}"] for x in ("Pending", "Running", "Completed")] == [1, 1, 1]


def test_the_command_line_prints_events_as_they_come(report: Any, stream: Running, word: str) -> None:
    """In the order in which they were stored, each once."""
    flow_run = f"prefect.flow-run.{report['id']}"

    def printed() -> list[Any] | None:
        lines = [json.loads(x) for x in stream.stdout.read_text().splitlines() if x.startswith("{")]
        about = [x for x in lines if flow_run in json.dumps(x)]
        ends = (x["resource"]["prefect.resource.id"] for x in about if x["event"] == "prefect.flow-run.Completed")
        return about if flow_run in ends else None

    about = wait_until(printed, "the end of the flow run is printed", 30)
    stream.kill()
    assert len({x["id"] for x in about}) == len(about)
    names = Counter(x["event"] for x in about)
    assert names[f"shop-{word}.sold"] == COUNT
    assert names["prefect.task-run.Running"] == COUNT + 6
    own = [x["event"] for x in about if x["resource"]["prefect.resource.id"] == flow_run]
    states = [x.rpartition(".")[2] for x in own if x.startswith("prefect.flow-run.") and not x.endswith("heartbeat")]
    assert states == ["Pending", "Running", "Completed"]


def test_a_program_waits_for_the_results_of_background_tasks(client_3: Client, word: str) -> None:
    """It hears of their ends by events."""
    worker = client_3.start(client_3.interpreter, FLOWS / "waiting.py", word, "serve")
    try:
        report = client_3.script("waiting", word, "call")
    finally:
        worker.kill()
    assert report == {"states": ["COMPLETED"] * 5 + ["FAILED"], "results": [0, 2, 4, 6, 8]}


def test_many_mapped_tasks_are_all_shown(client_3: Client, api: Api, word: str) -> None:
    """500 of them, each with its three states; the client ends without waiting for what it told last."""
    report = client_3.script("observed", f"many-{word}", "500")
    wait_until(lambda: len(ended(api, report["id"])) == 505, "all task runs have ended", 30)
    squares = [x for x in api.task_runs(report["id"]) if x["name"].startswith("square")]
    assert Counter(x["state_name"] for x in squares) == {"Completed": 500}
    names = Counter(x["event"] for x in events(api, related={"id": [f"prefect.flow-run.{report['id']}"]}))
    assert all(names[f"prefect.task-run.{x}"] >= 500 for x in ("Pending", "Running", "Completed"))


def test_clients_of_both_lines_run_at_once(client: Client, client_3: Client, api: Api, word: str) -> None:
    """On one server, each as if it were alone."""
    older, newer = (
        client.start_script("basics", f"both-{word}"),
        client_3.start_script("observed", f"both-{word}", "30"),
    )
    reports = [x.finish().expect().result for x in (older, newer)]
    assert (reports[0]["plain"]["type"], reports[1]["type"]) == ("COMPLETED", "COMPLETED")
    wait_until(lambda: len(ended(api, reports[1]["id"])) == 35, "all task runs of the newer one have ended", 30)
    assert api.state_counts(reports[0]["plain"]["id"]) == {"Completed": 3}
