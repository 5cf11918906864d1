"""Interlock: an orchestration server that speaks the Prefect REST API."""
