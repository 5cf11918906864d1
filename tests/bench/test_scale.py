"""The table of a size: from the servers' reports to rows and notes."""

from typing import Any

from bench.scenarios.scale import section


def report(p50: float, writes: float = 100, size: int = 7, failures: int = 0) -> dict[str, Any]:
    """Of a server that was asked a single query."""
    count = {"p50": p50, "p99": 2 * p50, "size": size, "goal": 5, "failures": failures}
    figures = dict.fromkeys(("writes_beside_queries", "mib_per_million", "fill_seconds"), 1.0)
    return {"alone": {"count": count}, "while_writing": {"count": count}, **figures} | {
        "writes": writes,
        "writes_on_empty": 100,
    }


def notes(runs: int, **reports: dict[str, Any]) -> str:
    return "\n".join(section("Title", "command", runs, reports).notes)


def test_each_figure_has_a_column_for_each_server() -> None:
    """Queries alone, queries beside writes, and what the size costs."""
    rows = {row.label: row.values for row in section("", "", 10, {"peer": report(4), "Interlock": report(2)}).rows}
    assert rows["count: p50"] == rows["while 50 connections write, count: p50"] == (4, 2)
    assert rows["count: p99"] == (8, 4)
    assert rows["writes of 50 connections on this ledger"] == (100, 100)


def test_goals_that_are_missed_are_told() -> None:
    """Of Interlock, not of the peer; for more than a million runs they are twice as long."""
    assert "Goal missed: count: p50 6.0 ms, goal 5 ms" in notes(1_000_000, peer=report(1), Interlock=report(6))
    assert "Goal missed" not in notes(1_000_000, peer=report(6), Interlock=report(5))
    assert "Goal missed" not in notes(5_000_000, Interlock=report(6))


def test_writes_that_a_large_ledger_slows_down_are_told() -> None:
    """Where they lose more than a fifth."""
    assert "writes on this ledger are 79% of those on an empty one" in notes(10, Interlock=report(1, writes=79))
    assert "Goal missed" not in notes(10, Interlock=report(1, writes=80))


def test_answers_that_differ_or_fail_are_told() -> None:
    """So that no figure is taken for what it is not."""
    assert "The answers differ for 'count': [7, 8]" in notes(10, peer=report(1), Interlock=report(1, size=8))
    assert "Interlock, alone: queries failed: {'count': 3}" in notes(10, Interlock=report(1, failures=3))
