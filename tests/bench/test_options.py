"""The command line fills in lengths and can be repeated from what it reports."""

import pytest

from bench.options import parse

SCENARIOS = ("writes", "flow")


def test_everything_runs_at_full_length_by_default() -> None:
    options = parse([], "", SCENARIOS)
    assert (options.only, options.servers) == (SCENARIOS, ("peer", "Interlock"))
    assert options.databases == ("sqlite", "postgresql")
    assert (options.seconds, options.mapped_tasks, options.stored_runs) == (10, 500, 100_000)
    assert (options.sizes, options.peer_runs) == ((10_000, 100_000, 1_000_000), 100_000)
    assert options.repeat == ""


def test_quick_sizes_are_small_unless_given() -> None:
    """Those that are given are told of as well."""
    assert parse(["--quick"], "", SCENARIOS).sizes == (10_000,)
    assert parse(["--quick", "--sizes", "500,5000000"], "", SCENARIOS).repeat == "--quick --sizes 500,5000000"


def test_the_reported_options_give_the_same_lengths_again() -> None:
    given = "--quick --seconds 5 --stored-runs 200000 --connections 1,50 --servers peer --json x.json"
    options = parse(given.split(), "", SCENARIOS)
    again = parse(options.repeat.split(), "", SCENARIOS)
    assert (again.seconds, again.rounds, again.stored_runs) == (5, 1, 200_000)
    assert (again.connections, again.servers, again.json) == ((1, 50), ("peer",), None)


def test_an_unknown_scenario_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--only", "writes,sleep"], "", SCENARIOS)
    assert "no sleep: there are writes, flow" in capsys.readouterr().err
