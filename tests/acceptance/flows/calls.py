"""The client's own API calls, those that flows do not make; prints what each returned."""

import asyncio
import json
import sys
from typing import Any

from prefect import flow, get_client, task
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterTags,
)
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed, Running, Scheduled

WORD = sys.argv[1]
NOWHERE = "00000000-0000-4000-8000-000000000000"


@task(tags=["even", WORD])
def even() -> None:
    """A task with tags."""


@flow(name=f"calls-{WORD}")
def sample(number: int = 0) -> None:
    """A flow whose runs are made without running it."""


async def runs_by_hand(client: PrefectClient) -> dict[str, Any]:
    """A flow run and a task run, led through their states without an engine."""
    run = await client.create_flow_run(
        sample, parameters={"number": 5}, name=f"by-hand-{WORD}", tags=[WORD], state=Scheduled()
    )
    await client.set_flow_run_state(run.id, Running())
    task_run = await client.create_task_run(even, flow_run_id=run.id, dynamic_key="0", name="even-by-hand")
    same = await client.create_task_run(even, flow_run_id=run.id, dynamic_key="0", name="ignored")
    answers = [await client.set_task_run_state(task_run.id, state) for state in (Running(), Completed(message="done"))]
    final = await client.set_flow_run_state(run.id, Failed(message="by hand"))
    refused = await client.set_flow_run_state(run.id, Failed(message="again"))
    await client.update_flow_run(run.id, tags=[WORD, "updated"], name=f"renamed-{WORD}")
    await client.set_task_run_name(task_run.id, "renamed")
    return {
        "id": str(run.id),
        "task_run_id": str(task_run.id),
        "idempotent": [str(same.id), same.name],
        "task_answers": [answer.status.value for answer in answers],
        "flow_answers": [final.status.value, refused.status.value],
        "flow_states": [state.name for state in await client.read_flow_run_states(run.id)],
        "task_states": [state.name for state in await client.read_task_run_states(task_run.id)],
        "names": [(await client.read_flow_run(run.id)).name, (await client.read_task_run(task_run.id)).name],
    }


async def queries(client: PrefectClient, flow_run_id: str) -> dict[str, Any]:
    """Filters, sorts and pages."""
    for number in range(3):
        await client.create_flow_run(sample, parameters={"number": number}, name=f"page-{number}-{WORD}")
    mine = FlowFilter(name=FlowFilterName(any_=[f"calls-{WORD}"]))
    failed = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=["FAILED"])))
    by_name = await client.read_flow_runs(flow_filter=mine, sort=FlowRunSort.NAME_ASC, limit=2, offset=1)
    tagged = TaskRunFilter(tags=TaskRunFilterTags(all_=[WORD, "even"]))
    return {
        "flows": [each.name for each in await client.read_flows(flow_filter=mine)],
        "flow_by_name": (await client.read_flow_by_name(f"calls-{WORD}")).name,
        "failed": [str(run.id) for run in await client.read_flow_runs(flow_filter=mine, flow_run_filter=failed)],
        "page": [run.name for run in by_name],
        "like": len(
            await client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_=f"page-%{WORD}")))
        ),
        "tagged": [
            str(run.flow_run_id)
            for run in await client.read_task_runs(task_run_filter=tagged, sort=TaskRunSort.EXPECTED_START_TIME_DESC)
        ],
        "of_run": len(
            await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))
        ),
    }


async def missing(client: PrefectClient) -> dict[str, str]:
    """What the client raises where nothing is found."""
    calls = {
        "read_flow": client.read_flow(NOWHERE),
        "read_flow_run": client.read_flow_run(NOWHERE),
        "read_task_run": client.read_task_run(NOWHERE),
        "delete_flow_run": client.delete_flow_run(NOWHERE),
        "set_flow_run_state": client.set_flow_run_state(NOWHERE, Running()),
        "read_deployment": client.read_deployment(NOWHERE),
        "read_block_document": client.read_block_document(NOWHERE),
        "read_concurrency_limit_by_tag": client.read_concurrency_limit_by_tag(f"none-{WORD}"),
        "delete_variable_by_name": client.delete_variable_by_name(f"none_{WORD}"),
    }
    return {name: await error_of(call) for name, call in calls.items()}


async def error_of(call: Any) -> str:
    """The type of the exception, and its status code."""
    try:
        await call
    except Exception as error:
        response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
        return f"{type(error).__name__} {getattr(response, 'status_code', None)}"
    return "nothing"


async def deleted(client: PrefectClient) -> list[str]:
    """Delete a flow run and a flow's last trace of it."""
    run = await client.create_flow_run(sample, name=f"deleted-{WORD}")
    await client.delete_flow_run(run.id)
    try:
        await client.read_flow_run(run.id)
    except ObjectNotFound:
        return [str(run.id), "gone"]
    except Exception as error:
        return [str(run.id), repr(error)]
    return [str(run.id), "still there"]


async def main() -> None:
    """Make every call and report."""
    async with get_client() as client:
        by_hand = await runs_by_hand(client)
        report = {
            "healthy": await client.api_healthcheck() is None,
            "hello": (await client.hello()).status_code,
            "by_hand": by_hand,
            "queries": await queries(client, by_hand["id"]),
            "missing": await missing(client),
            "deleted": await deleted(client),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
