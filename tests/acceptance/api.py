"""What the API says, read over plain HTTP: the second witness beside what the client saw.

Only reads, and the few writes by which a test plays another user (`set_flow_run_state`). No client library.
"""

from collections import Counter
from typing import Any

import httpx

from .client import Running, wait_until

Json = dict[str, Any]
PAGE = 200


class Api:
    """A reader of one server; `url` ends in `/api`."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30.0, follow_redirects=True)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET, which must be a success."""
        response = self.http.get(path, params=query)
        assert response.is_success, f"GET {path}: {response.status_code} {response.text}"
        return response.json()

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer to a POST, which must be a success."""
        response = self.http.post(path, json=body or {})
        assert response.is_success, f"POST {path}: {response.status_code} {response.text}"
        return response.json()

    def status(self, path: str) -> int:
        """The status code of a GET."""
        return self.http.get(path).status_code

    def pages(self, path: str, body: Json) -> list[Json]:
        """Every row of a filter route, page by page."""
        rows: list[Json] = []
        while True:
            page = self.post(path, body | {"limit": PAGE, "offset": len(rows)})
            rows += page
            if len(page) < PAGE:
                return rows

    def flow_run(self, flow_run_id: str) -> Json:
        """One flow run."""
        return dict(self.get(f"/flow_runs/{flow_run_id}"))

    def flow_run_named(self, name: str) -> Json:
        """The one flow run of that name."""
        (run,) = self.post("/flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
        return dict(run)

    def task_runs(self, flow_run_id: str) -> list[Json]:
        """A flow run's task runs, in the order in which they were created."""
        rows = self.pages("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}, "sort": "ID_DESC"})
        return sorted(rows, key=lambda run: str(run["created"]))

    def task_run_count(self, flow_run_id: str, **task_runs: Any) -> int:
        """How many task runs of a flow run pass a task-run filter."""
        return int(
            self.post("/task_runs/count", {"flow_runs": {"id": {"any_": [flow_run_id]}}, "task_runs": task_runs})
        )

    def task_run(self, flow_run_id: str, name: str) -> Json:
        """The one task run of a flow run whose name is `name`, or `name` and its dynamic key."""
        runs = self.task_runs(flow_run_id)
        matches = [run for run in runs if run["name"] == name or run["name"].rsplit("-", 1)[0] == name]
        assert len(matches) == 1, f"{len(matches)} task runs are named {name}: {[run['name'] for run in runs]}"
        return matches[0]

    def task_states(self, task_run_id: str) -> list[str]:
        """The names of a task run's states, first to last."""
        return state_names(self.get("/task_run_states/", task_run_id=task_run_id))

    def flow_states(self, flow_run_id: str) -> list[str]:
        """The names of a flow run's states, first to last."""
        return state_names(self.get("/flow_run_states/", flow_run_id=flow_run_id))

    def state_counts(self, flow_run_id: str) -> dict[str, int]:
        """A flow run's task runs by the name of their state."""
        return dict(Counter(run["state"]["name"] for run in self.task_runs(flow_run_id)))

    def logs(self, flow_run_id: str) -> list[Json]:
        """A flow run's logs, its tasks' included, oldest first."""
        return self.pages("/logs/filter", {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "sort": "TIMESTAMP_ASC"})

    def wait_for_busy_run(self, process: Running, name: str) -> Json:
        """Wait until the one flow run of that name is RUNNING; return it. `process`, which runs it, must not end."""

        def busy() -> Json | None:
            runs = self.post("/flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
            if runs and runs[0]["state_type"] == "RUNNING":
                return dict(runs[0])
            process.assert_running()
            return None

        return wait_until(busy, f"flow run {name} is RUNNING")


def state_names(states: list[Json]) -> list[str]:
    """The names of states, in the order of their timestamps."""
    return [state["name"] for state in sorted(states, key=lambda state: str(state["timestamp"]))]
