"""Artifacts and variables, made within a flow and outside; prints what was read back."""

import json
import sys
from typing import Any
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import Artifact, create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.variables import Variable

WORD = sys.argv[1]
NAME = f"variable_{WORD}"


@task
def describe() -> UUID:
    """A task that leaves a report."""
    return create_markdown_artifact("# Report\n\nAll *well*.", key=f"report-{WORD}", description="A report.")


@flow(name=f"records-{WORD}")
def records() -> dict[str, str]:
    """Leave an artifact of each kind, the report twice."""
    made = {
        "first": describe(),
        "report": describe(),
        "table": create_table_artifact([{"city": "Oslo", "n": 1}, {"city": "Bonn", "n": None}], key=f"table-{WORD}"),
        "link": create_link_artifact("https://example.com/x?y=1", link_text="there", key=f"link-{WORD}"),
        "keyless": create_markdown_artifact("nobody looks for this"),
    }
    return {kind: str(artifact_id) for kind, artifact_id in made.items()}


def artifact(key: str) -> dict[str, Any] | None:
    """An artifact by its key, as the client reads it."""
    found = Artifact.get(key)
    if found is None:
        return None
    return {"id": str(found.id), "type": found.type, "data": found.data, "description": found.description}


def artifacts() -> dict[str, Any]:
    """Run the flow, and read its artifacts back."""
    state = records(return_state=True)
    found, created = Artifact.get_or_create(key=f"link-{WORD}", data="unused", type="markdown")
    return {
        "flow_run_id": str(state.state_details.flow_run_id),
        "made": state.result(),
        "read": {kind: artifact(f"{kind}-{WORD}") for kind in ("report", "table", "link")},
        "missing": artifact(f"missing-{WORD}"),
        "again": [str(found.id), created],
    }


def variables() -> dict[str, Any]:
    """Set, refuse, overwrite and read a variable."""
    Variable.set(NAME, "one", tags=["a"])
    try:
        Variable.set(NAME, "two")
        refused = "accepted"
    except ValueError as error:
        refused = str(error)
    first = Variable.get(NAME).value
    Variable.set(NAME, "three", tags=["b", "c"], overwrite=True)
    last = Variable.get(NAME)
    return {
        "first": first,
        "refused": refused,
        "last": [last.value, last.tags],
        "default": Variable.get(f"missing_{WORD}", default="fallback"),
    }


if __name__ == "__main__":
    print(json.dumps({"artifacts": artifacts(), "variables": variables()}))
