"""What a server must answer while its database fails it.

What lives here: the questions. What does not: how the database is made to fail (the tests).
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any

from tests.crash.caller import BrokenPromiseError
from tests.crash.servers import Server
from tests.crash.wire import Answer

PATIENCE_SECONDS = 60

Question = tuple[str, str, Any]
"""Method, path and body."""


def _log_of(message: str) -> Question:
    return "POST", "/logs/", [{"name": "-", "level": 20, "message": message, "timestamp": "2026-01-01T00:00:00Z"}]


HEALTH: Question = ("GET", "/health", None)
READY: Question = ("GET", "/ready", None)
LARGE_WRITE: Question = _log_of(secrets.token_urlsafe(1 << 20))
"""More than fits where there is room left over in what the database has already."""

WRITES: tuple[Question, ...] = (
    ("POST", "/flows/", {"name": "refused"}),
    ("POST", "/variables/", {"name": "refused", "value": 1}),
    _log_of("refused"),
    LARGE_WRITE,
)
READS: tuple[Question, ...] = (
    ("POST", "/task_runs/filter", {"limit": 1}),
    ("POST", "/flow_runs/count", {}),
    ("GET", "/concurrency_limits/tag/crash-few", None),
)


async def wait_until(server: Server, *, refused: Sequence[Question], served: Sequence[Question]) -> None:
    """Wait until these are refused and those served, all in one go. The server is alive all the time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while complaints := [*await _unrefused(server, refused), *await _unserved(server, served)]:
        if time.monotonic() > deadline:
            raise BrokenPromiseError("\n".join(complaints))
        if sick := await _unserved(server, [HEALTH]):
            raise BrokenPromiseError(*sick)


async def _unserved(server: Server, questions: Sequence[Question]) -> list[str]:
    answers = [(question, await server.ask(*question)) for question in questions]
    return [_complaint(question, answer) for question, answer in answers if answer.status != 200]


async def _unrefused(server: Server, questions: Sequence[Question]) -> list[str]:
    """Those that are not answered with 503, in the wire's shape and with a time to come back."""
    answers = [(question, await server.ask(*question)) for question in questions]
    return [_complaint(question, answer) for question, answer in answers if not _is_refusal(question, answer)]


def _is_refusal(question: Question, answer: Answer) -> bool:
    if question is READY:
        return answer.status == 503
    is_in_shape = answer.status == 503 and set(answer.body) == {"exception_message", "detail"}
    return is_in_shape and int(answer.headers.get("retry-after", "0")) > 0


def _complaint(question: Question, answer: Answer) -> str:
    return f"{question[0]} {question[1]}: {answer.status} {answer.headers} {str(answer.body)[:200]}"
