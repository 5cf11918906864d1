"""The models of the 3.9.1 client, for a process of its environment: a line of JSON in, a line out.

`{"model": "actions.FlowCreate", "fields": {...}, "whole": false}` is answered with the body that the client sends, with
all fields or, where it is not `whole`, with those that are given. `{"model": "objects.Flow", "answer": ...}` is
answered with what is wrong with an answer, or null. A name that begins with `server.` is that of a model of its server,
and one without a dot that of a plain type.
"""

import builtins
import json
import sys
from importlib import import_module
from typing import Any

from pydantic import TypeAdapter, ValidationError

PACKAGE = "prefect.client.schemas"
SERVER_PACKAGE = "prefect.server.schemas"


def model(name: str) -> Any:
    """A model by its module and its name; `list[...]` is a list of it."""
    if name.startswith("list["):
        return list[model(name.removeprefix("list[").removesuffix("]"))]
    package = SERVER_PACKAGE if name.startswith("server.") else PACKAGE
    if "." not in name:
        return getattr(builtins, name)
    module, _, attribute = name.removeprefix("server.").partition(".")
    return getattr(import_module(f"{package}.{module}"), attribute)


def body(asked: dict[str, Any]) -> Any:
    """The body that the client makes of these fields."""
    made = model(asked["model"])(**asked["fields"])
    return made.model_dump(mode="json", exclude_unset=not asked["whole"])


def fault(asked: dict[str, Any]) -> str | None:
    """What the client would say of the answer."""
    try:
        TypeAdapter(model(asked["model"])).validate_python(asked["answer"])
    except ValidationError as error:
        return str(error)
    return None


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(body(asked) if "fields" in asked else fault(asked)), flush=True)


if __name__ == "__main__":
    main()
