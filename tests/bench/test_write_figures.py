"""The writes' tables show the medians of the rounds and tell what is to be doubted."""

from typing import Any

from bench.options import parse
from bench.write_figures import Reports, notes, rows

OPTIONS = parse(["--quick"], "", ("writes",))


def report(rate: float, stored: int = 10, failures: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    latency = {"p50": 1.0, "p99": 2.0, "max": 3.0, "n": 10}
    return {
        "writes_per_second": rate,
        "latency_ms": {"create": latency, "set_state": latency},
        "failures": failures or {},
        "failed": sum((failures or {}).values()),
        "completed": {"acknowledged": 10, "counted": stored},
        "cpu_ms_per_write": {"server": 0.2},
        "load_cpu_share": 0.5,
    } | more


def test_a_row_is_the_median_of_the_rounds_for_each_column() -> None:
    reports: Reports = {
        ("peer", 50): [report(40.0), report(60.0), report(50.0)],
        ("Interlock", 50): [report(4000.0), report(5000.0), report(9000.0)],
    }
    first = rows(("peer", "Interlock"), 50, reports)[0]
    assert (first.label, first.values) == ("50 connections: writes", (50.0, 5000.0))


def test_what_nobody_measured_has_no_row() -> None:
    labels = [row.label for row in rows(("peer",), 1, {("peer", 1): [report(40.0)]})]
    assert "1 connection: server CPU a write" in labels
    assert "1 connection: PostgreSQL's CPU a write" not in labels


def test_good_reports_are_said_to_have_lost_nothing_and_raise_no_doubt() -> None:
    assert len(notes(OPTIONS, {("peer", 1): [report(40.0)]})) == 2


def test_failures_lost_runs_and_a_busy_load_generator_are_told() -> None:
    bad = report(40.0, stored=9, failures={"create: HTTP 503": 4}, load_cpu_share=0.95)
    assert notes(OPTIONS, {("peer", 50): [bad]})[1:] == [
        "peer, 50 connections: 4 x create: HTTP 503",
        "peer, 50 connections: stored COMPLETED runs differ from acknowledged by -1",
        "peer, 50 connections: the load generator itself was the limit",
    ]
