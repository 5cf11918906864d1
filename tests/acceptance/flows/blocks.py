"""Blocks: saved, loaded, overwritten, nested and deleted; prints what was read back."""

import asyncio
import json
import sys
from typing import Any

from prefect import flow, get_client, task
from prefect.blocks.core import Block
from prefect.blocks.system import JSON, DateTime, Secret, String
from pydantic.v1 import SecretStr

WORD = sys.argv[1]


class AcceptanceCredentials(Block):
    """A block with a secret."""

    _block_type_slug = "acceptancecredentials"
    user: str
    password: SecretStr


class AcceptanceService(Block):
    """A block that holds another."""

    _block_type_slug = "acceptanceservice"
    url: str
    credentials: AcceptanceCredentials
    retries: int = 3


def error_of(call: Any) -> str:
    """What a call raises."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def built_in() -> dict[str, Any]:
    """The client's own block types."""
    JSON(value={"a": [1, None, {"b": "c"}]}).save(f"json-{WORD}")
    String(value="first").save(f"string-{WORD}")
    DateTime(value="2030-01-02T03:04:05+02:00").save(f"moment-{WORD}")
    refused = error_of(lambda: String(value="second").save(f"string-{WORD}"))
    before = String.load(f"string-{WORD}").value
    String(value="third").save(f"string-{WORD}", overwrite=True)
    return {
        "json": JSON.load(f"json-{WORD}").value,
        "moment": DateTime.load(f"moment-{WORD}").value.isoformat(),
        "string": [before, String.load(f"string-{WORD}").value],
        "refused": refused,
        "by_slug": Block.load(f"string/string-{WORD}").value,
    }


def secret() -> dict[str, Any]:
    """A secret comes back whole where it is loaded."""
    document_id = Secret(value="hunter2 and more").save(f"secret-{WORD}")
    loaded = Secret.load(f"secret-{WORD}")
    return {"id": str(document_id), "value": loaded.get(), "shown": str(loaded.value)}


def nested() -> dict[str, Any]:
    """A block of one's own that refers to a saved one, and one that holds another of its own."""
    AcceptanceCredentials(user="ada", password="p455w0rd").save(f"credentials-{WORD}")
    saved = AcceptanceCredentials.load(f"credentials-{WORD}")
    AcceptanceService(url="https://a.example", credentials=saved).save(f"referring-{WORD}")
    AcceptanceService(url="https://b.example", credentials=AcceptanceCredentials(user="bob", password="s3cret")).save(
        f"holding-{WORD}"
    )
    loaded = [AcceptanceService.load(f"{name}-{WORD}") for name in ("referring", "holding")]
    return {
        each.url: [each.credentials.user, each.credentials.password.get_secret_value(), each.retries] for each in loaded
    }


@task
def use(service: AcceptanceService) -> str:
    """Use a block that was passed along."""
    return f"{service.credentials.user}@{service.url}"


@flow(name=f"blocks-{WORD}")
def using() -> str:
    """Load a block inside a flow."""
    return use(AcceptanceService.load(f"referring-{WORD}"))


async def delete(name: str) -> str:
    """Delete a string block, then look for it."""
    async with get_client() as client:
        document = await client.read_block_document_by_name(name, "string")
        await client.delete_block_document(document.id)
        try:
            await String.load(name)
        except ValueError as error:
            return str(error)
        return "still there"


def main() -> None:
    """Do all of it and report."""
    report = {"built_in": built_in(), "secret": secret(), "nested": nested(), "used": using()}
    String(value="short-lived").save(f"doomed-{WORD}")
    print(json.dumps(report | {"deleted": asyncio.run(delete(f"doomed-{WORD}"))}))


if __name__ == "__main__":
    main()
