"""Variables, blocks and artifacts of the 3.x line, made and read back; prints what was read."""

import json
import sys
from typing import Any

from prefect import flow, task
from prefect.artifacts import (
    Artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.variables import Variable
from pydantic import SecretStr

WORD = sys.argv[1]
VALUES = {"text": "one", "number": 2.5, "flag": True, "nothing": None, "object": {"a": [1, None]}, "list": [1, "b"]}


class Account(Block):
    """A block of one's own, with a secret."""

    _block_type_slug = "account-3x"
    user: str
    password: SecretStr
    limits: dict[str, int]


class Service(Block):
    """A block that holds another."""

    _block_type_slug = "service-3x"
    url: str
    account: Account


def error_of(call: Any) -> str:
    """What a call raises."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def variables() -> dict[str, Any]:
    """Values of each kind, and one that is refused, overwritten and unset."""
    for kind, value in VALUES.items():
        Variable.set(f"{kind}-{WORD}", value, tags=[kind])
    read = {kind: Variable.get(f"{kind}-{WORD}", default="none") for kind in VALUES}
    refused = error_of(lambda: Variable.set(f"text-{WORD}", "two"))
    Variable.set(f"text-{WORD}", {"three": 3}, overwrite=True)
    unset = [Variable.unset(f"flag-{WORD}"), Variable.unset(f"flag-{WORD}")]
    default = Variable.get(f"flag-{WORD}", default="fallback")
    return {
        "read": read,
        "refused": refused,
        "overwritten": Variable.get(f"text-{WORD}"),
        "unset": unset,
        "default": default,
    }


def blocks() -> dict[str, Any]:
    """A secret of any value, and blocks of one's own, one within the other."""
    Secret(value={"token": ["a", 1]}).save(f"secret-{WORD}")
    account = Account(user="ada", password="p455w0rd", limits={"a": 1})
    account.save(f"account-{WORD}")
    refused = error_of(lambda: Account(user="eve", password="x", limits={}).save(f"account-{WORD}"))
    Account(user="bob", password="s3cret", limits={}).save(f"account-{WORD}", overwrite=True)
    Service(url="https://a.example", account=Account.load(f"account-{WORD}")).save(f"service-{WORD}")
    service = Service.load(f"service-{WORD}")
    Secret(value="gone").save(f"doomed-{WORD}")
    Secret.delete(f"doomed-{WORD}")
    return {
        "secret": Secret.load(f"secret-{WORD}").get(),
        "refused": refused,
        "service": [service.url, service.account.user, service.account.password.get_secret_value()],
        "by_slug": Block.load(f"account-3x/account-{WORD}").user,
        "gone": error_of(lambda: Secret.load(f"doomed-{WORD}")),
    }


@task
def describe(number: int) -> str:
    """A task that leaves a report."""
    return str(create_markdown_artifact(f"# Report {number}", key=f"report-{WORD}", description="A report."))


@flow(name=f"records-3x-{WORD}")
def artifacts() -> dict[str, str]:
    """Leave an artifact of each kind, the report twice."""
    made = {
        "first": describe(1),
        "report": describe(2),
        "table": create_table_artifact([{"city": "Oslo", "n": 1}, {"city": "Bonn", "n": None}], key=f"table-{WORD}"),
        "link": create_link_artifact("https://example.com/x?y=1", link_text="there", key=f"link-{WORD}"),
        "progress": create_progress_artifact(10.0, key=f"progress-{WORD}"),
    }
    update_progress_artifact(made["progress"], 75.5)
    return {kind: str(artifact_id) for kind, artifact_id in made.items()}


def artifact(key: str) -> Any:
    """An artifact by its key, as the client reads it."""
    found = Artifact.get(key)
    return None if found is None else {"id": str(found.id), "type": found.type, "data": found.data}


def main() -> None:
    """Do all of it and report."""
    state = artifacts(return_state=True)
    kept, created = Artifact.get_or_create(key=f"link-{WORD}", data="unused", type="markdown")
    report = {
        "variables": variables(),
        "blocks": blocks(),
        "flow_run_id": str(state.state_details.flow_run_id),
        "made": state.result(),
        "artifacts": {kind: artifact(f"{kind}-{WORD}") for kind in ("report", "table", "link", "progress", "missing")},
        "again": [str(kept.id), created],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
