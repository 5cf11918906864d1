"""What comes with the server about workers, over HTTP."""

import httpx
import pytest

from tests.api.work import new_pool

VIEW = "/collections/views/aggregate-worker-metadata"


def test_kinds_of_workers_come_with_templates_that_pools_can_have(api: httpx.Client) -> None:
    """Each under the package that it comes in, and by its own name."""
    packages = api.get(VIEW).json()
    assert {name: set(kinds) for name, kinds in packages.items()} == {
        "prefect": {"prefect-agent", "process"},
        "prefect-docker": {"docker"},
        "prefect-kubernetes": {"kubernetes"},
    }
    for kinds in packages.values():
        for name, kind in kinds.items():
            assert (kind["type"], bool(kind["display_name"]), bool(kind["description"])) == (name, True, True)
            pool = new_pool(api, type=name, base_job_template=kind["default_base_job_configuration"])
            assert pool["base_job_template"] == kind["default_base_job_configuration"]


@pytest.mark.parametrize(
    ("view", "detail"),
    [
        ("aggregate-flow-metadata", "Requested content missing for view aggregate-flow-metadata"),
        ("none", "View none not found in registry"),
    ],
)
def test_other_views_are_404(api: httpx.Client, view: str, detail: str) -> None:
    answer = api.get(f"/collections/views/{view}")
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})
