"""Encryption of what block documents hold."""

from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, select
from sqlalchemy.exc import NoResultFound

from interlock.engine.batcher import Batcher
from interlock.storage.queries import block_document_writes, block_documents, block_schemas, block_types
from interlock.storage.queries.block_document_writes import DocumentChange, DocumentDraft
from interlock.storage.queries.block_schemas import SchemaDraft
from interlock.storage.queries.sealing import Seal, seal_made, seal_of
from interlock.storage.store import Store
from interlock.storage.tables import block_documents as documents_table
from interlock.storage.tables import configuration
from tests.conftest import CountingChance, FakeClock

TYPE = "00000000-0000-7000-9000-000000000001"


def kept(conn: Connection) -> list[Any]:
    """All that the table of documents holds of their data."""
    return list(conn.execute(select(documents_table.c.data)).scalars())


def keys(conn: Connection) -> list[Any]:
    return list(conn.execute(select(configuration.c.key, configuration.c.value)).all())


def test_what_is_sealed_can_be_unsealed() -> None:
    """Any JSON."""
    seal = Seal(Fernet.generate_key().decode())
    data = {"ä": [1, None, {"x": 2**70}], "y": 1.5}
    assert seal.unseal(seal.seal(data)) == data


def test_another_key_does_not_unseal() -> None:
    sealed = Seal(Fernet.generate_key().decode()).seal({"a": 1})
    with pytest.raises(InvalidToken):
        Seal(Fernet.generate_key().decode()).unseal(sealed)


async def test_a_database_makes_its_key_once(store: Store) -> None:
    """With the first write that needs one; reading makes none."""
    batcher = Batcher(store)
    with pytest.raises(NoResultFound):
        await store.read(seal_of)
    first = await batcher.write(seal_made)
    second = await batcher.write(seal_made)
    assert second.unseal(first.seal({"a": 1})) == {"a": 1}
    ((key, value),) = await store.read(keys)
    assert (key, list(value)) == ("ENCRYPTION_KEY", ["fernet_key"])


async def test_documents_are_kept_sealed(store: Store, clock: FakeClock) -> None:
    """Secret or not, as made and as changed; whoever reads the file alone reads nothing of them."""
    batcher, new_id, now = Batcher(store), CountingChance().new_id, clock()
    await batcher.write(block_types.create, TYPE, {"name": "type", "slug": "type"}, now)
    schema, _ = await batcher.write(block_schemas.register, SchemaDraft(TYPE, {}), new_id, now)
    draft = DocumentDraft("name", {"word": "hunter2"}, schema["id"], TYPE, False)
    document = await batcher.write(block_document_writes.create, draft, new_id, now)
    wanted = DocumentChange({"other": "hunter3"}, True, None)
    for step in range(2):
        if step:
            await batcher.write(block_document_writes.change, document["id"], wanted, new_id, now)
        (sealed,) = await store.read(kept)
        assert not {"word", "hunter2", "other", "hunter3"} & {sealed, *sealed.split('"')}
        assert sealed.startswith("gAAAA")
    read = await store.read(block_documents.by_id, document["id"], True)
    assert read is not None
    assert read["data"] == {"word": "hunter2", "other": "hunter3"}
