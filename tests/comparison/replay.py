"""Sends cases to a server and returns their normalised answers. Which server it is, is the caller's affair."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import httpx

from tests.comparison.model import JSON, Case, Step
from tests.comparison.normalise import CUT_OFF, Names, Window, texts

NAME = re.compile(r"\{(\w+)\}")
# The peer answers 503 to a write that found the database locked, having written nothing, and after any 5xx it closes
# the connection, on which the next request may already be under way.
TRIES = 20
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """A step's normalised answer: HTTP status, and the body as JSON, as text where it isn't, None where it is empty.

    `headers` holds those a client acts on: Location, without the server's address, and Retry-After.
    """

    status: int
    body: JSON
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = dict[str, Answer]


class StepFailed(Exception):
    """A step that only prepares the case did not succeed."""


class Replay:
    """One pass of cases over one server: holds the connection pool and the ids made once for all cases."""

    def __init__(self, client: httpx.AsyncClient, shared: dict[str, str], *, patient: bool) -> None:
        self._client = client
        self._shared = shared
        self._patient = patient

    async def run(self, case: Case) -> Answers:
        """Send the steps of a case; the answers of those to be compared, by step name."""
        names = self._names(case)
        answers: Answers = {}
        for step in case.steps:
            # Keeps the times of two steps apart by more than the peer's rounding.
            await asyncio.sleep(2 * CUT_OFF.total_seconds())
            if NAME.search(_fill(step.path, names)):
                continue  # it names what an earlier step failed to make
            response = await self._send(step, names)
            _learn_id(step, response, names)
            if step.record:
                answers[step.name] = _answer(step, response, names)
            elif response.is_error:
                raise StepFailed(f"{case.key}: {step.name} answered {response.status_code}: {response.text[:500]}")
        return answers

    def _names(self, case: Case) -> Names:
        start = datetime.now(UTC)
        if start.microsecond == 0:
            start += timedelta(microseconds=1)  # so that each moment shows its fraction
        names = Names(start=start, unique="u" + secrets.token_hex(5), jitter=case.jitter)
        names.ids.update({value: name for name, value in self._shared.items()})
        return names

    async def _send(self, step: Step, names: Names) -> httpx.Response:
        path, body = _fill(step.path, names), _fill(step.body, names)
        names.sent_texts |= set(texts(step.body)) & set(texts(body)) | set(step.path.split("/"))
        headers = {key: _fill(value, names) for key, value in step.headers.items()}
        sent = datetime.now(UTC)
        request = self._client.build_request(step.method, path, json=body, headers=headers)
        response = await self._send_patiently(request, step) if self._patient else await self._client.send(request)
        names.windows.append(Window(step.name, sent, datetime.now(UTC)))
        return response

    async def _send_patiently(self, request: httpx.Request, step: Step) -> httpx.Response:
        for _ in range(TRIES):
            try:
                response = await self._client.send(request)
            except httpx.TransportError:
                continue
            if response.status_code != 503 or step.unavailable:
                return response
        raise StepFailed(f"{step.name}: no answer in {TRIES} tries")


def _fill(value: JSON, names: Names) -> JSON:
    """The request with names and moments replaced by what they stand for in this replay."""
    if isinstance(value, str):
        return NAME.sub(lambda found: _named(found, names), value)
    if isinstance(value, list):
        return [_fill(item, names) for item in value]
    if isinstance(value, dict):
        if "$now" in value or "$second" in value:
            return _moment(value, names)
        return {key: _fill(item, names) for key, item in value.items()}
    return value


def _named(found: re.Match[str], names: Names) -> str:
    name = found.group(1)
    if name == "unique":
        return names.unique
    for value, known in names.ids.items():
        if known == name:
            return value
    if name.startswith("uuid_"):
        made_up = str(uuid4())
        names.ids[made_up] = name
        return made_up
    return found.group()


def _moment(value: dict[str, JSON], names: Names) -> str:
    kind = "now" if "$now" in value else "second"
    seconds = value[f"${kind}"]
    moment = (names.start if kind == "now" else names.second) + timedelta(seconds=seconds)
    names.moments[moment] = f"{kind}{seconds:+}" if seconds else kind
    offset = value.get("offset", "+00:00")
    hours, minutes = int(offset[:3]), int(offset[0] + offset[4:])
    return moment.astimezone(timezone(timedelta(hours=hours, minutes=minutes))).isoformat()


def _learn_id(step: Step, response: httpx.Response, names: Names) -> None:
    if response.is_success and response.headers.get("content-type", "").startswith("application/json"):
        body = response.json()
        if isinstance(body, dict) and isinstance(body.get("id"), str):
            names.ids.setdefault(body["id"], step.name)


def _answer(step: Step, response: httpx.Response, names: Names) -> Answer:
    body: JSON = None
    if response.content:
        is_json = response.headers.get("content-type", "").startswith("application/json")
        body = names.answer(response.json() if is_json else response.text, unordered=step.unordered)
    headers = {name: response.headers[name] for name in ("location", "retry-after") if name in response.headers}
    if "location" in headers:
        headers["location"] = names.answer(httpx.URL(headers["location"]).raw_path.decode())
    return Answer(response.status_code, body, headers)


@asynccontextmanager
async def connected(url: str, connections: int, *, patient: bool = False) -> AsyncIterator[Replay]:
    """A replay over `url` (the base that ends in /api). `patient` bears the peer's weaknesses."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=TIMEOUT_SECONDS, follow_redirects=False
    ) as client:
        mark = secrets.token_hex(5)
        flow = await _create(client, "/flows/", {"name": f"comparison-{mark}"})
        deployment = await _create(client, "/deployments/", {"name": f"comparison-{mark}", "flow_id": flow})
        yield Replay(client, {"flow": flow, "deployment": deployment}, patient=patient)


async def _create(client: httpx.AsyncClient, path: str, body: JSON) -> str:
    response = await client.post(path, json=body)
    response.raise_for_status()
    return str(response.json()["id"])


async def replay(
    url: str, cases: Iterable[Case], connections: int, *, patient: bool = False
) -> AsyncIterator[tuple[Case, Answers | Exception]]:
    """Replay cases over `connections` at a time; yields each case with its answers, or with what went wrong in it."""
    waiting = iter(cases)
    finished: asyncio.Queue[tuple[Case, Answers | Exception] | None] = asyncio.Queue()

    async def work(session: Replay) -> None:
        for case in waiting:
            try:
                await finished.put((case, await session.run(case)))
            except (StepFailed, httpx.HTTPError, ValueError) as problem:
                await finished.put((case, problem))
        await finished.put(None)

    async with connected(url, connections, patient=patient) as session, asyncio.TaskGroup() as workers:
        for _ in range(connections):
            workers.create_task(work(session))
        working = connections
        while working:
            result = await finished.get()
            if result is None:
                working -= 1
            else:
                yield result
