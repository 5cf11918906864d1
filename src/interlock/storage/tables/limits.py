"""Concurrency limits, and who holds their slots."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, Table

from interlock.storage.tables.columns import identity, metadata, owned_by
from interlock.storage.types import Id, Text, UtcTime

# The limit of a tag is the global limit of the name `tag:` and the tag.
concurrency_limits_v2 = Table(
    "concurrency_limits_v2",
    metadata,
    *identity(),
    Column("active", Boolean, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("limit", Integer, nullable=False),
    Column("active_slots", Integer, nullable=False),
    Column("denied_slots", Integer, nullable=False),
    Column("slot_decay_per_second", Float, nullable=False),
    Column("avg_slot_occupancy_seconds", Float, nullable=False),
)

# Who holds the slots of a tag's limit by its transitions. An operator may reset a limit to any ids, so that a holder
# need not be a run that is known here.
concurrency_slots = Table(
    "concurrency_slots",
    metadata,
    Column("concurrency_limit_id", Id, ForeignKey("concurrency_limits_v2.id", ondelete="CASCADE"), primary_key=True),
    Column("task_run_id", Id, primary_key=True, index=True),
)

# Slots that a client holds for as long as it says so from time to time. The holder is who it says that it is for, and
# need not be known here.
concurrency_leases = Table(
    "concurrency_leases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False, index=True),
    Column("holder_type", Text),
    Column("holder_id", Id, index=True),
)

# What a lease holds of a limit, until it expires. Where the limit's slots free themselves, they are among its
# `active_slots` instead (`is_stored`).
concurrency_lease_slots = Table(
    "concurrency_lease_slots",
    metadata,
    owned_by("lease_id", "concurrency_leases.id", primary_key=True),
    owned_by("concurrency_limit_id", "concurrency_limits_v2.id", primary_key=True, index=True),
    Column("slots", Integer, nullable=False),
    Column("is_stored", Boolean, nullable=False),
)
