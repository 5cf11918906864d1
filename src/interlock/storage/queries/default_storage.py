"""The block that keeps results where a client says nothing of its own.

What lives here: statements on that choice. What does not: blocks (block_documents.py).
"""

from sqlalchemy import Connection, delete, insert, select

from interlock.storage.queries.locks import BLOCKS, hold
from interlock.storage.tables import block_documents, block_schemas, configuration

KEY = "DEFAULT_RESULT_STORAGE"
WRITES = "write-path"
"""What the schema of a block must be capable of that keeps results."""


class UnfitBlockError(Exception):
    """The block can't keep results."""


def read(conn: Connection) -> str | None:
    """The id of the block document; None where none is chosen, or where it has been deleted."""
    chosen = conn.execute(select(configuration.c.value).where(configuration.c.key == KEY)).scalar()
    if chosen is None:
        return None
    found = select(block_documents.c.id).where(block_documents.c.id == chosen["block_document_id"])
    return conn.execute(found).scalar()


def choose(conn: Connection, document_id: str) -> bool:
    """Choose a block document; whether it exists. Raises UnfitBlockError."""
    hold(conn, BLOCKS)
    schema_id = select(block_documents.c.block_schema_id).where(block_documents.c.id == document_id).scalar_subquery()
    capable = conn.execute(select(block_schemas.c.capabilities).where(block_schemas.c.id == schema_id)).scalar()
    if capable is None:
        return False
    if WRITES not in capable:
        raise UnfitBlockError
    clear(conn)
    conn.execute(insert(configuration), {"key": KEY, "value": {"block_document_id": document_id}})
    return True


def clear(conn: Connection) -> None:
    """Choose none."""
    conn.execute(delete(configuration).where(configuration.c.key == KEY))
