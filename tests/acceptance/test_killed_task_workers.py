"""A worker that is killed while it has background tasks in hand."""

from pathlib import Path

from tests.crash.servers import Server

from .client import wait_until
from .streams import Stream, stream, url_of

RUNS = 8
SLOTS = 2
"""How many of these the worker begins before it is killed."""


async def test_others_are_given_what_it_had_not_begun(line: str, server: Server, tmp_path: Path) -> None:
    """After the grace period, and each once. What it had begun is left RUNNING: nobody knows how far it got."""
    # Workers of the older line begin all that they are given, unless there is a limit.
    tags = ["few"] if line == "2.20" else []
    with stream(line, url_of(server), tmp_path / "home", tags) as steps:
        limit = steps.api.post("/concurrency_limits/", {"tag": "few", "concurrency_limit": SLOTS})
        victim, _heir = steps.worker(limit=SLOTS), steps.worker(late=True)
        steps.note(steps.submitter(RUNS))
        wait_until(lambda: len(steps.in_state("RUNNING")) == SLOTS, "it is known which runs were begun")
        wait_until(lambda: held_but_not_begun(steps), "the worker holds more than it begins")
        victim.kill()
        begun = steps.begun_by([victim])
        steps.api.http.delete(f"/concurrency_limits/{limit['id']}").raise_for_status()
        steps.open_gate()
        steps.wait_until_completed(set(range(RUNS)) - begun)
        assert steps.in_state("RUNNING") == begun
        assert steps.executions() == dict.fromkeys(range(RUNS), 1)


def held_but_not_begun(steps: Stream) -> int:
    """How many runs were delivered, or are PENDING."""
    return sum(x["leased"] for x in steps.api.get("/task_runs/queues")) + len(steps.in_state("PENDING"))
