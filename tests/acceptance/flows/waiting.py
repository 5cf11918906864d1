"""A program of the 3.x line that calls tasks in the background and waits for their results.

`waiting.py WORD serve` serves them; `waiting.py WORD call` calls them.
"""

import json
import sys

from prefect import task
from prefect.task_worker import serve

WORD, WHAT = sys.argv[1:3]


@task(name=f"double-{WORD}", task_run_name=f"double-{WORD}", persist_result=True)
def double(number: int) -> int:
    """Double a number."""
    if number < 0:
        raise ValueError("not that one")
    return 2 * number


if __name__ == "__main__":
    if WHAT == "serve":
        serve(double)
    futures = [double.delay(number) for number in (*range(5), -1)]
    for future in futures:
        future.wait(timeout=60)
    results = [future.result(raise_on_failure=False) for future in futures]
    states = [future.state.type.value for future in futures]
    print(json.dumps({"states": states, "results": [x for x in results if isinstance(x, int)]}))
