"""A real flow: it maps a task over N numbers, checks the sum, and prints its wall time as JSON.

Run it with the Python of the peer's environment, which has the client.
usage: python mapped.py N
"""

import json
import sys
import time

from prefect import flow, task


@task
def double(number: int) -> int:
    return number * 2


@flow
def mapped(count: int) -> int:
    return sum(future.result() for future in double.map(list(range(count))))


if __name__ == "__main__":
    wanted = int(sys.argv[1])
    started = time.perf_counter()
    total = mapped(wanted)
    seconds = time.perf_counter() - started
    if total != wanted * (wanted - 1):
        sys.exit(f"the flow returned {total}")
    print(json.dumps({"seconds": seconds, "ended": time.time()}))
