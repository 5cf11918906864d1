"""One flow of cached tasks, run twice in a process; a second process finds the first one's results."""

import json
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from prefect import flow, task
from prefect.tasks import task_input_hash

WORD = sys.argv[1]
executions: Counter[str] = Counter()


def by_word(context: Any, parameters: dict[str, Any]) -> str:
    """A cache key of the task and this suite's word."""
    return f"{context.task.name}-{WORD}-{parameters}"


def execute(name: str, value: Any) -> Any:
    """Count an execution."""
    executions[name] += 1
    return value


@task(cache_key_fn=by_word)
def keyed(number: int) -> int:
    """Cached for good, by its own key."""
    return int(execute("keyed", number * 3))


@task(cache_key_fn=task_input_hash, cache_expiration=timedelta(hours=1))
def hashed(word: str) -> str:
    """Cached for an hour, by the hash of its inputs."""
    return str(execute("hashed", word.upper()))


@task(cache_key_fn=by_word, cache_expiration=timedelta(milliseconds=1))
def expiring() -> str:
    """Cached for an instant."""
    return str(execute("expiring", "short-lived"))


@task(cache_key_fn=by_word, refresh_cache=True)
def refreshing() -> str:
    """Has a cache key, and takes no hit."""
    return str(execute("refreshing", "fresh"))


@task(cache_key_fn=by_word)
def failing() -> None:
    """Has a cache key, and leaves nothing to hit."""
    execute("failing", None)
    raise RuntimeError("nothing to cache")


@flow(name=f"caching-{WORD}")
def caching() -> dict[str, Any]:
    """Call every task once, and one of them with another input."""
    states = {
        "keyed": keyed(1, return_state=True),
        "keyed other": keyed(2, return_state=True),
        "hashed": hashed(WORD, return_state=True),
        "expiring": expiring(return_state=True),
        "refreshing": refreshing(return_state=True),
        "failing": failing(return_state=True),
    }
    return {
        name: [state.name, state.result(raise_on_failure=False)] for name, state in states.items() if name != "failing"
    }


def main() -> None:
    """Run twice and report."""
    runs = []
    for _ in range(2):
        state = caching(return_state=True)
        runs.append({"id": str(state.state_details.flow_run_id), "result": state.result()})
        time.sleep(0.01)  # lets `expiring` expire
    print(json.dumps({"runs": runs, "executions": executions}))


if __name__ == "__main__":
    main()
