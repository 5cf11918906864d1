"""Orders on the wire: a column and a direction, in one word.

What lives here: which orders there are of flows, runs and deployments. What does not: what they mean
(storage/filters.py), and the orders of other resources (beside them).
"""

from enum import StrEnum

from interlock.storage.filters import Order

_COLUMNS = {"start_time": "start_or_expected_time"}
"""Columns that are not named as in the order."""


class Sort(StrEnum):
    """An order: a column, then `ASC` or `DESC`."""

    @property
    def order(self) -> Order:
        """The order for the store."""
        column, _, direction = self.value.lower().rpartition("_")
        return Order(_COLUMNS.get(column, column), descending=direction == "desc")


class FlowRunSort(Sort):
    """How flow runs are ordered. One that has not started counts by when it is expected to, in START_TIME."""

    ID_DESC = "ID_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class TaskRunSort(Sort):
    """How task runs are ordered."""

    ID_DESC = "ID_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class FlowSort(Sort):
    """How flows are ordered."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class DeploymentSort(Sort):
    """How deployments are ordered."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
