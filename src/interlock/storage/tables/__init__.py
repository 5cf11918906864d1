"""The schema: one table a noun, the same on both databases.

What lives here: tables, keys and indexes, by what they are about. What does not: how they change over time
(migrations/) and what is asked of them (queries/).
"""

from interlock.storage.tables.blocks import (
    block_document_references,
    block_documents,
    block_schema_references,
    block_schemas,
    block_types,
)
from interlock.storage.tables.columns import metadata
from interlock.storage.tables.deployments import deployment_schedules, deployments, flows
from interlock.storage.tables.limits import (
    concurrency_lease_slots,
    concurrency_leases,
    concurrency_limits_v2,
    concurrency_slots,
)
from interlock.storage.tables.records import artifact_collections, artifacts, event_resources, events, logs
from interlock.storage.tables.runs import (
    flow_run_inputs,
    flow_run_states,
    flow_runs,
    task_run_state_cache,
    task_run_states,
    task_run_tags,
    task_runs,
)
from interlock.storage.tables.settings import configuration, saved_searches, variables
from interlock.storage.tables.sums import run_counts, run_sum_changes, run_sums, tag_sum_changes, tag_sums
from interlock.storage.tables.task_queue import IS_WAITING, servers, task_run_queue, task_workers
from interlock.storage.tables.work_pools import work_pools, work_queues, workers

__all__ = [
    "IS_WAITING",
    "artifact_collections",
    "artifacts",
    "block_document_references",
    "block_documents",
    "block_schema_references",
    "block_schemas",
    "block_types",
    "concurrency_lease_slots",
    "concurrency_leases",
    "concurrency_limits_v2",
    "concurrency_slots",
    "configuration",
    "deployment_schedules",
    "deployments",
    "event_resources",
    "events",
    "flow_run_inputs",
    "flow_run_states",
    "flow_runs",
    "flows",
    "logs",
    "metadata",
    "run_counts",
    "run_sum_changes",
    "run_sums",
    "saved_searches",
    "servers",
    "tag_sum_changes",
    "tag_sums",
    "task_run_queue",
    "task_run_state_cache",
    "task_run_states",
    "task_run_tags",
    "task_runs",
    "task_workers",
    "variables",
    "work_pools",
    "work_queues",
    "workers",
]
