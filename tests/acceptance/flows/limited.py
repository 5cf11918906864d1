"""A flow that one process serves until it is ended, and whose runs take a moment."""

import os
import sys
from pathlib import Path
from time import sleep

from prefect import flow, serve


@flow(name="acceptance-limited")
def limited() -> None:
    """Take long enough to meet others."""
    sleep(2)


if __name__ == "__main__":
    os.chdir(Path(__file__).parent)  # a deployment remembers where it was made
    serve(limited.to_deployment(f"limited-{sys.argv[1]}"), pause_on_shutdown=False)
