"""References among block schemas and among block documents, followed down to the last."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from interlock.storage.tables import block_document_references, block_schema_references


class Link(NamedTuple):
    """The field `name` of `parent` refers to `target`; both are ids."""

    name: str
    parent: str
    target: str


Links = Select[Any]

_schemas, _documents = block_schema_references.c, block_document_references.c
SCHEMA_LINKS: Links = select(
    _schemas.name, _schemas.parent_block_schema_id.label("parent"), _schemas.reference_block_schema_id.label("target")
).order_by(_schemas.id)
DOCUMENT_LINKS: Links = select(
    _documents.name,
    _documents.parent_block_document_id.label("parent"),
    _documents.reference_block_document_id.label("target"),
).order_by(_documents.id)


def links_below(conn: Connection, links: Links, ids: Iterable[str]) -> list[Link]:
    """The references of these, of those that they refer to, and so on."""
    found: list[Link] = []
    reached = set(ids)
    seen = set(reached)
    while reached:
        query = links.where(links.selected_columns["parent"].in_(reached))
        step = [Link(**row) for row in conn.execute(query).mappings()]
        found += step
        reached = {link.target for link in step} - seen
        seen |= reached
    return found


def with_targets(ids: Iterable[str], links: Iterable[Link]) -> set[str]:
    """The ids, and all that is referred to."""
    return {*ids, *(link.target for link in links)}


def by_parent(links: Iterable[Link], order: Mapping[str, Any]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """For each parent the field and target of its references, in the order in which the targets are in `order`."""
    position = {key: at for at, key in enumerate(order)}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for link in sorted(links, key=lambda x: position[x.target]):
        found[link.parent].append((link.name, link.target))
    return found
