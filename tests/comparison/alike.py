"""Whether two servers' answers to the same request are alike, where the order of equals is left to chance.

What lives here: answers that are normalised already, and one line for each difference. What does not: what is
normalised (`normalise`, `filled`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

from tests.comparison.drawn_requests import Asked
from tests.comparison.model import JSON
from tests.comparison.recordings import differing
from tests.comparison.replay import Answer

Records = Mapping[str, Mapping[str, JSON]]
"""What is known of runs, by their ids, for answers that don't tell by what they are ordered."""


def unlike(asked: Asked, expected: Answer, actual: Answer, records: Records) -> list[str]:
    """The differences, none where the two are alike."""
    if expected.status >= 500:
        # That is nothing to follow, where it is known.
        return [] if _may_fail(asked) and actual.status < 500 else [f"the peer fails -> {actual.status}"]
    if not (_is_page(expected) and _is_page(actual)):
        return differing({"answer": expected}, {"answer": actual})
    if asked.order is None:
        return _unlike_by_chance(asked, expected.body, actual.body)
    return _unlike_in_order(asked, asked.order, expected.body, actual.body, records)


def _may_fail(asked: Asked) -> bool:
    """Whether the peer is known to fail here (letter e in `docs/compatibility.md`).

    It does in the older graph where a run has no state or an input that is no result, in the dashboard where runs
    without a start are asked for too, and with intervals and offsets that are too large for it.
    """
    ends = ("/graph", "/ui/task_runs/dashboard/counts", "/history")
    return asked.path.endswith(ends) or "offset" in (asked.body or {})


def _is_page(answer: Answer) -> bool:
    """Whether it is a list of records."""
    return isinstance(answer.body, list) and all(isinstance(x, dict) and "id" in x for x in answer.body)


def _unlike_by_chance(asked: Asked, expected: list[JSON], actual: list[JSON]) -> list[str]:
    """Pages in no order are alike where all records are there, or as many of them."""
    if asked.fills is not None and (asked.skips or len(expected) == asked.fills):
        return [] if len(expected) == len(actual) else [f"{len(expected)} records -> {len(actual)}"]
    return _unlike_sets(expected, actual)


def _unlike_in_order(
    asked: Asked, order: Sequence[str], expected: list[JSON], actual: list[JSON], records: Records
) -> list[str]:
    """The records are ordered by the same values, and those of the same value are the same, but at the page's ends."""
    groups, found = (_grouped(x, order, records) for x in (expected, actual))
    if (left := [(value, len(x)) for value, x in groups]) != (right := [(value, len(x)) for value, x in found]):
        return [f"by {'/'.join(order)}: {left} -> {right}"]
    first = 1 if asked.skips else 0
    last = len(groups) - (len(expected) == asked.fills)
    pairs = list(zip(groups, found, strict=True))[first:last]
    return [line for (_, mine), (_, other) in pairs for line in _unlike_sets(mine, other)]


def _grouped(rows: list[JSON], order: Sequence[str], records: Records) -> list[tuple[JSON, list[JSON]]]:
    """The records of a page, those of the same value together."""

    def value(row: JSON) -> JSON:
        known = row if all(x in row for x in order) else records[row["id"]]
        return next((known[x] for x in order if known[x] is not None), None)

    return [(key, list(rows_of)) for key, rows_of in groupby(rows, value)]


def _unlike_sets(expected: list[JSON], actual: list[JSON]) -> list[str]:
    left, right = (sorted(x, key=_as_text) for x in (expected, actual))
    return differing({"answer": Answer(200, left)}, {"answer": Answer(200, right)})


def _as_text(row: JSON) -> str:
    return json.dumps(row, sort_keys=True)
