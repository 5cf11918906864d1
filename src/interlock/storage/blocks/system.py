"""The block types that a server has of its own: names, slugs, and what their blocks hold.

Clients bring the same types with longer descriptions and schemas of their own version. These here let a program that is
no such client keep documents of the types that clients know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock.storage.blocks.definitions import Fields


@dataclass(frozen=True)
class SystemType:
    """A block type with the schema of its blocks."""

    name: str
    slug: str
    description: str
    title: str
    properties: dict[str, Any]
    required: Sequence[str] = ()
    secret_fields: Sequence[str] = ()
    capabilities: Sequence[str] = ()

    def fields(self) -> Fields:
        """The fields of its schema."""
        fields: Fields = {
            "title": self.title,
            "description": self.description,
            "type": "object",
            "properties": self.properties,
            "block_type_slug": self.slug,
            "secret_fields": list(self.secret_fields),
            "block_schema_references": {},
        }
        return fields | {"required": list(self.required)} if self.required else fields


_SECRET_TEXT = {"type": "string", "writeOnly": True, "format": "password"}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}

SYSTEM_TYPES = (
    SystemType(
        name="JSON",
        slug="json",
        description="Any JSON value.",
        title="JSON",
        properties={"value": {"title": "Value", "description": "The value."}},
        required=["value"],
    ),
    SystemType(
        name="Date Time",
        slug="date-time",
        description="A point in time.",
        title="DateTime",
        properties={
            "value": {
                "title": "Value",
                "description": "The time, in ISO 8601.",
                "type": "string",
                "format": "date-time",
            }
        },
        required=["value"],
    ),
    SystemType(
        name="Secret",
        slug="secret",
        description="A text that is shown only to who asks for secrets.",
        title="Secret",
        properties={"value": {"title": "Value", "description": "The text.", **_SECRET_TEXT}},
        required=["value"],
        secret_fields=["value"],
    ),
    SystemType(
        name="Local File System",
        slug="local-file-system",
        description="A directory on the machine where a client runs.",
        title="LocalFileSystem",
        properties={
            "basepath": {
                "title": "Basepath",
                "description": "The directory that all paths start from.",
                "type": "string",
            }
        },
        capabilities=["get-directory", "put-directory", "read-path", "write-path"],
    ),
    SystemType(
        name="Webhook",
        slug="webhook",
        description="An address that is called over HTTP.",
        title="Webhook",
        properties={
            "method": {
                "title": "Method",
                "description": "The HTTP method of the call.",
                "type": "string",
                "default": "POST",
                "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"],
            },
            "url": {"title": "Webhook URL", "description": "The address.", **_SECRET_TEXT},
            "allow_private_urls": {
                "title": "Allow Private Urls",
                "description": "Whether the address may be one in a private network.",
                "type": "boolean",
                "default": True,
            },
            "headers": {"title": "Webhook Headers", "description": "Headers of the call.", "type": "object"},
        },
        required=["url"],
        secret_fields=["url", "headers.*"],
    ),
    SystemType(
        name="Process",
        slug="process",
        description="A process on the machine where a client runs, for the runs of deployments.",
        title="Process",
        properties={
            "type": {"title": "Type", "type": "string", "default": "process", "enum": ["process"]},
            "env": {"title": "Environment", "description": "Environment variables of the process.", **_TEXTS},
            "labels": {"title": "Labels", "description": "Labels for whoever looks at the process.", **_TEXTS},
            "name": {"title": "Name", "description": "What the process is called.", "type": "string"},
            "command": {
                "title": "Command",
                "description": "What is run, one argument an element.",
                "type": "array",
                "items": {"type": "string"},
            },
            "stream_output": {
                "title": "Stream Output",
                "description": "Whether its output is passed on.",
                "type": "boolean",
                "default": True,
            },
            "working_dir": {"title": "Working Dir", "description": "The directory it runs in.", "type": "string"},
        },
        capabilities=["run-infrastructure"],
    ),
)
