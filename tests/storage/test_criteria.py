"""Filters of simple records as conditions."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, Table, insert, select

from interlock.storage.criteria import Criteria, condition, contains, equal, has_all, is_empty, one_of
from interlock.storage.types import Text, TextList
from tests.storage.conftest import PlainStore

records = Table(
    "records",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("open", Boolean),
    Column("tags", TextList),
)
CRITERIA: Criteria = {
    "id": {"any_": one_of(records.c.id)},
    "name": {"any_": one_of(records.c.name), "like_": contains(records.c.name)},
    "open": equal(records.c.open),
    "tags": {"all_": has_all(records.c.tags), "is_null_": is_empty(records.c.tags)},
}
ROWS = [
    {"id": 1, "name": "One", "open": True, "tags": ["a", "b"]},
    {"id": 2, "name": "two_", "open": False, "tags": []},
    {"id": 3, "name": "Three", "open": True, "tags": ["b", 'c"']},
]


Found = Callable[[dict[str, Any]], list[int]]


@pytest.fixture(scope="module")
def found(plain_store: PlainStore) -> Found:
    """The ids of the rows that a filter asks for."""
    plain_store.write(make_records)
    return lambda given: plain_store.read(ids_of, given)


def make_records(conn: Connection) -> None:
    records.create(conn)
    conn.execute(insert(records), ROWS)


def ids_of(conn: Connection, given: dict[str, Any]) -> list[int]:
    return list(conn.execute(select(records.c.id).where(condition(given, CRITERIA)).order_by(records.c.id)).scalars())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"id": {}}, [1, 2, 3]),
        ({"unknown": {"any_": [1]}}, [1, 2, 3]),
        ({"id": {"any_": [1, 3, 5]}}, [1, 3]),
        ({"id": {"any_": []}}, []),
        ({"name": {"any_": ["one", "Three"]}}, [3]),
        ({"name": {"like_": "O"}}, [1, 2]),
        ({"name": {"like_": "t%e"}}, [3]),
        ({"name": {"like_": "_o_"}}, [2]),
        ({"open": False}, [2]),
        ({"tags": {"all_": ["b"]}}, [1, 3]),
        ({"tags": {"all_": ["b", 'c"']}}, [3]),
        ({"tags": {"all_": []}}, [1, 2, 3]),
        ({"tags": {"is_null_": True}}, [2]),
        ({"tags": {"is_null_": False}}, [1, 3]),
    ],
)
def test_a_filter_asks_for_what_each_part_names(found: Found, given: dict[str, Any], expected: list[int]) -> None:
    assert found(given) == expected


def test_all_parts_hold_unless_any_may_do(found: Found) -> None:
    """Within a part as well."""
    parts = {"id": {"any_": [1]}, "name": {"any_": ["Three"]}}
    assert found(parts) == found(parts | {"operator": "and_"}) == []
    assert found(parts | {"operator": "or_"}) == [1, 3]
    tags = {"all_": ["a"], "is_null_": True}
    assert found({"tags": tags}) == []
    assert found({"tags": tags | {"operator": "or_"}}) == [1, 2]


def test_where_any_may_do_a_part_that_asks_nothing_holds_for_all(found: Found) -> None:
    assert found({"operator": "or_", "id": {}, "name": {"any_": ["Three"]}}) == [1, 2, 3]
