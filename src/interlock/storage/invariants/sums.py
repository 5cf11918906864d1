"""What holds for the sums over all runs: they are those of the runs.

What lives here: what is kept, beside the sums of the rows. What does not: how it is kept (storage/sums.py).
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, FromClause, Subquery, Text, cast, func, or_, select, union_all

from interlock.storage import sums
from interlock.storage.invariants.scan import Invariant, Scan
from interlock.storage.tables import run_counts, run_sum_changes, run_sums

ROUNDING = 1e-3
"""How far apart sums of the same numbers may be that were added up in another order."""


def scans() -> list[Scan]:
    """One over the numbers of runs, and one over the minutes."""
    counts = _differences(("noun", "state_type"), ("runs",), run_counts)
    minutes = _differences(("noun", "minute", "state_type", "state_name"), ("runs", "run_time", "lateness"), run_sums)
    return [
        Scan(
            counts,
            counts.c.noun + " " + counts.c.state_type,
            (Invariant("counts-by-state", "other numbers of runs are kept than there are", counts.c.runs != 0),),
        ),
        Scan(
            minutes,
            minutes.c.noun + " " + cast(minutes.c.minute, Text) + " " + minutes.c.state_name,
            (Invariant("sums-by-minute", "other sums of a minute's runs are kept than they have", _differ(minutes)),),
        ),
    ]


def _differ(minutes: Subquery) -> ColumnElement[bool]:
    times = (func.abs(minutes.c[x]) > ROUNDING for x in ("run_time", "lateness"))
    return or_(minutes.c.runs != 0, *times)


def _differences(keys: Sequence[str], values: Sequence[str], kept: FromClause) -> Subquery:
    """How much more is kept than the runs add up to, by the keys."""
    of_runs = (sums.sums_of(table).subquery() for table in sums.RUNS)
    signed = [(kept, 1), (run_sum_changes, 1), *((x, -1) for x in of_runs)]
    parts = union_all(
        *(
            select(*(x.c[key] for key in keys), *((sign * x.c[value]).label(value) for value in values)).where(
                *(x.c[key].is_not(None) for key in keys)
            )
            for x, sign in signed
        )
    ).subquery()
    columns = [parts.c[key] for key in keys]
    return select(*columns, *(func.sum(parts.c[x]).label(x) for x in values)).group_by(*columns).subquery()
