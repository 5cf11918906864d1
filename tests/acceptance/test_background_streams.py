"""Streams of background tasks of either client line: shared by several workers, and cut off in the middle."""

import pytest

from tests.crash.servers import Server

from .streams import Stream

pytestmark = pytest.mark.campaign


async def test_each_of_many_runs_is_run_once(steps: Stream, many: int) -> None:
    """By three workers, each of which has a part."""
    workers = [steps.worker() for _ in range(3)]
    submitter = steps.submitter(many, late=True)
    steps.wait_for_workers(len(workers))
    steps.open_gate()
    steps.note(submitter)
    steps.wait_until_completed(set(range(many)))
    assert steps.executions() == dict.fromkeys(range(many), 1)
    assert all(steps.begun_by([worker]) for worker in workers)


async def test_none_is_lost_when_the_server_is_killed(steps: Stream, line: str, server: Server, many: int) -> None:
    """At any moment. Workers of the newer line come back, and tell again what they had told.

    The older ones don't survive a request that finds no server, so that they are killed as well and replaced: what they
    had begun is left RUNNING."""
    workers = [steps.worker(late=True), steps.worker(late=True)]
    steps.note(steps.submitter(many))
    steps.open_gate()
    steps.wait_for("ended", many // 3)
    await server.kill()
    gone = workers if line == "2.20" else []
    for worker in gone:
        worker.kill()
        steps.worker()
    await server.start()
    steps.wait_until_completed_or_left_by(gone)
    assert steps.in_state("COMPLETED") <= steps.executions().keys()
