"""Percentiles are right and tables say what was measured."""

import pytest

from bench.report import Row, Section, figure, latency_summary, markdown, median, percentile, terminal

SECTION = Section(
    "Writes",
    "./run bench --only writes",
    rows=[
        Row("writes", "1/s", (45.0, 4500.0), "more"),
        Row("p99", "ms", (7000.0, 35.0), "less"),
        Row("failed", "", (3.0, 0.0), "equal"),
        Row("CPU", "ms", (14.25, None), "less"),
    ],
    notes=["Closed load."],
)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.995, 100), (1.0, 100), (0.001, 1), (0.0, 1)])
def test_a_percentile_is_the_smallest_value_that_covers_the_share(share: float, expected: float) -> None:
    assert percentile(range(1, 101), share) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_latency_summary_is_in_milliseconds_and_needs_no_order() -> None:
    assert latency_summary([0.003, 0.001, 0.002]) == {"p50": 2.0, "p99": 3.0, "max": 3.0, "n": 3}
    assert latency_summary([]) is None


def test_the_median_of_rounds_skips_what_was_not_measured() -> None:
    assert median([3.0, None, 1.0, 2.0]) == 2.0
    assert median([None]) is None


def test_times_better_is_above_one_where_interlock_leads() -> None:
    assert [row.ratio for row in SECTION.rows] == [100.0, 200.0, None, None]


def test_nothing_is_infinitely_better() -> None:
    assert Row("p50", "ms", (5.0, 0.0), "less").ratio is None


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (0.126, "0.13"), (45.26, "45.3"), (481.4, "481"), (12345.6, "12,346")]
)
def test_figures_have_no_more_digits_than_they_deserve(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_the_terminal_table_is_aligned_and_names_its_command() -> None:
    lines = terminal(SECTION).splitlines()
    assert lines[0] == "Writes"
    assert lines[2:5] == [
        "measure  unit   peer  Interlock  times better",
        "writes   1/s      45      4,500           100",
        "p99      ms    7,000         35           200",
    ]
    assert lines[-2:] == ["Closed load.", "Made by: ./run bench --only writes"]


def test_the_markdown_table_has_a_cell_for_every_column() -> None:
    text = markdown(SECTION)
    assert "| measure | unit | peer | Interlock | times better |\n| --- | --- | ---: | ---: | ---: |" in text
    assert "| CPU | ms | 14.2 | – | – |" in text
    assert "Made by `./run bench --only writes`" in text


def test_a_table_of_single_results_has_no_ratio() -> None:
    section = Section("Bare", "cmd", ("result",), [Row("raw ASGI", "1/s", (19000.0,), "more")])
    assert section.table() == [["measure", "unit", "result"], ["raw ASGI", "1/s", "19,000"]]


def test_the_json_keeps_the_values_unrounded() -> None:
    rows = SECTION.to_json()["rows"]
    assert rows[0] == {"measure": "writes", "unit": "1/s", "peer": 45.0, "Interlock": 4500.0, "times_better": 100.0}
    assert rows[3] == {"measure": "CPU", "unit": "ms", "peer": 14.25, "Interlock": None}
