"""What is not there says so."""

import httpx
import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/automations/count",
        "/templates/validate",
        "/automations/",
        "/automations/filter",
        "/flow_run_notification_policies/filter",
        "/admin/database/clear",
        "/admin/database/drop",
    ],
)
def test_a_route_that_is_missing_is_404(api: httpx.Client, path: str) -> None:
    """Clients take 404 for "this server has none of it"; they would take 405 for a fault."""
    assert api.post(path, json={}).status_code == 404
