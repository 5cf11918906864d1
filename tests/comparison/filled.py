"""A server that is filled with a population, and then asked.

What lives here: the sending, and what this makes of answers: ids have the names of the records, whatever a clock
decides is told by the step in which it was decided. What does not: which requests these are (`drawn_world`,
`drawn_requests`).

On top of what `normalise` replaces:

- ids that nobody gave a name are `{id}`: the order of answers may be left to chance, so that they can't be numbered;
- durations, sums of them and delays are told in strides, as a server may be filled and asked for minutes;
- tags are sorted: the peer puts those of a deployment and of its run together as a set;
- the children and parents of a graph's nodes are sorted: the peer has them in the order of its ids;
- a request that an error tells of is `{request}`: it may name times of the server's own.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from urllib.parse import urlencode

from tests.comparison.drawn_requests import Asked
from tests.comparison.drawn_world import MOST_FLOW_RUNS, RETRY_DELAYS, STRIDE, World
from tests.comparison.http import Connection, Response
from tests.comparison.model import JSON, Step
from tests.comparison.normalise import CUT_OFF, Names, Window, texts
from tests.comparison.replay import Answer, fill, learn_ids, request

PAGE = 200
# In strides: what averages may be off, as time goes by.
MARGIN = 0.0005
UNORDERED = ("tags", "parents", "children", "upstream_dependencies")


class DrawnNames(Names):
    """As Names, where answers come in any order and at any time."""

    def _id(self, value: str) -> str:
        return super()._id(value) if value in self.sent_texts or value in self.ids else "{id}"

    def _duration(self, seconds: float, key: str = "") -> JSON:
        """An average, which has no key, may be any fraction of a stride: so it is cut where no fraction is near."""
        strides = seconds / STRIDE
        return f"{round(strides) if key else ceil(strides - 1 / MOST_FLOW_RUNS + MARGIN)} strides"

    def _delay(self, seconds: float) -> JSON:
        return self._duration(seconds)

    def _relative(self, moment: datetime) -> str | None:
        if step := self._step_at(moment):
            return f"@{step}"
        return self._delayed(moment) or self._from_second(moment)

    def _delayed(self, moment: datetime) -> str | None:
        for delay in RETRY_DELAYS:
            if step := self._step_at(moment - timedelta(seconds=delay)):
                return f"@{step}+{delay}"
        return None

    def _from_second(self, moment: datetime) -> str | None:
        whole = moment.microsecond % 1000 == 0
        return f"second{(moment - self.second).total_seconds():+.13g}" if whole else None

    def _value(self, value: JSON, key: str = "") -> JSON:
        if key == "request_body":
            return "{request}"
        normal = super()._value(value, key)
        return sorted(normal, key=str) if key in UNORDERED and isinstance(normal, list) else normal


@dataclass
class Filled:
    """A server with a population, and how it answered as it was filled. `records` are the runs, by their names."""

    connection: Connection
    names: DrawnNames
    answers: dict[str, Answer]
    records: dict[str, dict[str, Any]]

    def ask(self, asked: Asked) -> Answer:
        """The normalised answer."""
        path, body = fill(asked.path, self.names), fill(self._with_fields(asked.body), self.names)
        if asked.since is not None:
            since = self._with_fields(asked.since)
            path += "?" + urlencode({"since": since}) if since else ""
        response = _sent(self.connection, "GET" if body is None else "POST", path, body)
        return Answer(response.status, self.names.answer(response.body(), unordered=path.endswith("/graph")))

    def _with_fields(self, value: JSON) -> JSON:
        """The request with the times that the server has for its records."""
        if isinstance(value, list):
            return [self._with_fields(item) for item in value]
        if isinstance(value, dict):
            if "$field" in value:
                return self._field(value["$field"], value["microseconds"])
            return {key: self._with_fields(item) for key, item in value.items()}
        return value

    def _field(self, place: str, microseconds: int) -> str | None:
        name, _, column = place.partition(".")
        told = self.records.get(name, {}).get(column)
        return told and (datetime.fromisoformat(told) + timedelta(microseconds=microseconds)).isoformat()

    def normal_records(self) -> dict[str, dict[str, JSON]]:
        """The runs as they are in answers, by their ids there."""
        return {f"{{{name}}}": self.names.answer(row) for name, row in self.records.items()}


def filled(url: str, world: World) -> Filled:
    """The server at this URL, once it has the population."""
    names = _names(world)
    server = Filled(Connection(url), names, {}, {})
    for step in world.steps:
        # Keeps the times of two steps apart by more than the peer's rounding.
        time.sleep(2 * CUT_OFF.total_seconds())
        server.answers[step.name] = _made(server.connection, step, names)
    _learn_records(server, world)
    return server


def _names(world: World) -> DrawnNames:
    start = datetime.now(UTC)
    if start.microsecond == 0:
        start += timedelta(microseconds=1)  # so that each moment shows its fraction
    names = DrawnNames(start=start, unique="u" + secrets.token_hex(5))
    names.sent_texts = {text for step in world.steps for text in texts(step.body)}
    # Ids that are given become names, like those that a server gives.
    names.sent_texts -= {str(step.body.get("id")) for step in world.steps if isinstance(step.body, dict)}
    return names


def _made(connection: Connection, step: Step, names: DrawnNames) -> Answer:
    path, body = fill(step.path, names), fill(step.body, names)
    sent = datetime.now(UTC)
    response = _sent(connection, step.method, path, body)
    names.windows.append(Window(step.name, sent, datetime.now(UTC)))
    learn_ids(step, response, names)
    return Answer(response.status, names.answer(response.body()))


def _sent(connection: Connection, method: str, path: str, body: JSON) -> Response:
    return request(Step("", method, path), path, body, {}, connection)


def _learn_records(server: Filled, world: World) -> None:
    """All runs, and the ids of the states that they are in."""
    for noun in ("flow_runs", "task_runs"):
        for row in _all(server.connection, noun):
            name = server.names.ids[row["id"]]
            server.records[name] = row
            if row["state_id"]:
                server.names.ids.setdefault(row["state_id"], f"{name} state")


def _all(connection: Connection, noun: str) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    while not len(pages) % PAGE:
        asked = {"limit": PAGE, "offset": len(pages)}
        rows = _sent(connection, "POST", f"/{noun}/filter", asked).body()
        if not rows:
            break
        pages += rows
    return pages
