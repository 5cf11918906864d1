"""What the server tells Prometheus."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.api.records import new_flow_run, new_task_run


def samples(api: httpx.Client) -> dict[tuple[str, ...], float]:
    """The values by name and labels, read as Prometheus would."""
    answer = api.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = text_string_to_metric_families(answer.text)
    return {(x.name, *x.labels.values()): x.value for family in families for x in family.samples}


def test_runs_are_told_by_their_state(api: httpx.Client) -> None:
    """Of each type, also where there are none."""
    before = samples(api)
    run = new_flow_run(api, state={"type": "RUNNING"})
    new_task_run(api, run["id"], state={"type": "COMPLETED"})
    after = samples(api)
    more = {key: value - before[key] for key, value in after.items() if key[0] == "interlock_runs"}
    assert {key for key, value in more.items() if value} == {
        ("interlock_runs", "flow_run", "RUNNING"),
        ("interlock_runs", "task_run", "COMPLETED"),
    }


def test_background_runs_that_wait_are_told_by_their_task(api: httpx.Client) -> None:
    task = new_task_run(api, None, state={"type": "SCHEDULED", "state_details": {"deferred": True}})
    told = samples(api)
    assert told["interlock_task_queue_depth", task["task_key"]] >= 1
    assert told["interlock_task_queue_leased", task["task_key"]] == 0


def test_what_services_do_is_told_by_their_names(api: httpx.Client) -> None:
    """Counted from the start of the process; one that has found nothing yet has seen to none."""
    told = samples(api)
    assert told["interlock_service_records_total", "run sums"] == 0
    assert told["interlock_service_failures_total", "run sums"] == 0
