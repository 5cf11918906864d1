"""Artifacts: what runs publish, the newest of each key, and the results that states carry."""

from sqlalchemy import Connection, insert

from interlock.orchestration.states import State
from interlock.storage.tables import artifacts


def insert_result(conn: Connection, artifact_id: str, state: State, task_run_id: str | None) -> None:
    """Keep a state's data as an artifact of its run; a dictionary may name the artifact's key, type and description."""
    conn.execute(
        insert(artifacts),
        {
            "id": artifact_id,
            "created": state.timestamp,
            "updated": state.timestamp,
            "data": state.data,
            "flow_run_id": state.details.flow_run_id,
            "task_run_id": task_run_id,
        },
    )
