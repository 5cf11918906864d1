"""Sums over all runs (storage/sums.py), and over the task runs of a tag (storage/tag_sums.py)."""

from sqlalchemy import BigInteger, Column, Table

from interlock.storage.tables.columns import metadata, sums
from interlock.storage.types import Text, UtcTime

# How many runs are in a state of each type, or in none, which has an empty type. A noun is the name of a table of runs.
# What keeps this and the next two tables is in sums.py; what keeps the last two, in tag_sums.py.
run_counts = Table(
    "run_counts",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("state_type", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
)

# The runs that have ended, by state and by the minute in which they were expected to start.
run_sums = Table(
    "run_sums",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("minute", UtcTime, primary_key=True),
    Column("state_type", Text, primary_key=True),
    Column("state_name", Text, primary_key=True),
    *sums(),
)

# What is still to be added to both. Rows for run_counts alone have neither minute nor name.
run_sum_changes = Table(
    "run_sum_changes",
    metadata,
    Column("noun", Text, nullable=False),
    Column("state_type", Text, nullable=False),
    Column("state_name", Text),
    Column("minute", UtcTime),
    *sums(),
)

# The task runs that have ended, by tag (as the index of tags has it), state and minute.
tag_sums = Table(
    "tag_sums",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("minute", UtcTime, primary_key=True),
    Column("state_type", Text, primary_key=True),
    Column("state_name", Text, primary_key=True),
    *sums(),
    sqlite_with_rowid=False,
)

# What is still to be added to them.
tag_sum_changes = Table(
    "tag_sum_changes",
    metadata,
    Column("tag", Text, nullable=False),
    Column("minute", UtcTime, nullable=False),
    Column("state_type", Text, nullable=False),
    Column("state_name", Text, nullable=False),
    *sums(),
)
