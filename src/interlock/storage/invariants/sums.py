"""What holds for the sums over all runs, and over the task runs of a tag: they are those of the runs.

What lives here: what is kept, beside the sums of the rows. What does not: how it is kept (storage/sums.py and
storage/tag_sums.py).
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, FromClause, Subquery, Text, cast, func, or_, select, union_all

from interlock.storage import sums, tag_sums
from interlock.storage.invariants.scan import Invariant, Scan
from interlock.storage.tables import run_counts, run_sum_changes, run_sums, tag_sum_changes
from interlock.storage.tables import tag_sums as sums_by_tag

ROUNDING = 1e-3
"""How far apart sums of the same numbers may be that were added up in another order."""


def scans() -> list[Scan]:
    """One over the numbers of runs, one over the minutes, and one over the minutes of tags."""
    of_runs = [sums.sums_of(table).subquery() for table in sums.RUNS]
    of_state = ("minute", "state_type", "state_name")
    counts = _differences(("noun", "state_type"), ("runs",), (run_counts, run_sum_changes), of_runs)
    minutes = _differences(("noun", *of_state), sums.VALUES, (run_sums, run_sum_changes), of_runs)
    of_tags = [tag_sums.sums_of_rows().subquery()]
    tagged = _differences(("tag", *of_state), sums.VALUES, (sums_by_tag, tag_sum_changes), of_tags)
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
        Scan(
            tagged,
            tagged.c.tag + " " + cast(tagged.c.minute, Text) + " " + tagged.c.state_name,
            (Invariant("sums-by-tag", "other sums of a tag's runs are kept than they have", _differ(tagged)),),
        ),
    ]


def _differ(minutes: Subquery) -> ColumnElement[bool]:
    times = (func.abs(minutes.c[x]) > ROUNDING for x in ("run_time", "lateness"))
    return or_(minutes.c.runs != 0, *times)


def _differences(
    keys: Sequence[str], values: Sequence[str], kept: Iterable[FromClause], of_runs: Iterable[FromClause]
) -> Subquery:
    """How much more is kept than the runs add up to, by the keys."""
    signed = [*((x, 1) for x in kept), *((x, -1) for x in of_runs)]
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
