"""Makes the answers of two servers, or of two replays, comparable, and changes nothing else.

What is replaced, and by what:

- ids: by `{name}` where a step of that name answered or was given it; other ids by `{id1}`, `{id2}`, ... as they first
  appear in the case; ids written out in the case's own requests stay;
- checksums of block schemas, which depend on `{unique}`: the same way, `{name_checksum}`;
- the text of `{unique}`: by `{unique}`; the version in a link to pydantic's pages: by `{version}`;
- timestamps, which must be ISO 8601 with six digits of a second or, where they are all 0, none: a moment named by
  `$now` in a request becomes `now+s`, a moment within the time of a step becomes `@step` (so that a start time must
  come from the right request), and such a moment plus or minus a multiple of 100 seconds becomes `@step+600`; for a
  case with jitter, one as far ahead as its bounds allow becomes `jitter`; a full tenth of a second, within 100
  days of the case, becomes `second+s`, s seconds after the full second before its start. An offset other than +00:00
  is appended. Any other timestamp stays;
- durations (see DURATIONS), and an answer that is a bare fraction: 0.0 stays (but in a sum, which the peer reckons in
  whole seconds), other values become `s+elapsed`, s the multiple of 100 seconds below, where the rest is no more than
  the time since the case began;
- `delay_seconds` above 60: the multiple of 100 above, as `~s`, where it is no further off than that time;
- a `name` of two lower-case words joined by a hyphen, which no request has sent: `<slug>`;
- what the line 3.9 has in another spelling than 2.20, which Interlock speaks to all: UTC as `Z`, and what is wrong with
  a request, of which the places stay;
- the order of `pause_keys` and `active_slots`, which the peer keeps as sets, and of a list marked unordered.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.comparison.model import JSON

ID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sha256:[0-9a-f]{64}")
VERSION_TEXT = re.compile(r"(?<=errors\.pydantic\.dev/)[0-9.]+")
MOMENT_TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)(Z|[+-]\d\d:\d\d)")
SLUG = re.compile(r"[a-z]+-[a-z]+")
DURATIONS = {
    "total_run_time",
    "estimated_run_time",
    "estimated_start_time_delta",
    "duration",
    "lateness",
    "sum_estimated_run_time",
    "sum_estimated_lateness",
}
# A sum over runs grows by the time since the case began once for each of them.
MOST_RUNS_SUMMED = 10
SETS = {"pause_keys", "active_slots"}
# The peer keeps `updated` in milliseconds, cut off: it may lie up to one before the request that caused it. Steps are
# sent further apart than this.
CUT_OFF = timedelta(milliseconds=1.5)
UNIT = 100
# Moments further off than this are dates written out in a case, not reckoned from its start.
NEAR = timedelta(days=100)
TENTH = 100_000


@dataclass
class Window:
    """The time in which a step's request was under way."""

    step: str
    sent: datetime
    received: datetime


