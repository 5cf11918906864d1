"""All cases: the families of transitions and of requests, in one list. No clock, no chance, no server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from tests.comparison import (
    flow_matrix,
    flow_resume,
    flow_rules,
    requests_blocks,
    requests_deployment_slots,
    requests_deployments,
    requests_filters,
    requests_flow_runs,
    requests_history,
    requests_leases,
    requests_limits_v2,
    requests_schemas,
    requests_small,
    requests_task_runs,
    requests_work,
    sequences,
    task_matrix,
    task_rules,
    task_slots,
)
from tests.comparison.model import Case

SOURCES: tuple[Callable[[], Iterator[Case]], ...] = (
    task_matrix.cases,
    flow_matrix.cases,
    task_rules.cases,
    task_slots.cases,
    flow_rules.cases,
    flow_resume.cases,
    sequences.cases,
    requests_task_runs.cases,
    requests_flow_runs.cases,
    requests_filters.cases,
    requests_history.cases,
    requests_deployments.cases,
    requests_small.cases,
    requests_schemas.cases,
    requests_limits_v2.cases,
    requests_leases.cases,
    requests_deployment_slots.cases,
    requests_blocks.cases,
    requests_work.cases,
)


def all_cases() -> list[Case]:
    """Every case, in a fixed order; their keys are distinct."""
    return [case for source in SOURCES for case in source()]


def matching(cases: Iterable[Case], pattern: str) -> list[Case]:
    """The cases whose key (`family/name`) matches a shell pattern, or begins with it."""
    return [case for case in cases if fnmatchcase(case.key, pattern) or case.key.startswith(pattern)]


def families(cases: Iterable[Case]) -> list[str]:
    return list(dict.fromkeys(case.family for case in cases))
