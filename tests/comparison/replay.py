"""Sends cases to a server and returns their normalised answers. Which server it is, is the caller's affair."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from queue import SimpleQueue
from urllib.parse import urlsplit
from uuid import uuid4

from tests.comparison.http import CONNECTION_ERRORS, Connection, Response
from tests.comparison.model import JSON, Case, Step
from tests.comparison.normalise import CUT_OFF, Names, Window, texts
from tests.comparison.peer import NEW_LINE

HURRIES = 20
NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Answer:
    """A step's normalised answer: HTTP status, and the body as JSON, as text where it isn't, None where it is empty.

    `headers` holds those a client acts on: Location, without the server's address, and Retry-After.
    """

    status: int
    body: JSON
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = dict[str, Answer]
Result = tuple[Case, Answers | Exception]


class StepFailed(Exception):
    """A step that only prepares the case did not succeed."""


def replay(url: str, cases: Sequence[Case], connections: int) -> Iterator[Result]:
    """Replay cases on the server at `url`, which ends in /api, over `connections` at a time.

    Yields each case, in order, with its answers or with what went wrong in it.
    """
    session = _Session(url)
    idle: SimpleQueue[Connection] = SimpleQueue()
    for _ in range(connections):
        idle.put(Connection(url))

    def run(case: Case) -> Result:
        connection = idle.get()
        try:
            return case, session.run(case, connection)
        except (StepFailed, ValueError, *CONNECTION_ERRORS) as problem:
            return case, problem
        finally:
            idle.put(connection)

    with ThreadPoolExecutor(connections) as threads:
        yield from threads.map(run, cases)
    while not idle.empty():
        idle.get().close()


class _Session:
    """One pass of cases over one server: holds the ids made once for all cases."""

    def __init__(self, url: str) -> None:
        connection = Connection(url)
        mark = secrets.token_hex(5)
        flow = _create(connection, "/flows/", {"name": f"comparison-{mark}"})
        deployment = _create(connection, "/deployments/", {"name": f"comparison-{mark}", "flow_id": flow})
        connection.close()
        self._shared = {flow: "flow", deployment: "deployment"}

    def run(self, case: Case, connection: Connection) -> Answers:
        """Send the steps of a case; the answers of those to be compared, by step name.

        Where a moment that was to come has come meanwhile, since the machine was busy, all is sent once more.
        """
        for _ in range(HURRIES):
            names = self._names(case)
            answers = self._send_all(case, names, connection)
            ended = datetime.now(UTC)
            if not any(names.start < moment < ended for moment in names.moments):
                return answers
        raise StepFailed(f"it takes too long, {HURRIES} times over")

    def _send_all(self, case: Case, names: Names, connection: Connection) -> Answers:
        answers: Answers = {}
        for step in case.steps:
            # Keeps the times of two steps apart by more than the peer's rounding.
            time.sleep(2 * CUT_OFF.total_seconds())
            if NAME.search(fill(step.path, names)):
                continue  # it names what an earlier step failed to make
            response = self._send(step, names, connection)
            learn_ids(step, response, names)
            if step.record:
                answers[step.name] = _answer(step, response, names)
            elif response.status >= 400:
                raise StepFailed(f"{step.name} answered {response.status}: {response.content[:500]!r}")
        return answers

    def _names(self, case: Case) -> Names:
        start = datetime.now(UTC)
        if start.microsecond == 0:
            start += timedelta(microseconds=1)  # so that each moment shows its fraction
        sent = {text for step in case.steps for text in (*texts(step.body), *re.split("[/?]", step.path))}
        names = Names(
            start=start,
            unique="u" + secrets.token_hex(5),
            jitter=case.jitter,
            is_of_new_line=case.peer == NEW_LINE,
            sent_texts=sent,
        )
        names.ids.update(self._shared)
        return names

    def _send(self, step: Step, names: Names, connection: Connection) -> Response:
        path, body = fill(step.path, names), fill(step.body, names)
        headers = {key: fill(value, names) for key, value in step.headers.items()}
        sent = datetime.now(UTC)
        response = request(step, path, body, headers, connection)
        names.windows.append(Window(step.name, sent, datetime.now(UTC)))
        return response


def request(step: Step, path: str, body: JSON, headers: Mapping[str, str], connection: Connection) -> Response:
    """Send a step whose path, body and headers are filled in."""
    if step.content is not None:
        return connection.send(step.method, path, step.content.encode(), headers)
    if body is None:
        return connection.send(step.method, path, None, headers)
    return connection.send_json(step.method, path, body, headers)


def _create(connection: Connection, path: str, body: JSON) -> str:
    response = connection.send_json("POST", path, body)
    if response.status >= 400:
        raise StepFailed(f"{path} answered {response.status}: {response.content[:500]!r}")
    return str(response.body()["id"])


def fill(value: JSON, names: Names) -> JSON:
    """The request with names and moments replaced by what they stand for in this replay."""
    if isinstance(value, str):
        return NAME.sub(lambda found: _named(found, names), value)
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    if isinstance(value, dict):
        if "$now" in value or "$second" in value:
            return _moment(value, names)
        return {key: fill(item, names) for key, item in value.items()}
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


def learn_ids(step: Step, response: Response, names: Names) -> None:
    """The step's name stands for the id that it answered."""
    if response.status < 400 and response.is_json():
        body = response.body()
        if isinstance(body, dict):
            names.ids.setdefault(str(body.get("id")), step.name)
            names.ids.setdefault(str(body.get("checksum")), f"{step.name}_checksum")
            names.ids.setdefault(str(body.get("lease_id")), f"{step.name}_lease")


def _answer(step: Step, response: Response, names: Names) -> Answer:
    headers = {name: response.headers[name] for name in ("location", "retry-after") if name in response.headers}
    if "location" in headers:
        location = urlsplit(headers["location"])
        headers["location"] = names.answer(location.path + ("?" + location.query if location.query else ""))
    if names.is_of_new_line and "retry-after" in headers:
        headers["retry-after"] = "(drawn)"  # the peer draws it at random
    return Answer(response.status, names.answer(response.body(), unordered=step.unordered), headers)
