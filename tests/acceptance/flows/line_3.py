"""A flow of the 3.x line with what its users do beside calling tasks: it emits events, logs, keeps several tasks in one
transaction, and fails in parts."""

import json
import sys
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.events import emit_event
from prefect.transactions import transaction

WORD, COUNT, FOLDER = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])

KIND = f"shop-{WORD}"
"""What the events are about."""


@task
def sell(number: int) -> int:
    """Tell of it, and log it."""
    get_run_logger().info("sold %s in %s", number, WORD)
    emit_event(
        f"{KIND}.sold",
        resource={"prefect.resource.id": f"{KIND}.{number}", "prefect.resource.name": f"Shop {number}"},
        related=[{"prefect.resource.id": f"town-{WORD}", "prefect.resource.role": "town"}],
        payload={"number": number, "nested": {"list": [number, None, "text"]}},
    )
    return number


@task
def write(text: str) -> str:
    """Write a file."""
    (FOLDER / f"written-{WORD}").write_text(text)
    return text


@write.on_rollback
def unwrite(_transaction: Any) -> None:
    """Take the file away again."""
    (FOLDER / f"written-{WORD}").unlink()


@task
def check() -> None:
    """Find that it is wrong."""
    raise ValueError("not what it should be")


@task(timeout_seconds=0.2)
def hang() -> None:
    """Take too long."""
    import time

    time.sleep(30)


@flow(name=f"nested-{WORD}")
def nested(fails: bool) -> str:
    """A subflow that may fail."""
    if fails:
        raise ValueError("the subflow fails")
    return "nested"


@flow(name=f"line-3-{WORD}", log_prints=True)
def main() -> dict[str, Any]:
    """Do all of it."""
    print(f"begun in {WORD}")
    sold = [x.result() for x in sell.map(list(range(COUNT)))]
    try:
        with transaction():
            write("wrong")
            check()
    except ValueError:
        pass
    with transaction():
        kept = write("right")
    return {
        "sold": sold,
        "kept": kept,
        "hung": hang(return_state=True).name,
        "nested": [nested(fails, return_state=True).type.value for fails in (False, True)],
    }


if __name__ == "__main__":
    state = main(return_state=True)
    report = {"id": str(state.state_details.flow_run_id), "type": state.type.value, "result": state.result()}
    print(json.dumps(report | {"written": (FOLDER / f"written-{WORD}").read_text()}))
