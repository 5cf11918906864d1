"""Interlock: an orchestration server that speaks the Prefect REST API."""

__version__ = "0.1.0"
