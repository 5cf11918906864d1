"""Persisted results. `write` stores them in different ways; `read <flow run id>` reads them from another process."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from prefect import flow, get_client, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.filesystems import LocalFileSystem

COMMAND, WORD, FOLDER, *REST = sys.argv[1:]


@task(persist_result=True)
def default_storage() -> dict[str, Any]:
    """Pickled in the home's storage."""
    return {"kept": ["by", "default"]}


@task(persist_result=True, result_serializer="json", result_storage_key=f"own-key-{WORD}.json")
def own_key() -> dict[str, Any]:
    """JSON, under a key of its own."""
    return {"kept": "as json"}


@task(persist_result=True, result_storage=f"local-file-system/results-{WORD}", result_serializer="compressed/json")
def own_storage() -> list[int]:
    """In a storage block of its own, compressed."""
    return list(range(100))


@task(persist_result=True, cache_result_in_memory=False)
def none() -> None:
    """Nothing, persisted."""


@task(persist_result=False)
def unpersisted() -> str:
    """Lives in this process only."""
    return "gone"


@flow(name=f"results-{WORD}", persist_result=True)
def results() -> dict[str, Any]:
    """Call every task; the flow's own result is persisted too."""
    calls = (default_storage, own_key, own_storage, none, unpersisted)
    return {each.fn.__name__: each() for each in calls}


def write() -> dict[str, Any]:
    """Run the flow."""
    LocalFileSystem(basepath=FOLDER).save(f"results-{WORD}")
    state = results(return_state=True)
    files = [path.read_text() for path in Path(FOLDER).iterdir()]
    return {"id": str(state.state_details.flow_run_id), "result": state.result(), "files": len(files)}


async def read(flow_run_id: str) -> dict[str, Any]:
    """Read the results of a flow run, by the references in its states."""
    async with get_client() as client:
        flow_run = await client.read_flow_run(flow_run_id)
        task_runs = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))
        found: dict[str, Any] = {"flow": await flow_run.state.result(fetch=True)}
        for run in task_runs:
            try:
                found[run.name] = await run.state.result(fetch=True)
            except Exception as error:
                found[run.name] = type(error).__name__
        return found


if __name__ == "__main__":
    print(json.dumps(write() if COMMAND == "write" else asyncio.run(read(*REST))))
