"""The recorded answers of the peer: one gzipped file of JSON lines a family, one line a case, in `answers/`.

Reading, writing and comparing them. Read one with `python -m tests.comparison.record --show PATTERN`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.comparison.model import JSON, Case
from tests.comparison.replay import Answer, Answers

FOLDER = Path(__file__).parent / "answers"


@dataclass(frozen=True)
class Recording:
    """What the peer answered to a case, and the fingerprint of the case as it was sent."""

    fingerprint: str
    answers: Answers

    def fits(self, case: Case) -> bool:
        return self.fingerprint == case.fingerprint()


def load(families: Iterable[str]) -> dict[str, Recording]:
    """The recordings of some families, by the key of their case. A family without a file has none."""
    found: dict[str, Recording] = {}
    for family in families:
        path = _path(family)
        if path.exists():
            for line in gzip.decompress(path.read_bytes()).decode().splitlines():
                entry = json.loads(line)
                answers = {step: Answer(*parts) for step, parts in entry["answers"].items()}
                found[f"{family}/{entry['case']}"] = Recording(entry["sent"], answers)
    return found


def save(cases: Iterable[Case], recordings: Mapping[str, Recording]) -> None:
    """Write the recordings of these cases, a file a family, in the order of the cases."""
    lines: dict[str, list[str]] = {}
    for case in cases:
        recording = recordings.get(case.key)
        if recording is not None:
            lines.setdefault(case.family, []).append(_line(case, recording))
    FOLDER.mkdir(exist_ok=True)
    for family, texts in lines.items():
        _path(family).write_bytes(gzip.compress("\n".join(texts).encode() + b"\n", mtime=0))


def _line(case: Case, recording: Recording) -> str:
    answers = {step: _parts(answer) for step, answer in recording.answers.items()}
    entry = {"case": case.name, "sent": recording.fingerprint, "answers": answers}
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False)


def _parts(answer: Answer) -> list[JSON]:
    return [answer.status, answer.body, *([answer.headers] if answer.headers else [])]


def _path(family: str) -> Path:
    return FOLDER / f"{family}.jsonl.gz"


def unfit(cases: Iterable[Case], recordings: Mapping[str, Recording]) -> list[str]:
    """Why the recordings don't belong to these cases: missing, for an older form, or left over. Empty where they do."""
    problems = []
    keys = set()
    for case in cases:
        keys.add(case.key)
        recording = recordings.get(case.key)
        if not recording:
            problems.append(f"{case.key}: no recorded answer")
        elif not recording.fits(case):
            problems.append(f"{case.key}: the case has changed since its answer was recorded")
    problems += [f"{key}: a recorded answer without a case" for key in recordings if key not in keys]
    return problems


def differing(expected: Answers, actual: Answers) -> list[str]:
    """One line for each place where two cases' answers differ: `step path: expected -> actual`."""
    lines = []
    for step in [*expected, *(step for step in actual if step not in expected)]:
        if step not in expected or step not in actual:
            lines.append(f"{step}: asked by one of the two only, as an earlier answer differs")
        else:
            lines += _changes(step, expected[step], actual[step])
    return lines


def _changes(step: str, expected: Answer, actual: Answer) -> list[str]:
    left, right = _flat(expected), _flat(actual)
    paths = list(left) + [path for path in right if path not in left]
    shown = [(path, _shown(left, path), _shown(right, path)) for path in paths]
    return [f"{step} {path}: {_short(old)} -> {_short(new)}" for path, old, new in shown if old != new]


def _flat(answer: Answer) -> dict[str, JSON]:
    return {"status": answer.status} | flatten(dict(answer.headers), "headers") | flatten(answer.body, "body")


def flatten(value: JSON, path: str) -> dict[str, JSON]:
    """A JSON value as a flat mapping from dotted paths to scalars (and to empty lists and objects)."""
    if isinstance(value, dict) and value:
        items = [(f"{path}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list) and value:
        items = [(f"{path}.{index}", item) for index, item in enumerate(value)]
    else:
        return {path: value}
    flat: dict[str, JSON] = {}
    for key, item in items:
        flat |= flatten(item, key)
    return flat


def _shown(flat: Mapping[str, JSON], path: str) -> str:
    """The value at a path as JSON text, which tells 0 from 0.0 and from false."""
    return json.dumps(flat[path], ensure_ascii=False) if path in flat else "(absent)"


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
