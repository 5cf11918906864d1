"""The values of variables, for placeholders that stand for them."""

from sqlalchemy import Connection, select

from interlock.storage.tables import variables


def by_name(conn: Connection) -> dict[str, str]:
    """The value of every variable."""
    return {row.name: row.value for row in conn.execute(select(variables.c.name, variables.c.value))}
