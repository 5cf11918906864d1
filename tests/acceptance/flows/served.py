"""Flows that one process serves until it is ended; run with more than a word, a flow that calls one of them."""

import json
import os
import sys
from pathlib import Path
from time import sleep

from prefect import flow, serve
from prefect.deployments import run_deployment

HERE = Path(__file__)


@flow(name="acceptance-served")
def served(greeting: str = "hello") -> str:
    """Return what it is given."""
    return greeting


@flow(name="acceptance-lasting")
def lasting(where: str) -> None:
    """Write down its process, and go on until something ends it."""
    Path(where).write_text(str(os.getpid()))
    while True:
        sleep(0.2)


@flow(name="acceptance-calling")
def calling(deployment: str) -> dict[str, str]:
    """Have a deployment run, and wait for it."""
    run = run_deployment(deployment, parameters={"greeting": "called"}, timeout=90, poll_interval=0.5)
    return {"id": str(run.id), "type": run.state.type.value}


def main(word: str) -> None:
    """Serve both flows, one of them by a schedule."""
    os.chdir(HERE.parent)  # a deployment remembers where it was made
    serve(
        served.to_deployment(f"served-{word}", interval=10, tags=[word], description="Made by a test."),
        lasting.to_deployment(f"lasting-{word}", tags=[word]),
        pause_on_shutdown=False,
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        print(json.dumps(calling(f"acceptance-served/served-{sys.argv[1]}")))
