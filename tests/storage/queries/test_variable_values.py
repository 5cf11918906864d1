"""The values of variables."""

from sqlalchemy import Connection, insert

from interlock.storage.queries import variable_values
from interlock.storage.sqlite import SqliteStore
from interlock.storage.store import Write
from interlock.storage.tables import variables
from tests.builders import THEN


def insert_two(conn: Connection) -> None:
    rows = [{"id": x, "created": THEN, "updated": THEN, "name": x, "value": x.upper(), "tags": []} for x in "ab"]
    conn.execute(insert(variables), rows)


async def test_values_are_found_by_name(store: SqliteStore) -> None:
    """All of them."""
    await store.commit([Write(insert_two)])
    assert await store.read(variable_values.by_name) == {"a": "A", "b": "B"}
