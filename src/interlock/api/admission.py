"""Which requests are refused before anything is done for them: those that could not be served in time.

What lives here: which line a request will wait in. What does not: the lines and their bounds (engine/overload.py).
"""

import asyncio

from starlette.types import Scope

from interlock.api.context import Context
from interlock.engine.overload import OverloadedError

WITHOUT_DATABASE = frozenset(
    f"/api/{x}"
    for x in (
        *("health", "ready", "hello", "version", "admin/version", "admin/settings", "csrf-token"),
        *("docs", "openapi.json"),
    )
)
"""What is answered however much waits: it takes no turn."""

READS = frozenset({"filter", "page", "paginate", "export", "count", "counts", "history", "lateness"})
"""What the paths of reads end with that are not GETs."""

DECISIONS = frozenset({"/api/task_runs/", "/api/flow_runs/", "/api/events"})


class Admission:
    """Knows whether there is any use in taking a request."""

    def __init__(self, context: Context) -> None:
        self._reader = context.store
        self._batcher = context.batcher
        self._patience = context.settings.max_wait_seconds

    async def wait(self, scope: Scope) -> None:
        """Raises OverloadedError where the request would wait in vain, and not before it would have waited.

        Told at once, a client that does not care when it may come again would be back at once, and the server would do
        nothing but refuse. Measured with 9,000 such connections and 40% of a core: 706 writes a second beside the
        refusals, and 528 where these are given at once.
        """
        try:
            self._check(scope["method"], scope["path"])
        except OverloadedError:
            await asyncio.sleep(self._patience)
            raise

    def _check(self, method: str, path: str) -> None:
        last = path.rpartition("/")[2]
        if path in WITHOUT_DATABASE:
            return
        if method == "GET" or last in READS:
            self._reader.check()
        elif last in ("set_state", "bulk_set_state") or path in DECISIONS:
            self._batcher.check_decision()
        else:
            self._batcher.check_write()
