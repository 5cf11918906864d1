"""The index of tags: for each tag, which task runs have it.

What lives here: the rows that a task run has in the index, and their changes. What does not: which statement they go
with (ledger.py), and what is found by them (queries/runs_filter.py).

A run's own row keeps its tags too, in their order. They are written once, and so is the index: a transition leaves it
alone, where any index on the run's row would be written by each in PostgreSQL.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Select, select

from interlock.orchestration.runs import TaskRun
from interlock.storage.prepared import BulkDelete, BulkInsert, Rows, Writes
from interlock.storage.tables import task_run_tags

KEY_CHARACTERS = 200
"""How much of a tag is kept in the index: PostgreSQL refuses keys of more than some 2,700 bytes."""

_INSERT = BulkInsert(task_run_tags, task_run_tags.c.keys())
_DELETE = BulkDelete(task_run_tags, task_run_tags.c.keys())


def key_of(tag: str) -> str:
    """How a tag is told in the index. Runs that have a tag of such a key need not have the tag, if it is that long."""
    return tag[:KEY_CHARACTERS]


def keys_of(tags: Iterable[str]) -> set[str]:
    """How tags are told in the index, each once."""
    return set(map(key_of, tags))


def is_told_whole(tag: str) -> bool:
    """Whether no other tag has the same key."""
    return len(tag) < KEY_CHARACTERS


def runs_with(tag: str) -> Select[tuple[str]]:
    """The ids of the task runs that have a tag of the same key."""
    return select(task_run_tags.c.task_run_id).where(task_run_tags.c.tag == key_of(tag))


def gather(writes: Writes, created: Iterable[TaskRun], retagged: Iterable[tuple[TaskRun, TaskRun]]) -> None:
    """Have the index follow: runs that are new, and runs that may have other tags than before, each as it was and as it
    is."""
    changes = [(now.id, keys_of(before.tags), keys_of(now.tags)) for before, now in retagged if before.tags != now.tags]
    writes.add(_DELETE, _rows((run_id, before - now) for run_id, before, now in changes))
    added = [(run_id, now - before) for run_id, before, now in changes]
    writes.add(_INSERT, _rows([*((run.id, keys_of(run.tags)) for run in created if run.tags), *added]))


def remove(conn: Connection, runs: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Take task runs out, given by their ids and tags."""
    _DELETE.write(conn, _rows((run_id, keys_of(tags)) for run_id, tags in runs))


def _rows(keys: Iterable[tuple[str, set[str]]]) -> Rows:
    return [{"tag": key, "task_run_id": run_id} for run_id, own in keys for key in sorted(own)]
