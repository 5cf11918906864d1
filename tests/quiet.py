"""Servers that do nothing by themselves."""

from collections.abc import Mapping

NEVER = 0
QUIET = {
    "scheduler_recent_seconds": NEVER,
    "late_runs_loop_seconds": NEVER,
    "pause_expirations_loop_seconds": NEVER,
    "cancellation_cleanup_loop_seconds": NEVER,
}
"""Settings of a server that makes and moves no flow runs by itself."""


def environment_of(settings: Mapping[str, object]) -> dict[str, str]:
    """The environment that gives a server process these settings."""
    return {f"INTERLOCK_{name.upper()}": str(value) for name, value in settings.items()}
