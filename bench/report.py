"""Figures: percentiles, and the tables they are printed in (terminal, Markdown, JSON). Measures nothing itself."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

PEER_AND_INTERLOCK = ("peer", "Interlock")
MISSING = "–"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the ordered values do not exceed."""
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latency_summary(seconds: Iterable[float]) -> dict[str, float] | None:
    """p50, p99 and max in milliseconds, and the number of values; None without any."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    return {
        "p50": percentile(ordered, 0.50) * 1000,
        "p99": percentile(ordered, 0.99) * 1000,
        "max": ordered[-1] * 1000,
        "n": len(ordered),
    }


def median(values: Iterable[float | None]) -> float | None:
    """The median of the values there are; None without any."""
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


@dataclass(frozen=True, slots=True)
class Row:
    """One measure: a value a column, and which way is better ("equal": no ratio is formed)."""

    label: str
    unit: str
    values: tuple[float | None, ...]
    better: Literal["more", "less", "equal"]

    @property
    def ratio(self) -> float | None:
        """How many times better the second value is than the first: above 1, Interlock leads."""
        if len(self.values) != 2 or self.better == "equal":
            return None
        first, second = self.values if self.better == "more" else reversed(self.values)
        return second / first if first and second is not None else None


@dataclass(slots=True)
class Section:
    """A scenario's table. `command` is what makes these figures again; `raw` is kept for the JSON file only."""

    title: str
    command: str
    columns: tuple[str, ...] = PEER_AND_INTERLOCK
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: Any = None

    def table(self) -> list[list[str]]:
        """Header and rows as text."""
        compared = len(self.columns) == 2
        table = [["measure", "unit", *self.columns, *(["times better"] if compared else [])]]
        for row in self.rows:
            cells = [row.label, row.unit, *(figure(value) for value in row.values)]
            table.append([*cells, *([figure(row.ratio)] if compared else [])])
        return table

    def to_json(self) -> dict[str, Any]:
        rows = [
            {"measure": row.label, "unit": row.unit, **dict(zip(self.columns, row.values, strict=True))}
            | ({} if row.ratio is None else {"times_better": row.ratio})
            for row in self.rows
        ]
        return {"title": self.title, "command": self.command, "rows": rows, "notes": self.notes, "raw": self.raw}


def figure(value: float | None) -> str:
    """A number with no more digits than it deserves."""
    if value is None:
        return MISSING
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def facts_line(facts: dict[str, str]) -> str:
    """The machine or the versions in one line."""
    return ", ".join(f"{name}: {value}" for name, value in facts.items())


def terminal(section: Section) -> str:
    """The section as aligned text."""
    table = section.table()
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [section.title, "=" * len(section.title)]
    for row in table:
        left = f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}"
        lines.append("  ".join([left, *(f"{cell:>{width}}" for cell, width in zip(row[2:], widths[2:], strict=True))]))
    return "\n".join([*lines, *section.notes, f"Made by: {section.command}"])


def markdown(section: Section) -> str:
    """The section as a Markdown table under a heading."""
    header, *rows = section.table()
    rule = ["---", "---", *["---:"] * (len(header) - 2)]
    lines = ["| " + " | ".join(cells) + " |" for cells in [header, rule, *rows]]
    notes = [f"- {note}" for note in [*section.notes, f"Made by `{section.command}`"]]
    return "\n".join([f"### {section.title}", "", *lines, "", *notes])