@dataclass
class Names:
    """What the replay of one case has seen so far: its start, its ids, its moments and the time of each step."""

    start: datetime
    unique: str
    jitter: tuple[float, float] | None = None
    is_of_new_line: bool = False
    ids: dict[str, str] = field(default_factory=dict)
    moments: dict[datetime, str] = field(default_factory=dict)
    sent_texts: set[str] = field(default_factory=set)
    windows: list[Window] = field(default_factory=list)

    @property
    def second(self) -> datetime:
        """The last full second before the start."""
        return self.start.replace(microsecond=0)

    def answer(self, body: JSON, *, unordered: bool = False) -> JSON:
        """The normal form of an answer's body, numbering the ids not seen before."""
        if isinstance(body, float):
            return self._duration(body)
        if unordered and isinstance(body, list):
            body = sorted(body, key=self._without_numbers)
        return self._value(body)

    def _without_numbers(self, item: JSON) -> str:
        """What to sort by: the normal form without the numbers of ids, as these depend on the order."""
        named = set(self.ids)
        normal = json.dumps(self._value(item))
        for value in self.ids.keys() - named:
            del self.ids[value]
        return re.sub(r"\{id\d+\}", "", normal)

    def _value(self, value: JSON, key: str = "") -> JSON:
        if key == "exception_detail" and self.is_of_new_line:
            return [self._value(item["loc"]) for item in value]
        if isinstance(value, dict):
            return {self._text(k): self._value(value[k], k) for k in sorted(value)}
        if isinstance(value, list):
            items = [self._value(item) for item in value]
            return sorted(items) if key in SETS else items
        if isinstance(value, str):
            return self._slug(value) if key == "name" and self._is_slug(value) else self._text(value)
        if isinstance(value, float) and key in DURATIONS:
            return self._duration(value, key)
        if isinstance(value, int) and key == "delay_seconds":
            return self._delay(value)
        return value

    def _is_slug(self, value: str) -> bool:
        return SLUG.fullmatch(value) is not None and value not in self.sent_texts

    def _slug(self, _value: str) -> str:
        return "<slug>"

    def _text(self, text: str) -> str:
        text = text.replace(self.unique, "{unique}")
        text = VERSION_TEXT.sub("{version}", text)
        text = ID_TEXT.sub(lambda found: self._id(found.group()), text)
        return MOMENT_TEXT.sub(lambda found: self._moment(found.group(1), found.group(2)), text)

    def _id(self, value: str) -> str:
        if value in self.sent_texts:
            return value
        if value not in self.ids:
            count = sum(1 for name in self.ids.values() if re.fullmatch(r"id\d+", name))
            self.ids[value] = f"id{count + 1}"
        return "{" + self.ids[value] + "}"

    def _moment(self, clock: str, offset: str) -> str:
        suffix = "" if offset == "+00:00" or (offset == "Z" and self.is_of_new_line) else offset
        moment = datetime.fromisoformat(clock + ("+00:00" if offset == "Z" else offset)).astimezone(UTC)
        label = self.moments.get(moment) or self._relative(moment)
        return label + suffix if label else clock + offset

    def _relative(self, moment: datetime) -> str | None:
        if step := self._step_at(moment):
            return f"@{step}"
        if abs(moment - self.start) > NEAR:
            return None
        return self._jittered(moment) or self._from_second(moment) or self._shifted(moment)

    def _shifted(self, moment: datetime) -> str | None:
        shift = round((moment - self.start).total_seconds() / UNIT) * UNIT
        step = self._step_at(moment - timedelta(seconds=shift))
        return f"@{step}{shift:+d}" if step else None

    def _from_second(self, moment: datetime) -> str | None:
        distance = moment - self.second
        return f"second{distance.total_seconds():+.10g}" if moment.microsecond % TENTH == 0 else None

    def _jittered(self, moment: datetime) -> str | None:
        if self.jitter is None:
            return None
        low, high = (timedelta(seconds=bound) for bound in self.jitter)
        first, last = self.windows[0].sent, self.windows[-1].received
        return "jitter" if first + low <= moment <= last + high else None

    def _step_at(self, moment: datetime) -> str | None:
        """The step in whose window it is; they follow each other further apart than the cut-off."""
        before = bisect_right(self.windows, moment + CUT_OFF, key=lambda window: window.sent)
        if before and moment <= self.windows[before - 1].received:
            return self.windows[before - 1].step
        return None

    def _elapsed(self) -> float:
        return (self.windows[-1].received - self.start).total_seconds()

    def _duration(self, seconds: float, key: str = "") -> JSON:
        whole = int(seconds // UNIT) * UNIT
        rest = MOST_RUNS_SUMMED * (self._elapsed() + 1)
        exact = seconds == 0 and not key.startswith("sum_")
        return seconds if exact or not 0 <= seconds - whole <= rest else f"{whole}+elapsed"

    def _delay(self, seconds: int) -> JSON:
        above = -(-seconds // UNIT) * UNIT
        return f"~{above}" if seconds > 60 and above - seconds <= self._elapsed() + 1 else seconds


def texts(value: JSON) -> Iterable[str]:
    """Every string within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
